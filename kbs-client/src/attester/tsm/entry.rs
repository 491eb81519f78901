//! One entry of configfs-tsm.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::ReportData;

/// Largest report that is read, in bytes. A TDX quote has some 5 to 8 thousand.
const MAX_REPORT: u64 = 1024 * 1024;
/// Largest auxiliary data that is read, in bytes: certificates of a few thousand each.
const MAX_AUXILIARY: u64 = 256 * 1024;
/// How often a report is asked for while others use the same interface.
const TRIES: u32 = 5;
/// How long to wait in between.
const PAUSE: Duration = Duration::from_millis(50);
/// How many names are tried for an entry of our own.
const NAMES: u32 = 64;
/// What `mkdir` fails with while no TEE has registered itself (errno ENXIO).
const NO_PROVIDER: i32 = 6;

/// Why no report could be had.
#[derive(Debug, thiserror::Error)]
pub enum TsmError {
    /// The interface, or one file of it, does not do what was asked.
    #[error("{}: {cause}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// An entry cannot be made.
    #[error("no entry can be made in {}: {cause}; it takes root, or an entry that is there already", path.display())]
    Entry {
        /// In which folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The TEE went away.
    #[error("no TEE is behind the interface any more")]
    NoTee,
    /// Another TEE than before.
    #[error("another TEE is behind the interface than before")]
    OtherTee,
    /// A TEE that this client has no form of evidence for.
    #[error("the reports are made by {0:?}; only sev_guest and tdx_guest are known here")]
    UnknownProvider(String),
    /// Others write to the same entry all the time.
    #[error("somebody else uses the same entry: no report could be read that is ours")]
    Contended,
    /// More than any report has.
    #[error("{} has more than {limit} bytes", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// The digest to be bound is too long.
    #[error("a report takes 64 bytes, not {0}")]
    ReportDataLength(usize),
    /// Not the form of a report.
    #[error("the report is malformed: {0}")]
    Malformed(&'static str),
    /// The certificates that the host gave are not a table of them.
    #[error("the host's table of certificates is malformed: {0}")]
    Certificates(&'static str),
    /// The report holds other bytes than were asked for.
    #[error("the report does not hold what was asked for")]
    OtherReportData,
    /// The host started this guest with other init-data.
    #[error("this guest was not started with that init-data: {0} of its report is not the document's")]
    OtherInitData(&'static str),
}

/// What an entry gives.
pub(super) struct Report {
    /// The TEE's own report.
    pub(super) report: Vec<u8>,
    /// What comes with it; empty if nothing does.
    pub(super) auxiliary: Vec<u8>,
}

/// A folder of the interface; removed in the end if it was made here.
pub(super) struct Entry {
    path: PathBuf,
    ours: bool,
}

impl Entry {
    /// A new one. `None` if no TEE is there to make reports.
    pub(super) fn make(root: &Path) -> Result<Option<Self>, TsmError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        for _ in 0..NAMES {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = root.join(format!("kbs-client-{}-{count}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Some(Self { path, ours: true })),
                // A process of the same number in another container, or one that was killed.
                Err(cause) if cause.kind() == ErrorKind::AlreadyExists => {}
                Err(cause) if cause.raw_os_error() == Some(NO_PROVIDER) => return Ok(None),
                Err(cause) => {
                    return Err(TsmError::Entry {
                        path: root.to_owned(),
                        cause,
                    });
                }
            }
        }
        Err(TsmError::Entry {
            path: root.to_owned(),
            cause: ErrorKind::AlreadyExists.into(),
        })
    }

    /// One that somebody else made.
    pub(super) fn existing(root: &Path, name: &str) -> Self {
        Self {
            path: root.join(name),
            ours: false,
        }
    }

    /// Who makes the reports.
    pub(super) fn provider(&self) -> Result<String, TsmError> {
        let name = self.read("provider", 256)?;
        Ok(String::from_utf8_lossy(&name).trim().to_owned())
    }

    /// A report over `data`.
    ///
    /// `generation` changes with every write to the entry: equal before and after, the blobs are of one report, and
    /// of this one.
    pub(super) fn report(&self, data: &ReportData) -> Result<Report, TsmError> {
        for attempt in 0..TRIES {
            if attempt > 0 {
                std::thread::sleep(PAUSE);
            }
            self.write("inblob", data)?;
            let generation = self.read("generation", 64)?;
            let report = match self.read("outblob", MAX_REPORT) {
                Err(TsmError::File { cause, .. }) if is_busy(&cause) => continue,
                report => report?,
            };
            let auxiliary = match self.read("auxblob", MAX_AUXILIARY) {
                // Not every TEE, and not every host, has something to add.
                Err(TsmError::File { cause, .. }) if cause.kind() == ErrorKind::NotFound => Vec::new(),
                Err(TsmError::File { cause, .. }) if is_busy(&cause) => continue,
                auxiliary => auxiliary?,
            };
            if self.read("generation", 64)? == generation {
                return Ok(Report { report, auxiliary });
            }
        }
        Err(TsmError::Contended)
    }

    fn write(&self, name: &str, data: &[u8]) -> Result<(), TsmError> {
        let path = self.path.join(name);
        let written = OpenOptions::new()
            .write(true)
            .open(&path)
            .and_then(|mut file| file.write_all(data));
        written.map_err(|cause| TsmError::File { path, cause })
    }

    fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, TsmError> {
        read(&self.path.join(name), limit)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.ours {
            // An entry that is left behind costs the kernel a few bytes, and nobody else is in its way.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// A whole file, which may have no more than `limit` bytes.
pub(super) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, TsmError> {
    let mut content = Vec::new();
    let length = File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut content));
    match length {
        Ok(length) if length as u64 <= limit => Ok(content),
        Ok(_) => Err(TsmError::TooLarge {
            path: path.to_owned(),
            limit,
        }),
        Err(cause) => Err(TsmError::File {
            path: path.to_owned(),
            cause,
        }),
    }
}

/// Another report is being made, or `inblob` was written meanwhile (errno EBUSY, EWOULDBLOCK, EINTR).
fn is_busy(cause: &io::Error) -> bool {
    matches!(
        cause.kind(),
        ErrorKind::ResourceBusy | ErrorKind::WouldBlock | ErrorKind::Interrupted
    )
}
