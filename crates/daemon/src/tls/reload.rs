//! Something made from files that is made anew when they change.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use super::TlsError;

type Build<T> = Box<dyn Fn() -> Result<T, TlsError> + Send + Sync>;

/// Holds what was last made without error.
///
/// Files are compared by what `stat` says (after symlinks, so that the swap of a mounted Kubernetes
/// secret counts). New files that cannot be used are logged once and what was there stays in force.
pub(super) struct Reloading<T> {
    current: ArcSwap<T>,
    seen: Mutex<Fingerprint>,
    files: Vec<PathBuf>,
    build: Build<T>,
}

/// Device, inode, size and times of each file; `None` where there is no file.
type Fingerprint = Vec<Option<(u64, u64, u64, i64, i64, i64, i64)>>;

impl<T> Reloading<T> {
    /// Makes it for the first time, from `files`.
    pub(super) fn new(
        files: Vec<PathBuf>,
        build: impl Fn() -> Result<T, TlsError> + Send + Sync + 'static,
    ) -> Result<Self, TlsError> {
        // Looked at before building: a change in between is then seen by the next check.
        let seen = Mutex::new(fingerprint(&files));
        let current = ArcSwap::from_pointee(build()?);
        Ok(Self {
            current,
            seen,
            files,
            build: Box::new(build),
        })
    }

    /// What is in force.
    pub(super) fn current(&self) -> Arc<T> {
        self.current.load_full()
    }

    /// Looks at the files and makes it anew if they changed. Reads files: not for the hot path.
    pub(super) fn check(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = fingerprint(&self.files);
        if *seen == now {
            return;
        }
        *seen = now;
        let files = self
            .files
            .iter()
            .map(|path| path.display().to_string())
            .collect::<Vec<_>>()
            .join(", ");
        match (self.build)() {
            Ok(new) => {
                self.current.store(Arc::new(new));
                tracing::info!(files, "TLS files changed and are now in use");
            }
            Err(error) => {
                tracing::error!(files, %error, "TLS files changed but cannot be used; keeping the old ones")
            }
        }
    }
}

fn fingerprint(files: &[PathBuf]) -> Fingerprint {
    let look = |path: &PathBuf| {
        let meta = std::fs::metadata(path).ok()?;
        let times = (meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec());
        Some((
            meta.dev(),
            meta.ino(),
            meta.size(),
            times.0,
            times.1,
            times.2,
            times.3,
        ))
    };
    files.iter().map(look).collect()
}
