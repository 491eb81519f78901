//! A line that says how far it got.

use std::io::{IsTerminal, Write, stderr};

/// On standard error, if a person sees it.
pub(super) struct Progress {
    what: &'static str,
    total: usize,
    is_shown: bool,
}

impl Progress {
    /// Of `total` things of which `what` says what happens to them.
    pub(super) fn new(what: &'static str, total: usize) -> Self {
        let is_shown = stderr().is_terminal();
        Self {
            what,
            total,
            is_shown,
        }
    }

    /// So many are done.
    pub(super) fn at(&self, done: usize) {
        if self.is_shown {
            // A terminal that is gone is no reason to stop.
            let _ = write!(stderr(), "\r{} {done} of {}", self.what, self.total);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown {
            let _ = writeln!(stderr());
        }
    }
}
