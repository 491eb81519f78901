//! The service itself, whoever calls it: over gRPC, or in the same process.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use daemon::clock::Clock;
use storage::{KeyValueStore, StorageConfig, StorageError, StorageType, WriteMode};
use tokio::{
    sync::{Mutex, watch},
    task::AbortHandle,
    time::MissedTickBehavior,
};

use crate::{
    OpenError, QueryError, ReferenceValue, RegisterError, Watcher, error::bounded, message,
    snapshot::Snapshot,
};

/// The storage namespace of reference values. A value is stored under its name.
pub const NAMESPACE: &str = "reference_value";

/// How soon a value that expires is taken from those who watch.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(1);

/// How often storage is read again: another process, or a hand, may have changed it.
const RELOAD_EVERY: u32 = 10;

/// Keeps reference values and tells what changes.
///
/// All values are in memory, so a query costs no storage access. An expired value is as good as absent.
pub struct Rvps {
    store: Arc<dyn KeyValueStore>,
    clock: Arc<dyn Clock>,
    current: watch::Sender<Arc<Snapshot>>,
    /// Held while storage and `current` are brought in step.
    changing: Mutex<()>,
    maintenance: std::sync::OnceLock<AbortHandle>,
}

impl Rvps {
    /// Opens the namespace that `storage` tells of. Needs a Tokio runtime.
    ///
    /// # Errors
    /// The storage cannot be used.
    pub async fn open(storage: &StorageConfig, clock: Arc<dyn Clock>) -> Result<Arc<Self>, OpenError> {
        if storage.storage_type == StorageType::Memory {
            tracing::warn!("reference values are kept in memory and lost when this process ends");
        }
        // Nobody else can change what is in this process's memory.
        let shared = storage.storage_type != StorageType::Memory;
        Ok(Self::over(storage.open(NAMESPACE)?, shared, clock).await?)
    }

    /// The service over a store. If it is `shared`, it is read again every ten seconds.
    pub(crate) async fn over(
        store: Arc<dyn KeyValueStore>,
        shared: bool,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StorageError> {
        let rvps = Arc::new(Self {
            store,
            clock,
            current: watch::Sender::default(),
            changing: Mutex::default(),
            maintenance: std::sync::OnceLock::new(),
        });
        rvps.reload().await?;
        tracing::info!(values = rvps.list().len(), "reference values are loaded");
        let task = tokio::spawn(maintain(Arc::downgrade(&rvps), shared));
        // Just made, so it is not set.
        let _ = rvps.maintenance.set(task.abort_handle());
        Ok(rvps)
    }

    /// Takes a register message, `{"version", "type", "payload"}`, and gives back the names of the values in it.
    /// Values of the same names are replaced. The message is checked whole before anything is stored.
    ///
    /// # Errors
    /// The message is refused and nothing changed, or storage failed in the middle.
    pub async fn register(self: &Arc<Self>, message: &str) -> Result<Vec<String>, RegisterError> {
        let now = self.clock.now();
        let mut values = Vec::new();
        for (name, value) in message::parse(message)? {
            self.store
                .check_key(&name)
                .map_err(|error| refused(&name, error.to_string()))?;
            let value = ReferenceValue::registered(name, value, now);
            let stored = value.to_stored().map_err(|reason| refused(value.id(), reason))?;
            values.push((Arc::new(value), stored));
        }
        let names: Vec<String> = values.iter().map(|(value, _)| value.id().to_owned()).collect();
        let this = Arc::clone(self);
        // A task of its own: a caller who goes away must not leave memory and storage out of step.
        tokio::spawn(async move { this.store_all(values).await })
            .await
            .unwrap_or(Err(RegisterError::Interrupted))?;
        tracing::info!(count = names.len(), "reference values are registered");
        tracing::debug!(?names, "reference values are registered");
        Ok(names)
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

    async fn store_all(&self, values: Vec<(Arc<ReferenceValue>, Vec<u8>)>) -> Result<(), RegisterError> {
        let _turn = self.changing.lock().await;
        let total = values.len();
        let mut written = Vec::new();
        let mut failure = None;
        for (value, stored) in values {
            match self.store.set(value.id(), &stored, WriteMode::Replace).await {
                Ok(_) => written.push(value),
                Err(source) => {
                    failure = Some(RegisterError::Storage {
                        written: written.len(),
                        total,
                        source,
                    });
                    break;
                }
            }
        }
        if !written.is_empty() {
            let next = self.current.borrow().with(written);
            self.current.send_replace(Arc::new(next));
        }
        failure.map_or(Ok(()), Err)
    }

    /// Reads storage again and publishes what is different.
    pub(crate) async fn reload(&self) -> Result<(), StorageError> {
        let _turn = self.changing.lock().await;
        let stored = self.store.entries().await?;
        let before = Arc::clone(&self.current.borrow());
        let read = Snapshot::read(stored, &before);
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
        let _turn = self.changing.lock().await;
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
    for tick in (0..RELOAD_EVERY).cycle() {
        interval.tick().await;
        let Some(rvps) = rvps.upgrade() else { return };
        rvps.expire().await;
        if shared && tick + 1 == RELOAD_EVERY {
            let reloaded = rvps.reload().await;
            if let (Err(error), true) = (&reloaded, readable) {
                tracing::error!(%error, "storage cannot be read; the values known so far stay in force");
            }
            readable = reloaded.is_ok();
        }
    }
}

fn refused(name: &str, reason: String) -> RegisterError {
    RegisterError::Name {
        name: bounded(name),
        reason,
    }
}
