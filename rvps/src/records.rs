//! All records, in memory as they are stored: small, and read when they are asked for.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use serde_json::Value;
use storage::{KeyValueStore, PartialWrite, StorageError};

use crate::{Record, message::VERSION};

/// The storage namespace of records. A record is stored under the name of its value.
pub const RECORD_NAMESPACE: &str = "reference_value_record";

/// The records of a store.
pub(crate) struct Records {
    store: Arc<dyn KeyValueStore>,
    stored: HashMap<Box<str>, Box<[u8]>>,
    /// Those that revoke something, read; and those that cannot be read.
    strict: HashMap<Box<str>, Strict>,
}

enum Strict {
    Revokes(Record),
    Damaged(String),
}

/// A record cannot be read: nothing is known about what may be served or registered under its name.
#[derive(Debug, Clone, thiserror::Error)]
#[error("its record is damaged: {0}")]
pub(crate) struct Damaged(String);

impl Records {
    pub(crate) fn new(store: Arc<dyn KeyValueStore>) -> Self {
        Self {
            store,
            stored: HashMap::new(),
            strict: HashMap::new(),
        }
    }

    /// Reads storage again. Only what is different is parsed.
    pub(crate) async fn reload(&mut self) -> Result<(), StorageError> {
        let entries = self.store.entries().await?;
        let mut gone: HashSet<Box<str>> = self.stored.keys().cloned().collect();
        for (name, bytes) in entries {
            gone.remove(name.as_str());
            match bytes {
                Ok(bytes)
                    if self
                        .stored
                        .get(name.as_str())
                        .is_some_and(|known| **known == *bytes) => {}
                Ok(bytes) => self.know(&name, bytes),
                Err(error) => {
                    self.stored.remove(name.as_str());
                    self.strict
                        .insert(name.into(), Strict::Damaged(error.to_string()));
                }
            }
        }
        for name in gone {
            self.stored.remove(&name);
            self.strict.remove(&name);
        }
        Ok(())
    }

    /// The record of a name; an empty one if there is none.
    pub(crate) fn get(&self, name: &str) -> Result<Record, Damaged> {
        match self.strict.get(name) {
            Some(Strict::Revokes(record)) => Ok(record.clone()),
            Some(Strict::Damaged(reason)) => Err(Damaged(reason.clone())),
            None => match self.stored.get(name) {
                Some(bytes) => parse(name, bytes).map_err(Damaged),
                None => Ok(Record::new(name)),
            },
        }
    }

    /// Whether a value must not be served under a name.
    pub(crate) fn forbids(&self, name: &str, value: &Value) -> Result<bool, Damaged> {
        match self.strict.get(name) {
            None => Ok(false),
            Some(Strict::Revokes(record)) => Ok(record.forbids(value)),
            Some(Strict::Damaged(reason)) => Err(Damaged(reason.clone())),
        }
    }

    /// Stores records.
    pub(crate) async fn store(&mut self, records: &[Record]) -> Result<(), PartialWrite> {
        let mut entries = Vec::with_capacity(records.len());
        for (written, record) in records.iter().enumerate() {
            let bytes = serde_json::to_vec(record).map_err(|error| PartialWrite {
                written,
                source: StorageError::Damaged {
                    path: record.name.clone().into(),
                    reason: error.to_string(),
                },
            })?;
            entries.push((record.name.clone(), bytes));
        }
        let outcome = self.store.set_all(&entries).await;
        let written = outcome
            .as_ref()
            .err()
            .map_or(entries.len(), |partial| partial.written);
        for ((name, bytes), record) in entries.into_iter().zip(records).take(written) {
            let name: Box<str> = name.into();
            if record.revoked.is_empty() {
                self.strict.remove(&name);
            } else {
                self.strict.insert(name.clone(), Strict::Revokes(record.clone()));
            }
            self.stored.insert(name, bytes.into());
        }
        outcome
    }

    /// Forgets a name.
    pub(crate) async fn forget(&mut self, name: &str) -> Result<(), StorageError> {
        self.store.delete(name).await?;
        self.stored.remove(name);
        self.strict.remove(name);
        Ok(())
    }

    fn know(&mut self, name: &str, bytes: Vec<u8>) {
        match parse(name, &bytes) {
            Ok(record) if record.revoked.is_empty() => drop(self.strict.remove(name)),
            Ok(record) => drop(self.strict.insert(name.into(), Strict::Revokes(record))),
            Err(reason) => {
                tracing::error!(
                    name,
                    reason,
                    "the record of a reference value is damaged: it is not served"
                );
                self.strict.insert(name.into(), Strict::Damaged(reason));
            }
        }
        self.stored.insert(name.into(), bytes.into());
    }
}

fn parse(name: &str, bytes: &[u8]) -> Result<Record, String> {
    let record: Record = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if record.version != VERSION {
        return Err(format!("version {VERSION} is needed, not {:?}", record.version));
    }
    if record.name != name {
        return Err(format!("it is the record of another name, {:?}", record.name));
    }
    Ok(record)
}
