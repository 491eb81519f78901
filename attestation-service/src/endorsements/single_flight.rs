//! Many ask, one fetches.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Work under way, by key. Whoever asks for a key that is already under way waits for the same result.
pub(crate) struct SingleFlight<K, V>(Arc<Mutex<Flights<K, V>>>);

type Flights<K, V> = HashMap<K, watch::Receiver<Option<V>>>;

/// The work ended without a result: it panicked, or the runtime is going down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the work was abandoned")]
pub(crate) struct Abandoned;

impl<K, V> Default for SingleFlight<K, V> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(HashMap::new())))
    }
}

impl<K, V> SingleFlight<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// The flight of `key`: the one that is under way, or else `work`, started now. The work goes on by itself when
    /// those who asked have gone: what it finds is worth keeping.
    pub(crate) fn start<F>(&self, key: K, work: impl FnOnce() -> F) -> Flight<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        match lock(&self.0).entry(key.clone()) {
            Entry::Occupied(under_way) => Flight(under_way.get().clone()),
            Entry::Vacant(free) => {
                let (sender, receiver) = watch::channel(None);
                free.insert(receiver.clone());
                let work = work();
                let landing = Landing {
                    flights: Arc::clone(&self.0),
                    key: Some(key),
                    sender,
                };
                tokio::spawn(async move {
                    let value = work.await;
                    landing.land(value);
                });
                Flight(receiver)
            }
        }
    }
}

/// Work under way.
pub(crate) struct Flight<V>(watch::Receiver<Option<V>>);

impl<V: Clone> Flight<V> {
    /// What comes of it.
    pub(crate) async fn result(mut self) -> Result<V, Abandoned> {
        let value = self.0.wait_for(Option::is_some).await.map_err(|_| Abandoned)?;
        value.clone().ok_or(Abandoned)
    }
}

/// Makes room for the next flight, however this one ends, and only then tells those who wait.
struct Landing<K: Eq + Hash, V> {
    flights: Arc<Mutex<Flights<K, V>>>,
    /// None once it has landed: the next flight of this key is another's.
    key: Option<K>,
    sender: watch::Sender<Option<V>>,
}

impl<K: Eq + Hash, V> Landing<K, V> {
    fn land(mut self, value: V) {
        self.make_room();
        self.sender.send_replace(Some(value));
    }
}

impl<K: Eq + Hash, V> Landing<K, V> {
    fn make_room(&mut self) {
        if let Some(key) = self.key.take() {
            lock(&self.flights).remove(&key);
        }
    }
}

impl<K: Eq + Hash, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        self.make_room();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_hundred_askers_are_one_piece_of_work() {
        let flights = Arc::new(SingleFlight::<&str, usize>::default());
        let started = Arc::new(AtomicUsize::new(0));
        let mut askers = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let (flights, started) = (Arc::clone(&flights), Arc::clone(&started));
            askers.spawn(async move {
                let work = move || async move {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    started.fetch_add(1, Ordering::SeqCst)
                };
                flights.start("key", work).result().await
            });
        }
        assert!(askers.join_all().await.iter().all(|result| *result == Ok(0)));
        assert_eq!(started.load(Ordering::SeqCst), 1);
        assert_eq!(flights.start("key", || async { 7 }).result().await, Ok(7));
    }

    #[tokio::test]
    async fn work_that_panics_is_reported_and_blocks_nobody() {
        let flights = SingleFlight::<&str, usize>::default();
        let result = flights
            .start("key", || async { panic!("as the test wants") })
            .result()
            .await;
        assert_eq!(result, Err(Abandoned));
        assert_eq!(flights.start("key", || async { 7 }).result().await, Ok(7));
    }
}
