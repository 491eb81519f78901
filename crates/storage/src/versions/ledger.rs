//! Where versions are written down, and how what is known is put together from that.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::record::{Author, Event, Record, Version, digest};
use super::{KEPT_TEXTS, KEPT_VERSIONS};
use crate::{KeyValueStore, Result, StorageError, WriteMode, WriteOutcome};

const CURRENT: &str = ".rego";
const HISTORY: &str = ".history.json";
const VERSION: &str = ".version.";

/// How many versions may be there that the history does not tell of: each is a change that broke off, or one of
/// another process that is not done yet.
const MAX_UNTOLD: u64 = 1000;

/// The keys of one namespace.
pub(super) struct Ledger {
    store: Arc<dyn KeyValueStore>,
}

/// What is known of one id.
pub(super) struct Known {
    /// The oldest first; with `found`, if there is one.
    pub(super) versions: Vec<Version>,
    /// The newest version, where it has not been written down yet.
    pub(super) found: Option<Record>,
    /// Whether the history that is written down lacks something.
    pub(super) has_untold: bool,
}

impl Known {
    pub(super) fn next_number(&self) -> u64 {
        self.versions
            .last()
            .map_or(1, |last| last.number.saturating_add(1))
    }
}

impl Ledger {
    pub(super) fn new(store: Arc<dyn KeyValueStore>) -> Self {
        Self { store }
    }

    /// Whether every key of this id can be stored.
    pub(super) fn check(&self, id: &str) -> Result<()> {
        let keys = [current_key(id), history_key(id), version_key(id, u64::MAX)];
        self.store.check_key(id)?;
        keys.iter().try_for_each(|key| self.store.check_key(key))
    }

    pub(super) async fn current(&self, id: &str) -> Result<Option<Vec<u8>>> {
        self.store.get(&current_key(id)).await
    }

    /// Puts a text in force, or none.
    pub(super) async fn write_current(&self, id: &str, text: Option<&str>) -> Result<()> {
        let key = current_key(id);
        match text {
            Some(text) => {
                let set = self.store.set(&key, text.as_bytes(), WriteMode::Replace);
                set.await.map(drop)
            }
            None => self.store.delete(&key).await.map(drop),
        }
    }

    pub(super) async fn ids(&self) -> Result<Vec<String>> {
        let keys = self.store.list().await?.into_iter();
        let mut ids: Vec<String> = keys
            .filter_map(|key| key.strip_suffix(CURRENT).map(str::to_owned))
            .filter(|id| !id.is_empty())
            .collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// The ids with a text in force, each with the greatest number of its versions.
    pub(super) async fn newest(&self) -> Result<BTreeMap<String, Option<u64>>> {
        let keys = self.store.list().await?;
        let ids = keys.iter().filter_map(|key| key.strip_suffix(CURRENT));
        let mut newest: BTreeMap<String, Option<u64>> = ids
            .filter(|id| !id.is_empty())
            .map(|id| (id.to_owned(), None))
            .collect();
        for key in &keys {
            if let Some((id, number)) = key.rsplit_once(VERSION)
                && let Ok(number) = number.parse()
                && let Some(known) = newest.get_mut(id)
            {
                *known = (*known).max(Some(number));
            }
        }
        Ok(newest)
    }

    /// The history, the versions that it does not tell of yet, and what the storage holds besides.
    pub(super) async fn known(&self, id: &str, now: i64) -> Result<Known> {
        let mut known = Known {
            versions: self.history(id).await?,
            found: None,
            has_untold: false,
        };
        for _ in 0..MAX_UNTOLD {
            let number = known.next_number();
            let Some(record) = self.record(id, number).await? else {
                break;
            };
            known.versions.push(record.version);
            known.has_untold = true;
        }
        let current = self.current(id).await?;
        let last = known.versions.last();
        let told = last.and_then(|last| last.digest.clone());
        let there = current.as_deref().map(digest);
        if told != there {
            let version = Version {
                number: known.next_number(),
                digest: there,
                at: now,
                by: Author::storage(),
                event: Event::Found,
                labels: last.map(|last| last.labels.clone()).unwrap_or_default(),
            };
            let text = current.and_then(|bytes| String::from_utf8(bytes).ok());
            known.versions.push(version.clone());
            known.found = Some(Record { version, text });
        }
        Ok(known)
    }

    /// One version with its text, if it is kept and whole.
    pub(super) async fn record(&self, id: &str, number: u64) -> Result<Option<Record>> {
        let Some(json) = self.store.get(&version_key(id, number)).await? else {
            return Ok(None);
        };
        let record: Option<Record> = serde_json::from_slice(&json).ok();
        let record = record.filter(|record| record.version.number == number && record.holds());
        if record.is_none() {
            tracing::warn!(
                id,
                number,
                "the record of a version is damaged: it is passed over"
            );
        }
        Ok(record)
    }

    /// Writes a version down, unless there is one of this number: it says so then.
    pub(super) async fn write_record(&self, id: &str, record: &Record) -> Result<bool> {
        let key = version_key(id, record.version.number);
        let json = json(&key, record)?;
        let damaged = match self.store.set(&key, &json, WriteMode::CreateOnly).await? {
            WriteOutcome::Written => return Ok(true),
            WriteOutcome::AlreadyExists => self.record(id, record.version.number).await?.is_none(),
        };
        if damaged {
            self.store.set(&key, &json, WriteMode::Replace).await?;
        }
        Ok(damaged)
    }

    /// Takes back a version that did not come to be. That it stays does no harm.
    pub(super) async fn drop_record(&self, id: &str, number: u64) {
        if let Err(error) = self.store.delete(&version_key(id, number)).await {
            tracing::debug!(id, number, %error, "a version that did not come to be stays");
        }
    }

    /// Writes the history down. That it cannot be is no reason to refuse a change that is made: the versions tell
    /// the same.
    pub(super) async fn write_history(&self, id: &str, versions: &[Version]) {
        let newest = versions.get(versions.len().saturating_sub(KEPT_VERSIONS)..);
        let key = history_key(id);
        let written = match json(&key, &newest.unwrap_or(versions)) {
            Ok(json) => self.store.set(&key, &json, WriteMode::Replace).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            tracing::warn!(id, %error, "the history is not written down: it will be with the next change");
        }
    }

    /// Removes the text that is one too many. That one stays is no reason to refuse a change that is made.
    pub(super) async fn forget_old(&self, id: &str, newest: u64) {
        let Some(old) = newest.checked_sub(KEPT_TEXTS).filter(|old| *old > 0) else {
            return;
        };
        self.drop_record(id, old).await;
    }

    /// The history as it is written down, the oldest first. One that is damaged is put together anew from the
    /// versions that are kept.
    async fn history(&self, id: &str) -> Result<Vec<Version>> {
        let Some(json) = self.store.get(&history_key(id)).await? else {
            return Ok(Vec::new());
        };
        let versions: Option<Vec<Version>> = serde_json::from_slice(&json).ok();
        if let Some(versions) = versions
            && versions.is_sorted_by(|one, next| one.number < next.number)
        {
            return Ok(versions);
        }
        tracing::warn!(
            id,
            "the history is damaged: it begins with the versions that are kept"
        );
        let prefix = format!("{id}{VERSION}");
        let keys = self.store.list().await?.into_iter();
        let mut numbers: Vec<u64> = keys
            .filter_map(|key| key.strip_prefix(&prefix)?.parse().ok())
            .collect();
        numbers.sort_unstable();
        let mut versions = Vec::with_capacity(numbers.len());
        for number in numbers {
            versions.extend(self.record(id, number).await?.map(|record| record.version));
        }
        Ok(versions)
    }
}

fn current_key(id: &str) -> String {
    format!("{id}{CURRENT}")
}

fn history_key(id: &str) -> String {
    format!("{id}{HISTORY}")
}

fn version_key(id: &str, number: u64) -> String {
    format!("{id}{VERSION}{number}")
}

fn json(key: &str, value: &impl serde::Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| StorageError::Damaged {
        path: key.into(),
        reason: error.to_string(),
    })
}
