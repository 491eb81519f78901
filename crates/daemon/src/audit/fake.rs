use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use audit::Link;
use prometheus::IntCounter;

use super::{Audit, AuditSetupError, Place, Told};
use crate::clock::Clock;

/// A disk for tests: in memory, full or stuck when they want it to be. Clones share it.
#[derive(Clone, Default)]
pub struct FakeDisk {
    text: Arc<Mutex<String>>,
    full: Arc<AtomicBool>,
    stuck: Arc<AtomicBool>,
}

impl FakeDisk {
    /// A log on it.
    ///
    /// # Errors
    /// There is no thread to write it.
    pub fn audit<T: Told>(
        &self,
        require: bool,
        clock: Arc<dyn Clock>,
        lost: Option<IntCounter>,
    ) -> Result<Audit<T>, AuditSetupError> {
        Audit::on(Box::new(self.clone()), require, clock, lost)
    }

    /// Whether there is no room on it.
    pub fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    /// Whether writes do not end.
    pub fn set_stuck(&self, stuck: bool) {
        self.stuck.store(stuck, Ordering::SeqCst);
    }

    /// What is on it.
    #[must_use]
    pub fn text(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Place for FakeDisk {
    fn append(&mut self, lines: &str, _last: &Link) -> io::Result<()> {
        while self.stuck.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
        if self.full.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(lines);
        Ok(())
    }
}
