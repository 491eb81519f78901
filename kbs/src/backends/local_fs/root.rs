//! What lies inside the repository.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The repository's directory, and the judge of what lies inside it.
pub(super) struct Root {
    /// As configured.
    given: PathBuf,
    /// Without symbolic links, at the start.
    real: PathBuf,
}

impl Root {
    /// Makes the directory if it is missing.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        if !dir.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        let given = std::path::absolute(dir)?;
        let real = given.canonicalize()?;
        Ok(Self { given, real })
    }

    /// The directory as configured.
    pub(super) fn path(&self) -> &Path {
        &self.given
    }

    /// Whether an open file, reached by `path`, lies inside.
    ///
    /// The kernel is asked where the file that is open is, not where the path
    /// leads now: links that change in between cannot make a difference.
    pub(super) fn holds_file(&self, file: &File, path: &Path) -> io::Result<bool> {
        match std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())) {
            Ok(real) => self.holds(&real),
            Err(_) => self.holds_file_without_proc(file, path),
        }
    }

    /// The same where `/proc` is not mounted: the path is resolved once more,
    /// and must lead to the very file that is open.
    pub(super) fn holds_file_without_proc(&self, file: &File, path: &Path) -> io::Result<bool> {
        let real = path.canonicalize()?;
        let (open, there) = (file.metadata()?, std::fs::symlink_metadata(&real)?);
        let same = open.dev() == there.dev() && open.ino() == there.ino();
        Ok(same && self.holds(&real)?)
    }

    /// Whether a path without symbolic links lies inside.
    pub(super) fn holds(&self, real: &Path) -> io::Result<bool> {
        if real.starts_with(&self.real) {
            return Ok(true);
        }
        // The root itself may be a link that was moved since the start.
        Ok(real.starts_with(self.given.canonicalize()?))
    }
}
