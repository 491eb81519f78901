//! File operations away from the asynchronous runtime's workers.

use std::sync::Arc;

use crate::{Result, StorageError};

/// Runs `operation` where it may block.
pub(crate) async fn run<T: Send + 'static>(
    operation: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(operation)
        .await
        .unwrap_or(Err(StorageError::Interrupted))
}

/// [`run`] with what all operations of a back end share.
pub(crate) async fn with<I: Send + Sync + 'static, T: Send + 'static>(
    inner: &Arc<I>,
    operation: impl FnOnce(&I) -> Result<T> + Send + 'static,
) -> Result<T> {
    let inner = Arc::clone(inner);
    run(move || operation(&inner)).await
}
