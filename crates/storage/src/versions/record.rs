//! What is known of one version, and how it is written down.

use std::collections::BTreeMap;

use ring::digest::SHA384;
use serde::{Deserialize, Serialize};

use super::ledger::Known;

/// One version of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Counts from 1 for each id.
    pub number: u64,
    /// SHA-384 of the text, lower-case hex. `None` where the version is that there is none.
    pub digest: Option<String>,
    /// When it came, or was found, in seconds since the Unix epoch.
    pub at: i64,
    /// Who brought it.
    pub by: Author,
    /// How it came to be.
    #[serde(flatten)]
    pub event: Event,
    /// What else was said of it when it was set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl Version {
    /// Whether the same is in force with either.
    pub(super) fn says_the_same_as(&self, other: &Self) -> bool {
        self.digest == other.digest && self.labels == other.labels
    }
}

/// How a version came to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// Somebody set the text.
    Set,
    /// Somebody deleted the text.
    Deleted,
    /// Somebody put the text of an earlier version in force again.
    RolledBack {
        /// The number of that version.
        to: u64,
    },
    /// The storage was found changed: by another program, or by hand.
    Found,
}

/// Who changed something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Author {
    /// How that is known, as in `token`, `certificate`, `shipped`, `storage` or `anyone`.
    pub how: String,
    /// The name, as far as there is one. Never a credential.
    pub name: String,
}

impl Author {
    /// An author by name.
    pub fn new(how: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            how: how.into(),
            name: name.into(),
        }
    }

    /// Whoever put into the storage what was found there.
    pub(super) fn storage() -> Self {
        Self::new("storage", "")
    }
}

/// A text that is to be put in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft<'a> {
    /// The text.
    pub text: &'a str,
    /// What else is to be kept with it, and to come back with it: short names and values.
    pub labels: BTreeMap<String, String>,
}

impl<'a> From<&'a str> for Draft<'a> {
    fn from(text: &'a str) -> Self {
        Self {
            text,
            labels: BTreeMap::new(),
        }
    }
}

/// A version that is to be made.
pub(super) struct Change<'a> {
    pub(super) event: Event,
    /// `None`: no text is to be in force.
    pub(super) draft: Option<Draft<'a>>,
    pub(super) by: &'a Author,
    pub(super) now: i64,
    /// Only where no text is in force.
    pub(super) only_absent: bool,
}

impl<'a> Change<'a> {
    pub(super) fn new(event: Event, draft: Option<Draft<'a>>, by: &'a Author, now: i64) -> Self {
        Self {
            event,
            draft,
            by,
            now,
            only_absent: false,
        }
    }

    /// Whether this change is not to be made where that version is in force.
    pub(super) fn leaves(&self, last: &Version) -> bool {
        self.only_absent && last.digest.is_some()
    }

    /// The version that this change makes of what is known.
    pub(super) fn record(&self, known: &Known) -> Record {
        let last = known.versions.last();
        let labels = match &self.draft {
            Some(draft) => draft.labels.clone(),
            None => last.map(|last| last.labels.clone()).unwrap_or_default(),
        };
        let text = self.draft.as_ref().map(|draft| draft.text.to_owned());
        let version = Version {
            number: known.next_number(),
            digest: text.as_ref().map(|text| digest(text.as_bytes())),
            at: self.now,
            by: self.by.clone(),
            event: self.event.clone(),
            labels,
        };
        Record { version, text }
    }
}

/// A version with its text, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) version: Version,
    /// Absent where there is none, or where what was found is no text.
    pub(super) text: Option<String>,
}

impl Record {
    /// Whether the text is the one that the version tells of.
    pub(super) fn holds(&self) -> bool {
        self.text
            .as_ref()
            .is_none_or(|text| Some(digest(text.as_bytes())) == self.version.digest)
    }
}

/// SHA-384 (FIPS 180-4), lower-case hex.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex::encode(ring::digest::digest(&SHA384, bytes))
}
