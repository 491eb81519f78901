//! Reading what an operator put on this machine.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::io::AsyncReadExt;

use super::source::Fetched;

/// The file's content and age; `None` if it is not there.
///
/// # Errors
/// It cannot be read, is no file, or is longer than `limit` bytes.
pub(crate) async fn read(path: &Path, limit: usize) -> io::Result<Option<Fetched>> {
    let file = match tokio::fs::File::open(path).await {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata().await?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).await?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
        return Err(io::Error::other(format!("the file is longer than {limit} bytes")));
    }
    Ok(Some(Fetched {
        fetched_at: metadata.modified().ok().and_then(seconds),
        ..bytes.into()
    }))
}

/// Seconds since the Unix epoch.
fn seconds(time: SystemTime) -> Option<i64> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}
