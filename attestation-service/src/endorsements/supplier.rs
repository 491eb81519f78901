//! A source with everything around it: its gate, its time limit, and the record of what it did.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use daemon::clock::Clock;
use verifier::EndorsementId;

use super::gate::{Closed, Gate};
use super::metrics::{Metrics, Outcome};
use super::pacer::LeftAlone;
use super::record::{Freshness, Record};
use super::source::{EndorsementError, EndorsementSource, Fetched};

/// One source, as it is asked.
pub(super) struct Supplier {
    source: Box<dyn EndorsementSource>,
    name: Arc<str>,
    gate: Gate,
    tally: Mutex<Tally>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
}

/// What a source did since the start.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// How often it was asked, by outcome.
    pub(super) outcomes: BTreeMap<&'static str, u64>,
    /// When it last gave what was asked for, in seconds since the Unix epoch.
    pub(super) last_success: Option<i64>,
    /// When it last failed, and how.
    pub(super) last_error: Option<(i64, String)>,
}

/// However a source takes its time, this is the end.
const TIME_LIMIT: Duration = Duration::from_secs(60);

impl Supplier {
    pub(super) fn new(
        source: Box<dyn EndorsementSource>,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            name: source.name().into(),
            source,
            gate: Gate::new(),
            tally: Mutex::default(),
            metrics,
            clock,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn serves(&self, id: &EndorsementId) -> bool {
        self.source.serves(id)
    }

    pub(super) fn is_local(&self) -> bool {
        self.source.is_local()
    }

    /// What it did since the start.
    pub(super) fn tally(&self) -> Tally {
        self.lock().clone()
    }

    /// Whether it is left alone now.
    pub(super) fn left_alone(&self) -> Option<LeftAlone> {
        self.gate.left_alone()
    }

    /// Asks for `id`, once it may be asked, if that is within `patience`. What it gives has the form of what was
    /// asked for; it may be over.
    pub(super) async fn ask(
        &self,
        id: &EndorsementId,
        patience: Duration,
    ) -> Result<Option<Record>, EndorsementError> {
        let start = Instant::now();
        let first = self.ask_once(id, patience).await;
        let left = patience.saturating_sub(start.elapsed());
        match first {
            // There is time for another try when it wants to be asked again.
            Err(EndorsementError::Unavailable {
                retry_after: Some(wish),
                ..
            }) if wish < left => self.ask_once(id, left).await,
            answer => answer,
        }
    }

    async fn ask_once(
        &self,
        id: &EndorsementId,
        patience: Duration,
    ) -> Result<Option<Record>, EndorsementError> {
        if self.is_local() {
            let answer = self.source.fetch(id).await;
            return self.judge(id, answer, None);
        }
        let _turn = match self.gate.pass(patience).await {
            Ok(turn) => turn,
            Err(closed) => {
                self.metrics.asked(&self.name, Outcome::Limited, None);
                self.lock().count(Outcome::Limited);
                return Err(self.closed(closed));
            }
        };
        let start = Instant::now();
        let answer = tokio::time::timeout(TIME_LIMIT, self.source.fetch(id)).await;
        let answer = answer.unwrap_or_else(|_| Err(self.unavailable("it took too long")));
        let answer = self.judge(id, answer, Some(start.elapsed().as_secs_f64()));
        self.gate.heard(answer.as_ref().err());
        answer
    }

    /// Tells what came from what was asked for, and counts it.
    fn judge(
        &self,
        id: &EndorsementId,
        answer: Result<Option<Fetched>, EndorsementError>,
        seconds: Option<f64>,
    ) -> Result<Option<Record>, EndorsementError> {
        let now = self.clock.now();
        let (outcome, answer) = match answer {
            Ok(None) => (Outcome::Missing, Ok(None)),
            Ok(Some(fetched)) => match Record::new(id, fetched, &self.name, now) {
                Ok(record) if record.freshness(id, now) == Freshness::Expired => {
                    (Outcome::Outdated, Ok(Some(record)))
                }
                Ok(record) => (Outcome::Found, Ok(Some(record))),
                Err(error) => (
                    Outcome::Refused,
                    Err(self.unavailable(format!("its answer cannot be used: {error}"))),
                ),
            },
            Err(
                error @ EndorsementError::Unavailable {
                    retry_after: Some(_), ..
                },
            ) => (Outcome::Limited, Err(error)),
            Err(error) => (Outcome::Failed, Err(error)),
        };
        self.metrics.asked(&self.name, outcome, seconds);
        let mut tally = self.lock();
        tally.count(outcome);
        match &answer {
            Ok(_) if outcome == Outcome::Outdated => {
                tally.last_error = Some((now, format!("the {id} that it gave is expired")));
            }
            Ok(_) => tally.last_success = Some(now),
            Err(error) => tally.last_error = Some((now, error.to_string())),
        }
        answer
    }

    /// The error of this source.
    pub(super) fn unavailable(&self, reason: impl Into<String>) -> EndorsementError {
        EndorsementError::unavailable(self.name(), reason)
    }

    fn closed(&self, closed: Closed) -> EndorsementError {
        match closed {
            Closed::Crowded => EndorsementError::Busy,
            Closed::LeftAlone(LeftAlone { remaining, reason }) => {
                let seconds = remaining.as_secs() + 1;
                self.unavailable(format!("it is not asked for another {seconds} s: {reason}"))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    fn count(&mut self, outcome: Outcome) {
        *self.outcomes.entry(outcome.as_str()).or_default() += 1;
    }
}
