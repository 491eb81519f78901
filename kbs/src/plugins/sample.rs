//! `sample`: answers every request of an administrator with one text.

use async_trait::async_trait;
use axum::http::Method;
use jose::Secret;

use super::{Access, AdminRequest, Plugin, Reply};
use crate::admin::AdminGrant;
use crate::error::KbsError;
use crate::resource::ReleasePermit;

/// Shows that the way to a plugin works.
pub(super) struct SamplePlugin;

#[async_trait]
impl Plugin for SamplePlugin {
    fn access(&self, _method: &Method, _path: &[String]) -> Access {
        Access::Administrator
    }

    async fn administer(&self, _grant: &AdminGrant, _request: AdminRequest<'_>) -> Result<Reply, KbsError> {
        Ok(Reply::plain("sample plugin response"))
    }

    async fn release(&self, _permit: &ReleasePermit<'_>) -> Result<Secret, KbsError> {
        Err(KbsError::ResourceNotFound)
    }
}
