//! Work that may take very long, or have no end, and that nobody can break off: it must hold up neither the threads
//! that serve connections nor the end of the process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, oneshot};

/// Does such work on threads of its own, so many at a time, and waits for none longer than a limit.
///
/// Work that was given up goes on until it is done, and keeps its place for so long: work without an end takes a
/// processor and a place, and nothing else. A process that ends does not wait for it.
#[derive(Debug)]
pub struct Aside {
    places: Arc<Semaphore>,
    limit: Duration,
}

/// When the one who asked for the work stops waiting.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    limit: Duration,
}

/// There is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AsideError {
    /// The work takes longer than it may.
    #[error("it takes longer than {} s", .0.as_secs())]
    Late(Duration),
    /// Work that was begun before takes all places.
    #[error(
        "policies that were set or tried before are still being worked on: wait for them, or restart the service \
         if one of them never ends"
    )]
    Busy,
    /// The work broke off.
    #[error("the work broke off")]
    Broken,
}

impl Aside {
    /// `places` at a time, each waited for until `limit` has passed.
    #[must_use]
    pub fn new(places: usize, limit: Duration) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            limit,
        }
    }

    /// What `work` gives. It is told when nobody waits for it any more.
    ///
    /// # Errors
    /// It was not done in time, could not be begun, or broke off.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(Deadline) -> T + Send + 'static,
    ) -> Result<T, AsideError> {
        let deadline = Deadline {
            at: Instant::now() + self.limit,
            limit: self.limit,
        };
        let until = tokio::time::Instant::from_std(deadline.at);
        let place = tokio::time::timeout_at(until, Arc::clone(&self.places).acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            return Err(AsideError::Busy);
        };
        let (sender, result) = oneshot::channel();
        let thread = std::thread::Builder::new().name("aside".to_owned());
        let thread = thread.spawn(move || {
            let _place = place;
            // Whoever waited may be gone.
            let _ = sender.send(work(deadline));
        });
        if thread.is_err() {
            return Err(AsideError::Broken);
        }
        match tokio::time::timeout_at(until, result).await {
            Ok(done) => done.map_err(|_| AsideError::Broken),
            Err(_) => Err(AsideError::Late(self.limit)),
        }
    }
}

impl Deadline {
    /// For work of many steps, to be asked between two.
    ///
    /// # Errors
    /// Nobody waits for it any more.
    pub fn check(self) -> Result<(), AsideError> {
        match Instant::now() >= self.at {
            true => Err(AsideError::Late(self.limit)),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn work_that_is_done_in_time_gives_its_result() {
        let aside = Aside::new(1, LONG);
        assert_eq!(aside.run(Deadline::check).await, Ok(Ok(())));
        assert_eq!(aside.run(|_| 2).await, Ok(2));
    }

    /// On a runtime of one thread: it would wait for ever if the work were done there.
    #[tokio::test]
    async fn work_without_an_end_is_given_up_and_keeps_only_its_own_place() {
        let aside = Aside::new(2, SHORT);
        let (end, wait) = mpsc::channel::<()>();
        let late = aside.run(move |_| wait.recv().is_err()).await;
        assert_eq!(late, Err(AsideError::Late(SHORT)));
        let patient = Aside {
            places: Arc::clone(&aside.places),
            limit: LONG,
        };
        assert_eq!(patient.run(|_| 1).await, Ok(1));
        drop(end);
    }

    #[tokio::test]
    async fn whoever_finds_no_place_in_time_is_told_so() {
        let aside = Aside::new(1, SHORT);
        let (end, wait) = mpsc::channel::<()>();
        let late = aside.run(move |_| wait.recv().is_err()).await;
        assert_eq!(late, Err(AsideError::Late(SHORT)));
        assert_eq!(aside.run(|_| ()).await, Err(AsideError::Busy));
        drop(end);
        // The place is free again when the work has ended.
        let patient = Aside {
            places: aside.places,
            limit: LONG,
        };
        assert_eq!(patient.run(|_| ()).await, Ok(()));
    }

    #[tokio::test]
    async fn work_that_panics_is_broken_and_frees_its_place() {
        let aside = Aside::new(1, LONG);
        let broken: Result<(), _> = aside.run(|_| panic!("as a test does")).await;
        assert_eq!(broken, Err(AsideError::Broken));
        assert_eq!(aside.run(|_| ()).await, Ok(()));
    }
}
