//! What was verified before, by digest. Only what a trusted root vouches for gets in, and only so much.

use ring::digest::{SHA256, digest};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// A bounded map from the SHA-256 of some bytes to what they proved to be. When full, the oldest entry goes.
pub(crate) struct Cache<T> {
    capacity: usize,
    entries: Mutex<Entries<T>>,
}

struct Entries<T> {
    by_digest: HashMap<[u8; 32], Arc<T>>,
    by_age: VecDeque<[u8; 32]>,
}

impl<T> Cache<T> {
    /// An empty one for so many entries.
    pub(crate) fn new(capacity: usize) -> Self {
        let entries = Entries {
            by_digest: HashMap::new(),
            by_age: VecDeque::new(),
        };
        Self {
            capacity,
            entries: Mutex::new(entries),
        }
    }

    /// The entry for `bytes`, made by `verify` if it is not there. A failure is not remembered.
    pub(crate) fn get_or<E>(&self, bytes: &[u8], verify: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        let Some(key) = key(bytes) else {
            return verify().map(Arc::new);
        };
        if let Some(found) = self.with(|entries| entries.by_digest.get(&key).cloned()) {
            return Ok(found);
        }
        let made = Arc::new(verify()?);
        self.with(|entries| {
            if entries.by_digest.insert(key, Arc::clone(&made)).is_none() {
                entries.by_age.push_back(key);
            }
            if entries.by_age.len() > self.capacity
                && let Some(oldest) = entries.by_age.pop_front()
            {
                entries.by_digest.remove(&oldest);
            }
        });
        Ok(made)
    }

    /// Whether there is an entry for `bytes` now.
    pub(crate) fn knows(&self, bytes: &[u8]) -> bool {
        key(bytes).is_some_and(|key| self.with(|entries| entries.by_digest.contains_key(&key)))
    }

    fn with<R>(&self, use_entries: impl FnOnce(&mut Entries<T>) -> R) -> R {
        use_entries(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn key(bytes: &[u8]) -> Option<[u8; 32]> {
    digest(&SHA256, bytes).as_ref().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_cache_forgets_its_oldest_entry_and_never_grows() {
        let cache = Cache::new(3);
        for number in 0..100_u8 {
            cache.get_or(&[number], || Ok::<_, ()>(number)).unwrap();
        }
        cache.with(|entries| assert_eq!((entries.by_digest.len(), entries.by_age.len()), (3, 3)));
        assert!(cache.knows(&[99]) && !cache.knows(&[96]));
        assert_eq!(cache.get_or(&[99], || Err(())).as_deref(), Ok(&99));
        assert_eq!(cache.get_or(&[96], || Err(())), Err(()));
    }

    #[test]
    fn a_failure_is_not_remembered() {
        let cache = Cache::new(3);
        assert_eq!(cache.get_or(b"x", || Err("no")), Err("no"));
        assert_eq!(cache.get_or(b"x", || Ok::<_, ()>(1)).as_deref(), Ok(&1));
    }
}
