//! What is remembered, within limits that a flood of made-up evidence cannot turn against the good.
//!
//! An entry is *on trial* until an evaluation succeeded with it. Those that did are *kept*: they are pushed out by one
//! another alone, never by newcomers. A newer copy of a kept entry is on trial too, with the one before it held back:
//! if the new one does not hold, the old one is used again.

mod ring;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use verifier::EndorsementId;

use self::ring::Ring;
use super::record::{Freshness, Record};

/// What may be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// How many endorsements.
    pub(crate) entries: usize,
    /// How many bytes, roughly.
    pub(crate) bytes: usize,
}

/// The endorsements in memory.
pub(super) struct Memory {
    limits: Limits,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    entries: HashMap<EndorsementId, Entry>,
    trial: Ring,
    kept: Ring,
    next_ticket: u64,
}

struct Entry {
    record: Arc<Record>,
    /// Whether an evaluation succeeded with this very record.
    proved: bool,
    /// The record before it, with which one did.
    before: Option<Arc<Record>>,
    kept: bool,
    /// Its place in the ring.
    ticket: u64,
    /// Since it was last passed over.
    used: bool,
    /// Seconds since the Unix epoch.
    used_at: i64,
    /// No newer one is asked for before then.
    refresh_not_before: i64,
}

/// What is remembered of one id.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) record: Arc<Record>,
    pub(super) proved: bool,
    /// Whether a newer one was asked for moments ago.
    pub(super) just_asked: bool,
}

/// One line of the list.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) id: EndorsementId,
    pub(super) record: Arc<Record>,
    pub(super) proved: bool,
    pub(super) kept: bool,
}

/// What became of an entry that is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubted {
    /// There is none.
    Absent,
    /// It is forgotten.
    Forgotten,
    /// The one before it is used again.
    Reverted,
    /// It proved to hold before, and stays until a newer one is there.
    Stays,
}

impl Memory {
    /// One that holds no more than `limits`, of that at most a quarter on trial.
    pub(super) fn new(limits: Limits) -> Self {
        let inner = Mutex::default();
        Self { limits, inner }
    }

    /// What is remembered of `id`.
    pub(super) fn get(&self, id: &EndorsementId, now: i64) -> Option<Found> {
        let mut inner = self.lock();
        let entry = inner.entries.get_mut(id)?;
        entry.used = true;
        entry.used_at = now;
        Some(Found {
            record: Arc::clone(&entry.record),
            proved: entry.proved,
            just_asked: now < entry.refresh_not_before,
        })
    }

    /// The same, without taking it for a use.
    pub(super) fn peek(&self, id: &EndorsementId) -> Option<Arc<Record>> {
        let inner = self.lock();
        inner.entries.get(id).map(|entry| Arc::clone(&entry.record))
    }

    /// The record of `id` that an evaluation succeeded with, if one did.
    pub(super) fn proved_record(&self, id: &EndorsementId) -> Option<Arc<Record>> {
        let inner = self.lock();
        let entry = inner.entries.get(id)?;
        match entry.proved {
            true => Some(Arc::clone(&entry.record)),
            false => entry.before.clone(),
        }
    }

    /// Remembers `record`, and says which kept ones had to go for it. `keep`: it is known to be good, as what was
    /// stored or imported. Gives back whether the same content had proved to hold already.
    pub(super) fn put(
        &self,
        id: &EndorsementId,
        record: Arc<Record>,
        keep: bool,
        now: i64,
    ) -> (bool, Vec<EndorsementId>) {
        let mut inner = self.lock();
        let old = inner.remove(id);
        let (mut proved, mut before, mut kept, mut used_at) = (false, None, keep, now);
        if let Some(old) = old {
            kept |= old.kept;
            used_at = old.used_at;
            if old.proved && old.record.same_content(&record) {
                proved = true;
            } else {
                before = if old.proved { Some(old.record) } else { old.before };
            }
        }
        let entry = Entry {
            record,
            proved,
            before,
            kept,
            ticket: 0,
            used: false,
            used_at,
            refresh_not_before: 0,
        };
        inner.insert(id.clone(), entry);
        (proved, inner.shrink(self.limits))
    }

    /// An evaluation succeeded with `record`. Gives back whether that is news, and which kept ones had to go.
    pub(super) fn prove(&self, id: &EndorsementId, record: &Arc<Record>) -> (bool, Vec<EndorsementId>) {
        let mut inner = self.lock();
        let is_news = inner
            .entries
            .get(id)
            .is_some_and(|entry| !entry.proved && Arc::ptr_eq(&entry.record, record));
        if !is_news {
            return (false, Vec::new());
        }
        if let Some(entry) = inner.remove(id) {
            let entry = Entry {
                proved: true,
                before: None,
                kept: true,
                ..entry
            };
            inner.insert(id.clone(), entry);
        }
        (true, inner.shrink(self.limits))
    }

    /// An evaluation failed for what this is.
    pub(super) fn doubt(&self, id: &EndorsementId) -> Doubted {
        let mut inner = self.lock();
        let Some(entry) = inner.entries.get_mut(id) else {
            return Doubted::Absent;
        };
        if entry.proved {
            entry.refresh_not_before = 0;
            return Doubted::Stays;
        }
        let Some(mut entry) = inner.remove(id) else {
            return Doubted::Absent;
        };
        let Some(before) = entry.before.take() else {
            return Doubted::Forgotten;
        };
        (entry.record, entry.proved) = (before, true);
        inner.insert(id.clone(), entry);
        Doubted::Reverted
    }

    /// Whether whoever calls is the one to ask for a newer record of `id` now; nobody else is before `until`.
    pub(super) fn claim_refresh(&self, id: &EndorsementId, now: i64, until: i64) -> bool {
        let mut inner = self.lock();
        match inner.entries.get_mut(id) {
            Some(entry) if entry.refresh_not_before <= now => {
                entry.refresh_not_before = until;
                true
            }
            _ => false,
        }
    }

    /// Up to `count` entries used since `used_since` for which it is time to ask for a newer one. Looks at all of
    /// them: for the work in the background.
    pub(super) fn due(&self, now: i64, used_since: i64, count: usize) -> Vec<EndorsementId> {
        let inner = self.lock();
        let due = inner.entries.iter().filter(|(id, entry)| {
            entry.used_at >= used_since
                && entry.refresh_not_before <= now
                && entry.record.freshness(id, now) != Freshness::Fresh
        });
        due.map(|(id, _)| id.clone()).take(count).collect()
    }

    /// All of it, in no order. For the eyes of an operator.
    pub(super) fn list(&self) -> Vec<Listed> {
        let inner = self.lock();
        let listed = inner.entries.iter().map(|(id, entry)| Listed {
            id: id.clone(),
            record: Arc::clone(&entry.record),
            proved: entry.proved,
            kept: entry.kept,
        });
        listed.collect()
    }

    /// How much there is: kept, and on trial.
    pub(super) fn totals(&self) -> [Limits; 2] {
        let inner = self.lock();
        [inner.kept.load(), inner.trial.load()]
    }

    /// What it holds at most.
    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    // The maps are whole after every operation, so a panic elsewhere does not spoil them.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn insert(&mut self, id: EndorsementId, mut entry: Entry) {
        entry.ticket = self.next_ticket;
        self.next_ticket += 1;
        let ring = if entry.kept {
            &mut self.kept
        } else {
            &mut self.trial
        };
        ring.add(entry.ticket, id.clone(), entry.size());
        self.entries.insert(id, entry);
    }

    fn remove(&mut self, id: &EndorsementId) -> Option<Entry> {
        let entry = self.entries.remove(id)?;
        let ring = if entry.kept {
            &mut self.kept
        } else {
            &mut self.trial
        };
        ring.take(entry.size());
        let entries = &self.entries;
        ring.tidy(|ticket, id| entries.get(id).is_some_and(|entry| entry.ticket == ticket));
        Some(entry)
    }

    /// Drops what is too much, and gives back the ids of the kept ones among it.
    fn shrink(&mut self, limits: Limits) -> Vec<EndorsementId> {
        let trial = Limits {
            entries: limits.entries / 4,
            bytes: limits.bytes / 4,
        };
        let kept = Limits {
            entries: limits.entries - trial.entries,
            bytes: limits.bytes - trial.bytes,
        };
        self.shrink_ring(false, trial);
        self.shrink_ring(true, kept)
    }

    /// The oldest goes first, but for those that were used since they were last passed over.
    fn shrink_ring(&mut self, kept: bool, limits: Limits) -> Vec<EndorsementId> {
        let mut gone = Vec::new();
        loop {
            let ring = if kept { &mut self.kept } else { &mut self.trial };
            if !ring.exceeds(limits) {
                return gone;
            }
            let Some((ticket, id)) = ring.next() else {
                return gone;
            };
            match self.entries.get_mut(&id) {
                Some(entry) if entry.ticket == ticket && entry.used => {
                    entry.used = false;
                    ring.put_back(ticket, id);
                }
                Some(entry) if entry.ticket == ticket => {
                    ring.take(entry.size());
                    self.entries.remove(&id);
                    gone.push(id);
                }
                // A place that somebody left.
                _ => {}
            }
        }
    }
}

impl Entry {
    fn size(&self) -> usize {
        self.record.size() + self.before.as_ref().map_or(0, |before| before.size())
    }
}

#[cfg(test)]
mod tests;
