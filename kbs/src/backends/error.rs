use std::path::PathBuf;

use crate::resource::ResourcePathError;

/// Why a resource cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// There is no such resource. 404.
    #[error("no such resource")]
    NotFound,
    /// The permit is not for a resource of this form. 400.
    #[error(transparent)]
    Path(#[from] ResourcePathError),
    /// The value is over the limit. 413 on a write; the operator's on a read.
    #[error(
        "the resource is larger than {limit} bytes: raise `http_server.payload_request_size`, or make it smaller"
    )]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The name leads out of the repository, or to something that is not a
    /// file. The operator's.
    #[error("the resource is not a file inside the repository")]
    Outside,
    /// The file system failed to read. The operator's.
    #[error("the resource store failed to {doing}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The system's reason.
        #[source]
        cause: std::io::Error,
    },
    /// The key-value store failed, or a file cannot be changed: a dependency's fault, or the operator's.
    #[error("the resource store failed")]
    Store(#[from] storage::StorageError),
}

/// Why a backend cannot be opened: the operator's to repair.
#[derive(Debug, thiserror::Error)]
pub enum BackendSetupError {
    /// The repository's directory cannot be used.
    #[error("cannot use the repository {}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The system's reason.
        #[source]
        cause: std::io::Error,
    },
    /// The key-value store cannot be opened.
    #[error("cannot open the resource store")]
    Store(#[from] storage::StorageError),
    /// A key of the plugin's table belongs to another type.
    #[error("plugin `resource`: `{0}` does not belong to this storage_backend_type")]
    NotForThisType(&'static str),
    /// A documented backend that this version does not have.
    #[error("plugin `resource`: storage_backend_type `{0}` is not in this version")]
    NotInThisVersion(&'static str),
}
