//! Revocation lists of which nobody demanded one (`crl = "off"`): no network is asked, but one that lies on this machine
//! counts.
//!
//! It may lie in an offline store, on the storage (imported, or from a time when lists were required), or in memory.
//! The newest of them counts, also beyond its end: the verifier tells what it is worth.

use std::sync::Arc;
use std::time::Duration;

use verifier::EndorsementId;

use super::cache::Cache;
use super::record::{Freshness, Record};
use super::shelf::{Answer, Given, Shelf};
use super::source::EndorsementError;
use crate::config::CrlMode;

/// What was found a moment ago.
pub(super) struct Lists {
    required: bool,
    at_hand: Cache<EndorsementId, Option<Arc<Record>>>,
    /// What was complained about a while ago.
    complaints: Cache<EndorsementId, ()>,
    /// For what the storage did not answer in time.
    silent: Cache<EndorsementId, ()>,
}

/// Two lists a product line, and room to grow.
const CAPACITY: usize = 64;

/// For how long nobody looks again: a change counts within that time.
pub(super) const LIFETIME: Duration = Duration::from_secs(1);

/// How often it is said that what is at hand is not good.
const COMPLAIN_EVERY: Duration = Duration::from_secs(600);

/// For how long the storage is waited for, and left alone if it does not answer: no guest needs what it has.
const PATIENCE: Duration = Duration::from_secs(2);
const SILENCE: Duration = Duration::from_secs(60);

impl Lists {
    pub(super) fn new(mode: CrlMode) -> Self {
        Self {
            required: mode == CrlMode::Require,
            at_hand: Cache::new(CAPACITY, LIFETIME),
            complaints: Cache::new(CAPACITY, COMPLAIN_EVERY),
            silent: Cache::new(CAPACITY, SILENCE),
        }
    }

    /// Whether `id` is only looked for on this machine, and may be missing.
    pub(super) fn covers(&self, id: &EndorsementId) -> bool {
        !self.required && id.is_optional()
    }

    /// What was found a moment ago, if somebody looked.
    pub(super) fn recall(&self, id: &EndorsementId) -> Option<Answer> {
        let found = self.at_hand.get(id)?;
        Some(answer(id, found))
    }

    /// Somebody is to look again.
    pub(super) fn forget(&self, id: &EndorsementId) {
        self.at_hand.remove(id);
    }

    fn complain(&self, id: &EndorsementId, reason: &str) {
        if self.complaints.get(id).is_none() {
            self.complaints.insert(id.clone(), ());
            tracing::warn!(
                endorsement = %id,
                reason,
                "a revocation list at hand is not good: put a newer one there, or remove it"
            );
        }
    }
}

impl Shelf {
    /// Looks for the newest list on this machine.
    pub(super) async fn look_around(&self, id: &EndorsementId) -> Answer {
        let now = self.clock.now();
        let mut found = self.kept_list(id, now).await;
        let local = self.suppliers.iter();
        for supplier in local.filter(|supplier| supplier.is_local() && supplier.serves(id)) {
            match supplier.ask(id, Duration::ZERO).await {
                Ok(None) => {}
                Ok(Some(record)) => {
                    if found.as_ref().is_none_or(|other| other.is_older_than(&record)) {
                        found = Some(Arc::new(record));
                    }
                }
                Err(error) => self.lists.complain(id, &error.to_string()),
            }
        }
        if found
            .as_ref()
            .is_some_and(|record| record.freshness(id, now) == Freshness::Expired)
        {
            self.lists.complain(id, "it is expired");
        }
        self.lists.at_hand.insert(id.clone(), found.clone());
        answer(id, found)
    }

    /// The list in memory, after the one on the storage went there if that is newer.
    async fn kept_list(&self, id: &EndorsementId, now: i64) -> Option<Arc<Record>> {
        if let Some(stored) = self.stored_list(id).await {
            let remembered = self.memory.peek(id);
            let is_news = remembered
                .is_none_or(|known| known.fetched_at < stored.fetched_at && !stored.is_older_than(&known));
            if is_news {
                let (_, gone) = self.memory.put(id, Arc::new(stored), true, now);
                self.remove_stored(gone).await;
            }
        }
        self.memory.get(id, now).map(|found| found.record)
    }

    async fn stored_list(&self, id: &EndorsementId) -> Option<Record> {
        if self.lists.silent.get(id).is_some() {
            return None;
        }
        let found = tokio::time::timeout(PATIENCE, self.persistent.get(id)).await;
        found.unwrap_or_else(|_| {
            tracing::warn!(endorsement = %id, "the storage does not say whether it has a revocation list");
            self.lists.silent.insert(id.clone(), ());
            None
        })
    }
}

fn answer(id: &EndorsementId, found: Option<Arc<Record>>) -> Answer {
    let given = found.map(|record| Given {
        record,
        on_trial: false,
    });
    given.ok_or_else(|| EndorsementError::Unknown(id.to_string()))
}
