//! The order in which attested sessions make room for others: by size first, then by age.
//!
//! The claims of most guests are small. Were there one queue for all sizes, a few guests with large claims would
//! push out thousands of others. So each class of sizes has a queue of its own, and a large newcomer finds room only
//! among those that are as large.

use std::collections::BTreeMap;

use super::SessionId;
use super::store::Order;

/// Attested sessions by class of their size and then by expiry, and the bytes they hold.
pub(super) struct Shelves {
    /// More bytes than this are large.
    large_size: usize,
    queues: BTreeMap<Class, BTreeMap<Order, SessionId>>,
    common_bytes: usize,
    large_bytes: usize,
}

/// 0 for common sizes; then one for each doubling.
pub(super) type Class = u32;

/// The class of sessions that are not large.
pub(super) const COMMON: Class = 0;

impl Shelves {
    pub(super) fn new(large_size: usize) -> Self {
        Self {
            large_size: large_size.max(1),
            queues: BTreeMap::new(),
            common_bytes: 0,
            large_bytes: 0,
        }
    }

    /// The class of so many bytes. The largest of a class has at most twice the bytes of the smallest, but for
    /// [`COMMON`].
    pub(super) fn class(&self, bytes: usize) -> Class {
        let times = bytes.saturating_sub(1) / self.large_size;
        times.checked_ilog2().map_or(COMMON, |doublings| doublings + 1)
    }

    pub(super) fn insert(&mut self, order: Order, id: SessionId, bytes: usize) {
        let class = self.class(bytes);
        *self.bytes_of(class) += bytes;
        self.queues.entry(class).or_default().insert(order, id);
    }

    pub(super) fn remove(&mut self, order: &Order, bytes: usize) {
        let class = self.class(bytes);
        let Some(queue) = self.queues.get_mut(&class) else {
            return;
        };
        if queue.remove(order).is_none() {
            return;
        }
        if queue.is_empty() && class != COMMON {
            self.queues.remove(&class);
        }
        *self.bytes_of(class) -= bytes;
    }

    pub(super) fn len(&self) -> usize {
        self.queues.values().map(BTreeMap::len).sum()
    }

    pub(super) fn common_bytes(&self) -> usize {
        self.common_bytes
    }

    pub(super) fn large_bytes(&self) -> usize {
        self.large_bytes
    }

    /// The first to expire, of whatever size.
    pub(super) fn oldest(&self) -> Option<(Order, SessionId)> {
        let firsts = self.queues.values().filter_map(BTreeMap::first_key_value);
        firsts
            .map(|(order, id)| (*order, *id))
            .min_by_key(|(order, _)| *order)
    }

    /// The oldest common one.
    pub(super) fn oldest_common(&self) -> Option<SessionId> {
        self.queues.get(&COMMON)?.first_key_value().map(|(_, id)| *id)
    }

    /// The oldest of each class of large sizes from `least` on, the largest class first.
    pub(super) fn oldest_of_large(&self, least: Class) -> impl Iterator<Item = SessionId> {
        let large = self.queues.range(least.max(COMMON + 1)..).rev();
        large.filter_map(|(_, queue)| queue.first_key_value().map(|(_, id)| *id))
    }

    fn bytes_of(&mut self, class: Class) -> &mut usize {
        match class {
            COMMON => &mut self.common_bytes,
            _ => &mut self.large_bytes,
        }
    }
}
