use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use audit::Link;
use prometheus::IntCounter;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use super::config::AuditConfig;
use super::line::{Entry, OfLog, Told};
use super::log::{AuditSetupError, Log, Place};
use crate::clock::Clock;

/// Lines on their way to the disk.
const QUEUE: usize = 4096;
/// Of these places, those that must be free for a line that anybody can cause.
const KEPT_FREE: usize = QUEUE / 4 * 3;
/// Lines that are written at once.
const BATCH: usize = 256;
/// How long somebody waits for a line that is required.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait before a write that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// No write has begun that has not ended.
const IDLE: i64 = i64::MIN;

/// The audit log as its users see it.
///
/// What is told is queued. Where nothing is required, nobody waits; what finds no room is counted, in a metric and, as
/// soon as there is room, in a line of the log.
pub struct Audit<T> {
    queue: Mutex<Option<mpsc::Sender<Message<T>>>>,
    clock: Arc<dyn Clock>,
    on: bool,
    require: bool,
    shared: Option<Arc<Shared>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// A line that is required is not on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit record cannot be written")]
pub struct NotWritten;

struct Message<T> {
    what: T,
    /// Who waits until it is on the disk.
    waits: Option<oneshot::Sender<()>>,
}

/// What the thread that writes and those who use the log tell each other.
struct Shared {
    /// Lines that found no room since the last line that said so.
    unsaid: AtomicU64,
    /// Lines that found no room, or were required and not written.
    all: Option<IntCounter>,
    /// Whether the last write failed.
    failing: AtomicBool,
    /// When the write began that has not ended; [`IDLE`]: there is none.
    writes_since: AtomicI64,
}

impl<T: Told> Audit<T> {
    /// None: nothing is written.
    #[must_use]
    pub fn off(clock: Arc<dyn Clock>) -> Self {
        Self {
            queue: Mutex::new(None),
            clock,
            on: false,
            require: false,
            shared: None,
            thread: Mutex::new(None),
        }
    }

    /// Opens the log and begins. Lines that find no room, or are required and not written, are counted in `lost`, too.
    ///
    /// # Errors
    /// The log cannot be opened, continued or written.
    pub async fn open(
        config: &AuditConfig,
        clock: Arc<dyn Clock>,
        lost: Option<IntCounter>,
    ) -> Result<Self, AuditSetupError> {
        if let Some(path) = &config.file {
            tracing::info!(path = %path.display(), required = config.require, "audit log");
        }
        let config = config.clone();
        let opened = tokio::task::spawn_blocking(move || Self::start(&config, clock, lost)).await;
        opened.map_err(|error| AuditSetupError::Thread(io::Error::other(error)))?
    }

    /// The same, and blocks while it does.
    ///
    /// # Errors
    /// As [`Audit::open`].
    pub fn start(
        config: &AuditConfig,
        clock: Arc<dyn Clock>,
        lost: Option<IntCounter>,
    ) -> Result<Self, AuditSetupError> {
        match Log::open(config, clock.now())? {
            Some(log) => Self::with(log, config.require, clock, lost),
            None => Ok(Self::off(clock)),
        }
    }

    /// The same with a new log in another kind of place.
    ///
    /// # Errors
    /// There is no thread to write it.
    pub fn on(
        place: Box<dyn Place>,
        require: bool,
        clock: Arc<dyn Clock>,
        lost: Option<IntCounter>,
    ) -> Result<Self, AuditSetupError> {
        Self::with(Log::new(Link::START, place), require, clock, lost)
    }

    fn with(
        log: Log,
        require: bool,
        clock: Arc<dyn Clock>,
        lost: Option<IntCounter>,
    ) -> Result<Self, AuditSetupError> {
        let shared = Arc::new(Shared {
            unsaid: AtomicU64::new(0),
            all: lost,
            failing: AtomicBool::new(false),
            writes_since: AtomicI64::new(IDLE),
        });
        let (queue, messages) = mpsc::channel(QUEUE);
        let mut writer = Writer {
            log,
            messages,
            shared: Arc::clone(&shared),
            clock: Arc::clone(&clock),
            kept: Vec::new(),
            interrupted: None,
        };
        let thread = std::thread::Builder::new().name("audit".to_owned());
        let thread = thread
            .spawn(move || writer.run())
            .map_err(AuditSetupError::Thread)?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            clock,
            on: true,
            require,
            shared: Some(shared),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Whether anything is written.
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Whether what is required can be written down now, so far as the last write shows. `None`: nothing is required.
    pub fn is_ready(&self) -> Option<bool> {
        let shared = self.shared.as_ref().filter(|_| self.require)?;
        let since = shared.writes_since.load(Ordering::Relaxed);
        let patience = i64::try_from(PATIENCE.as_secs()).unwrap_or(i64::MAX);
        let stuck = since != IDLE && self.now().saturating_sub(since) > patience;
        Some(!stuck && !shared.failing.load(Ordering::Relaxed))
    }

    /// Seconds since the Unix epoch.
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// Writes it down in a while. Never waits.
    pub fn note(&self, what: impl Into<T>) {
        if self.on
            && self.send(what.into(), None).is_err()
            && let Some(shared) = &self.shared
        {
            shared.count(1);
        }
    }

    /// Writes it down; where that is required, returns only when it is on the disk.
    ///
    /// # Errors
    /// It is required, and is not on the disk.
    pub async fn insist(&self, what: impl Into<T>) -> Result<(), NotWritten> {
        if !self.on || !self.require {
            self.note(what);
            return Ok(());
        }
        let (written, waits) = oneshot::channel();
        if let Err(no_room) = self.send(what.into(), Some(written)) {
            if let Some(shared) = &self.shared {
                shared.unwritten();
            }
            return Err(no_room);
        }
        match tokio::time::timeout(PATIENCE, waits).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(NotWritten),
        }
    }

    fn send(&self, what: T, waits: Option<oneshot::Sender<()>>) -> Result<(), NotWritten> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queue.as_ref().ok_or(NotWritten)?;
        if waits.is_none() && queue.capacity() < KEPT_FREE && what.is_cheap() {
            return Err(NotWritten);
        }
        queue.try_send(Message { what, waits }).map_err(|_| NotWritten)
    }

    /// Writes what is queued and ends, for a service that stops.
    pub async fn finish(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let ended = tokio::task::spawn_blocking(move || thread.join());
            if tokio::time::timeout(PATIENCE, ended).await.is_err() {
                tracing::error!("the last lines of the audit log could not be written in time");
            }
        }
    }
}

impl Shared {
    fn count(&self, number: u64) {
        self.unsaid.fetch_add(number, Ordering::Relaxed);
        if let Some(all) = &self.all {
            all.inc_by(number);
        }
    }

    /// A line that is required and not written is in no line that says how many are lost: what it is about is not done.
    fn unwritten(&self) {
        if let Some(all) = &self.all {
            all.inc();
        }
    }
}

/// The thread that writes.
struct Writer<T: Told> {
    log: Log,
    messages: mpsc::Receiver<Message<T>>,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    /// What nobody waits for and could not be written yet.
    kept: Vec<Entry<T::Line>>,
    /// Why the last write failed.
    interrupted: Option<String>,
}

impl<T: Told> Writer<T> {
    fn run(&mut self) {
        let mut batch = Vec::new();
        while self.messages.blocking_recv_many(&mut batch, BATCH) > 0 {
            self.write(std::mem::take(&mut batch));
            if self.interrupted.is_some() && !self.recover() {
                break;
            }
        }
        self.kept.push(OfLog::new(audit::CLOSED).at(self.clock.now()));
        self.write(Vec::new());
    }

    /// Writes messages, and those kept from before. Who waits for one is told, or sees that he is not.
    fn write(&mut self, messages: Vec<Message<T>>) {
        let now = self.clock.now();
        let unsaid = self.shared.unsaid.swap(0, Ordering::Relaxed);
        let mut entries = Vec::new();
        if let Some(reason) = &self.interrupted {
            entries.push(OfLog::new("log-interrupted").because(reason).at(now));
        }
        if unsaid > 0 {
            entries.push(OfLog::new("records-lost").counting(unsaid).at(now));
        }
        entries.extend(self.kept.iter().cloned());
        entries.extend(messages.iter().map(|message| Entry::of(&message.what)));
        self.shared.writes_since.store(now, Ordering::Relaxed);
        let written = self.log.write(&entries);
        self.shared.writes_since.store(IDLE, Ordering::Relaxed);
        self.shared.failing.store(written.is_err(), Ordering::Relaxed);
        match written {
            Ok(()) => {
                if self.interrupted.take().is_some() {
                    tracing::info!("the audit log is written again");
                }
                self.kept.clear();
                self.tell(messages);
            }
            Err(error) => {
                if self.interrupted.is_none() {
                    tracing::error!(%error, "the audit log cannot be written: it is tried again every second");
                }
                self.interrupted = Some(error.to_string());
                self.shared.unsaid.fetch_add(unsaid, Ordering::Relaxed);
                self.keep(messages);
            }
        }
    }

    fn tell(&mut self, messages: Vec<Message<T>>) {
        let withdrawn: Vec<_> = messages
            .into_iter()
            .filter_map(|Message { what, waits }| {
                let gone = waits?.send(()).is_err();
                gone.then(|| Entry::taking_back(&what))
            })
            .collect();
        if !withdrawn.is_empty() {
            self.kept = withdrawn;
            self.write(Vec::new());
        }
    }

    /// Keeps what nobody waits for, as far as there is room. Who waits is let go by dropping his message: what he asked
    /// for will not happen, and so is not written.
    fn keep(&mut self, messages: Vec<Message<T>>) {
        for message in messages {
            if message.waits.is_some() {
                self.shared.unwritten();
                continue;
            }
            let places = if message.what.is_cheap() {
                QUEUE - KEPT_FREE
            } else {
                QUEUE
            };
            if self.kept.len() < places {
                self.kept.push(Entry::of(&message.what));
            } else {
                self.shared.count(1);
            }
        }
    }

    /// Tries until it can write again. `false` if the service stops before.
    fn recover(&mut self) -> bool {
        while self.interrupted.is_some() {
            let until = std::time::Instant::now() + RETRY;
            while std::time::Instant::now() < until {
                match self.messages.try_recv() {
                    Ok(message) => self.keep(vec![message]),
                    Err(TryRecvError::Empty) => std::thread::sleep(Duration::from_millis(20)),
                    Err(TryRecvError::Disconnected) => return false,
                }
            }
            self.write(Vec::new());
        }
        true
    }
}
