//! Where a resource can be, below the root.

use std::path::{Path, PathBuf};

use crate::resource::ResourcePath;

/// What the existing ecosystem writes for a `/` in a key: these four
/// characters (wire facts, kbs-config section 8).
const ESCAPED_SLASH: &str = r"\x2F";

/// The longest name that common file systems take, in bytes.
const MAX_FILE_NAME: usize = 255;

/// The two ways to keep a resource in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `<repository>/<type>/<tag>`: two directories and a file.
    Nested,
    /// `<repository>\x2F<type>\x2F<tag>`: one file, as the existing ecosystem keeps the keys of a store.
    Flat,
}

/// Whether the flat form of this resource can be the name of a file.
pub(super) fn fits_flat(path: &ResourcePath) -> bool {
    path.as_str().replace('/', ESCAPED_SLASH).len() <= MAX_FILE_NAME
}

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
