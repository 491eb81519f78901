//! Named texts with a history: who changed what and when, and the way back.
//!
//! The text in force stays where the existing ecosystem keeps it, at `<id>.rego`, so that its programs and ours
//! read one another's storage. Beside it are keys of ours, which readers of `*.rego` pass over:
//!
//! | key | what |
//! |---|---|
//! | `<id>.rego` | the text in force, as it is |
//! | `<id>.history.json` | what is known of every version: a list of [`Version`] |
//! | `<id>.version.<n>` | one version with its text; the newest [`KEPT_TEXTS`] are kept |
//!
//! A change writes the version first, then the text in force, then the history. After a crash in between, the text
//! in force is the old or the new one, and the history is put together from what is there. A text that somebody
//! else put into the storage is found, and becomes a version of its own.

mod ledger;
mod record;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use self::ledger::{Known, Ledger};
pub use self::record::{Author, Draft, Event, Version};
use self::record::{Change, Record};
use crate::{KeyValueStore, StorageError};

/// How many texts of one id are kept: that in force and those before it.
pub const KEPT_TEXTS: u64 = 20;

/// How many versions of one id the history knows of.
pub const KEPT_VERSIONS: usize = 1000;

/// How often a change is tried while other processes take the number that it wanted.
const ATTEMPTS: usize = 32;

/// Why a text, or a version of it, is not read or changed.
#[derive(Debug, thiserror::Error)]
pub enum VersionsError {
    /// The caller's: nothing of this id is in force, or ever was.
    #[error("`{0}` not found")]
    NotFound(String),
    /// The caller's: the history of this id has no such version.
    #[error("`{id}` has no version {number}")]
    NoVersion {
        /// The id.
        id: String,
        /// The number that was asked for.
        number: u64,
    },
    /// The caller's: the version is known, but its text is not kept, or it never had one.
    #[error(
        "the text of version {number} of `{id}` is not kept: the newest {KEPT_TEXTS} versions have theirs"
    )]
    NoText {
        /// The id.
        id: String,
        /// The number that was asked for.
        number: u64,
    },
    /// The operator's: what is stored under `<id>.rego` is no text.
    #[error("the stored text of `{0}` is not UTF-8")]
    NotText(String),
    /// Others change the same text all the time.
    #[error("others are changing `{0}` at the same time: try again")]
    Busy(String),
    /// The storage does not work.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The texts of one namespace, and their history.
pub struct Versions {
    ledger: Ledger,
    /// One change at a time in this process. Others are told apart by the numbers that they take.
    changing: Mutex<()>,
}

impl Versions {
    /// The texts in `store`.
    pub fn new(store: Arc<dyn KeyValueStore>) -> Self {
        Self {
            ledger: Ledger::new(store),
            changing: Mutex::new(()),
        }
    }

    /// The text in force, in one read; `None` where there is none.
    ///
    /// # Errors
    /// It is not UTF-8, or the storage does not work.
    pub async fn current(&self, id: &str) -> Result<Option<String>, VersionsError> {
        let bytes = self.ledger.current(id).await?;
        let text = bytes.map(String::from_utf8).transpose();
        text.map_err(|_| VersionsError::NotText(id.to_owned()))
    }

    /// The ids that have a text in force, sorted.
    ///
    /// # Errors
    /// The storage does not work.
    pub async fn list(&self) -> Result<Vec<String>, VersionsError> {
        Ok(self.ledger.ids().await?)
    }

    /// The ids that have a text in force, and the greatest number of a version that is kept of each; in one listing of
    /// keys, for those who look often whether anything has changed.
    ///
    /// # Errors
    /// The storage does not work.
    pub async fn newest(&self) -> Result<BTreeMap<String, Option<u64>>, VersionsError> {
        Ok(self.ledger.newest().await?)
    }

    /// Every version that is known, the newest first. Where the text in force is not that of the newest version,
    /// the first one says that it was found; `now` is when.
    ///
    /// # Errors
    /// Nothing is known of this id, or the storage does not work.
    pub async fn history(&self, id: &str, now: i64) -> Result<Vec<Version>, VersionsError> {
        let _one_at_a_time = self.changing.lock().await;
        let mut versions = self.ledger.known(id, now).await?.versions;
        if versions.is_empty() {
            return Err(VersionsError::NotFound(id.to_owned()));
        }
        versions.reverse();
        Ok(versions)
    }

    /// The text of one version, or of the one in force.
    ///
    /// # Errors
    /// There is none of this id or number, its text is not kept, or the storage does not work.
    pub async fn text(&self, id: &str, number: Option<u64>) -> Result<String, VersionsError> {
        match number {
            None => {
                let text = self.current(id).await?;
                text.ok_or_else(|| VersionsError::NotFound(id.to_owned()))
            }
            Some(number) => {
                let _one_at_a_time = self.changing.lock().await;
                let known = self.ledger.known(id, 0).await?;
                Ok(self.version(id, number, &known).await?.1)
            }
        }
    }

    /// Puts a text in force where there is none of this id. Says whether it did.
    ///
    /// # Errors
    /// The storage does not take the id, or does not work.
    pub async fn seed(&self, id: &str, text: &str, by: &Author, now: i64) -> Result<bool, VersionsError> {
        let _one_at_a_time = self.changing.lock().await;
        let change = Change {
            only_absent: true,
            ..Change::new(Event::Set, Some(text.into()), by, now)
        };
        Ok(self.append(id, change).await?.1)
    }

    /// Puts a text in force. The text that is in force already makes no new version.
    ///
    /// # Errors
    /// The storage does not take the id, or does not work. The text before is in force then, but for a failure
    /// that the storage could not tell from success.
    pub async fn set(
        &self,
        id: &str,
        draft: impl Into<Draft<'_>> + Send,
        by: &Author,
        now: i64,
    ) -> Result<Version, VersionsError> {
        let draft = draft.into();
        let _one_at_a_time = self.changing.lock().await;
        let change = Change::new(Event::Set, Some(draft), by, now);
        Ok(self.append(id, change).await?.0)
    }

    /// Takes the text out of force. Its versions stay.
    ///
    /// # Errors
    /// Nothing of this id is in force, or the storage does not work.
    pub async fn delete(&self, id: &str, by: &Author, now: i64) -> Result<Version, VersionsError> {
        let _one_at_a_time = self.changing.lock().await;
        if self.ledger.current(id).await?.is_none() {
            return Err(VersionsError::NotFound(id.to_owned()));
        }
        let change = Change::new(Event::Deleted, None, by, now);
        Ok(self.append(id, change).await?.0)
    }

    /// Puts the text and the labels of an earlier version in force again, as a new version. Gives that version.
    ///
    /// # Errors
    /// There is none of this id or number, its text is not kept, or the storage does not work.
    pub async fn roll_back(
        &self,
        id: &str,
        number: u64,
        by: &Author,
        now: i64,
    ) -> Result<Version, VersionsError> {
        let _one_at_a_time = self.changing.lock().await;
        let known = self.ledger.known(id, now).await?;
        let (version, text) = self.version(id, number, &known).await?;
        let draft = Draft {
            text: &text,
            labels: version.labels,
        };
        let event = Event::RolledBack { to: number };
        let change = Change::new(event, Some(draft), by, now);
        Ok(self.append(id, change).await?.0)
    }

    async fn version(
        &self,
        id: &str,
        number: u64,
        known: &Known,
    ) -> Result<(Version, String), VersionsError> {
        if known.versions.is_empty() {
            return Err(VersionsError::NotFound(id.to_owned()));
        }
        let version = known.versions.iter().find(|version| version.number == number);
        let version = version.cloned().ok_or_else(|| VersionsError::NoVersion {
            id: id.to_owned(),
            number,
        })?;
        let text = match &known.found {
            // It has no record yet: its text is the one in force.
            Some(found) if found.version.number == number => found.text.clone(),
            _ => self
                .ledger
                .record(id, number)
                .await?
                .and_then(|record| record.text),
        };
        let text = text.ok_or_else(|| VersionsError::NoText {
            id: id.to_owned(),
            number,
        })?;
        Ok((version, text))
    }

    /// Adds a version, unless what is in force is the same already, and says whether it did. Whoever calls holds
    /// `changing`.
    async fn append(&self, id: &str, change: Change<'_>) -> Result<(Version, bool), VersionsError> {
        self.ledger.check(id)?;
        for _ in 0..ATTEMPTS {
            let mut known = self.ledger.known(id, change.now).await?;
            let record = change.record(&known);
            let found = known.found.take();
            if let Some(found) = &found
                && !self.ledger.write_record(id, found).await?
            {
                continue; // another process found it first
            }
            if let Some(last) = known.versions.last()
                && (change.leaves(last) || last.says_the_same_as(&record.version))
            {
                if found.is_some() || known.has_untold {
                    self.ledger.write_history(id, &known.versions).await;
                }
                return Ok((last.clone(), false));
            }
            if !self.ledger.write_record(id, &record).await? {
                continue; // another process has taken the number
            }
            self.put_in_force(id, &record).await?;
            known.versions.push(record.version.clone());
            self.ledger.write_history(id, &known.versions).await;
            self.ledger.forget_old(id, record.version.number).await;
            return Ok((record.version, true));
        }
        Err(VersionsError::Busy(id.to_owned()))
    }

    async fn put_in_force(&self, id: &str, record: &Record) -> Result<(), VersionsError> {
        let written = self.ledger.write_current(id, record.text.as_deref()).await;
        if written.is_err() {
            // It never was in force.
            self.ledger.drop_record(id, record.version.number).await;
        }
        Ok(written?)
    }
}
