//! The back end that keeps nothing.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use async_trait::async_trait;

use crate::{KeyValueStore, Result, WriteMode, WriteOutcome, key};

/// A map in the process, lost when it ends. Takes any key.
#[derive(Default)]
pub struct Memory {
    entries: RwLock<BTreeMap<String, Vec<u8>>>,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    // A map is whole after every operation on it, so a panic elsewhere does not spoil it.
    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl KeyValueStore for Memory {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.read().get(key).cloned())
    }

    async fn set(&self, key: &str, value: &[u8], mode: WriteMode) -> Result<WriteOutcome> {
        self.check_key(key)?;
        let mut entries = self.write();
        if mode == WriteMode::CreateOnly && entries.contains_key(key) {
            return Ok(WriteOutcome::AlreadyExists);
        }
        entries.insert(key.to_owned(), value.to_vec());
        Ok(WriteOutcome::Written)
    }

    async fn delete(&self, key: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.write().remove(key))
    }

    async fn list(&self) -> Result<Vec<String>> {
        Ok(self.read().keys().cloned().collect())
    }

    fn check_key(&self, key: &str) -> Result<()> {
        key::check_any_key(key)
    }
}
