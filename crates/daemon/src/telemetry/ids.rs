//! Identifiers that are unique, quick to make, and no secret.

use std::cell::Cell;

use ring::rand::{SecureRandom, SystemRandom};

thread_local! {
    /// A random part of this thread and a counter that starts at random.
    static STATE: Cell<Option<(u64, u64)>> = const { Cell::new(None) };
}

/// Sixteen bytes, never all zero: eight of the thread, eight of a scrambled counter.
pub(super) fn next_128() -> u128 {
    let (thread, count) = next();
    (u128::from(thread) << 64) | u128::from(count)
}

/// Eight bytes, never all zero.
pub(super) fn next_64() -> u64 {
    let (thread, count) = next();
    (thread ^ count).max(1)
}

fn next() -> (u64, u64) {
    STATE.with(|state| {
        let (thread, count) = state.get().unwrap_or_else(seed);
        let count = count.wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(Some((thread, count)));
        (thread, scramble(count))
    })
}

/// The finaliser of SplitMix64: a bijection, so that different counts stay different.
fn scramble(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn seed() -> (u64, u64) {
    let mut bytes = [0_u8; 16];
    // Without randomness the ids are less unique, nothing else.
    let _ = SystemRandom::new().fill(&mut bytes);
    let seed = u128::from_be_bytes(bytes);
    let [high, low] = [seed >> 64, seed].map(|half| u64::try_from(half & u128::from(u64::MAX)).unwrap_or(0));
    (high.max(1), low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_of_all_threads_differ() {
        let make = || (0..1000).map(|_| next_128()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(make)).collect();
        let ids: HashSet<u128> = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        assert_eq!(ids.len(), 4000);
        assert!(!ids.contains(&0));
    }
}
