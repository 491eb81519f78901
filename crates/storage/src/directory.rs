//! The directory that a store is in.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::Path,
};

use crate::{Result, StorageError, atomic::is_read_only_directory, error::is_read_only};

/// What there is of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Directory {
    /// It is there, or was made.
    There,
    /// It is not there and cannot be made, in a `root` that is there: nothing is stored in it, and nothing can be.
    Missing,
}

/// Makes `directory`, at or below `root`, where it is missing, with all above it, for this user alone.
pub(crate) fn make(root: &Path, directory: &Path) -> Result<Directory> {
    let created = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    let Err(error) = created else {
        return Ok(Directory::There);
    };
    // Not where even the root is missing: a mount is, or the name is wrong.
    let missing = fs::symlink_metadata(directory).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    if is_read_only(&error) && missing && root.is_dir() {
        return Ok(Directory::Missing);
    }
    Err(StorageError::change("create directory", directory)(error))
}

/// Tells the operator of a directory that cannot be written in, once for each store. Says whether it is one.
pub(crate) fn warn_if_read_only(directory: &Path, found: Directory) -> bool {
    let read_only = found == Directory::Missing || is_read_only_directory(directory);
    if read_only {
        tracing::warn!(
            directory = %directory.display(),
            "the storage is read-only for this service: what it holds is used, and nothing can be stored or deleted"
        );
    }
    read_only
}
