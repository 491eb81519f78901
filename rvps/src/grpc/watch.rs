//! Telling a listener over the wire what changes: in parts, and for no longer than it listens.
//!
//! All values may be tens of megabytes, and a listener that does not read makes the server keep what it is to be told.
//! So there are few places for listeners, what one is told comes in small parts that are made when there is room for
//! them, and one who takes nothing loses its place.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use daemon::shutdown::Shutdown;
use protos::reference::ReferenceValueChange;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::Stream;
use tonic::Status;

use super::wire::Parts;
use crate::Watcher;

/// How many may listen at once. Each Attestation Service is one.
const PLACES: usize = 64;

/// How long one may take nothing of what there is for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// The places for listeners.
pub(super) struct Watchers {
    places: Arc<Semaphore>,
    patience: Duration,
}

impl Default for Watchers {
    fn default() -> Self {
        Self::new(PLACES, PATIENCE)
    }
}

impl Watchers {
    fn new(places: usize, patience: Duration) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            patience,
        }
    }

    /// Gives a listener its place and begins to tell.
    pub(super) fn tell(&self, watcher: Watcher, shutdown: Shutdown) -> Result<Told, Status> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            Status::resource_exhausted(format!(
                "{PLACES} clients watch the reference values already, and there are no more places: try again later, or \
                 find out who they are"
            ))
        })?;
        // One part waits at most: who is slow is told later changes together.
        let (sender, receiver) = mpsc::channel(1);
        let told = Told(Arc::new(Mutex::new(State::Telling(receiver))));
        let state = Arc::clone(&told.0);
        let patience = self.patience;
        tokio::spawn(async move {
            if tell(watcher, &sender, shutdown, patience).await == End::Ignored {
                tracing::warn!(
                    "a client that watches the reference values takes nothing and is not told any more"
                );
                // What waits for it is let go of now, and not when it reads again.
                *lock(&state) = State::Ignored;
            }
            drop(place);
        });
        Ok(told)
    }
}

/// Why no more is told.
#[derive(PartialEq, Eq)]
enum End {
    /// There is nothing to tell any more, or nobody to tell it to.
    Over,
    /// What there is to tell is not taken.
    Ignored,
}

async fn tell(
    mut watcher: Watcher,
    sender: &mpsc::Sender<ReferenceValueChange>,
    shutdown: Shutdown,
    patience: Duration,
) -> End {
    loop {
        let change = tokio::select! {
            change = watcher.next() => change,
            () = shutdown.requested() => None,
            () = sender.closed() => None,
        };
        let Some(change) = change else { return End::Over };
        for part in Parts::of(change) {
            let room = tokio::select! {
                room = tokio::time::timeout(patience, sender.reserve()) => room,
                () = shutdown.requested() => return End::Over,
            };
            match room {
                Ok(Ok(room)) => room.send(part),
                Ok(Err(_)) => return End::Over,
                Err(_) => return End::Ignored,
            }
        }
    }
}

/// What a listener is told.
pub(super) struct Told(Arc<Mutex<State>>);

enum State {
    Telling(mpsc::Receiver<ReferenceValueChange>),
    Ignored,
    Over,
}

impl Stream for Told {
    type Item = Result<ReferenceValueChange, Status>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = lock(&self.0);
        match &mut *state {
            State::Telling(receiver) => receiver.poll_recv(context).map(|part| part.map(Ok)),
            State::Ignored => {
                *state = State::Over;
                Poll::Ready(Some(Err(Status::resource_exhausted(
                    "what changed was not taken for too long: watch anew",
                ))))
            }
            State::Over => Poll::Ready(None),
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        // So that the teller sees that nobody listens.
        *lock(&self.0) = State::Over;
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};
    use tokio_stream::StreamExt;

    use super::*;
    use crate::Caller;
    use crate::tests::{in_memory, sample};

    fn shutdown() -> Shutdown {
        Shutdown::manual(Duration::from_secs(1))
    }

    /// So many values, of some hundred bytes each.
    fn many(number: usize) -> String {
        let value = |n: usize| (format!("value-{n:06}"), json!(["x".repeat(500)]));
        sample(&Value::from((0..number).map(value).collect::<Map<_, _>>()))
    }

    #[tokio::test]
    async fn there_are_few_places_and_one_is_free_again_when_its_client_leaves() {
        let (rvps, _) = in_memory().await;
        let watchers = Watchers::new(2, PATIENCE);
        let first = watchers.tell(rvps.watch(), shutdown()).unwrap();
        let _second = watchers.tell(rvps.watch(), shutdown()).unwrap();
        let refused = watchers.tell(rvps.watch(), shutdown()).err().unwrap();
        assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
        drop(first);
        while watchers.places.available_permits() == 0 {
            tokio::task::yield_now().await;
        }
        watchers.tell(rvps.watch(), shutdown()).unwrap();
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_not_told_any_more_and_holds_nothing() {
        let (rvps, _) = in_memory().await;
        rvps.register(&many(2000), &Caller::local()).await.unwrap();
        let watchers = Watchers::new(1, Duration::from_millis(100));
        let mut told = watchers.tell(rvps.watch(), shutdown()).unwrap();
        assert!(told.next().await.unwrap().unwrap().more);
        while watchers.places.available_permits() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(matches!(*lock(&told.0), State::Ignored));
        let ended = told.next().await.unwrap().unwrap_err();
        assert_eq!(ended.code(), tonic::Code::ResourceExhausted);
        assert!(told.next().await.is_none());
    }

    #[tokio::test]
    async fn a_client_with_nothing_to_take_keeps_its_place() {
        let (rvps, _) = in_memory().await;
        let watchers = Watchers::new(1, Duration::from_millis(50));
        let mut told = watchers.tell(rvps.watch(), shutdown()).unwrap();
        assert!(told.next().await.unwrap().unwrap().reset);
        tokio::time::sleep(Duration::from_millis(300)).await;
        rvps.register(&many(1), &Caller::local()).await.unwrap();
        assert_eq!(told.next().await.unwrap().unwrap().changed.len(), 1);
    }
}
