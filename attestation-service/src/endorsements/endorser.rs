//! What an evaluation asks for its endorsements, and tells whether they held.

use std::sync::{Arc, Weak};
use std::time::Duration;

use daemon::clock::Clock;
use daemon::metrics::Registry;
use daemon::telemetry::RequestContext;
use storage::StorageConfig;
use verifier::{EndorsementId, Endorsements};

use super::cache::Cache;
use super::lists::Lists;
use super::memory::{Doubted, Limits, Memory};
use super::metrics::{Lookup, Metrics};
use super::persistent::Persistent;
use super::record::Record;
use super::refresh;
use super::registry;
use super::report::Report;
use super::shelf::{Answer, Given, REFRESH_PAUSE, Shelf};
use super::single_flight::{Flight, SingleFlight};
use super::source::{EndorsementError, EndorsementSource};
use super::supplier::Supplier;
use crate::config::{CrlMode, EndorsementCacheConfig, VerifierConfig};
use crate::error::StartError;

/// Gets endorsements, once for however many ask, and remembers them.
pub(crate) struct Endorser(Arc<Inner>);

/// What the endorser and its work in the background share.
pub(super) struct Inner {
    pub(super) shelf: Arc<Shelf>,
    flights: SingleFlight<EndorsementId, Answer>,
}

/// What was gathered for an evaluation.
#[derive(Default)]
pub(crate) struct Gathered {
    /// For the verifier.
    pub(crate) endorsements: Endorsements,
    /// Those with which no evaluation succeeded yet.
    pub(crate) on_trial: Vec<Trial>,
}

/// An endorsement that is to be proved: [`Endorser::held`].
pub(crate) struct Trial {
    id: EndorsementId,
    record: Arc<Record>,
}

/// How many ids are remembered as unknown, or as doubtful.
const REMARKS: usize = 4096;

/// Keeps evidence of a made-up chip from asking the vendor again and again.
const UNKNOWN_LIFETIME: Duration = Duration::from_secs(60);

/// How often an endorsement is fetched anew because it does not hold: whatever evidence does, no more than that.
const DOUBT_LIFETIME: Duration = Duration::from_secs(60);

/// How many endorsements of sources on this machine are held for a moment, and for how long: until then, nobody notices
/// that a file has changed.
const AT_HAND: usize = 256;
const AT_HAND_LIFETIME: Duration = Duration::from_secs(1);

/// How long an evaluation waits for a source that wants to be left alone. AMD's gives a certificate in ten seconds.
const PATIENCE: Duration = Duration::from_secs(12);

impl Endorser {
    /// The sources that `config` names, in its order, and the cache on `storage`. Begins to keep the cache current.
    /// Needs a Tokio runtime.
    pub(crate) fn start(
        config: &VerifierConfig,
        storage: &StorageConfig,
        registry: &Registry,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let persistent = match config.endorsement_cache.persistent {
            true => Persistent::open(storage)?,
            false => Persistent::none(),
        };
        let endorser = Self::over(registry::sources(config)?, config, persistent, registry, clock)?;
        tokio::spawn(refresh::run(endorser.downgrade()));
        Ok(endorser)
    }

    /// One that keeps nothing, to fetch what is to be exported: also revocation lists, whether or not evidence needs
    /// one here.
    pub(crate) fn for_export(config: &VerifierConfig, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let sources = registry::sources(config)?;
        let mut config = config.clone();
        config.snp_verifier.crl = CrlMode::Require;
        Self::over(sources, &config, Persistent::none(), &Registry::new(), clock)
    }

    /// One endorsement with all that is known about it.
    pub(crate) async fn record(&self, id: &EndorsementId) -> Result<Arc<Record>, EndorsementError> {
        let given = match self.0.look_up(id)? {
            Ok(given) => given,
            Err(flight) => landed(id, flight).await?,
        };
        Ok(given.record)
    }

    pub(super) fn over(
        sources: Vec<Box<dyn EndorsementSource>>,
        config: &VerifierConfig,
        persistent: Persistent,
        registry: &Registry,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let metrics = Metrics::new(registry).map_err(|error| StartError::Config(error.to_string()))?;
        let metrics = Arc::new(metrics);
        let cache: &EndorsementCacheConfig = &config.endorsement_cache;
        let suppliers = sources
            .into_iter()
            .map(|source| Supplier::new(source, Arc::clone(&metrics), Arc::clone(&clock)));
        let shelf = Shelf {
            suppliers: suppliers.collect(),
            memory: Memory::new(limits(cache)?),
            persistent,
            at_hand: Cache::new(AT_HAND, AT_HAND_LIFETIME),
            unknown: Cache::new(REMARKS, UNKNOWN_LIFETIME),
            doubted: Cache::new(REMARKS, DOUBT_LIFETIME),
            lists: Lists::new(config.snp_verifier.crl),
            stale_seconds: cache.stale_seconds.into(),
            metrics,
            clock,
        };
        Ok(Self(Arc::new(Inner {
            shelf: Arc::new(shelf),
            flights: SingleFlight::default(),
        })))
    }

    /// Everything of `wanted` that must be had, and what else of it is at hand; what is not at hand is fetched at the
    /// same time.
    pub(crate) async fn gather(&self, wanted: &[EndorsementId]) -> Result<Gathered, EndorsementError> {
        let mut gathered = Gathered::default();
        let mut under_way = Vec::new();
        for id in wanted {
            match self.0.look_up(id) {
                Ok(Ok(given)) => gathered.add(id, given),
                Ok(Err(flight)) => under_way.push((id, flight)),
                Err(_) if self.0.shelf.lists.covers(id) => {}
                Err(error) => return Err(error),
            }
        }
        for (id, flight) in under_way {
            match landed(id, flight).await {
                Ok(given) => gathered.add(id, given),
                Err(_) if self.0.shelf.lists.covers(id) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(gathered)
    }

    /// An evaluation succeeded with these: they are worth keeping.
    pub(crate) fn held(&self, trials: Vec<Trial>) {
        let shelf = &self.0.shelf;
        let mut news = Vec::new();
        let mut gone = Vec::new();
        for Trial { id, record } in trials {
            let (is_news, pushed_out) = shelf.memory.prove(&id, &record);
            gone.extend(pushed_out);
            if is_news {
                news.push((id, record));
            }
        }
        if shelf.persistent.is_there() && !(news.is_empty() && gone.is_empty()) {
            let shelf = Arc::clone(shelf);
            tokio::spawn(async move {
                for (id, record) in news {
                    shelf.store(&id, &record).await;
                }
                shelf.remove_stored(gone).await;
            });
        }
    }

    /// What was given for `id` did not hold. It is fetched anew, but not again and again: who sends evidence may have
    /// brought this about.
    pub(crate) fn doubt(&self, id: &EndorsementId) {
        let shelf = &self.0.shelf;
        shelf.at_hand.remove(id);
        shelf.lists.forget(id);
        if !id.is_cacheable() || shelf.lists.covers(id) || shelf.doubted.get(id).is_some() {
            return;
        }
        let now = shelf.clock.now();
        let source = shelf
            .memory
            .peek(id)
            .map_or_else(|| "".into(), |record| Arc::clone(&record.source));
        match shelf.memory.doubt(id) {
            Doubted::Absent => return,
            Doubted::Forgotten => {}
            Doubted::Reverted => {
                shelf.memory.claim_refresh(id, now, now + REFRESH_PAUSE);
            }
            Doubted::Stays => self.0.refresh(id),
        }
        tracing::warn!(endorsement = %id, source = &*source, "an endorsement did not hold");
        shelf.doubted.insert(id.clone(), source);
    }

    /// What there is, for the operator.
    pub(crate) fn report(&self) -> Report {
        Report::of(&self.0.shelf)
    }

    /// Brings the metrics up to date that are not counted as things happen.
    pub(crate) fn measure(&self) {
        let shelf = &self.0.shelf;
        shelf.metrics.remembered(shelf.memory.totals());
    }

    pub(super) fn downgrade(&self) -> Weak<Inner> {
        Arc::downgrade(&self.0)
    }
}

impl Inner {
    /// What is remembered, or else the flight that brings it.
    fn look_up(&self, id: &EndorsementId) -> Result<Result<Given, Flight<Answer>>, EndorsementError> {
        let shelf = &self.shelf;
        if shelf.lists.covers(id) {
            return match shelf.lists.recall(id) {
                Some(answer) => answer.map(Ok),
                None => Ok(Err(self.fetch(id, Duration::ZERO))),
            };
        }
        if let Some((given, lookup)) = shelf.recall(id) {
            shelf.metrics.looked_up(lookup);
            if lookup != Lookup::Hit {
                self.refresh(id);
            }
            return Ok(Ok(given));
        }
        if shelf.unknown.get(id).is_some() {
            shelf.metrics.looked_up(Lookup::Unknown);
            return Err(EndorsementError::Unknown(id.to_string()));
        }
        shelf.metrics.looked_up(Lookup::Miss);
        Ok(Err(self.fetch(id, PATIENCE)))
    }

    /// Asks for a newer one, unless somebody did a moment ago. Nobody waits for it.
    fn refresh(&self, id: &EndorsementId) {
        let now = self.shelf.clock.now();
        if self.shelf.memory.claim_refresh(id, now, now + REFRESH_PAUSE) {
            self.fetch(id, Duration::ZERO);
        }
    }

    /// Gets it anew, once for however many ask.
    pub(super) fn fetch(&self, id: &EndorsementId, patience: Duration) -> Flight<Answer> {
        let (shelf, wanted) = (Arc::clone(&self.shelf), id.clone());
        let context = RequestContext::current().unwrap_or_default();
        let work = || context.scope(async move { shelf.obtain(&wanted, patience).await });
        self.flights.start(id.clone(), work)
    }
}

impl Gathered {
    fn add(&mut self, id: &EndorsementId, given: Given) {
        let endorsement = given.record.endorsement.clone();
        self.endorsements.insert(id.clone(), endorsement);
        if given.on_trial {
            self.on_trial.push(Trial {
                id: id.clone(),
                record: given.record,
            });
        }
    }
}

/// The least that the cache must be able to hold: the longest endorsement, on trial.
const LEAST_MIB: u32 = 16;

/// The least number of entries.
const LEAST_ENTRIES: u32 = 64;

fn limits(config: &EndorsementCacheConfig) -> Result<Limits, StartError> {
    let at_least = |key: &str, least: u32, value: u32| match usize::try_from(value) {
        Ok(number) if value >= least => Ok(number),
        _ => Err(StartError::Config(format!(
            "verifier_config.endorsement_cache.{key} must be at least {least}"
        ))),
    };
    Ok(Limits {
        entries: at_least("max_entries", LEAST_ENTRIES, config.max_entries)?,
        bytes: at_least("max_mib", LEAST_MIB, config.max_mib)?.saturating_mul(1024 * 1024),
    })
}

/// What a flight brought.
pub(super) async fn landed(id: &EndorsementId, flight: Flight<Answer>) -> Answer {
    let result = flight.result().await;
    result.unwrap_or_else(|abandoned| {
        Err(EndorsementError::unavailable(
            id.to_string(),
            abandoned.to_string(),
        ))
    })
}

#[cfg(test)]
mod tests;
