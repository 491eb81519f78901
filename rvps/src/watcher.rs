//! Telling one listener what changes.

use std::sync::Arc;

use daemon::clock::Clock;
use tokio::sync::watch;

use crate::{ReferenceValue, snapshot::Snapshot};

/// What changed since the change before it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    /// Forget everything known and take `changed` as the whole: the first change says so.
    pub reset: bool,
    /// New values, and values that are not as they were.
    pub changed: Vec<Arc<ReferenceValue>>,
    /// Names without a value any more: expired, or deleted by hand.
    pub removed: Vec<String>,
}

/// Tells what changes, at the listener's own speed: what happens while it is busy is told in one change.
pub struct Watcher {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    told: Option<Arc<Snapshot>>,
    clock: Arc<dyn Clock>,
}

impl Watcher {
    pub(crate) fn new(snapshots: watch::Receiver<Arc<Snapshot>>, clock: Arc<dyn Clock>) -> Self {
        Self {
            snapshots,
            told: None,
            clock,
        }
    }

    /// Waits for the next change. The first is there at once. `None` when the service is gone.
    pub async fn next(&mut self) -> Option<Change> {
        loop {
            if self.told.is_some() {
                self.snapshots.changed().await.ok()?;
            }
            let current = Arc::clone(&self.snapshots.borrow_and_update());
            let now = self.clock.now();
            let change = match &self.told {
                None => Change {
                    reset: true,
                    changed: current.live(now).cloned().collect(),
                    removed: Vec::new(),
                },
                Some(before) => current.change_since(before, now),
            };
            self.told = Some(current);
            if change.reset || !change.changed.is_empty() || !change.removed.is_empty() {
                return Some(change);
            }
        }
    }
}
