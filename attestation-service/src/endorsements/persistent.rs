//! The cache on the storage: what proved to hold, and what was imported, outlives the process and is shared by those
//! who share the storage.

use std::sync::Arc;
use std::time::Duration;

use storage::{KeyValueStore, StorageConfig, StorageError, StorageType, WriteMode};
use verifier::EndorsementId;

use super::names;
use super::packed::Packed;
use super::record::Record;
use crate::turns::Turns;

/// Where it is kept, under the names of the endorsements.
pub(crate) const NAMESPACE: &str = "endorsements";

/// The endorsements on the storage, if there is one that lasts. A storage that does not work is logged, and otherwise
/// as good as none.
pub(crate) struct Persistent {
    store: Option<Arc<dyn KeyValueStore>>,
    /// Whoever sends evidence decides what is looked for: not all at once.
    reads: Turns,
}

/// How many entries may be read at a time.
const CONCURRENT_READS: usize = 16;

/// How many more may wait to be, each for [`PATIENCE`].
const WAITING_READS: usize = 256;

const PATIENCE: Duration = Duration::from_secs(2);

impl Persistent {
    /// On the storage that `config` selects. One that is lost with the process is none.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(crate) fn open(config: &StorageConfig) -> Result<Self, StorageError> {
        if config.storage_type == StorageType::Memory {
            return Ok(Self::none());
        }
        Ok(Self::over(Some(config.open(NAMESPACE)?)))
    }

    /// Nowhere.
    pub(crate) fn none() -> Self {
        Self::over(None)
    }

    fn over(store: Option<Arc<dyn KeyValueStore>>) -> Self {
        let reads = Turns::new(CONCURRENT_READS, WAITING_READS, PATIENCE);
        Self { store, reads }
    }

    /// Whether it is anywhere.
    pub(crate) fn is_there(&self) -> bool {
        self.store.is_some()
    }

    /// The stored record of `id`; none if too many look for theirs.
    pub(crate) async fn get(&self, id: &EndorsementId) -> Option<Record> {
        let (store, name) = self.place(id)?;
        let _turn = self.reads.take().await?;
        let value = match store.get(&name).await {
            Ok(value) => value?,
            Err(error) => {
                tracing::warn!(%error, endorsement = name, "cannot read a stored endorsement");
                return None;
            }
        };
        read(&name, &value).map(|(_, record)| record)
    }

    /// Stores a record in the place of the one before.
    ///
    /// # Errors
    /// The storage does not work.
    pub(crate) async fn put(&self, id: &EndorsementId, record: &Record) -> Result<(), StorageError> {
        if let Some((store, name)) = self.place(id)
            && let Some(packed) = Packed::pack(id, record)
        {
            store.set(&name, &packed.to_json(), WriteMode::Replace).await?;
        }
        Ok(())
    }

    /// Removes the record of `id`.
    ///
    /// # Errors
    /// The storage does not work.
    pub(crate) async fn delete(&self, id: &EndorsementId) -> Result<(), StorageError> {
        if let Some((store, name)) = self.place(id) {
            store.delete(&name).await?;
        }
        Ok(())
    }

    /// Everything that is stored and can be used; what cannot is logged.
    ///
    /// # Errors
    /// The storage does not work.
    pub(crate) async fn all(&self) -> Result<Vec<(EndorsementId, Record)>, StorageError> {
        let Some(store) = &self.store else {
            return Ok(Vec::new());
        };
        let entries = store.entries().await?.into_iter();
        let records = entries.filter_map(|(name, value)| match value {
            Ok(value) => read(&name, &value),
            Err(error) => {
                tracing::warn!(%error, endorsement = name, "cannot read a stored endorsement");
                None
            }
        });
        Ok(records.collect())
    }

    fn place(&self, id: &EndorsementId) -> Option<(&Arc<dyn KeyValueStore>, String)> {
        Some((self.store.as_ref()?, names::name(id)?))
    }
}

fn read(name: &str, value: &[u8]) -> Option<(EndorsementId, Record)> {
    match Packed::from_json(name, value) {
        Ok(found) => Some(found),
        Err(error) => {
            tracing::warn!(%error, endorsement = name, "a stored endorsement is damaged and not used");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use storage::Memory;

    use super::*;
    use crate::endorsements::record::tests::{ISSUED, TCB_INFO, record};

    #[tokio::test]
    async fn what_is_stored_comes_back_and_what_is_damaged_is_passed_over() {
        let store = Arc::new(Memory::new());
        let persistent = Persistent::over(Some(store.clone()));
        let kept = record(1, ISSUED);
        persistent.put(&TCB_INFO, &kept).await.unwrap();
        assert_eq!(persistent.get(&TCB_INFO).await, Some(kept.clone()));
        for (name, value) in [("nonsense", "{}"), ("dcap-root-crl", "{"), ("nras-keys", "\u{0}")] {
            store
                .set(name, value.as_bytes(), WriteMode::Replace)
                .await
                .unwrap();
        }
        assert_eq!(persistent.all().await.unwrap(), [(TCB_INFO, kept)]);
        assert_eq!(persistent.get(&EndorsementId::DcapRootCrl).await, None);
        persistent.delete(&TCB_INFO).await.unwrap();
        assert_eq!(persistent.get(&TCB_INFO).await, None);
    }

    #[tokio::test]
    async fn a_storage_that_is_lost_with_the_process_is_none() {
        let persistent = Persistent::open(&StorageConfig::default()).unwrap();
        assert!(!persistent.is_there());
        persistent.put(&TCB_INFO, &record(1, ISSUED)).await.unwrap();
        assert_eq!(persistent.get(&TCB_INFO).await, None);
        assert!(persistent.all().await.unwrap().is_empty());
    }
}
