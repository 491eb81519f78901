//! One writer at a time, also between processes that share a directory.

use std::{
    fs::{File, OpenOptions},
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Guards the writes of a store: a mutex for this process, and an advisory lock on a file for others.
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
    /// A lock on the file at `path`, which the first writer makes and nobody removes.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
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
