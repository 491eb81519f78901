//! Files to secrets. Nothing is remembered between two reads.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use jose::secret::Secret;

use super::choice::{self, Doubles};
use super::names::{self, Form};
use super::root::Root;
use crate::backends::BackendError;
use crate::resource::ResourcePath;

/// The resource's value, from the nested file or the flat one; from the newer
/// where there are both. One of more than `limit` bytes is
/// [`BackendError::TooLarge`].
pub(super) fn read(
    root: &Root,
    doubles: &Doubles,
    path: &ResourcePath,
    limit: usize,
) -> Result<Secret, BackendError> {
    let (nested, flat) = (names::nested(root.path(), path), names::flat(root.path(), path));
    let form = match (look(&nested)?, look(&flat)?) {
        (Some(one), Some(other)) => {
            let form = choice::newer(&one, &other);
            match form {
                Form::Nested => doubles.warn(path, &nested, &flat),
                Form::Flat => doubles.warn(path, &flat, &nested),
            }
            form
        }
        (None, Some(_)) => Form::Flat,
        (Some(_), None) => Form::Nested,
        // A CSI driver that swaps its `..data` link and then removes the old
        // directory makes a file vanish for an instant.
        (None, None) => return read_file(root, &nested, limit)?.ok_or(BackendError::NotFound),
    };
    let (counts, other) = match form {
        Form::Nested => (&nested, &flat),
        Form::Flat => (&flat, &nested),
    };
    if let Some(found) = open_file(root, counts, limit)? {
        return Ok(found);
    }
    // Gone meanwhile: by the driver, or by a write that keeps one file of two.
    for file in [other, counts] {
        if let Some(found) = read_file(root, file, limit)? {
            return Ok(found);
        }
    }
    Err(BackendError::NotFound)
}

/// Every resource there is a regular file for, sorted.
pub(super) fn list(root: &Root) -> Result<Vec<ResourcePath>, BackendError> {
    let mut found = BTreeSet::new();
    for top in entries(root.path())? {
        let Some(repository) = name(&top) else { continue };
        if is_inside(root, &top, fs::Metadata::is_file)? {
            found.extend(names::from_flat(&repository));
            continue;
        }
        if !is_inside(root, &top, fs::Metadata::is_dir)? {
            continue;
        }
        for middle in entries(&top.path())? {
            let Some(kind) = name(&middle) else { continue };
            if !is_inside(root, &middle, fs::Metadata::is_dir)? {
                continue;
            }
            for leaf in entries(&middle.path())? {
                let Some(tag) = name(&leaf) else { continue };
                if let Ok(path) = ResourcePath::from_segments(&[&repository, &kind, &tag])
                    && is_inside(root, &leaf, fs::Metadata::is_file)?
                {
                    found.insert(path);
                }
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// What is known of the file of this name, if there is one. Before opening:
/// to open a pipe waits for its writer.
fn look(path: &Path) -> Result<Option<fs::Metadata>, BackendError> {
    match fs::metadata(path) {
        Ok(there) if there.is_file() => Ok(Some(there)),
        Ok(there) if there.is_dir() => Ok(None),
        Ok(_) => Err(BackendError::Outside),
        Err(cause) => missing(cause),
    }
}

/// `None` where there is no file of this name.
fn read_file(root: &Root, path: &Path, limit: usize) -> Result<Option<Secret>, BackendError> {
    match look(path)? {
        Some(_) => open_file(root, path, limit),
        None => Ok(None),
    }
}

/// As [`read_file`], where it was a file at a look just now.
fn open_file(root: &Root, path: &Path, limit: usize) -> Result<Option<Secret>, BackendError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(cause) => return missing(cause),
    };
    let there = file.metadata().map_err(reading)?;
    if !there.is_file() || !root.holds_file(&file, path).map_err(reading)? {
        return Err(BackendError::Outside);
    }
    let Some(size) = usize::try_from(there.len()).ok().filter(|size| *size <= limit) else {
        return Err(BackendError::TooLarge { limit });
    };
    // One byte more than there is: the end is then seen without growing.
    let mut value = Vec::with_capacity(size + 1);
    let read = file.take(limit as u64 + 1).read_to_end(&mut value);
    let value = Secret::from(value);
    read.map_err(reading)?;
    if value.len() > limit {
        return Err(BackendError::TooLarge { limit });
    }
    Ok(Some(value))
}

fn missing<T>(cause: io::Error) -> Result<Option<T>, BackendError> {
    match cause.kind() {
        // A file where a directory should be is the absence of the resource;
        // a name too long for the file system can only be absent.
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => Ok(None),
        _ => Err(reading(cause)),
    }
}

fn reading(cause: io::Error) -> BackendError {
    BackendError::Io { doing: "read", cause }
}

fn listing(cause: io::Error) -> BackendError {
    BackendError::Io { doing: "list", cause }
}

fn entries(dir: &Path) -> Result<Vec<DirEntry>, BackendError> {
    match fs::read_dir(dir) {
        Ok(entries) => entries.collect::<Result<_, _>>().map_err(listing),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(cause) => Err(listing(cause)),
    }
}

/// Hidden entries are the drivers' and the writer's own.
fn name(entry: &DirEntry) -> Option<String> {
    entry
        .file_name()
        .into_string()
        .ok()
        .filter(|name| !name.starts_with('.'))
}

/// Whether the entry, its links followed, is of this kind and inside.
fn is_inside(
    root: &Root,
    entry: &DirEntry,
    kind: impl Fn(&fs::Metadata) -> bool,
) -> Result<bool, BackendError> {
    let path = entry.path();
    // An entry that is gone by now, or a broken link, is not there.
    let (Ok(there), Ok(real)) = (fs::metadata(&path), path.canonicalize()) else {
        return Ok(false);
    };
    Ok(kind(&there) && root.holds(&real).map_err(listing)?)
}
