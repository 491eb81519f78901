//! A map that forgets: bounded in number, each entry with an age limit.

use std::borrow::Borrow;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// When it is full, the entry that came first goes first. No operation looks at more than one entry, but for
/// [`Cache::insert`], which may drop one.
pub(crate) struct Cache<K, V> {
    capacity: usize,
    lifetime: Duration,
    inner: Mutex<Inner<K, V>>,
}

struct Inner<K, V> {
    entries: HashMap<K, Entry<V>>,
    /// In order of arrival. Holds a key once for each time it came; only the last one counts.
    arrivals: VecDeque<(u64, K)>,
    next_arrival: u64,
}

struct Entry<V> {
    value: V,
    since: Instant,
    arrival: u64,
}

impl<K: Clone + Eq + Hash, V: Clone> Cache<K, V> {
    /// Holds at most `capacity` entries, each for `lifetime`.
    pub(crate) fn new(capacity: usize, lifetime: Duration) -> Self {
        let inner = Inner {
            entries: HashMap::new(),
            arrivals: VecDeque::new(),
            next_arrival: 0,
        };
        Self {
            capacity,
            lifetime,
            inner: Mutex::new(inner),
        }
    }

    /// What is known of `key`, if it is not too old.
    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let inner = self.lock();
        let entry = inner.entries.get(key)?;
        (entry.since.elapsed() < self.lifetime).then(|| entry.value.clone())
    }

    /// Forgets `key`.
    pub(crate) fn remove<Q: Hash + Eq + ?Sized>(&self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.lock().entries.remove(key);
    }

    /// Remembers `value`, from now on.
    pub(crate) fn insert(&self, key: K, value: V) {
        let mut inner = self.lock();
        let arrival = inner.next_arrival;
        inner.next_arrival += 1;
        inner.arrivals.push_back((arrival, key.clone()));
        inner.entries.insert(
            key,
            Entry {
                value,
                since: Instant::now(),
                arrival,
            },
        );
        // Arrivals that no longer count are dropped with the others, so both stay within the capacity.
        while inner.arrivals.len() > self.capacity {
            let Some((arrival, key)) = inner.arrivals.pop_front() else {
                break;
            };
            if inner
                .entries
                .get(&key)
                .is_some_and(|entry| entry.arrival == arrival)
            {
                inner.entries.remove(&key);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<K, V>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_cache_forgets_what_came_first() {
        let cache = Cache::new(2, Duration::from_secs(60));
        for (key, value) in [(1, 'a'), (2, 'b'), (3, 'c')] {
            cache.insert(key, value);
        }
        assert_eq!(
            [cache.get(&1), cache.get(&2), cache.get(&3)],
            [None, Some('b'), Some('c')]
        );
    }

    #[test]
    fn inserting_one_key_for_ever_takes_no_more_room() {
        let cache = Cache::new(4, Duration::from_secs(60));
        for value in 0..1000 {
            cache.insert(1, value);
        }
        assert_eq!(cache.get(&1), Some(999));
        assert!(cache.lock().arrivals.len() <= 4);
    }

    #[test]
    fn an_old_entry_is_not_served() {
        let cache = Cache::new(2, Duration::ZERO);
        cache.insert(1, 'a');
        assert_eq!(cache.get(&1), None);
    }
}
