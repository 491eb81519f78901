//! Taking turns at something scarce: so many at a time, so many waiting, and nobody for ever.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

/// So many at a time, each for as long as it holds its [`Turn`].
pub(crate) struct Turns {
    turns: Semaphore,
    queue: Semaphore,
    patience: Duration,
}

/// A turn. The next one begins when it is dropped.
pub(crate) struct Turn<'a> {
    _turn: SemaphorePermit<'a>,
}

impl Turns {
    /// `count` turns at a time; at most `waiting` wait for one, each for `patience`.
    pub(crate) fn new(count: usize, waiting: usize, patience: Duration) -> Self {
        let (turns, queue) = (Semaphore::new(count), Semaphore::new(waiting));
        Self {
            turns,
            queue,
            patience,
        }
    }

    /// A turn, or `None` if too many wait already or it takes too long.
    pub(crate) async fn take(&self) -> Option<Turn<'_>> {
        if let Ok(_turn) = self.turns.try_acquire() {
            return Some(Turn { _turn });
        }
        let _waiting = self.queue.try_acquire().ok()?;
        let _turn = tokio::time::timeout(self.patience, self.turns.acquire())
            .await
            .ok()?
            .ok()?;
        Some(Turn { _turn })
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
