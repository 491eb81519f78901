//! Whether something that is usually quick has become slow, and had better not be done on a thread that serves
//! connections.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Counts slow runs against quick ones. One slow run says nothing: a machine that is shared with others stops
/// any thread now and then. Three that come close together do, and it takes many quick ones to make up for them.
#[derive(Debug, Default)]
pub struct Strikes(AtomicU32);

/// What a slow run counts, in quick ones.
const SLOW_RUN: u32 = 64;
/// From here on it is slow.
const OUT: u32 = 2 * SLOW_RUN;
/// More are not counted, so that it can become quick again.
const MOST: u32 = 16 * SLOW_RUN;
/// How many quick runs show that something unknown is quick.
const PROBATION: u32 = 8;

impl Strikes {
    /// For something of which nothing is known yet: slow until a few quick runs have shown that it is not.
    #[must_use]
    pub fn unproven() -> Self {
        Self(AtomicU32::new(OUT + PROBATION))
    }

    /// Whether it is slow now.
    pub fn is_out(&self) -> bool {
        self.0.load(Ordering::Relaxed) > OUT
    }

    /// Does the work and counts it as slow if it takes longer than `slow`.
    pub fn time<T>(&self, slow: Duration, work: impl FnOnce() -> T) -> T {
        let begin = Instant::now();
        let done = work();
        let before = self.0.load(Ordering::Relaxed);
        let after = match begin.elapsed() > slow {
            true => (before + SLOW_RUN).min(MOST),
            false => before.saturating_sub(1),
        };
        // The count is a hint: that two threads take the same step is no harm.
        if after != before {
            self.0.store(after, Ordering::Relaxed);
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(2);

    fn slow(strikes: &Strikes) {
        strikes.time(LIMIT, || std::thread::sleep(LIMIT * 2));
    }

    #[test]
    fn one_slow_run_says_nothing() {
        let strikes = Strikes::default();
        slow(&strikes);
        assert!(!strikes.is_out());
    }

    #[test]
    fn the_unproven_is_out_until_it_was_quick_a_few_times() {
        let strikes = Strikes::unproven();
        for _ in 0..PROBATION {
            assert!(strikes.is_out());
            strikes.time(Duration::MAX, || ());
        }
        assert!(!strikes.is_out());
        slow(&strikes);
        assert!(strikes.is_out());
    }

    #[test]
    fn what_is_slow_again_and_again_is_out_and_comes_back_after_many_quick_runs() {
        let strikes = Strikes::default();
        (0..3).for_each(|_| slow(&strikes));
        assert!(strikes.is_out());
        (0..10).for_each(|_| strikes.time(Duration::MAX, || ()));
        assert!(strikes.is_out());
        (0..MOST).for_each(|_| strikes.time(Duration::MAX, || ()));
        assert!(!strikes.is_out());
    }
}
