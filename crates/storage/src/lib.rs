//! Key-value storage: one trait, several back ends.
//!
//! A service opens one store per *namespace* with [`StorageConfig::open`] and uses it through
//! [`KeyValueStore`]. What every back end promises:
//!
//! - a write is there in full or not at all, also after a crash or on a full disk;
//! - a reader sees the value before or after a write, never a mixture;
//! - no concurrent write is lost, also between processes that share a directory;
//! - nothing blocks the asynchronous runtime.
//!
//! [`Versions`] keeps a history beside texts such as policies.
//!
//! Physical layouts are those of the existing ecosystem, so that its files are read and ours are
//! read by it; see `docs/storage.md`.

mod atomic;
mod blocking;
mod config;
mod directory;
mod error;
mod key;
mod local_fs;
mod local_json;
mod lock;
mod memory;
mod retired;
mod versions;

#[cfg(test)]
mod tests;

use async_trait::async_trait;

pub use atomic::{atomic_write, is_temporary};
pub use config::{
    Backends, LocalFsConfig, LocalJsonConfig, PostgresConfig, Redacted, RedisConfig, StorageConfig,
    StorageType,
};
pub use error::{KeyFault, StorageError};
pub use key::MAX_KEY_BYTES;
pub use local_fs::LocalFs;
pub use local_json::LocalJson;
pub use memory::Memory;
pub use retired::drop_retired;
pub use versions::{Author, Draft, Event, KEPT_TEXTS, KEPT_VERSIONS, Version, Versions, VersionsError};

/// What a storage operation gives back.
pub type Result<T> = std::result::Result<T, StorageError>;

/// A map from names to bytes, of one namespace.
#[async_trait]
pub trait KeyValueStore: Send + Sync {
    /// The value of `key`, or `None` where there is none. A key that this back end could never hold
    /// has no value; asking for it is not an error.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>>;

    /// Stores `value` under `key`. When this returns `Written`, the value survives a crash (except in
    /// [`Memory`]).
    ///
    /// # Errors
    /// [`StorageError::InvalidKey`] where [`KeyValueStore::check_key`] refuses the key.
    async fn set(&self, key: &str, value: &[u8], mode: WriteMode) -> Result<WriteOutcome>;

    /// Stores several values, each in the place of the one before, as [`KeyValueStore::set`] does one by one. A
    /// failure in the middle leaves those before it stored.
    ///
    /// # Errors
    /// The first failure, and how many values are stored.
    async fn set_all(&self, entries: &[(String, Vec<u8>)]) -> std::result::Result<(), PartialWrite> {
        for (written, (key, value)) in entries.iter().enumerate() {
            self.set(key, value, WriteMode::Replace)
                .await
                .map_err(|source| PartialWrite { written, source })?;
        }
        Ok(())
    }

    /// Removes `key` and gives back the value it had.
    async fn delete(&self, key: &str) -> Result<Option<Vec<u8>>>;

    /// All keys, sorted.
    async fn list(&self) -> Result<Vec<String>>;

    /// Every key with its value, sorted by key. A value that cannot be read does not hide the others.
    async fn entries(&self) -> Result<Vec<(String, Result<Vec<u8>>)>> {
        let mut entries = Vec::new();
        for key in self.list().await? {
            // A key that is deleted meanwhile is not there.
            if let Some(value) = self.get(&key).await.transpose() {
                entries.push((key, value));
            }
        }
        Ok(entries)
    }

    /// Says whether this back end could store `key`, without storing anything.
    ///
    /// # Errors
    /// [`StorageError::InvalidKey`] with the reason.
    fn check_key(&self, key: &str) -> Result<()>;
}

/// Not everything is stored.
#[derive(Debug, thiserror::Error)]
#[error("{written} values were stored, then: {source}")]
pub struct PartialWrite {
    /// How many values, from the first on, are stored.
    pub written: usize,
    /// What went wrong then.
    pub source: StorageError,
}

/// What [`KeyValueStore::set`] does with a key that has a value already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// Keep the existing value and say so.
    CreateOnly,
    /// Put the new value in its place.
    Replace,
}

/// What [`KeyValueStore::set`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The value is stored.
    Written,
    /// There was a value and [`WriteMode::CreateOnly`] was asked for: nothing changed.
    AlreadyExists,
}
