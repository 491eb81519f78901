//! Resources as files, `<dir>/<repository>/<type>/<tag>`, as the documents
//! describe them.
//!
//! A file that is put there by hand, or by a CSI driver with its symbolic
//! links, is served by the next request: nothing is remembered between
//! reads. So are the flat names that the existing ecosystem writes
//! (`repository\x2Ftype\x2Ftag` in `<dir>` itself). A write keeps the form
//! in which the resource is there, so that every program that shares the
//! directory goes on finding it; where there are two files, the newer counts.
//!
//! [`names`] says where a resource can be, [`choice`] which of two files
//! counts, [`reading`] and [`writing`] touch the files, [`root`] decides what
//! lies inside the repository.
//!
//! A small file is read on the calling thread: a handful of system calls,
//! a third of what handing them to another thread costs. Larger files, and
//! all files for a while after several were slow, go to a blocking thread, so
//! that a slow file system does not hold up the runtime.

mod choice;
mod names;
mod reading;
mod root;
mod writing;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use daemon::strikes::Strikes;
use jose::secret::Secret;

use self::choice::Doubles;
pub use self::names::Form;
use self::root::Root;
use super::{BackendError, BackendSetupError, ResourceBackend};
use crate::admin::AdminGrant;
use crate::resource::{ReleasePermit, ResourcePath};

/// The largest file, in bytes, that is read on the calling thread.
const SMALL: usize = 64 * 1024;
/// A read that takes longer is slow.
const SLOW: Duration = Duration::from_millis(20);

/// Resources in a directory tree.
pub struct LocalFsBackend {
    files: Arc<Files>,
    limit: usize,
}

/// What the blocking threads share.
struct Files {
    root: Root,
    /// The form of a resource that is not there yet.
    new: Form,
    /// What was warned of.
    doubles: Doubles,
    /// One change at a time: a write is several steps.
    changing: Mutex<()>,
    /// Whether reads have been slow, and go to a blocking thread.
    strikes: Strikes,
}

impl LocalFsBackend {
    /// Over the repository `dir`, which is made if it is missing, for resources of up to `limit` bytes. A resource
    /// that is not there yet is written in the form `new`.
    pub fn open(dir: &Path, new: Form, limit: usize) -> Result<Self, BackendSetupError> {
        let root = Root::open(dir).map_err(|cause| BackendSetupError::Directory {
            path: dir.to_path_buf(),
            cause,
        })?;
        Ok(Self {
            files: Arc::new(Files {
                root,
                new,
                doubles: Doubles::default(),
                changing: Mutex::new(()),
                strikes: Strikes::default(),
            }),
            limit,
        })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Files) -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, BackendError> {
        let files = Arc::clone(&self.files);
        tokio::task::spawn_blocking(move || work(&files))
            .await
            .map_err(|failed| BackendError::Io {
                doing,
                cause: std::io::Error::other(failed),
            })?
    }
}

impl Files {
    /// Reads, and notes whether a small file was slow.
    fn read(&self, path: &ResourcePath, limit: usize) -> Result<Secret, BackendError> {
        // Large files go to a blocking thread anyhow.
        let limit_of_time = if limit > SMALL { Duration::MAX } else { SLOW };
        self.strikes.time(limit_of_time, || {
            reading::read(&self.root, &self.doubles, path, limit)
        })
    }
}

#[async_trait]
impl ResourceBackend for LocalFsBackend {
    async fn read(&self, permit: &ReleasePermit<'_>) -> Result<Secret, BackendError> {
        let path = permit.resource()?;
        if !self.files.strikes.is_out() {
            match self.files.read(&path, SMALL) {
                Err(BackendError::TooLarge { .. }) => {}
                done => return done,
            }
        }
        let limit = self.limit;
        self.blocking("read", move |files| files.read(&path, limit)).await
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
        let (path, value) = (path.clone(), Secret::from(value.expose().to_vec()));
        self.blocking("write", move |files| {
            let _one_at_a_time = files.changing.lock();
            writing::write(&files.root, files.new, &path, &value)
        })
        .await
    }

    async fn delete(&self, _grant: &AdminGrant, path: &ResourcePath) -> Result<(), BackendError> {
        let path = path.clone();
        self.blocking("delete", move |files| {
            let _one_at_a_time = files.changing.lock();
            writing::delete(&files.root, &path)
        })
        .await
    }

    async fn list(&self, _grant: &AdminGrant) -> Result<Vec<ResourcePath>, BackendError> {
        self.blocking("list", |files| reading::list(&files.root)).await
    }
}
