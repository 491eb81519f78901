//! Secrets to files: the old value or the new one, never half of either.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jose::secret::Secret;
use storage::StorageError;

use super::names::{self, Form};
use super::root::Root;
use crate::backends::BackendError;
use crate::resource::ResourcePath;

/// Writes the resource in the form in which it is there; in the form `new`
/// where it is in neither or in both. Then removes the other file, which would
/// otherwise come to light again when this one is deleted.
pub(super) fn write(root: &Root, new: Form, path: &ResourcePath, value: &Secret) -> Result<(), BackendError> {
    let (nested, flat) = (names::nested(root.path(), path), names::flat(root.path(), path));
    let form = match (is_there(&nested), is_there(&flat)) {
        (true, false) => Form::Nested,
        (false, true) => Form::Flat,
        _ if names::fits_flat(path) => new,
        _ => Form::Nested,
    };
    let (file, other) = match form {
        Form::Nested => (place(root, path, true)?, Some(flat)),
        Form::Flat if is_there(&nested) => (Some(flat), place(root, path, false)?),
        Form::Flat => (Some(flat), None),
    };
    let Some(file) = file.filter(|file| !file.is_dir()) else {
        return Err(BackendError::Outside);
    };
    storage::atomic_write(&file, value.expose()).map_err(failed("write", &file))?;
    if let Some(other) = other {
        remove(&other)?;
    }
    Ok(())
}

/// Whether a name is taken by a file, or by a link wherever it leads.
fn is_there(file: &Path) -> bool {
    fs::symlink_metadata(file).is_ok_and(|there| !there.is_dir())
}

/// Removes both forms.
pub(super) fn delete(root: &Root, path: &ResourcePath) -> Result<(), BackendError> {
    let nested = match place(root, path, false)? {
        Some(file) if !file.is_dir() => remove(&file)?,
        _ => false,
    };
    let flat = remove(&names::flat(root.path(), path))?;
    if nested || flat {
        Ok(())
    } else {
        Err(BackendError::NotFound)
    }
}

/// The nested file's place, in its directory without symbolic links. `None`
/// where the directory is missing and is not to be made.
fn place(root: &Root, path: &ResourcePath, make: bool) -> Result<Option<PathBuf>, BackendError> {
    let nested = names::nested(root.path(), path);
    let (Some(kind), Some(tag)) = (nested.parent(), nested.file_name()) else {
        return Err(BackendError::Outside);
    };
    let mut real = root.path().to_path_buf();
    for dir in [kind.parent().unwrap_or(kind), kind] {
        if make {
            make_dir(dir, &real)?;
        }
        real = match dir.canonicalize() {
            Ok(real) => real,
            Err(cause) if !make && matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(cause) => return Err(failed("write", dir)(cause)),
        };
        if !root.holds(&real).map_err(failed("write", dir))? {
            return Err(BackendError::Outside);
        }
    }
    Ok(Some(real.join(tag)))
}

/// Makes one directory, for this user alone, and sees to it that its entry
/// in `parent` survives a crash.
fn make_dir(dir: &Path, parent: &Path) -> Result<(), BackendError> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => sync(parent),
        Err(cause) if cause.kind() == ErrorKind::AlreadyExists => Ok(()),
        // A read-only file system says so even where the directory is.
        Err(_) if dir.is_dir() => Ok(()),
        Err(cause) => Err(failed("create", dir)(cause)),
    }
}

/// Whether there was a file to remove.
fn remove(file: &Path) -> Result<bool, BackendError> {
    match fs::remove_file(file) {
        Ok(()) => {
            if let Some(dir) = file.parent() {
                sync(dir)?;
            }
            Ok(true)
        }
        Err(cause) if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::InvalidFilename) => Ok(false),
        Err(cause) => Err(failed("delete", file)(cause)),
    }
}

fn sync(dir: &Path) -> Result<(), BackendError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(failed("sync", dir))
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BackendError {
    let sorted = StorageError::change(doing, path);
    move |cause| BackendError::Store(sorted(cause))
}
