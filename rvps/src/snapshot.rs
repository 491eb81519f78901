//! All values at one moment.

use std::{collections::BTreeMap, sync::Arc};

use storage::StorageError;

use crate::{Change, QueryError, ReferenceValue, records::Records};

/// What is stored, by name. Immutable; versions share the values they have in common.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    /// Names are shared by the versions, too.
    entries: BTreeMap<Arc<str>, Entry>,
}

#[derive(Debug, Clone, PartialEq)]
enum Entry {
    Value(Arc<ReferenceValue>),
    /// A value that is revoked is stored, by hand or by an old backup. It is as good as absent.
    Revoked,
    /// Something is stored that is not a value. It hides no other.
    Damaged(String),
}

impl Entry {
    fn read(key: &str, stored: Result<Vec<u8>, StorageError>, records: &Records) -> Self {
        let value = stored
            .map_err(|error| error.to_string())
            .and_then(|bytes| ReferenceValue::from_stored(key, &bytes));
        let forbidden = |value: &ReferenceValue| records.forbids(key, value.value());
        match value.map(|value| (forbidden(&value), value)) {
            Ok((Ok(false), value)) => Self::Value(Arc::new(value)),
            Ok((Ok(true), _)) => Self::Revoked,
            Ok((Err(error), _)) => Self::Damaged(error.to_string()),
            Err(reason) => Self::Damaged(reason),
        }
    }

    fn report(&self, name: &str) {
        match self {
            Self::Value(_) => {}
            Self::Revoked => tracing::warn!(name, "a stored reference value is revoked and not served"),
            Self::Damaged(reason) => {
                tracing::warn!(name, reason, "a stored reference value is damaged and not served");
            }
        }
    }
}

impl Snapshot {
    /// Reads what a store holds. What is as it was in `before` is kept, so that comparing is cheap.
    pub(crate) fn read(
        stored: Vec<(String, Result<Vec<u8>, StorageError>)>,
        records: &Records,
        before: &Self,
    ) -> Self {
        let entries = stored.into_iter().map(|(key, bytes)| {
            let entry = Entry::read(&key, bytes, records);
            match before.entries.get_key_value(key.as_str()) {
                Some((name, old)) if *old == entry => (Arc::clone(name), old.clone()),
                _ => {
                    entry.report(&key);
                    (key.into(), entry)
                }
            }
        });
        Self {
            entries: entries.collect(),
        }
    }

    /// This and `values`, which take the place of those of the same names.
    pub(crate) fn with(&self, values: Vec<Arc<ReferenceValue>>) -> Self {
        let mut entries = self.entries.clone();
        entries.extend(
            values
                .into_iter()
                .map(|value| (value.id().into(), Entry::Value(value))),
        );
        Self { entries }
    }

    /// This without the value of this name.
    pub(crate) fn without(&self, id: &str) -> Self {
        let mut entries = self.entries.clone();
        entries.remove(id);
        Self { entries }
    }

    /// This without what has expired, or `None` if nothing has.
    pub(crate) fn without_expired(&self, now: i64) -> Option<Self> {
        let live = |entry: &Entry| !matches!(entry, Entry::Value(value) if value.has_expired(now));
        if self.entries.values().all(live) {
            return None;
        }
        let mut entries = self.entries.clone();
        entries.retain(|_, entry| live(entry));
        Some(Self { entries })
    }

    pub(crate) fn get(&self, id: &str, now: i64) -> Result<Option<Arc<ReferenceValue>>, QueryError> {
        match self.entries.get(id) {
            Some(Entry::Value(value)) => Ok((!value.has_expired(now)).then(|| Arc::clone(value))),
            Some(Entry::Damaged(reason)) => Err(QueryError::Damaged(reason.clone())),
            Some(Entry::Revoked) | None => Ok(None),
        }
    }

    /// The values that have not expired, sorted by name.
    pub(crate) fn live(&self, now: i64) -> impl Iterator<Item = &Arc<ReferenceValue>> {
        self.entries.values().filter_map(move |entry| match entry {
            Entry::Value(value) if !value.has_expired(now) => Some(value),
            _ => None,
        })
    }

    /// What changed from `before` to this, for one who was told of `before`.
    pub(crate) fn change_since(&self, before: &Self, now: i64) -> Change {
        let changed = self.live(now).filter(|value| {
            !matches!(before.entries.get(value.id()), Some(Entry::Value(old)) if Arc::ptr_eq(old, value))
        });
        let gone = |id: &&Arc<str>| !matches!(self.get(id, now), Ok(Some(_)));
        let told = before
            .entries
            .iter()
            .filter(|(_, entry)| matches!(entry, Entry::Value(_)));
        Change {
            reset: false,
            changed: changed.cloned().collect(),
            removed: told
                .map(|(id, _)| id)
                .filter(gone)
                .map(|id| id.to_string())
                .collect(),
        }
    }

    /// Whether nothing changed, by identity of the values.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.entries == other.entries
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}
