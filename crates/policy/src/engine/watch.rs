//! Evaluations that nobody can break off, and that may have no end.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{LimitKind, Limits, PolicyError};

/// Evaluations of one policy at once.
const AT_ONCE: usize = 8;
/// Evaluations of one policy that were given up and still go on. With so many there is no next one.
const MAX_LOST: usize = 2;
/// Values may nest as deep as a policy is long.
const STACK: usize = 256 << 20;

/// Runs evaluations of one policy on threads of their own, and gives up those that take too long. What was given up
/// goes on until it is done, if ever, and takes a processor until then, but nobody's turn.
#[derive(Debug, Default)]
pub(super) struct Watch(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    counts: Mutex<Counts>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Counts {
    running: usize,
    lost: usize,
}

impl Watch {
    /// What `work` gives, or that it ran out of time.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PolicyError> + Send + 'static,
    ) -> Result<T, PolicyError> {
        self.run_within(Limits::PATIENCE, work)
    }

    fn run_within<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce() -> Result<T, PolicyError> + Send + 'static,
    ) -> Result<T, PolicyError> {
        let late = || PolicyError::Limit(LimitKind::Step);
        self.begin(patience).ok_or_else(late)?;
        let (sender, result) = mpsc::sync_channel(1);
        let place = Place {
            shared: Arc::clone(&self.0),
            lost: Mutex::new(false),
        };
        let place = Arc::new(place);
        let held = Arc::clone(&place);
        let thread = std::thread::Builder::new()
            .name("policy".to_owned())
            .stack_size(STACK);
        let thread = thread.spawn(move || {
            let _held = held;
            // Whoever waited may be gone.
            let _ = sender.send(work());
        });
        thread.map_err(|error| PolicyError::Evaluation(error.to_string()))?;
        match result.recv_timeout(patience) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => {
                place.give_up();
                Err(late())
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(PolicyError::Evaluation("it breaks the policy engine".to_owned()))
            }
        }
    }

    /// Waits for a place; `None` if there is none to be had.
    fn begin(&self, patience: Duration) -> Option<()> {
        let full = |counts: &mut Counts| counts.running >= AT_ONCE && counts.lost < MAX_LOST;
        let waited = self.0.freed.wait_timeout_while(self.0.counts(), patience, full);
        let (mut counts, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let free = counts.running < AT_ONCE && counts.lost < MAX_LOST;
        free.then(|| counts.running += 1)
    }
}

impl Shared {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one evaluation: free when neither it nor the one who waits for it is there any more, or when it was
/// given up.
struct Place {
    shared: Arc<Shared>,
    lost: Mutex<bool>,
}

impl Place {
    fn give_up(&self) {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = true;
        let mut counts = self.shared.counts();
        counts.running = counts.running.saturating_sub(1);
        counts.lost += 1;
        self.shared.freed.notify_all();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let lost = *self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counts = self.shared.counts();
        match lost {
            true => counts.lost = counts.lost.saturating_sub(1),
            false => counts.running = counts.running.saturating_sub(1),
        }
        self.shared.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const SHORT: Duration = Duration::from_millis(30);
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn what_is_done_in_time_gives_its_result_however_many_there_are() {
        let watch = Watch::default();
        std::thread::scope(|scope| {
            for number in 0..40 {
                let watch = &watch;
                scope.spawn(move || {
                    let work = move || {
                        std::thread::sleep(Duration::from_millis(5));
                        Ok(number)
                    };
                    assert_eq!(watch.run_within(LONG, work).unwrap(), number);
                });
            }
        });
        let error = watch.run_within::<()>(LONG, || Err(PolicyError::Input("x".to_owned())));
        assert!(matches!(error, Err(PolicyError::Input(_))), "{error:?}");
        while watch.0.counts().running > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn what_has_no_end_is_given_up_and_after_a_few_not_begun_again() {
        let watch = Watch::default();
        let (end, wait) = mpsc::channel::<()>();
        let wait = Arc::new(Mutex::new(wait));
        for _ in 0..MAX_LOST {
            let wait = Arc::clone(&wait);
            let lost = watch.run_within(SHORT, move || Ok(wait.lock().unwrap().recv().is_err()));
            assert!(
                matches!(lost, Err(PolicyError::Limit(LimitKind::Step))),
                "{lost:?}"
            );
        }
        let begin = Instant::now();
        let next = watch.run_within(LONG, || Ok(1));
        assert!(
            matches!(next, Err(PolicyError::Limit(LimitKind::Step))),
            "{next:?}"
        );
        assert!(begin.elapsed() < LONG / 2);
        // When they end after all, others have a turn again.
        drop(end);
        while watch.0.counts().lost > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(watch.run_within(LONG, || Ok(1)).unwrap(), 1);
    }

    #[test]
    fn what_panics_is_an_error_and_frees_its_place() {
        let watch = Watch::default();
        let broken: Result<(), _> = watch.run_within(LONG, || panic!("as a test does"));
        assert!(matches!(broken, Err(PolicyError::Evaluation(_))), "{broken:?}");
        while watch.0.counts().running > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
