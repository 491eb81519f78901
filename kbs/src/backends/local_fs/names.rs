//! Where a resource can be, below the root.

use std::path::{Path, PathBuf};

use crate::resource::ResourcePath;

/// What the existing ecosystem writes for a `/` in a key: these four
/// characters (wire facts, kbs-config section 8).
const ESCAPED_SLASH: &str = r"\x2F";

/// `<root>/<repository>/<type>/<tag>`
pub(super) fn nested(root: &Path, path: &ResourcePath) -> PathBuf {
    root.join(path.as_str())
}

/// `<root>/<repository>\x2F<type>\x2F<tag>`
pub(super) fn flat(root: &Path, path: &ResourcePath) -> PathBuf {
    root.join(path.as_str().replace('/', ESCAPED_SLASH))
}

/// The resource that a flat file name stands for, if any.
pub(super) fn from_flat(name: &str) -> Option<ResourcePath> {
    // A plain name has no slash, so only escaped ones can make three segments.
    name.replace(ESCAPED_SLASH, "/").parse().ok()
}
