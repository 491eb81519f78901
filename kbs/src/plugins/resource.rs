//! `resource/<repository>/<type>/<tag>`: guests read, administrators write, delete and list.

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::Method;
use jose::Secret;

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
            self.backend.delete(grant, &path).await.map_err(sort)?;
            tracing::info!(role, resource = %path, "resource deleted");
        } else {
            self.metrics.resource_writes.inc();
            let value = Secret::from(request.body.to_vec());
            self.backend.write(grant, &path, &value).await.map_err(sort)?;
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

fn mib(bytes: usize) -> u32 {
    u32::try_from(bytes >> 20).unwrap_or(u32::MAX)
}
