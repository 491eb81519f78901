//! Who goes first when there is too much.

use std::collections::VecDeque;

use verifier::EndorsementId;

use super::Limits;

/// Entries in the order in which they came, with their number and size. A place may outlive its entry; it is passed
/// over then.
#[derive(Default)]
pub(super) struct Ring {
    places: VecDeque<(u64, EndorsementId)>,
    entries: usize,
    bytes: usize,
}

impl Ring {
    /// An entry came.
    pub(super) fn add(&mut self, ticket: u64, id: EndorsementId, size: usize) {
        self.places.push_back((ticket, id));
        self.entries += 1;
        self.bytes += size;
    }

    /// An entry of this size left, whoever holds its place.
    pub(super) fn take(&mut self, size: usize) {
        self.entries = self.entries.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(size);
    }

    /// The first place.
    pub(super) fn next(&mut self) -> Option<(u64, EndorsementId)> {
        self.places.pop_front()
    }

    /// The last place for who was first.
    pub(super) fn put_back(&mut self, ticket: u64, id: EndorsementId) {
        self.places.push_back((ticket, id));
    }

    /// Whether there is more than `limits` allow.
    pub(super) fn exceeds(&self, limits: Limits) -> bool {
        self.entries > limits.entries || self.bytes > limits.bytes
    }

    /// How much there is.
    pub(super) fn load(&self) -> Limits {
        Limits {
            entries: self.entries,
            bytes: self.bytes,
        }
    }

    /// Drops the places that nobody holds, once they are more than half of all.
    pub(super) fn tidy(&mut self, is_held: impl Fn(u64, &EndorsementId) -> bool) {
        if self.places.len() > 2 * self.entries + 16 {
            self.places.retain(|(ticket, id)| is_held(*ticket, id));
        }
    }
}
