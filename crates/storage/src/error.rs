//! What can go wrong, sorted by whose fault it is. No variant carries a value.

use std::{io, path::Path, path::PathBuf};

use crate::StorageType;

/// Why a storage operation failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The caller's: no value can be stored under this key here.
    #[error("failed to set key {key:?}: {fault}")]
    InvalidKey {
        /// The key, cut to a bounded length.
        key: String,
        /// What is wrong with it.
        fault: KeyFault,
    },

    /// The program's: the namespace is not a relative path of plain names.
    #[error("invalid storage namespace {0:?}")]
    InvalidNamespace(String),

    /// The operator's: the table of the selected back end is missing.
    #[error(
        "{storage_type} configuration is required: add the table `backends.{table}` (it may be empty) to the \
         storage configuration"
    )]
    MissingBackendConfig {
        /// The selected type.
        storage_type: StorageType,
        /// The missing table's name.
        table: &'static str,
    },

    /// The operator's: this version has no such back end.
    #[error("storage type {0} is not in this version: use Memory, LocalFs or LocalJson")]
    NotInThisVersion(StorageType),

    /// The operator's: a stored file does not have the documented form.
    #[error("storage file {} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; never its content.
        reason: String,
    },

    /// The operator's: this storage can be read, and not changed.
    #[error(
        "cannot {operation} {}: {source}. This storage is read-only for this service: make it writable, or change it \
         where it is written",
        path.display()
    )]
    NotWritable {
        /// What was being done, as a verb: `write`, `delete` …
        operation: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The machine's: the file system refused.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was being done, as a verb: `read`, `write` …
        operation: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// Ours: a storage task did not finish.
    #[error("a storage operation was interrupted")]
    Interrupted,
}

impl StorageError {
    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io {
            operation,
            path,
            source,
        }
    }

    /// What the file system said when `operation`, a verb, was to change something at `path`: that nothing can be
    /// changed there, or that it failed.
    pub fn change(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| match is_read_only(&source) {
            true => Self::NotWritable {
                operation,
                path,
                source,
            },
            false => Self::io(operation, &path)(source),
        }
    }
}

/// Whether the file system lets this process change nothing here.
pub(crate) fn is_read_only(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied
    )
}

/// What is wrong with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// It is the empty string.
    #[error("key is empty")]
    Empty,
    /// It is longer than the back end can hold.
    #[error("key is too long")]
    TooLong,
    /// It has a character outside of `[A-Za-z0-9._/-]`.
    #[error("key contains invalid characters")]
    Character,
    /// It has an empty, `.` or `..` segment between slashes.
    #[error("key contains an empty, `.` or `..` segment")]
    Segment,
}
