use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::chain::Link;
use crate::record::{MAX_LEFT, NoRecord, RECOVERED, Record, Torn, may_be_cut, seal};
use crate::verify::Verifier;

/// A log on a disk, open for its one writer.
///
/// Blocks, and returns from a write when it is on the disk.
#[derive(Debug)]
pub struct LogFile {
    file: File,
    path: PathBuf,
    /// Bytes that are known to be whole records.
    length: u64,
    /// Whether there may be more behind them, of a write that failed.
    dirty: bool,
}

/// A log, and how it ended.
#[derive(Debug)]
pub struct Opened {
    /// The log, ready for more.
    pub log: LogFile,
    /// Its last record.
    pub last: Link,
    /// Whether a crash had left something unfinished, which is now named by that record.
    pub recovered: bool,
}

/// Why a log cannot be continued.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be opened, read or written.
    #[error("the audit log {} cannot be opened: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Somebody else writes it.
    #[error("the audit log {} is written by another process: each needs a file of its own", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// Its end is no record of a log.
    #[error(
        "the audit log {} does not end in a record: it was changed, or is no audit log. Keep it as it is, move it away, \
         and start again with a new one",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

/// What a crash left, in the record that names it.
#[derive(Serialize)]
struct Recovered {
    event: &'static str,
    #[serde(flatten)]
    torn: Torn,
}

/// The end of the file that is looked at: more than one line can have.
const END: u64 = 4 << 20;

impl LogFile {
    /// Opens the log at `path`, or begins it (mode 0600). What a crash has left unfinished at its end stays as it is, on
    /// a line of its own, and a record of the event [`RECOVERED`] says so behind it.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: &Path, now: i64) -> Result<Opened, OpenError> {
        let failed = |source| OpenError::Io {
            path: path.to_owned(),
            source,
        };
        let damaged = || OpenError::Damaged {
            path: path.to_owned(),
        };
        let mut file = create(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::Busy {
                    path: path.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let end = End::read(&mut file).map_err(failed)?;
        let found = end.last().ok_or_else(damaged)?;
        let before = match found.last {
            Some(last) => last,
            // A crash in a rotation leaves no file, or an empty one.
            None => put_aside(path).map_err(failed)?.unwrap_or(Link::START),
        };
        if found.left.is_some_and(|left| !interrupted(left, &before)) {
            return Err(damaged());
        }
        let mut log = Self {
            file,
            path: path.to_owned(),
            length: end.length,
            dirty: false,
        };
        let line_end = if found.unfinished { "\n" } else { "" };
        let (text, last, recovered) = match found.left.map(|left| (left, continued(left, &before))) {
            None => (String::new(), before, false),
            // All but the end of the line is there.
            Some((_, Some(last))) => (line_end.to_owned(), last, false),
            Some((left, None)) => {
                let event = Recovered {
                    event: RECOVERED,
                    torn: Torn::of(left),
                };
                let sealed = seal(&before, now, &event);
                let (line, last) = sealed.map_err(|error| failed(io::Error::other(error)))?;
                (format!("{line_end}{line}\n"), last, true)
            }
        };
        if !text.is_empty() {
            log.append(&text).map_err(failed)?;
        }
        Ok(Opened { log, last, recovered })
    }

    /// Adds lines, each with its end, and returns when they are on the disk. A failure leaves the log as it was: what
    /// was written of them is taken away before anything else is.
    ///
    /// # Errors
    /// What the system said.
    pub fn append(&mut self, lines: &str) -> io::Result<()> {
        if self.dirty {
            self.file.set_len(self.length)?;
            self.dirty = false;
        }
        let written = self
            .file
            .write_all(lines.as_bytes())
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            self.dirty = self.file.set_len(self.length).is_err();
            return Err(error);
        }
        self.length += u64::try_from(lines.len()).unwrap_or_default();
        Ok(())
    }

    /// How long the log is, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Puts the file aside under its name with the number of its last record behind, and begins a new one in its place.
    /// A failure leaves the log as it was.
    ///
    /// # Errors
    /// What the system said.
    pub fn rotate(&mut self, last: &Link) -> io::Result<()> {
        let mut aside = self.path.clone().into_os_string();
        // Sorted by name, the files are in order.
        aside.push(format!(".{:012}", last.seq));
        let aside = PathBuf::from(aside);
        if aside.try_exists()? {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!("{} is there already", aside.display()),
            ));
        }
        fs::rename(&self.path, &aside)?;
        let begun = create(&self.path).and_then(|file| match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(io::Error::other("another process writes it")),
            Err(TryLockError::Error(error)) => Err(error),
        });
        match begun {
            Ok(file) => {
                (self.file, self.length, self.dirty) = (file, 0, false);
                sync_directory(&self.path)
            }
            Err(error) => {
                // If this fails too, the open file is the one that was put aside: nothing is lost.
                let _ = fs::rename(&aside, &self.path);
                Err(error)
            }
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    sync_directory(path)?;
    Ok(file)
}

/// Makes a new name survive a crash.
fn sync_directory(path: &Path) -> io::Result<()> {
    match directory(path) {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

/// The end of a file.
struct End {
    bytes: Vec<u8>,
    /// Of the whole file.
    length: u64,
}

/// What is there at the end of a log.
struct Found<'a> {
    /// The last record; `None` if there is none at all.
    last: Option<Link>,
    /// What is behind it, without the end of its last line.
    left: Option<&'a [u8]>,
    /// Whether that line has no end yet.
    unfinished: bool,
}

impl End {
    fn read(file: &mut File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(END)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Self { bytes, length })
    }

    /// `None` if it cannot have become so by writing records and being interrupted.
    fn last(&self) -> Option<Found<'_>> {
        let whole_file = u64::try_from(self.bytes.len()) == Ok(self.length);
        let unfinished = !self.bytes.is_empty() && self.bytes.last() != Some(&b'\n');
        let text = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        // A write that was interrupted leaves one line, and so does one that was to name it.
        let mut left = 0;
        let mut lines = text.rsplit(|byte| *byte == b'\n');
        for place in 0..=MAX_LEFT {
            let Some(line) = lines.next().filter(|line| !line.is_empty() || left > 0) else {
                break;
            };
            // The very last line may lack its end although it is a record: whoever reads on decides.
            let lacks_end = unfinished && place == 0;
            match Record::read(line) {
                Ok(record) if !lacks_end => {
                    let start = text.len().checked_sub(left)?;
                    let left = text.get(start..).filter(|left| !left.is_empty());
                    return Some(Found {
                        last: Some(record.link),
                        left,
                        unfinished,
                    });
                }
                Ok(_) => {}
                // Changed, not interrupted.
                Err(NoRecord::Hash) if !lacks_end => return None,
                Err(_) if place == MAX_LEFT => return None,
                Err(_) => {}
            }
            left += line.len() + usize::from(left > 0);
        }
        // A line without anything in it nobody writes.
        let blank = text.is_empty() && !self.bytes.is_empty();
        (whole_file && left == text.len() && !blank).then(|| Found {
            last: None,
            left: Some(text).filter(|text| !text.is_empty()),
            unfinished,
        })
    }
}

/// Whether writing the records behind `before` can have left these lines: each the beginning of the next record, or all
/// of it but the end of its line. What else is there was put there by somebody.
fn interrupted(lines: &[u8], before: &Link) -> bool {
    continued(lines, before).is_some()
        || lines
            .split(|byte| *byte == b'\n')
            .all(|line| may_be_cut(line, before))
}

/// Where the chain stands after these lines, if they go on from `before` but for the end of the last.
fn continued(lines: &[u8], before: &Link) -> Option<Link> {
    let mut verifier = Verifier::after(*before);
    for line in lines.split(|byte| *byte == b'\n') {
        verifier.line(line).ok()?;
    }
    verifier.finish().ok().map(|summary| summary.last)
}

/// The last record of the files that were put aside in rotations.
fn put_aside(path: &Path) -> io::Result<Option<Link>> {
    let (Some(directory), Some(name)) = (directory(path), path.file_name().and_then(|name| name.to_str()))
    else {
        return Ok(None);
    };
    let number = |entry: &fs::DirEntry| {
        let entry = entry.file_name();
        let digits = entry.to_str()?.strip_prefix(name)?.strip_prefix('.')?;
        (digits.len() >= 12 && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| digits.parse::<u64>().ok())
            .flatten()
    };
    let mut newest: Option<(u64, PathBuf)> = None;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if let Some(number) = number(&entry)
            && newest.as_ref().is_none_or(|(known, _)| number > *known)
        {
            newest = Some((number, entry.path()));
        }
    }
    let Some((_, path)) = newest else { return Ok(None) };
    let end = End::read(&mut File::open(path)?)?;
    Ok(end.last().and_then(|found| found.last))
}

fn directory(path: &Path) -> Option<&Path> {
    let parent = path.parent()?;
    Some(if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    })
}
