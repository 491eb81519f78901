//! The service itself, whoever calls it: over gRPC, or in the same process.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use daemon::clock::Clock;
use serde_json::Value;
use storage::{KeyValueStore, PartialWrite, StorageConfig, StorageError, StorageType};
use tokio::{
    sync::{Mutex, Semaphore, watch},
    task::AbortHandle,
    time::{Instant, MissedTickBehavior},
};

use crate::{
    Caller, MAX_VALUE_BYTES, MessageInfo, OpenError, QueryError, RECORD_NAMESPACE, Record, ReferenceValue,
    RegisterError, Rules, Watcher,
    error::bounded,
    message::{self, Stated},
    record::{Offer, Verdict},
    records::Records,
    reference_value::twelve_months_after,
    snapshot::Snapshot,
};

/// The storage namespace of reference values. A value is stored under its name.
pub const NAMESPACE: &str = "reference_value";

/// How soon a value that expires is taken from those who watch.
const EXPIRY_INTERVAL: Duration = Duration::from_millis(500);

/// How often storage is read again: another process, or a hand, may have changed it.
const RELOAD_INTERVAL: Duration = Duration::from_secs(10);

/// How many messages are read at the same time.
const MAX_READERS: usize = 4;

/// Reading takes at most one part of this many of the time.
const RELOAD_SHARE: u32 = 20;

/// Keeps reference values and tells what changes.
///
/// All values are in memory, so a query costs no storage access. An expired value is as good as absent.
pub struct Rvps {
    pub(crate) store: Arc<dyn KeyValueStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) current: watch::Sender<Arc<Snapshot>>,
    /// Held while storage and `current` are brought in step.
    pub(crate) records: Mutex<Records>,
    /// Room for messages that are read at the same time: strangers may make each cost many signature checks.
    readers: Arc<Semaphore>,
    maintenance: std::sync::OnceLock<AbortHandle>,
}

/// What a message has changed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Registered {
    /// The names of the values in the message, sorted.
    pub names: Vec<String>,
    /// How many of them were in force from the same message already.
    pub unchanged: usize,
    /// Values that were served and are replaced by others, in the order of the names.
    pub replaced: Vec<Replaced>,
}

/// A value in the place of another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Replaced {
    /// What was served.
    pub from: Arc<ReferenceValue>,
    /// What is served now.
    pub to: Arc<ReferenceValue>,
}

/// What came of an offer.
struct Taken {
    unchanged: usize,
    replaced: Vec<Replaced>,
}

impl Rvps {
    /// Opens the namespaces that `storage` tells of. Needs a Tokio runtime.
    ///
    /// # Errors
    /// The storage cannot be used.
    pub async fn open(
        storage: &StorageConfig,
        rules: Rules,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, OpenError> {
        if storage.storage_type == StorageType::Memory {
            tracing::warn!("reference values are kept in memory and lost when this process ends");
        }
        // Nobody else can change what is in this process's memory.
        let shared = storage.storage_type != StorageType::Memory;
        let (values, records) = (storage.open(NAMESPACE)?, storage.open(RECORD_NAMESPACE)?);
        Ok(Self::over(values, records, shared, rules, clock).await?)
    }

    /// The service over two stores. If they are `shared`, they are read again every ten seconds.
    pub(crate) async fn over(
        store: Arc<dyn KeyValueStore>,
        records: Arc<dyn KeyValueStore>,
        shared: bool,
        rules: Rules,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StorageError> {
        let rvps = Arc::new(Self {
            store,
            clock,
            rules: Arc::new(rules),
            current: watch::Sender::default(),
            records: Mutex::new(Records::new(records)),
            readers: Arc::new(Semaphore::new(MAX_READERS)),
            maintenance: std::sync::OnceLock::new(),
        });
        rvps.reload().await?;
        tracing::info!(values = rvps.list().len(), "reference values are loaded");
        let task = tokio::spawn(maintain(Arc::downgrade(&rvps), shared));
        // Just made, so it is not set.
        let _ = rvps.maintenance.set(task.abort_handle());
        Ok(rvps)
    }

    /// Whether `caller` may register at all.
    pub(crate) fn may_register(caller: &Caller) -> Result<(), RegisterError> {
        match caller.rights.register {
            true => Ok(()),
            false => Err(forbidden(caller, "reference values".to_owned())),
        }
    }

    /// Takes a register message, `{"version", "type", "payload", "signed"}`, from `caller`. Values of the same names
    /// are replaced. The message is checked whole before anything is stored.
    ///
    /// # Errors
    /// The message is refused and nothing changed, or storage failed in the middle.
    pub async fn register(
        self: &Arc<Self>,
        message: &str,
        caller: &Caller,
    ) -> Result<Registered, RegisterError> {
        let Caller { who, rights } = caller;
        Self::may_register(caller)?;
        let offered = self.read(message.to_owned(), caller.clone()).await?;
        for stated in &offered.values {
            if !rights.covers(&stated.name) {
                return Err(forbidden(caller, format!("{:?}", bounded(&stated.name))));
            }
            self.store
                .check_key(&stated.name)
                .map_err(|error| refused(&stated.name, error.to_string()))?;
        }
        let names: Vec<String> = offered.values.iter().map(|stated| stated.name.clone()).collect();
        let this = Arc::clone(self);
        let caller = caller.clone();
        // A task of its own: a caller who goes away must not leave memory and storage out of step.
        let Taken { unchanged, replaced } = tokio::spawn(async move { this.take(offered, &caller).await })
            .await
            .unwrap_or(Err(RegisterError::Interrupted))?;
        tracing::info!(by = %who, count = names.len(), unchanged, "reference values are registered");
        tracing::debug!(?names, "reference values are registered");
        Ok(Registered {
            names,
            unchanged,
            replaced,
        })
    }

    /// Reads a message where it may take its time, and checks what it needs no stored value for.
    async fn read(&self, message: String, caller: Caller) -> Result<Offered, RegisterError> {
        // Given back when the reading is over, not when the caller goes away.
        let room = Arc::clone(&self.readers).acquire_owned().await;
        let rules = Arc::clone(&self.rules);
        let now = self.clock.now();
        let read = move || {
            let _room = room;
            let statement = message::open(&message, &rules, now)?;
            let kind = statement.extractor.kind();
            if statement.signed.is_none() && !rules.allows_unsigned(statement.extractor, &caller) {
                return Err(RegisterError::Unsigned(kind));
            }
            Ok(Offered {
                info: MessageInfo {
                    kind: kind.to_owned(),
                    digest: hex::encode(statement.digest),
                    issued_at: statement.issued_at,
                    signer: statement.signed.map(|(signer, _)| signer),
                },
                may_unsign: caller.rights.unsigned.contains(kind),
                values: statement.values,
                now,
            })
        };
        tokio::task::spawn_blocking(read)
            .await
            .unwrap_or(Err(RegisterError::Interrupted))
    }

    /// Checks an offer against what is remembered, all of it, and stores it.
    async fn take(&self, offered: Offered, caller: &Caller) -> Result<Taken, RegisterError> {
        let mut records = self.records.lock().await;
        let usual_end = twelve_months_after(offered.now);
        let (mut changed, mut values, mut unchanged) = (Vec::new(), Vec::new(), 0);
        let mut replaced = Vec::new();
        for Stated {
            name,
            value,
            expires_at,
        } in offered.values
        {
            let mut record = records
                .get(&name)
                .map_err(|_| RegisterError::Damaged { name: bounded(&name) })?;
            let offer = Offer {
                value: &value,
                expires_at: expires_at.unwrap_or(usual_end),
                message: &offered.info,
                by: &caller.who,
                may_unsign: offered.may_unsign,
                now: offered.now,
            };
            let verdict = record.admit(&offer, self.rules.history);
            let verdict = verdict.map_err(|reason| RegisterError::Refused {
                name: bounded(&name),
                reason,
            })?;
            if verdict == Verdict::Known && self.serves(&name, &value, offered.now) {
                unchanged += 1;
                continue;
            }
            // A message that is known but not served was interrupted when it came first.
            let end = record
                .latest()
                .and_then(|latest| latest.expires_at)
                .unwrap_or(usual_end);
            let value = ReferenceValue::new(name, value, end);
            if value.json().len() > MAX_VALUE_BYTES {
                return Err(RegisterError::TooLarge(bounded(value.id())));
            }
            let stored = value.to_stored().map_err(|reason| refused(value.id(), reason))?;
            let to = Arc::new(value);
            if let Some(from) = self.serving(to.id(), offered.now)
                && from.value() != to.value()
            {
                let to = Arc::clone(&to);
                replaced.push(Replaced { from, to });
            }
            values.push((to, stored));
            changed.push(record);
        }
        self.store_all(&mut records, &changed, values).await?;
        Ok(Taken { unchanged, replaced })
    }

    fn serves(&self, name: &str, value: &Value, now: i64) -> bool {
        self.serving(name, now)
            .is_some_and(|served| served.value() == value)
    }

    fn serving(&self, name: &str, now: i64) -> Option<Arc<ReferenceValue>> {
        self.current.borrow().get(name, now).ok().flatten()
    }

    /// Stores records first: a value whose message is not remembered could be rolled back.
    async fn store_all(
        &self,
        records: &mut Records,
        changed: &[Record],
        values: Vec<(Arc<ReferenceValue>, Vec<u8>)>,
    ) -> Result<(), RegisterError> {
        let total = values.len();
        let failed = |partial: PartialWrite, written| RegisterError::Storage {
            written,
            total,
            source: partial.source,
        };
        records
            .store(changed)
            .await
            .map_err(|partial| failed(partial, 0))?;
        let (mut values, entries): (Vec<_>, Vec<_>) = values
            .into_iter()
            .map(|(value, stored)| {
                let entry = (value.id().to_owned(), stored);
                (value, entry)
            })
            .unzip();
        let outcome = self.store.set_all(&entries).await;
        if let Err(partial) = &outcome {
            values.truncate(partial.written);
        }
        let written = values.len();
        if !values.is_empty() {
            let next = self.current.borrow().with(values);
            self.current.send_replace(Arc::new(next));
        }
        outcome.map_err(|partial| failed(partial, written))
    }

    /// The value of this name, if there is one that has not expired.
    ///
    /// # Errors
    /// What is stored under this name is damaged.
    pub fn query(&self, id: &str) -> Result<Option<Arc<ReferenceValue>>, QueryError> {
        self.current.borrow().get(id, self.clock.now())
    }

    /// All values that have not expired, sorted by name.
    pub fn list(&self) -> Vec<Arc<ReferenceValue>> {
        self.current.borrow().live(self.clock.now()).cloned().collect()
    }

    /// Tells all values and then what changes.
    pub fn watch(&self) -> Watcher {
        Watcher::new(self.current.subscribe(), Arc::clone(&self.clock))
    }

    /// Reads storage again and publishes what is different.
    pub(crate) async fn reload(&self) -> Result<(), StorageError> {
        let mut records = self.records.lock().await;
        records.reload().await?;
        let stored = self.store.entries().await?;
        let before = Arc::clone(&self.current.borrow());
        let read = Snapshot::read(stored, &records, &before);
        let next = read.without_expired(self.clock.now()).unwrap_or(read);
        if !next.is_same(&before) {
            tracing::debug!(
                before = before.len(),
                after = next.len(),
                "reference values in storage changed"
            );
            self.current.send_replace(Arc::new(next));
        }
        Ok(())
    }

    /// Publishes that values have expired, if any have.
    pub(crate) async fn expire(&self) {
        let _turn = self.records.lock().await;
        let next = self.current.borrow().without_expired(self.clock.now());
        if let Some(next) = next {
            tracing::info!(left = next.len(), "reference values have expired");
            self.current.send_replace(Arc::new(next));
        }
    }
}

impl Drop for Rvps {
    fn drop(&mut self) {
        if let Some(task) = self.maintenance.get() {
            task.abort();
        }
    }
}

/// Keeps the values current for as long as there is a service.
async fn maintain(rvps: Weak<Rvps>, shared: bool) {
    let mut interval = tokio::time::interval(EXPIRY_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut readable = true;
    let mut next_reload = Instant::now() + RELOAD_INTERVAL;
    loop {
        interval.tick().await;
        let Some(rvps) = rvps.upgrade() else { return };
        rvps.expire().await;
        let started = Instant::now();
        if shared && started >= next_reload {
            let reloaded = rvps.reload().await;
            if let (Err(error), true) = (&reloaded, readable) {
                tracing::error!(%error, "storage cannot be read; the values known so far stay in force");
            }
            readable = reloaded.is_ok();
            next_reload = Instant::now() + RELOAD_INTERVAL.max(started.elapsed() * RELOAD_SHARE);
        }
    }
}

/// A message that is read and may be registered by its caller, as far as that can be said without what is stored.
struct Offered {
    info: MessageInfo,
    may_unsign: bool,
    values: Vec<Stated>,
    now: i64,
}

fn forbidden(caller: &Caller, what: String) -> RegisterError {
    RegisterError::Forbidden {
        caller: caller.who.to_string(),
        what,
    }
}

fn refused(name: &str, reason: String) -> RegisterError {
    RegisterError::Name {
        name: bounded(name),
        reason,
    }
}
