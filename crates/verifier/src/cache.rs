//! What was verified before, by digest. Only what a trusted root vouches for gets in, and only so much.

use ring::digest::{Context, Digest, SHA256, digest};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// What an entry is found by: the SHA-256 of all that its verification looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; 32]);

impl Key {
    /// Of several parts, each behind its length: the same bytes cut elsewhere have another key.
    pub(crate) fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(&part.len().to_be_bytes());
            context.update(part);
        }
        Self::from_digest(&context.finish())
    }

    fn from_digest(digest: &Digest) -> Self {
        let mut key = [0; 32];
        key.copy_from_slice(digest.as_ref());
        Self(key)
    }
}

impl<T: AsRef<[u8]> + ?Sized> From<&T> for Key {
    fn from(bytes: &T) -> Self {
        Self::from_digest(&digest(&SHA256, bytes.as_ref()))
    }
}

/// A bounded map from the SHA-256 of some bytes to what they proved to be. When full, the oldest entry goes.
pub(crate) struct Cache<T> {
    capacity: usize,
    entries: Mutex<Entries<T>>,
}

struct Entries<T> {
    by_digest: HashMap<Key, Arc<T>>,
    by_age: VecDeque<Key>,
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

    /// The entry of this key, made by `verify` if it is not there. A failure is not remembered.
    pub(crate) fn get_or<E>(
        &self,
        key: impl Into<Key>,
        verify: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let key = key.into();
        if let Some(found) = self.get(key) {
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

    /// The entry of this key, if it is there.
    pub(crate) fn get(&self, key: impl Into<Key>) -> Option<Arc<T>> {
        let key = key.into();
        self.with(|entries| entries.by_digest.get(&key).cloned())
    }

    fn with<R>(&self, use_entries: impl FnOnce(&mut Entries<T>) -> R) -> R {
        use_entries(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
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
        assert_eq!(cache.get(&[99]).as_deref(), Some(&99));
        assert_eq!(cache.get(&[96]), None);
        assert_eq!(cache.get_or(&[99], || Err(())).as_deref(), Ok(&99));
        assert_eq!(cache.get_or(&[96], || Err(())), Err(()));
    }

    #[test]
    fn parts_that_are_cut_elsewhere_have_another_key() {
        let key = |parts: &[&'static str]| Key::of(parts.iter().map(|part| part.as_bytes()));
        assert_eq!(key(&["ab", "c"]), key(&["ab", "c"]));
        assert_ne!(key(&["ab", "c"]), key(&["a", "bc"]));
        assert_ne!(key(&["ab", ""]), key(&["ab"]));
    }

    #[test]
    fn a_failure_is_not_remembered() {
        let cache = Cache::new(3);
        assert_eq!(cache.get_or(b"x", || Err("no")), Err("no"));
        assert_eq!(cache.get_or(b"x", || Ok::<_, ()>(1)).as_deref(), Ok(&1));
    }
}
