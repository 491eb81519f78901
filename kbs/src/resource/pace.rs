use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};

/// A decision that takes longer holds up the other requests of its thread.
const SLOW: Duration = Duration::from_millis(5);

/// Keeps a slow policy from stalling the runtime.
///
/// Policies are evaluated on the calling thread, for they take microseconds.
/// One that was slow once is evaluated aside from then on, where the runtime
/// puts another thread in the place of the busy one.
#[derive(Default)]
pub(super) struct Pace {
    slow: AtomicBool,
}

impl Pace {
    pub(super) fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        if self.slow.load(Ordering::Relaxed) && can_step_aside() {
            return tokio::task::block_in_place(work);
        }
        let begin = Instant::now();
        let done = work();
        if begin.elapsed() > SLOW {
            self.slow.store(true, Ordering::Relaxed);
        }
        done
    }
}

/// A runtime of one thread has no other to put in its place.
fn can_step_aside() -> bool {
    Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow(pace: &Pace) -> bool {
        pace.run(|| std::thread::sleep(SLOW * 2));
        pace.slow.load(Ordering::Relaxed)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_slow_policy_does_not_hold_up_the_only_worker() {
        let pace = std::sync::Arc::new(Pace::default());
        assert!(slow(&pace));
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let evaluation = tokio::spawn(async move { pace.run(|| wait.recv_timeout(Duration::from_secs(10))) });
        // Runs on the one worker only if the evaluation has left it.
        let other = tokio::spawn(async move { release.send(()) });
        assert_eq!(evaluation.await.unwrap(), Ok(()));
        other.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_runtime_of_one_thread_evaluates_in_place() {
        let pace = Pace::default();
        assert!(slow(&pace));
        assert_eq!(pace.run(|| 7), 7);
    }
}
