//! Getting one endorsement: from the storage, from the sources in their order, or from what is left of earlier days.

use std::sync::Arc;
use std::time::Duration;

use daemon::clock::Clock;
use verifier::EndorsementId;

use super::cache::Cache;
use super::lists::Lists;
use super::memory::Memory;
use super::metrics::{Lookup, Metrics};
use super::persistent::Persistent;
use super::record::{Freshness, Record, shows_its_age};
use super::source::EndorsementError;
use super::supplier::Supplier;

/// What the work needs that gets endorsements: it outlives the request that began it.
pub(super) struct Shelf {
    pub(super) suppliers: Vec<Supplier>,
    pub(super) memory: Memory,
    pub(super) persistent: Persistent,
    /// What a source on this machine had a moment ago: it is asked again soon, for what it has may change.
    pub(super) at_hand: Cache<EndorsementId, Arc<Record>>,
    /// What no source had a moment ago.
    pub(super) unknown: Cache<EndorsementId, ()>,
    /// What did not hold a moment ago, and the source that gave it.
    pub(super) doubted: Cache<EndorsementId, Arc<str>>,
    /// The revocation lists of which nobody demands one.
    pub(super) lists: Lists,
    /// For how many seconds an endorsement that shows its age is used after its time, if no newer one can be had.
    pub(super) stale_seconds: i64,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Arc<dyn Clock>,
}

/// An endorsement for an evaluation.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) record: Arc<Record>,
    /// Whether it is remembered, and no evaluation succeeded with it yet.
    pub(super) on_trial: bool,
}

/// How it ends.
pub(super) type Answer = Result<Given, EndorsementError>;

/// For how many seconds after a newer endorsement was asked for in vain, nobody asks again.
pub(super) const REFRESH_PAUSE: i64 = 60;

impl Shelf {
    /// What is remembered of `id` and may be used as it is, and whether it is time to ask for a newer one.
    pub(super) fn recall(&self, id: &EndorsementId) -> Option<(Given, Lookup)> {
        let now = self.clock.now();
        let Some(found) = self.memory.get(id, now) else {
            return self.lies_at_hand(id, now).map(|given| (given, Lookup::Hit));
        };
        let lookup = match found.record.freshness(id, now) {
            Freshness::Fresh => Lookup::Hit,
            Freshness::Due => Lookup::Due,
            // Only after a newer one was asked for in vain.
            Freshness::Expired if found.just_asked && self.may_be_used_stale(id, &found.record, now) => {
                Lookup::Stale
            }
            Freshness::Expired => return None,
        };
        let given = Given {
            on_trial: !found.proved,
            record: found.record,
        };
        Some((given, lookup))
    }

    fn lies_at_hand(&self, id: &EndorsementId, now: i64) -> Option<Given> {
        let record = self.at_hand.get(id)?;
        (record.freshness(id, now) != Freshness::Expired).then_some(Given {
            record,
            on_trial: false,
        })
    }

    /// Gets `id` anew. `patience` is how long a source that wants to be left alone is waited for.
    pub(super) async fn obtain(&self, id: &EndorsementId, patience: Duration) -> Answer {
        if self.lists.covers(id) {
            return self.look_around(id).await;
        }
        let doubted = self.doubted.get(id);
        if doubted.is_none()
            && let Some(given) = self.read_stored(id).await
        {
            return Ok(given);
        }
        let (mut failure, mut was_asked) = (None, false);
        let mut outdated: Option<Arc<Record>> = None;
        for supplier in self.suppliers_of(id, doubted.as_deref()) {
            was_asked |= !supplier.is_local();
            let error = match supplier.ask(id, patience).await {
                Ok(None) => continue,
                Ok(Some(record)) => match self.fault(id, &record, supplier) {
                    None => return Ok(self.accept(id, record, supplier.is_local()).await),
                    Some(error) => {
                        if outdated.as_ref().is_none_or(|other| other.is_older_than(&record)) {
                            outdated = Some(Arc::new(record));
                        }
                        error
                    }
                },
                Err(error) => error,
            };
            tracing::warn!(%error, endorsement = %id, "cannot fetch an endorsement");
            failure.get_or_insert(error);
        }
        match (self.what_is_left(id, outdated).await, failure) {
            (Some(given), _) => Ok(given),
            (None, Some(error)) => Err(error),
            (None, None) => {
                // Looking on this machine costs nothing, and what is imported is found at once.
                if was_asked && id.is_cacheable() {
                    self.unknown.insert(id.clone(), ());
                }
                Err(EndorsementError::Unknown(id.to_string()))
            }
        }
    }

    /// Those that serve `id`, in their order; the one that gave what did not hold comes last.
    fn suppliers_of(&self, id: &EndorsementId, doubted: Option<&str>) -> Vec<&Supplier> {
        let mut suppliers: Vec<&Supplier> = self.suppliers.iter().filter(|one| one.serves(id)).collect();
        suppliers.sort_by_key(|one| doubted == Some(one.name()));
        suppliers
    }

    /// What is wrong with a record that has the right form.
    fn fault(&self, id: &EndorsementId, record: &Record, supplier: &Supplier) -> Option<EndorsementError> {
        if record.freshness(id, self.clock.now()) == Freshness::Expired {
            return Some(supplier.unavailable(format!("the {id} that it has is expired")));
        }
        // Nobody gets to roll back what is known.
        let proved = self.memory.proved_record(id)?;
        record.is_older_than(&proved).then(|| {
            supplier.unavailable(format!(
                "the {id} that it has is older than the one that is known"
            ))
        })
    }

    async fn accept(&self, id: &EndorsementId, record: Record, is_local: bool) -> Given {
        let record = Arc::new(record);
        if is_local && id.is_cacheable() {
            self.at_hand.insert(id.clone(), Arc::clone(&record));
        }
        if is_local || !id.is_cacheable() {
            return Given {
                record,
                on_trial: false,
            };
        }
        let (proved, gone) = self.memory.put(id, Arc::clone(&record), false, self.clock.now());
        if proved {
            // The same as before: only its age is new.
            self.store(id, &record).await;
        }
        self.remove_stored(gone).await;
        Given {
            record,
            on_trial: !proved,
        }
    }

    /// A stored record, if it is newer than what is remembered and good: another who shares the storage fetched it, or
    /// it was imported.
    async fn read_stored(&self, id: &EndorsementId) -> Option<Given> {
        let record = Arc::new(self.persistent.get(id).await?);
        let now = self.clock.now();
        let remembered = self.memory.peek(id);
        let is_news = remembered.is_none_or(|known| known.fetched_at < record.fetched_at);
        if !is_news || record.freshness(id, now) == Freshness::Expired {
            return None;
        }
        let (proved, gone) = self.memory.put(id, Arc::clone(&record), true, now);
        self.remove_stored(gone).await;
        Some(Given {
            record,
            on_trial: !proved,
        })
    }

    /// No source has a good one: the best of what is remembered, stored, or was given although its time is over.
    async fn what_is_left(&self, id: &EndorsementId, outdated: Option<Arc<Record>>) -> Option<Given> {
        let now = self.clock.now();
        let remembered = self.memory.peek(id);
        let proved = self.memory.proved_record(id);
        let stored = self.persistent.get(id).await.map(Arc::new);
        let candidates = [remembered, proved, stored, outdated];
        let usable = candidates.into_iter().flatten().filter(|record| {
            record.freshness(id, now) != Freshness::Expired || self.may_be_used_stale(id, record, now)
        });
        let record = usable.max_by_key(|record| (record.validity.from, record.fetched_at))?;
        if record.freshness(id, now) == Freshness::Expired {
            self.metrics.looked_up(Lookup::Stale);
            tracing::warn!(endorsement = %id, "no newer endorsement can be had: one that is expired is used");
        }
        let (proved, gone) = self.memory.put(id, Arc::clone(&record), false, now);
        self.memory.claim_refresh(id, now, now + REFRESH_PAUSE);
        self.remove_stored(gone).await;
        Some(Given {
            record,
            on_trial: !proved,
        })
    }

    fn may_be_used_stale(&self, id: &EndorsementId, record: &Record, now: i64) -> bool {
        shows_its_age(id)
            && record
                .expires_at(id)
                .is_none_or(|end| now <= end.saturating_add(self.stale_seconds))
    }

    pub(super) async fn store(&self, id: &EndorsementId, record: &Record) {
        if let Err(error) = self.persistent.put(id, record).await {
            tracing::warn!(%error, endorsement = %id, "cannot store an endorsement");
        }
    }

    pub(super) async fn remove_stored(&self, gone: Vec<EndorsementId>) {
        for id in gone {
            if let Err(error) = self.persistent.delete(&id).await {
                tracing::warn!(%error, endorsement = %id, "cannot remove a stored endorsement");
            }
        }
    }
}
