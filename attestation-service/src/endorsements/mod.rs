//! Endorsements that the evidence does not carry: the only part of an evaluation that goes to the network.
//!
//! Whoever sends evidence decides what is asked for, so everything here is bounded: how much is remembered, how
//! much is under way, and for how long. What a source gives is not trusted; the verifier judges it.

mod cache;
mod kds;
mod offline;
mod single_flight;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use daemon::telemetry::RequestContext;
use verifier::{EndorsementId, Endorsements};

use self::cache::Cache;
use self::kds::Kds;
use self::offline::OfflineStore;
use self::single_flight::SingleFlight;
use crate::config::{CrlMode, SnpVerifierConfig, VcekSource};
use crate::error::StartError;
use crate::turns::Turns;

/// One place where endorsements are kept.
#[async_trait]
pub(crate) trait EndorsementSource: Send + Sync {
    /// The DER bytes of `id`; `None` if the source answers and has no such thing.
    async fn fetch(&self, id: &EndorsementId) -> Result<Option<Vec<u8>>, EndorsementError>;
}

/// An endorsement cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndorsementError {
    /// Every source answered, and none has it. Asking again does not help.
    #[error("no source has {0}")]
    Unknown(String),
    /// A source did not answer as it should. Asking again may help.
    #[error("the endorsement source {source_name} is unavailable: {reason}")]
    Unavailable {
        /// Which source.
        source_name: String,
        /// What happened.
        reason: String,
    },
    /// Too much is under way already.
    #[error("too many endorsements are being fetched")]
    Busy,
}

/// Asks the sources in order and remembers what they said.
pub(crate) struct Endorser {
    shelf: Arc<Shelf>,
    flights: SingleFlight<EndorsementId, Answer>,
    crl: CrlMode,
}

type Answer = Result<Arc<[u8]>, EndorsementError>;

/// What the work needs that fetches: it outlives the request that began it.
struct Shelf {
    sources: Vec<Box<dyn EndorsementSource>>,
    certificates: Cache<EndorsementId, Arc<[u8]>>,
    revocation_lists: Cache<EndorsementId, Arc<[u8]>>,
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
    pub(crate) fn new(config: &SnpVerifierConfig) -> Result<Self, StartError> {
        let mut sources: Vec<Box<dyn EndorsementSource>> = Vec::new();
        for source in &config.vcek_sources {
            sources.push(match source {
                VcekSource::Kds(config) => Box::new(Kds::new(config)?),
                VcekSource::OfflineStore(config) => Box::new(OfflineStore::new(&config.path)),
            });
        }
        Ok(Self::over(sources, config.crl))
    }

    fn over(sources: Vec<Box<dyn EndorsementSource>>, crl: CrlMode) -> Self {
        let shelf = Shelf {
            sources,
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
            endorsements.insert(id.clone(), self.obtain(id).await?.to_vec());
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
            Err(EndorsementError::Unavailable {
                source_name: id.to_string(),
                reason: abandoned.to_string(),
            })
        })
    }
}

impl Shelf {
    async fn fetch(&self, id: &EndorsementId) -> Answer {
        let Some(_turn) = self.turns.take().await else {
            return Err(EndorsementError::Busy);
        };
        let mut failure = None;
        for source in &self.sources {
            match source.fetch(id).await {
                Ok(Some(bytes)) => {
                    let bytes: Arc<[u8]> = bytes.into();
                    self.memory_of(id).insert(id.clone(), Arc::clone(&bytes));
                    return Ok(bytes);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, endorsement = %id, "cannot fetch an endorsement");
                    failure.get_or_insert(error);
                }
            }
        }
        if let Some(error) = failure {
            return Err(error);
        }
        self.unknown.insert(id.clone(), ());
        Err(EndorsementError::Unknown(id.to_string()))
    }

    fn memory_of(&self, id: &EndorsementId) -> &Cache<EndorsementId, Arc<[u8]>> {
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
