//! How often a source is asked: as often as it wants to be, and no more. Time is a parameter.
//!
//! A source that says that it was asked too much is left alone for as long as it says, and then asked at that pace,
//! which eases with every answer. One that does not answer several times in a row is left alone for a moment that
//! grows; nobody waits for that. Whoever would have to wait longer than they have patience is told at once, so
//! nothing piles up.

use std::time::{Duration, Instant};

use super::source::EndorsementError;

/// When one source may be asked.
#[derive(Debug)]
pub(super) struct Pacer {
    /// The next free moment.
    next: Instant,
    /// Between two requests.
    pace: Duration,
    /// How often in a row it did not answer.
    failures: u32,
    /// Until when it is left alone.
    until: Instant,
    /// And why.
    reason: String,
    /// Whether it said itself until when. Otherwise nobody waits for it: that it will answer then is a guess.
    is_wish: bool,
}

/// A source is not asked for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LeftAlone {
    /// For how long still.
    pub(super) remaining: Duration,
    /// What it answered last.
    pub(super) reason: String,
}

/// So many times in a row a source may fail to answer before it is left alone.
const TOLERATED_FAILURES: u32 = 3;

/// The longest time a source that does not answer is left alone.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The longest time a source is left alone because it says so.
const LONGEST_WISH: Duration = Duration::from_secs(600);

/// The slowest pace at which a source is asked after it said that there was too much.
const SLOWEST_PACE: Duration = Duration::from_secs(60);

/// A pace faster than this is none.
const FASTEST_PACE: Duration = Duration::from_millis(200);

impl Pacer {
    /// For a source that may be asked at any time.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            next: now,
            pace: Duration::ZERO,
            failures: 0,
            until: now,
            reason: String::new(),
            is_wish: false,
        }
    }

    /// A moment of one's own within `patience`; the next one is for somebody else.
    pub(super) fn reserve(&mut self, now: Instant, patience: Duration) -> Result<Instant, LeftAlone> {
        let moment = self.next.max(now);
        let remaining = moment.duration_since(now);
        let is_hopeless = !self.is_wish && self.left_alone(now).is_some();
        if remaining > patience || is_hopeless {
            let reason = self.reason.clone();
            return Err(LeftAlone { remaining, reason });
        }
        self.next = moment + self.pace;
        Ok(moment)
    }

    /// The source answered.
    pub(super) fn answered(&mut self) {
        self.failures = 0;
        self.pace = match self.pace / 2 {
            pace if pace < FASTEST_PACE => Duration::ZERO,
            pace => pace,
        };
    }

    /// The source did not answer, or not as it should.
    pub(super) fn failed(&mut self, now: Instant, failure: &EndorsementError) {
        self.failures = self.failures.saturating_add(1);
        let (pause, is_wish) = match failure {
            EndorsementError::Unavailable {
                retry_after: Some(wish),
                ..
            } => {
                self.pace = (*wish).min(SLOWEST_PACE);
                ((*wish).min(LONGEST_WISH), true)
            }
            _ => match self.failures.checked_sub(TOLERATED_FAILURES) {
                None => return,
                Some(more) => (Duration::from_secs(1 << more.min(6)).min(LONGEST_PAUSE), false),
            },
        };
        self.is_wish = is_wish;
        self.until = self.until.max(now + pause);
        self.next = self.next.max(self.until);
        self.reason = match failure {
            EndorsementError::Unavailable { reason, .. } => reason.clone(),
            other => other.to_string(),
        };
    }

    /// Whether the source is left alone at `now`.
    pub(super) fn left_alone(&self, now: Instant) -> Option<LeftAlone> {
        let remaining = self.until.saturating_duration_since(now);
        (!remaining.is_zero()).then(|| LeftAlone {
            remaining,
            reason: self.reason.clone(),
        })
    }
}

#[cfg(test)]
mod tests;
