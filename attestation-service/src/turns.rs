//! Taking turns at something scarce: so many at a time, so many waiting, and nobody for ever.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many at a time, each for as long as it holds its [`Turn`].
pub(crate) struct Turns {
    turns: Arc<Semaphore>,
    queue: Semaphore,
    patience: Duration,
}

/// A turn. The next one begins when it is dropped. It may outlive the request that took it: work that cannot be
/// broken off holds its turn to the end.
pub(crate) struct Turn {
    _permit: OwnedSemaphorePermit,
}

impl Turns {
    /// `count` turns at a time; at most `waiting` wait for one, each for `patience`.
    pub(crate) fn new(count: usize, waiting: usize, patience: Duration) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(count)),
            queue: Semaphore::new(waiting),
            patience,
        }
    }

    /// A turn, or `None` if too many wait already or it takes too long.
    pub(crate) async fn take(&self) -> Option<Turn> {
        if let Ok(_permit) = Arc::clone(&self.turns).try_acquire_owned() {
            return Some(Turn { _permit });
        }
        let _waiting = self.queue.try_acquire().ok()?;
        let turn = Arc::clone(&self.turns).acquire_owned();
        let _permit = tokio::time::timeout(self.patience, turn).await.ok()?.ok()?;
        Some(Turn { _permit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_turn_comes_when_another_ends() {
        let turns = Turns::new(1, 1, Duration::from_secs(60));
        let first = turns.take().await.unwrap();
        let (second, ()) = tokio::join!(turns.take(), async { drop(first) });
        assert!(second.is_some());
    }

    #[tokio::test]
    async fn whoever_finds_the_queue_full_is_sent_away_at_once() {
        let turns = Turns::new(1, 0, Duration::from_secs(3600));
        let _first = turns.take().await.unwrap();
        assert!(turns.take().await.is_none());
    }

    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let turns = Turns::new(1, 1, Duration::from_millis(10));
        let _first = turns.take().await.unwrap();
        assert!(turns.take().await.is_none());
    }
}
