use std::time::Duration;

use daemon::strikes::Strikes;
use tokio::runtime::{Handle, RuntimeFlavor};

/// A decision that takes longer holds up the other requests of its thread.
const SLOW: Duration = Duration::from_millis(5);

/// Keeps a slow policy from stalling the runtime.
///
/// Policies are evaluated on the calling thread, for they take microseconds.
/// One that is slow again and again, or has much to look at, is evaluated
/// aside, where the runtime puts another thread in the place of the busy one.
#[derive(Default)]
pub(super) struct Pace(Strikes);

impl Pace {
    /// Whether it was slow again and again.
    pub(super) fn is_slow(&self) -> bool {
        self.0.is_out()
    }

    /// `may_take_long`: whether there is much to look at, or the policy could keep its thread for seconds.
    pub(super) fn run<T>(&self, may_take_long: bool, work: impl FnOnce() -> T) -> T {
        if (may_take_long || self.is_slow()) && can_step_aside() {
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
            pace.run(false, || std::thread::sleep(SLOW * 2));
        }
        pace
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_slow_policy_does_not_hold_up_the_only_worker() {
        let pace = std::sync::Arc::new(made_slow());
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let evaluation =
            tokio::spawn(async move { pace.run(false, || wait.recv_timeout(Duration::from_secs(10))) });
        // Runs on the one worker only if the evaluation has left it.
        let other = tokio::spawn(async move { release.send(()) });
        assert_eq!(evaluation.await.unwrap(), Ok(()));
        other.await.unwrap().unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn much_to_look_at_does_not_hold_up_the_only_worker() {
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let wait = move || wait.recv_timeout(Duration::from_secs(10));
        let evaluation = tokio::spawn(async move { Pace::default().run(true, wait) });
        let other = tokio::spawn(async move { release.send(()) });
        assert_eq!(evaluation.await.unwrap(), Ok(()));
        other.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_runtime_of_one_thread_evaluates_in_place() {
        assert_eq!(made_slow().run(true, || 7), 7);
    }
}
