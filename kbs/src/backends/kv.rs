use std::sync::Arc;

use async_trait::async_trait;
use jose::secret::Secret;
use storage::{KeyValueStore, WriteMode};

use super::{BackendError, ResourceBackend};
use crate::admin::AdminGrant;
use crate::resource::{ReleasePermit, ResourcePath};

/// Resources in a key-value store: namespace `repository`, key
/// `repository/type/tag`, value the raw bytes.
pub struct KvBackend {
    store: Arc<dyn KeyValueStore>,
    limit: usize,
}

impl KvBackend {
    /// Over a store opened for the namespace `repository`, for resources of up to `limit` bytes.
    pub fn new(store: Arc<dyn KeyValueStore>, limit: usize) -> Self {
        Self { store, limit }
    }
}

#[async_trait]
impl ResourceBackend for KvBackend {
    async fn read(&self, permit: &ReleasePermit<'_>) -> Result<Secret, BackendError> {
        let path = permit.resource()?;
        match self.store.get(path.as_str()).await? {
            Some(value) => Ok(Secret::from(value)),
            None => Err(BackendError::NotFound),
        }
    }

    async fn write(
        &self,
        _grant: &AdminGrant,
        path: &ResourcePath,
        value: &Secret,
    ) -> Result<(), BackendError> {
        let limit = self.limit;
        if value.expose().len() > limit {
            return Err(BackendError::TooLarge { limit });
        }
        self.store
            .set(path.as_str(), value.expose(), WriteMode::Replace)
            .await?;
        Ok(())
    }

    async fn delete(&self, _grant: &AdminGrant, path: &ResourcePath) -> Result<(), BackendError> {
        match self.store.delete(path.as_str()).await? {
            Some(previous) => {
                // Wiped when it goes out of scope.
                drop(Secret::from(previous));
                Ok(())
            }
            None => Err(BackendError::NotFound),
        }
    }

    async fn list(&self, _grant: &AdminGrant) -> Result<Vec<ResourcePath>, BackendError> {
        let mut paths: Vec<ResourcePath> = self
            .store
            .list()
            .await?
            .iter()
            .filter_map(|key| key.parse().ok())
            .collect();
        paths.sort();
        Ok(paths)
    }
}
