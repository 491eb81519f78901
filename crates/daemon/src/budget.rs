//! A number of bytes that all requests share: what they hold of it at once is bounded, whoever sends them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Who holds up to so many bytes may have the whole budget, who holds more three quarters of it: large requests,
/// however many, do not keep small ones out.
pub const SMALL: usize = 16 << 10;

/// The bytes that there are.
#[derive(Debug)]
pub struct Budget {
    bytes: usize,
    held: AtomicUsize,
}

/// What one request holds. It goes back when this is dropped.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    bytes: AtomicUsize,
}

/// There is no room now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much is being sent at once")]
pub struct Exhausted;

impl Budget {
    /// Of so many bytes.
    pub fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            bytes,
            held: AtomicUsize::new(0),
        })
    }

    /// A share of nothing yet.
    pub fn share(self: &Arc<Self>) -> Share {
        Share {
            budget: Arc::clone(self),
            bytes: AtomicUsize::new(0),
        }
    }

    /// The bytes that are held.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

impl Share {
    /// Takes what is missing to `bytes`.
    ///
    /// # Errors
    /// There is not as much.
    pub fn grow_to(&self, bytes: usize) -> Result<(), Exhausted> {
        self.take(bytes.saturating_sub(self.bytes.load(Ordering::Relaxed)))
    }

    /// Takes `more`.
    ///
    /// # Errors
    /// There is not as much.
    pub fn take(&self, more: usize) -> Result<(), Exhausted> {
        let bytes = self.bytes.fetch_add(more, Ordering::Relaxed) + more;
        let held = self.budget.held.fetch_add(more, Ordering::Relaxed) + more;
        let ceiling = match bytes {
            ..=SMALL => self.budget.bytes,
            _ => self.budget.bytes / 4 * 3,
        };
        // What was added goes back with the rest.
        if held > ceiling { Err(Exhausted) } else { Ok(()) }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget
            .held
            .fetch_sub(*self.bytes.get_mut(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_goes_back_also_after_a_refusal() {
        let budget = Budget::new(10);
        let (first, second) = (budget.share(), budget.share());
        assert_eq!(first.take(6), Ok(()));
        assert_eq!(first.grow_to(8), Ok(()));
        assert_eq!(first.grow_to(3), Ok(()));
        assert_eq!(second.take(3), Err(Exhausted));
        drop(second);
        assert_eq!(budget.held(), 8);
        drop(first);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn large_shares_leave_a_quarter_to_small_ones() {
        let budget = Budget::new(8 * SMALL);
        let large = budget.share();
        assert_eq!(large.take(6 * SMALL), Ok(()));
        assert_eq!(budget.share().take(SMALL + 1), Err(Exhausted));
        let small = [budget.share(), budget.share()];
        assert!(small.iter().all(|share| share.take(SMALL).is_ok()));
        assert_eq!(budget.share().take(1), Err(Exhausted));
    }
}
