//! One writer at a time, also between processes that share a directory.

use std::{
    fs::{File, OpenOptions},
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Guards the writes of one namespace: a mutex for this process, and an advisory lock on a file beside the
/// namespace for others.
#[derive(Debug)]
pub(crate) struct WriteLock {
    path: PathBuf,
    local: Mutex<()>,
}

/// Held while writing; both locks are released on drop.
pub(crate) struct WriteGuard<'a> {
    _file: Option<File>,
    _local: MutexGuard<'a, ()>,
}

impl WriteLock {
    /// The lock of `namespace` under `root`. The file is made by the first writer.
    pub(crate) fn new(root: &std::path::Path, namespace: &str) -> Self {
        Self {
            path: root.join(format!(".{}.lock", namespace.replace('/', r"\x2F"))),
            local: Mutex::new(()),
        }
    }

    /// Waits for its turn. Where the directory cannot be written or the file system has no locks, only this
    /// process is excluded: a write then fails by itself or is as safe as the file system allows.
    pub(crate) fn acquire(&self) -> WriteGuard<'_> {
        let local = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.path)
            .and_then(|file| file.lock().map(|()| file))
            .inspect_err(
                |error| tracing::debug!(path = %self.path.display(), %error, "no lock between processes"),
            )
            .ok();
        WriteGuard {
            _file: file,
            _local: local,
        }
    }
}
