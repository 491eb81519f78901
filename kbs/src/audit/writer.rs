use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use daemon::clock::Clock;
use prometheus::IntCounter;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use super::config::AuditConfig;
use super::event::{Event, What};
use super::log::{AuditSetupError, Log};

/// Lines on their way to the disk.
const QUEUE: usize = 4096;
/// Lines that are written at once.
const BATCH: usize = 256;
/// How long somebody waits for a line that is required.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait before a write that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The audit log as its users see it.
///
/// What is told is queued. Where nothing is required, nobody waits; what finds no room is counted, in a metric and, as
/// soon as there is room, in a line of the log.
pub struct Audit {
    queue: Mutex<Option<mpsc::Sender<Message>>>,
    on: bool,
    require: bool,
    lost: Arc<Lost>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// A line that is required is not on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit record cannot be written")]
pub struct NotWritten;

struct Message {
    what: What,
    /// Who waits until it is on the disk.
    waits: Option<oneshot::Sender<()>>,
}

struct Lost {
    /// Since the last line that said so.
    unsaid: AtomicU64,
    all: IntCounter,
}

impl Audit {
    /// Opens the log and begins. Blocks while it does; for use at start.
    ///
    /// # Errors
    /// The log cannot be opened, continued or written.
    pub fn start(
        config: &AuditConfig,
        clock: Arc<dyn Clock>,
        lost: IntCounter,
    ) -> Result<Self, AuditSetupError> {
        let log = Log::open(config, clock.now())?;
        Self::with(log, config.require, clock, lost)
    }

    pub(super) fn with(
        log: Option<Log>,
        require: bool,
        clock: Arc<dyn Clock>,
        lost: IntCounter,
    ) -> Result<Self, AuditSetupError> {
        let lost = Arc::new(Lost {
            unsaid: AtomicU64::new(0),
            all: lost,
        });
        let mut audit = Self {
            queue: Mutex::new(None),
            on: log.is_some(),
            require,
            lost: Arc::clone(&lost),
            thread: Mutex::new(None),
        };
        if let Some(log) = log {
            let (queue, messages) = mpsc::channel(QUEUE);
            let mut writer = Writer {
                log,
                messages,
                lost,
                clock,
                kept: Vec::new(),
                interrupted: None,
            };
            let thread = std::thread::Builder::new().name("audit".to_owned());
            let thread = thread
                .spawn(move || writer.run())
                .map_err(AuditSetupError::Thread)?;
            audit.queue = Mutex::new(Some(queue));
            audit.thread = Mutex::new(Some(thread));
        }
        Ok(audit)
    }

    /// Whether anything is written.
    pub(crate) fn is_on(&self) -> bool {
        self.on
    }

    /// Writes it down in a while. Never waits.
    pub(crate) fn note(&self, what: impl Into<What>) {
        if self.on && self.send(what.into(), None).is_err() {
            self.lost.count(1);
        }
    }

    /// Writes it down; where that is required, returns only when it is on the disk.
    ///
    /// # Errors
    /// It is required, and is not on the disk.
    pub(crate) async fn insist(&self, what: impl Into<What>) -> Result<(), NotWritten> {
        if !self.on || !self.require {
            self.note(what);
            return Ok(());
        }
        let (written, waits) = oneshot::channel();
        self.send(what.into(), Some(written))?;
        match tokio::time::timeout(PATIENCE, waits).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(NotWritten),
        }
    }

    fn send(&self, what: What, waits: Option<oneshot::Sender<()>>) -> Result<(), NotWritten> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queue.as_ref().ok_or(NotWritten)?;
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

impl Lost {
    fn count(&self, number: u64) {
        self.unsaid.fetch_add(number, Ordering::Relaxed);
        self.all.inc_by(number);
    }
}

/// The thread that writes.
struct Writer {
    log: Log,
    messages: mpsc::Receiver<Message>,
    lost: Arc<Lost>,
    clock: Arc<dyn Clock>,
    /// What nobody waits for and could not be written yet.
    kept: Vec<Event>,
    /// Why the last write failed.
    interrupted: Option<String>,
}

impl Writer {
    fn run(&mut self) {
        let mut batch = Vec::new();
        while self.messages.blocking_recv_many(&mut batch, BATCH) > 0 {
            self.write(std::mem::take(&mut batch));
            if self.interrupted.is_some() && !self.recover() {
                break;
            }
        }
        let closed = Event::of_log("log-closed", self.clock.now());
        self.kept.push(closed);
        self.write(Vec::new());
    }

    /// Writes messages, and those kept from before. Who waits for one is told, or sees that he is not.
    fn write(&mut self, messages: Vec<Message>) {
        let now = self.clock.now();
        let unsaid = self.lost.unsaid.swap(0, Ordering::Relaxed);
        let mut events = Vec::new();
        if let Some(reason) = &self.interrupted {
            events.push(Event::of_log("log-interrupted", now).because(reason));
        }
        if unsaid > 0 {
            events.push(Event::of_log("records-lost", now).counting(unsaid));
        }
        events.extend(self.kept.iter().cloned());
        events.extend(messages.iter().map(|message| message.what.event()));
        match self.log.write(&events) {
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
                self.lost.unsaid.fetch_add(unsaid, Ordering::Relaxed);
                self.keep(messages);
            }
        }
    }

    fn tell(&mut self, messages: Vec<Message>) {
        let withdrawn: Vec<Event> = messages
            .into_iter()
            .filter_map(|Message { what, waits }| waits?.send(()).is_err().then(|| what.withdrawn()))
            .collect();
        if !withdrawn.is_empty() {
            self.kept = withdrawn;
            self.write(Vec::new());
        }
    }

    /// Keeps what nobody waits for, as far as there is room. Who waits is let go by dropping his message: what he asked
    /// for will not happen, and so is not written.
    fn keep(&mut self, messages: Vec<Message>) {
        for message in messages.into_iter().filter(|message| message.waits.is_none()) {
            if self.kept.len() < QUEUE {
                self.kept.push(message.what.event());
            } else {
                self.lost.count(1);
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
