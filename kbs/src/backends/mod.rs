//! Where resources are kept.
//!
//! A backend reads only what a [`ReleasePermit`](crate::resource::ReleasePermit)
//! names, and changes only what an [`AdminGrant`](crate::admin::AdminGrant)
//! allows. [`open`] is the one list of backends.

mod config;
mod error;
mod kv;
mod local_fs;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use jose::secret::Secret;
use storage::{StorageConfig, StorageType};

pub use config::{ResourceBackendType, ResourceConfig};
pub use error::{BackendError, BackendSetupError};
pub use kv::KvBackend;
pub use local_fs::{Form, LocalFsBackend};

use crate::admin::AdminGrant;
use crate::resource::{ReleasePermit, ResourcePath};

/// The largest resource that is stored or served, in bytes, unless larger bodies are taken from administrators.
pub const USUAL_RESOURCE_LIMIT: usize = 16 * 1024 * 1024;

/// A place that keeps resources.
#[async_trait]
pub trait ResourceBackend: Send + Sync {
    /// The resource that `permit` was given for.
    async fn read(&self, permit: &ReleasePermit<'_>) -> Result<Secret, BackendError>;

    /// Stores `value` under `path`, in place of what was there.
    async fn write(
        &self,
        grant: &AdminGrant,
        path: &ResourcePath,
        value: &Secret,
    ) -> Result<(), BackendError>;

    /// Removes the resource; a missing one is [`BackendError::NotFound`].
    async fn delete(&self, grant: &AdminGrant, path: &ResourcePath) -> Result<(), BackendError>;

    /// Every resource's name, sorted.
    async fn list(&self, grant: &AdminGrant) -> Result<Vec<ResourcePath>, BackendError>;
}

/// The namespace of resources, and the name of their directory.
const NAMESPACE: &str = "repository";

/// Opens the place that the plugin's table and the KBS's storage name, for resources of up to `limit` bytes.
pub fn open(
    config: &ResourceConfig,
    storage: &StorageConfig,
    limit: usize,
) -> Result<Arc<dyn ResourceBackend>, BackendSetupError> {
    config.check()?;
    match config.storage_backend_type {
        ResourceBackendType::KvStorage => match (storage.storage_type, &storage.backends.local_fs) {
            (StorageType::LocalFs, Some(local_fs)) => {
                let repository = local_fs.dir_path.join(NAMESPACE);
                // A namespace of the storage: what shares it looks for flat names.
                Ok(Arc::new(LocalFsBackend::open(&repository, Form::Flat, limit)?))
            }
            _ => Ok(Arc::new(KvBackend::new(storage.open(NAMESPACE)?, limit))),
        },
        ResourceBackendType::LocalFs => {
            let given = config.dir_path.as_deref();
            let repository = given.unwrap_or(Path::new(config::DEFAULT_REPOSITORY));
            Ok(Arc::new(LocalFsBackend::open(repository, Form::Nested, limit)?))
        }
        other => Err(BackendSetupError::NotInThisVersion(other.as_str())),
    }
}

#[cfg(test)]
mod tests;
