//! What one evaluation may cost.

use std::time::Duration;

/// Limits of one evaluation. Reaching one ends it with [`crate::PolicyError::Limit`]; nothing is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Wall-clock time of each rule that is read, looked at between the policy's steps. An evaluation that
    /// reaches it is tried once more, for the machine may have been busy with something else.
    pub time: Duration,
    /// Bytes that built-ins which can make much out of little (`numbers.range`, `concat`, `replace`, …) may
    /// produce in all. More than 64 MiB counts as 64 MiB.
    pub memory: usize,
}

impl Limits {
    /// How long an evaluation is waited for that could have a step without an end (`may_hang` of a policy). Its time
    /// limit ends any other much earlier.
    pub const PATIENCE: Duration = Duration::from_secs(5);

    /// What suits a server.
    pub const DEFAULT: Self = Self {
        time: Duration::from_millis(250),
        memory: 4 << 20,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
