//! Asks the sources, in order and once for however many ask, and remembers what they said.

use std::sync::Arc;
use std::time::Duration;

use daemon::clock::Clock;
use daemon::telemetry::RequestContext;
use verifier::{Endorsement, EndorsementId, Endorsements};

use super::cache::Cache;
use super::registry;
use super::single_flight::SingleFlight;
use super::source::{EndorsementError, EndorsementSource, Fetched};
use crate::config::{CrlMode, VerifierConfig};
use crate::error::StartError;
use crate::turns::Turns;

/// Asks the sources in order and remembers what they said.
pub(crate) struct Endorser {
    shelf: Arc<Shelf>,
    flights: SingleFlight<EndorsementId, Answer>,
    crl: CrlMode,
}

type Answer = Result<Endorsement, EndorsementError>;

/// What the work needs that fetches: it outlives the request that began it.
struct Shelf {
    sources: Vec<Box<dyn EndorsementSource>>,
    clock: Arc<dyn Clock>,
    certificates: Cache<EndorsementId, Endorsement>,
    revocation_lists: Cache<EndorsementId, Endorsement>,
    unknown: Cache<EndorsementId, ()>,
    turns: Turns,
}

/// How much is remembered of each kind. A certificate has about 1.4 KB.
const CAPACITY: usize = 4096;

/// A VCEK is made for one chip and one TCB and never changes.
const CERTIFICATE_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

const REVOCATION_LIST_LIFETIME: Duration = Duration::from_secs(3600);

/// Keeps evidence of a made-up chip from asking the vendor again and again.
const UNKNOWN_LIFETIME: Duration = Duration::from_secs(60);

/// How many fetches may be under way at a time.
const CONCURRENT_FETCHES: usize = 16;

/// How many more may wait, each for [`PATIENCE`].
const WAITING_FETCHES: usize = 256;

const PATIENCE: Duration = Duration::from_secs(5);

impl Endorser {
    /// The sources that `config` names, in its order.
    pub(crate) fn new(config: &VerifierConfig, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        Ok(Self::over(
            registry::sources(config)?,
            config.snp_verifier.crl,
            clock,
        ))
    }

    fn over(sources: Vec<Box<dyn EndorsementSource>>, crl: CrlMode, clock: Arc<dyn Clock>) -> Self {
        let shelf = Shelf {
            sources,
            clock,
            certificates: Cache::new(CAPACITY, CERTIFICATE_LIFETIME),
            revocation_lists: Cache::new(CAPACITY, REVOCATION_LIST_LIFETIME),
            unknown: Cache::new(CAPACITY, UNKNOWN_LIFETIME),
            turns: Turns::new(CONCURRENT_FETCHES, WAITING_FETCHES, PATIENCE),
        };
        Self {
            shelf: Arc::new(shelf),
            flights: SingleFlight::default(),
            crl,
        }
    }

    /// Everything of `wanted` that must be had.
    pub(crate) async fn gather(&self, wanted: &[EndorsementId]) -> Result<Endorsements, EndorsementError> {
        let mut endorsements = Endorsements::default();
        for id in wanted {
            if is_revocation_list(id) && self.crl == CrlMode::Off {
                continue;
            }
            endorsements.insert(id.clone(), self.obtain(id).await?);
        }
        Ok(endorsements)
    }

    /// Forgets `ids`: what was given for them did not hold, and the next one who asks deserves a new answer.
    pub(crate) fn forget(&self, ids: &[EndorsementId]) {
        for id in ids {
            self.shelf.certificates.remove(id);
            self.shelf.revocation_lists.remove(id);
        }
    }

    async fn obtain(&self, id: &EndorsementId) -> Answer {
        if let Some(bytes) = self.shelf.memory_of(id).get(id) {
            return Ok(bytes);
        }
        if self.shelf.unknown.get(id).is_some() {
            return Err(EndorsementError::Unknown(id.to_string()));
        }
        let (shelf, wanted) = (Arc::clone(&self.shelf), id.clone());
        let context = RequestContext::current().unwrap_or_default();
        let work = || context.scope(async move { shelf.fetch(&wanted).await });
        let fetched = self.flights.run(id.clone(), work).await;
        fetched.unwrap_or_else(|abandoned| {
            Err(EndorsementError::unavailable(
                id.to_string(),
                abandoned.to_string(),
            ))
        })
    }
}

impl Shelf {
    async fn fetch(&self, id: &EndorsementId) -> Answer {
        let Some(_turn) = self.turns.take().await else {
            return Err(EndorsementError::Busy);
        };
        let mut failure = None;
        for source in self.sources.iter().filter(|source| source.serves(id)) {
            match source.fetch(id).await {
                Ok(Some(fetched)) => {
                    let endorsement = self.dated(fetched);
                    if id.is_cacheable() && !source.is_local() {
                        self.memory_of(id).insert(id.clone(), endorsement.clone());
                    }
                    return Ok(endorsement);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, source = source.name(), endorsement = %id, "cannot fetch an endorsement");
                    failure.get_or_insert(error);
                }
            }
        }
        if let Some(error) = failure {
            return Err(error);
        }
        if id.is_cacheable() {
            self.unknown.insert(id.clone(), ());
        }
        Err(EndorsementError::Unknown(id.to_string()))
    }

    fn dated(&self, fetched: Fetched) -> Endorsement {
        Endorsement {
            bytes: fetched.bytes.into(),
            issuer_chain: fetched.issuer_chain.map(Into::into),
            fetched_at: Some(fetched.fetched_at.unwrap_or_else(|| self.clock.now())),
        }
    }

    fn memory_of(&self, id: &EndorsementId) -> &Cache<EndorsementId, Endorsement> {
        if is_revocation_list(id) {
            &self.revocation_lists
        } else {
            &self.certificates
        }
    }
}

fn is_revocation_list(id: &EndorsementId) -> bool {
    matches!(id, EndorsementId::SnpCrl { .. })
}

#[cfg(test)]
mod tests;
