//! The way to one source: so many at a time, at the source's pace, and nobody waits for ever.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::pacer::{LeftAlone, Pacer};
use super::source::EndorsementError;
use crate::turns::{Turn, Turns};

/// The way to one source.
pub(super) struct Gate {
    turns: Turns,
    pacer: Mutex<Pacer>,
}

/// The source cannot be asked in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Closed {
    /// It is left alone.
    LeftAlone(LeftAlone),
    /// Too many wait for their turn.
    Crowded,
}

/// How many requests may be under way at a time.
const CONCURRENT: usize = 8;

/// How many more may wait, each for [`PATIENCE`].
const WAITING: usize = 64;

const PATIENCE: Duration = Duration::from_secs(5);

impl Gate {
    /// An open one.
    pub(super) fn new() -> Self {
        Self {
            turns: Turns::new(CONCURRENT, WAITING, PATIENCE),
            pacer: Mutex::new(Pacer::new(Instant::now())),
        }
    }

    /// Waits for a moment at which the source may be asked, if that is within `patience`.
    pub(super) async fn pass(&self, patience: Duration) -> Result<Turn, Closed> {
        let reserved = self.pacer().reserve(Instant::now(), patience);
        let moment = reserved.map_err(Closed::LeftAlone)?;
        tokio::time::sleep_until(moment.into()).await;
        // Meanwhile it may have said that there was too much.
        if let Some(left_alone) = self.left_alone() {
            return Err(Closed::LeftAlone(left_alone));
        }
        self.turns.take().await.ok_or(Closed::Crowded)
    }

    /// The source answered, or did not.
    pub(super) fn heard(&self, failure: Option<&EndorsementError>) {
        match failure {
            None => self.pacer().answered(),
            Some(failure) => self.pacer().failed(Instant::now(), failure),
        }
    }

    /// Whether the source is left alone now.
    pub(super) fn left_alone(&self) -> Option<LeftAlone> {
        self.pacer().left_alone(Instant::now())
    }

    // A pacer is whole after every operation, so a panic elsewhere does not spoil it.
    fn pacer(&self) -> MutexGuard<'_, Pacer> {
        self.pacer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_crowd_is_sent_away() {
        let gate = Arc::new(Gate::new());
        let mut inside = Vec::new();
        for _ in 0..CONCURRENT {
            inside.push(gate.pass(Duration::ZERO).await.unwrap());
        }
        let mut crowd = tokio::task::JoinSet::new();
        for _ in 0..=WAITING {
            let gate = Arc::clone(&gate);
            crowd.spawn(async move { gate.pass(Duration::ZERO).await.map(drop) });
        }
        // The one for whom there is no place is sent away at once; the others have their turn in the end.
        assert_eq!(crowd.join_next().await.unwrap().unwrap(), Err(Closed::Crowded));
        drop(inside);
        assert!(crowd.join_all().await.iter().all(Result::is_ok));
    }

    #[tokio::test]
    async fn who_waited_for_their_moment_hears_that_it_did_not_come() {
        let gate = Arc::new(Gate::new());
        let failure = |seconds| EndorsementError::Unavailable {
            source_name: "kds".to_owned(),
            reason: "too much".to_owned(),
            retry_after: Some(Duration::from_millis(seconds)),
        };
        gate.heard(Some(&failure(50)));
        let waiter = {
            let gate = Arc::clone(&gate);
            tokio::spawn(async move { gate.pass(Duration::from_secs(1)).await.map(drop) })
        };
        tokio::time::sleep(Duration::from_millis(10)).await;
        gate.heard(Some(&failure(60_000)));
        assert!(matches!(waiter.await.unwrap(), Err(Closed::LeftAlone(_))));
    }
}
