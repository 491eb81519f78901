use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use daemon::clock::Clock;
use prometheus::IntCounter;
use storage::{KeyValueStore, StorageError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::config::DecisionsConfig;
use super::entry::Entry;
use super::id::Ids;
use super::memory::{Limits, Memory};
use super::occurrence::{Noted, Occurrence};
use super::query::{Page, Query, Recorded};
use super::record::{Decision, Kind};
use super::{DecisionId, stored};
use crate::admin::AdminGrant;
use crate::resource::Denials;

/// Occurrences on their way into memory. A task takes them out at once, so this is for bursts.
const QUEUE: usize = 4096;
/// How long decisions are gathered before they are written as one batch.
const GATHER: Duration = Duration::from_secs(1);
/// The same, where decisions come so fast that soon after a batch all of it has left again.
const GATHER_IN_A_RUSH: Duration = Duration::from_secs(5);
/// Decisions in a batch at most: it is in memory as a whole when it is written.
const BATCH: usize = 200;
/// How often the writer looks whether something has become too old, or failed to be written before.
const IDLE: Duration = Duration::from_secs(30);
/// How long the last batch may take when the service stops.
const LAST_WRITE: Duration = Duration::from_secs(5);

/// What is remembered of attestations and releases.
///
/// A request leaves a note and goes on: it never waits for the memory's lock, or the disk. One task takes notes into
/// memory; another writes them, a second's worth at a time. What a crash loses is that second, or five where there is a
/// rush.
pub struct Decisions {
    ids: Ids,
    clock: Arc<dyn Clock>,
    /// Notes that found no room.
    dropped: IntCounter,
    queue: Option<mpsc::Sender<Message>>,
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
    /// Which denials are explained.
    denials: Denials,
}

enum Message {
    Note(Arc<Noted>),
    /// Answered when everything before it is in memory.
    Reached(oneshot::Sender<()>),
}

struct Shared {
    memory: Mutex<Memory>,
    /// How many decisions there have been.
    count: watch::Sender<u64>,
    /// `None`: nothing outlives the process.
    store: Option<Arc<dyn KeyValueStore>>,
    /// One writer at a time; the order of its next batch.
    writing: tokio::sync::Mutex<u64>,
    lost: IntCounter,
}

impl Decisions {
    /// Takes up what is in `store`, and begins to remember. Needs a Tokio runtime.
    ///
    /// # Errors
    /// The storage cannot be listed.
    pub async fn start(
        config: &DecisionsConfig,
        store: Option<Arc<dyn KeyValueStore>>,
        clock: Arc<dyn Clock>,
        lost: IntCounter,
    ) -> Result<Self, StorageError> {
        let mut memory = Memory::new(limits(config));
        let mut order = 0;
        if let Some(store) = store.as_deref().filter(|_| config.enabled) {
            order = stored::load(store, &mut memory).await?;
            memory.trim(clock.now());
        }
        let count = watch::Sender::new(memory.count());
        let shared = Arc::new(Shared {
            memory: Mutex::new(memory),
            count,
            store,
            writing: tokio::sync::Mutex::new(order),
            lost: lost.clone(),
        });
        let mut decisions = Self {
            ids: Ids::new(),
            dropped: lost,
            queue: None,
            shared,
            tasks: Vec::new(),
            clock,
            denials: Denials::default(),
        };
        if config.enabled {
            decisions.begin();
        }
        Ok(decisions)
    }

    fn begin(&mut self) {
        let (queue, notes) = mpsc::channel(QUEUE);
        self.queue = Some(queue);
        self.tasks
            .push(tokio::spawn(remember(Arc::clone(&self.shared), notes)));
        if self.shared.store.is_some() {
            let clock = Arc::clone(&self.clock);
            self.tasks
                .push(tokio::spawn(write_behind(Arc::clone(&self.shared), clock)));
        }
    }

    /// Whether anything is remembered.
    pub fn are_kept(&self) -> bool {
        self.queue.is_some()
    }

    /// Whether a denial that has just happened is to be explained in its record.
    pub(crate) fn explains_now(&self) -> bool {
        self.are_kept() && self.denials.take_turn()
    }

    /// Gives an occurrence its name and time.
    pub(crate) fn name(&self, what: Occurrence) -> Noted {
        let now = self.clock.now();
        Noted::new(self.ids.next(now), now, what)
    }

    /// Remembers it; says whether there was room.
    pub(crate) fn note(&self, noted: Arc<Noted>) -> bool {
        let Some(queue) = &self.queue else { return false };
        let taken = queue.try_send(Message::Note(noted)).is_ok();
        if !taken {
            self.dropped.inc();
        }
        taken
    }

    /// One decision, with its claims if they are kept.
    pub fn get(&self, _grant: &AdminGrant, id: DecisionId) -> Option<(Arc<Decision>, Option<Arc<str>>)> {
        let memory = self.shared.lock();
        let entry = memory.get(id)?;
        Some((Arc::clone(entry.decision()), entry.claims.clone()))
    }

    /// What matches, oldest first.
    pub fn find(&self, _grant: &AdminGrant, query: &Query) -> Page {
        query.run(self.shared.lock().after(query.after))
    }

    /// As [`Decisions::find`]; where nothing matches, it waits up to `patience` for something that does.
    pub async fn wait(&self, grant: &AdminGrant, query: &Query, patience: Duration) -> Page {
        let mut count = self.shared.count.subscribe();
        let wait = async {
            loop {
                count.mark_unchanged();
                let page = self.find(grant, query);
                // The sender lives in `self`.
                if !page.decisions.is_empty() || count.changed().await.is_err() {
                    return page;
                }
            }
        };
        match tokio::time::timeout(patience, wait).await {
            Ok(page) => page,
            Err(_) => self.find(grant, query),
        }
    }

    /// The newest attestations whose claims are kept, newest first, at most `count`: what a policy can be tried on.
    /// Where guests come with tokens of others, these are the releases that show their claims.
    pub fn recorded(&self, _grant: &AdminGrant, count: usize) -> Vec<Recorded> {
        let memory = self.shared.lock();
        let all = || memory.after(None);
        let mut recorded: Vec<Recorded> = all()
            .rev()
            .filter_map(|entry| {
                Some(Recorded {
                    decision: Arc::clone(entry.decision()),
                    claims: entry.claims.clone()?,
                    releases: Vec::new(),
                })
            })
            .take(count)
            .collect();
        let places: HashMap<DecisionId, usize> = recorded
            .iter()
            .enumerate()
            .map(|(place, recorded)| (recorded.decision.id, place))
            .collect();
        let releases = all().map(Entry::decision);
        let releases = releases.filter(|decision| decision.kind == Kind::Release);
        for release in releases {
            let of = release.attestation.unwrap_or(release.id);
            if let Some(owner) = places.get(&of).and_then(|place| recorded.get_mut(*place)) {
                owner.releases.push(Arc::clone(release));
            }
        }
        recorded
    }

    /// Lets go of what has become too old.
    pub(crate) fn trim(&self) {
        self.shared.lock().trim(self.clock.now());
    }

    /// Writes what is not written yet, for a service that stops.
    pub async fn finish(&self) {
        let all = async {
            self.reached().await;
            self.shared.write().await;
        };
        if tokio::time::timeout(LAST_WRITE, all).await.is_err() {
            tracing::warn!("the last decisions could not be stored in time");
        }
    }

    /// Returns when every note so far is in memory.
    pub(crate) async fn reached(&self) {
        let Some(queue) = &self.queue else { return };
        let (reached, wait) = oneshot::channel();
        if queue.send(Message::Reached(reached)).await.is_ok() {
            let _ = wait.await;
        }
    }
}

impl Drop for Decisions {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Memory> {
        // A panic elsewhere leaves at worst one record too few.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes all that is not written yet, a batch at a time. Says whether there was a rush: half of all that is held
    /// was new.
    async fn write(&self) -> bool {
        let Some(store) = self.store.as_deref() else {
            return false;
        };
        let mut order = self.writing.lock().await;
        let most = self.lock().most();
        let mut written = 0;
        // What comes meanwhile has its turn, too, but not for ever.
        while written < most {
            let Some(pending) = self.lock().pending(BATCH) else {
                break;
            };
            match stored::write(store, *order, &pending.entries).await {
                Ok(Some(batch)) => {
                    *order = order.saturating_add(1);
                    written += pending.entries.len();
                    self.lock().stored(&pending, &batch);
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(%error, "decisions cannot be stored: they are in memory only, and tried again");
                    break;
                }
            }
        }
        self.lost.inc_by(self.lock().take_unstored());
        let garbage = self.lock().take_garbage();
        if let Err(error) = stored::forget(store, &garbage).await {
            tracing::warn!(%error, "old decisions cannot be deleted from the storage");
        }
        written * 2 > most
    }
}

/// Takes notes into memory, until nobody can leave one any more.
async fn remember(shared: Arc<Shared>, mut notes: mpsc::Receiver<Message>) {
    let mut messages = Vec::new();
    while notes.recv_many(&mut messages, 256).await > 0 {
        let mut waiting = Vec::new();
        let mut memory = shared.lock();
        for message in messages.drain(..) {
            match message {
                Message::Note(noted) => memory.add(noted),
                Message::Reached(reached) => waiting.push(reached),
            }
        }
        let count = memory.count();
        drop(memory);
        shared.count.send_replace(count);
        for reached in waiting {
            let _ = reached.send(());
        }
    }
}

/// Writes what has been gathered.
async fn write_behind(shared: Arc<Shared>, clock: Arc<dyn Clock>) {
    let mut count = shared.count.subscribe();
    let mut gather = GATHER;
    loop {
        if let Ok(changed) = tokio::time::timeout(IDLE, count.changed()).await {
            if changed.is_err() {
                return;
            }
            tokio::time::sleep(gather).await;
        }
        shared.lock().trim(clock.now());
        gather = if shared.write().await {
            GATHER_IN_A_RUSH
        } else {
            GATHER
        };
    }
}

fn limits(config: &DecisionsConfig) -> Limits {
    let whole = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    Limits {
        count: whole(config.max_count).max(1),
        age: i64::from(config.max_age_hours).saturating_mul(3600),
        claims: whole(config.max_claims_mib).saturating_mul(1 << 20),
    }
}
