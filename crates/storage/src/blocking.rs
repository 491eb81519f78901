//! File operations away from the asynchronous runtime's workers.

use crate::{Result, StorageError};

/// Runs `operation` where it may block.
pub(crate) async fn run<T: Send + 'static>(
    operation: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(operation)
        .await
        .unwrap_or(Err(StorageError::Interrupted))
}
