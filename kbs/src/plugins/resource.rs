//! `resource/<repository>/<type>/<tag>`: guests read, administrators write, delete and list.

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::Method;
use jose::Secret;
use storage::StorageError;

use super::{Access, AdminRequest, Plugin, Reply};
use crate::admin::AdminGrant;
use crate::backends::{BackendError, ResourceBackend};
use crate::error::KbsError;
use crate::metrics::Metrics;
use crate::resource::{ReleasePermit, ResourcePath};

/// The secrets.
pub(super) struct ResourcePlugin {
    backend: Arc<dyn ResourceBackend>,
    metrics: Arc<Metrics>,
}

impl ResourcePlugin {
    pub(super) fn new(backend: Arc<dyn ResourceBackend>, metrics: Arc<Metrics>) -> Self {
        Self { backend, metrics }
    }

    async fn list(&self, grant: &AdminGrant) -> Result<Reply, KbsError> {
        let paths = self.backend.list(grant).await.map_err(sort)?;
        let paths: Vec<_> = paths.iter().map(ResourcePath::as_str).collect();
        let body = serde_json::to_vec(&paths).map_err(|error| KbsError::Internal(error.into()))?;
        Ok(Reply {
            content_type: "application/json",
            body: body.into(),
        })
    }
}

#[async_trait]
impl Plugin for ResourcePlugin {
    fn access(&self, method: &Method, path: &[String]) -> Access {
        match *method {
            Method::GET if path.is_empty() => Access::Administrator,
            Method::GET => Access::Guest,
            Method::POST | Method::DELETE => Access::Administrator,
            _ => Access::Nobody("GET, POST, DELETE"),
        }
    }

    async fn administer(&self, grant: &AdminGrant, request: AdminRequest<'_>) -> Result<Reply, KbsError> {
        if *request.method == Method::GET {
            return self.list(grant).await;
        }
        let path = ResourcePath::from_segments(request.path)
            .map_err(|error| KbsError::BadResourcePath(error.into()))?;
        let role = grant.role();
        if *request.method == Method::DELETE {
            self.metrics.resource_deletes.inc();
            let deleted = self.backend.delete(grant, &path).await;
            deleted.map_err(sort_for_administrator)?;
            tracing::info!(role, resource = %path, "resource deleted");
        } else {
            self.metrics.resource_writes.inc();
            let value = Secret::from(request.body.to_vec());
            let written = self.backend.write(grant, &path, &value).await;
            written.map_err(sort_for_administrator)?;
            tracing::info!(role, resource = %path, "resource set");
        }
        Ok(Reply::plain(""))
    }

    async fn release(&self, permit: &ReleasePermit<'_>) -> Result<Secret, KbsError> {
        self.metrics.resource_reads.inc();
        self.backend.read(permit).await.map_err(|error| match error {
            // Stored past the limit by somebody else: not the guest's doing.
            BackendError::TooLarge { .. } => KbsError::Internal(error.into()),
            error => sort(error),
        })
    }
}

/// Sorts a failure by whose fault it is.
fn sort(error: BackendError) -> KbsError {
    match error {
        BackendError::NotFound => KbsError::ResourceNotFound,
        BackendError::Path(error) => KbsError::BadResourcePath(error.into()),
        BackendError::TooLarge { limit } => KbsError::TooLarge {
            limit_mib: mib(limit),
        },
        other => KbsError::Internal(other.into()),
    }
}

/// The same for an administrator, who may read why nothing can be changed.
fn sort_for_administrator(error: BackendError) -> KbsError {
    match error {
        BackendError::Store(cause @ StorageError::NotWritable { .. }) => KbsError::ResourceNotWritable(cause),
        error => sort(error),
    }
}

fn mib(bytes: usize) -> u32 {
    u32::try_from(bytes >> 20).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use storage::{LocalFs, Memory};

    use super::*;
    use crate::backends::{Form, KvBackend, LocalFsBackend};

    const LIMIT: usize = 1 << 20;

    async fn written(backend: Arc<dyn ResourceBackend>) -> Result<Reply, KbsError> {
        let plugin = ResourcePlugin::new(backend, Arc::new(Metrics::new().unwrap()));
        let path = ["a", "b", "c"].map(str::to_owned);
        let request = AdminRequest {
            method: &Method::POST,
            path: &path,
            body: "canary".into(),
        };
        plugin.administer(&AdminGrant::for_tests(), request).await
    }

    #[tokio::test]
    async fn an_administrator_is_told_that_the_store_is_read_only_and_where() {
        // A directory in which nobody can make anything.
        let root = std::path::Path::new("/sys");
        let backends: [Arc<dyn ResourceBackend>; 3] = [
            Arc::new(LocalFsBackend::open(root, Form::Nested, LIMIT).unwrap()),
            Arc::new(LocalFsBackend::open(root, Form::Flat, LIMIT).unwrap()),
            Arc::new(KvBackend::new(
                Arc::new(LocalFs::open(root, "trustee_test").unwrap()),
                LIMIT,
            )),
        ];
        for backend in backends {
            let error = written(backend).await.err().unwrap();
            assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(error.name(), "PluginInternalError");
            let text = error.to_string();
            for part in ["/sys", "read-only", "make it writable"] {
                assert!(text.contains(part), "{text}");
            }
            assert!(!text.contains("canary"), "{text}");
        }
        let writable = KvBackend::new(Arc::new(Memory::new()), LIMIT);
        assert!(written(Arc::new(writable)).await.is_ok());
    }

    #[test]
    fn a_guest_is_not_told_what_a_store_fails_at() {
        let cause = std::io::ErrorKind::ReadOnlyFilesystem.into();
        let error = StorageError::change("write", "/storage/canary".as_ref())(cause);
        let text = sort(BackendError::Store(error)).to_string();
        assert_eq!(text, "Plugin internal error");
    }
}
