use std::time::Duration;

use daemon::strikes::Strikes;
use tokio::runtime::{Handle, RuntimeFlavor};

/// A decision that takes longer holds up the other requests of its thread.
const SLOW: Duration = Duration::from_millis(5);

/// Keeps a slow policy from stalling the runtime.
///
/// Policies are evaluated on the calling thread, for they take microseconds.
/// One that is slow again and again is evaluated aside, where the runtime puts
/// another thread in the place of the busy one.
#[derive(Default)]
pub(super) struct Pace(Strikes);

impl Pace {
    pub(super) fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        if self.0.is_out() && can_step_aside() {
            return tokio::task::block_in_place(|| self.0.time(SLOW, work));
        }
        self.0.time(SLOW, work)
    }
}

/// A runtime of one thread has no other to put in its place.
fn can_step_aside() -> bool {
    Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_slow() -> Pace {
        let pace = Pace::default();
        while !pace.0.is_out() {
            pace.run(|| std::thread::sleep(SLOW * 2));
        }
        pace
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_slow_policy_does_not_hold_up_the_only_worker() {
        let pace = std::sync::Arc::new(made_slow());
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let evaluation = tokio::spawn(async move { pace.run(|| wait.recv_timeout(Duration::from_secs(10))) });
        // Runs on the one worker only if the evaluation has left it.
        let other = tokio::spawn(async move { release.send(()) });
        assert_eq!(evaluation.await.unwrap(), Ok(()));
        other.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_runtime_of_one_thread_evaluates_in_place() {
        assert_eq!(made_slow().run(|| 7), 7);
    }
}
