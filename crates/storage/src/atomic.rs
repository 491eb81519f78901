//! Writing a file so that a crash leaves the old or the new content.

use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::error::is_read_only;

const PREFIX: &str = ".tmp-";
const SUFFIX: &str = "~";

/// Puts `bytes` into the file at `path`, whole or not at all: a new file (mode 0600) in the same
/// directory is written and synced, then renamed over `path`, then the directory is synced.
///
/// Blocks; call it from a blocking task. Writers of the same path do not disturb each other: the last
/// rename wins.
///
/// # Errors
/// What the file system said. `path` then still has its old content, except when only the last step, the
/// sync of the directory, failed.
pub fn atomic_write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    atomic_write_with(path, |file| file.write_all(bytes))
}

/// [`atomic_write`] for several files of one directory, named by their file names: the disk is asked to keep several at
/// once, and the directory is synced once, at the end. They take their places in the order given.
///
/// # Errors
/// What the file system said, and how many files are in place.
pub(crate) fn atomic_write_all(
    directory: &Path,
    files: &[(String, &[u8])],
) -> Result<(), (usize, io::Error)> {
    let mut in_place = 0;
    let mut failure = None;
    'batches: for batch in files.chunks(AT_ONCE * 8) {
        let written = write_temporaries(directory, batch);
        for ((name, _), temporary) in batch.iter().zip(written) {
            let renamed = match (&failure, temporary) {
                // After a failure only what is temporary is taken away.
                (Some(_), temporary) => {
                    let _ = temporary.map(fs::remove_file);
                    continue;
                }
                (None, temporary) => temporary.and_then(|temporary| {
                    fs::rename(&temporary, directory.join(name)).inspect_err(|_| {
                        let _ = fs::remove_file(&temporary);
                    })
                }),
            };
            match renamed {
                Ok(()) => in_place += 1,
                Err(error) => failure = Some(error),
            }
        }
        if failure.is_some() {
            break 'batches;
        }
    }
    let synced = sync_directory(directory);
    match (failure, synced) {
        (None, Ok(())) => Ok(()),
        (Some(error), _) | (None, Err(error)) => Err((in_place, error)),
    }
}

/// How many threads wait for the disk at once.
const AT_ONCE: usize = 8;

/// Writes and syncs each file under a temporary name.
fn write_temporaries(directory: &Path, batch: &[(String, &[u8])]) -> Vec<io::Result<PathBuf>> {
    let write = |bytes: &[u8]| {
        let (mut file, temporary) = create_temporary(directory)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        if let Err(error) = written {
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        Ok(temporary)
    };
    let each = batch.len().div_ceil(AT_ONCE).max(1);
    std::thread::scope(|scope| {
        let parts: Vec<_> = batch
            .chunks(each)
            .map(|part| {
                let length = part.len();
                let thread =
                    scope.spawn(move || part.iter().map(|(_, bytes)| write(bytes)).collect::<Vec<_>>());
                (length, thread)
            })
            .collect();
        let interrupted = || Err(io::Error::other("a writing thread ended early"));
        parts
            .into_iter()
            .flat_map(|(length, thread)| {
                thread
                    .join()
                    .unwrap_or_else(|_| (0..length).map(|_| interrupted()).collect())
            })
            .collect()
    })
}

/// Whether a directory entry is a file that [`atomic_write`] has not finished, or never will: not content.
pub fn is_temporary(file_name: &OsStr) -> bool {
    file_name
        .to_str()
        .is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX))
}

/// Removes the unfinished writes in `directory`. The caller holds the lock that its writers hold, so what is
/// temporary belongs to nobody.
pub(crate) fn remove_leftovers(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten().filter(|entry| is_temporary(&entry.file_name())) {
        if let Err(error) = fs::remove_file(entry.path()) {
            tracing::warn!(path = %entry.path().display(), %error, "cannot remove an unfinished write");
        }
    }
}

pub(crate) fn atomic_write_with(
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let (mut file, temporary) = create_temporary(directory)?;
    let written = fill(&mut file)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        // The cause matters more than whether the half-written file could be removed.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    sync_directory(directory)
}

/// Makes renames and removals in a directory survive a crash.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Whether the file system lets this process make no file in a directory.
pub(crate) fn is_read_only_directory(directory: &Path) -> bool {
    match create_temporary(directory) {
        Ok((_, temporary)) => {
            let _ = fs::remove_file(temporary);
            false
        }
        Err(error) => is_read_only(&error),
    }
}

/// Makes a new file under a name that nobody uses, not even a process with the same id in another
/// container.
fn create_temporary(directory: &Path) -> io::Result<(File, PathBuf)> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!("{PREFIX}{}-{number}{SUFFIX}", std::process::id()));
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
        {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}
