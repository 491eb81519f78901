use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use audit::{Link, LogFile, OpenError, Opened, seal};

use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;

use super::config::AuditConfig;
use super::line::{Body, Entry, OfLog};

/// Where lines go.
pub trait Place: Send {
    /// Keeps whole lines, and returns when they are kept. `last` is the last of them.
    ///
    /// # Errors
    /// It cannot, and has kept none.
    fn append(&mut self, lines: &str, last: &Link) -> io::Result<()>;
}

/// Why there is no audit log.
#[derive(Debug, thiserror::Error)]
pub enum AuditSetupError {
    /// It is required, and there is none.
    #[error("`audit.require` is set, but neither `audit.file` nor `audit.stdout` says where to write")]
    Nowhere,
    /// The file cannot be continued.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A first line cannot be written.
    #[error("the audit log {} cannot be written: {source}", path.display())]
    Write {
        /// The file; `-` is the standard output.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no thread for it.
    #[error("the audit log has no thread to write it: {0}")]
    Thread(#[source] io::Error),
}

/// The chain, and where its lines go.
pub(super) struct Log {
    link: Link,
    place: Box<dyn Place>,
}

impl Log {
    /// Opens what `config` names, and writes a first line. `None` if it names nothing.
    pub(super) fn open(config: &AuditConfig, now: i64) -> Result<Option<Self>, AuditSetupError> {
        let mut link = Link::START;
        let mut file = None;
        if let Some(path) = &config.file {
            let opened = open(path, now)?;
            if opened.recovered {
                tracing::warn!(
                    path = %path.display(),
                    "a crash had left a line of the audit log unfinished: it stays, and a record says so"
                );
            }
            link = opened.last;
            file = Some(opened.log);
        }
        if file.is_none() && !config.stdout {
            return match config.require {
                true => Err(AuditSetupError::Nowhere),
                false => Ok(None),
            };
        }
        let place = Places {
            file,
            stdout: config.stdout,
            limit: u64::from(config.max_file_mib) << 20,
        };
        let mut log = Self::new(link, Box::new(place));
        let mut begin = OfLog::new("log-opened").because(&crate::build_info::version());
        // Where the chain begins it gets a name, so that two that begin in the same second are told apart.
        begin.chain = (link == Link::START).then(name).flatten();
        let begin: [Entry<()>; 1] = [begin.at(now)];
        log.write(&begin).map_err(|source| AuditSetupError::Write {
            path: config.file.clone().unwrap_or_else(|| "-".into()),
            source,
        })?;
        Ok(Some(log))
    }

    pub(super) fn new(link: Link, place: Box<dyn Place>) -> Self {
        Self { link, place }
    }

    /// Adds a line for each, all or none.
    pub(super) fn write<L: Serialize>(&mut self, entries: &[Entry<L>]) -> io::Result<()> {
        let mut link = self.link;
        let mut lines = String::new();
        for Entry { at, body } in entries {
            let sealed = seal(&link, *at, body).or_else(|_| {
                // Every part of a line is bounded; if their sum is not, that it happened is what counts.
                seal(&link, *at, &Body::<()>::OfLog(OfLog::new("record-too-long")))
            });
            let (line, next) = sealed.map_err(io::Error::other)?;
            lines.push_str(&line);
            lines.push('\n');
            link = next;
        }
        self.place.append(&lines, &link)?;
        self.link = link;
        Ok(())
    }
}

/// A name that no other chain has.
fn name() -> Option<String> {
    let mut name = [0; 16];
    SystemRandom::new().fill(&mut name).ok()?;
    Some(hex::encode(name))
}

/// Opens a log; for a moment, one that a process which is about to end still has.
fn open(path: &Path, now: i64) -> Result<Opened, OpenError> {
    for _ in 0..HANDOVERS {
        match LogFile::open(path, now) {
            Err(OpenError::Busy { .. }) => std::thread::sleep(HANDOVER),
            opened => return opened,
        }
    }
    LogFile::open(path, now)
}

/// How long, and how often, to wait for a process that is about to end.
const HANDOVER: Duration = Duration::from_millis(100);
const HANDOVERS: u32 = 20;

/// A file, the standard output, or both.
struct Places {
    file: Option<LogFile>,
    stdout: bool,
    /// Bytes of a file; 0: no limit.
    limit: u64,
}

impl Place for Places {
    fn append(&mut self, lines: &str, last: &Link) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            file.append(lines)?;
            if self.limit > 0
                && file.length() >= self.limit
                && let Err(error) = file.rotate(last)
            {
                tracing::warn!(%error, "the audit log cannot be put aside: it goes on in the same file");
            }
        }
        if self.stdout {
            let mut out = io::stdout().lock();
            let written = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
            // Beside a file it is a copy; and it cannot be logged, for the logs go the same way.
            if self.file.is_none() {
                written?;
            }
        }
        Ok(())
    }
}
