//! What one evaluation may cost.

use std::time::Duration;

/// Limits of one evaluation. Reaching one ends it with [`crate::PolicyError::Limit`]; nothing is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Instructions of the policy machine. The default attestation policy needs a few hundred, and some ten
    /// for each event of an event log.
    pub instructions: usize,
    /// Wall-clock time, looked at between instructions.
    pub time: Duration,
    /// Bytes that built-ins which can make much out of little (`numbers.range`, `concat`, `replace`, …) may
    /// produce in all. More than 64 MiB counts as 64 MiB.
    pub memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            instructions: 500_000,
            time: Duration::from_millis(250),
            memory: 4 << 20,
        }
    }
}
