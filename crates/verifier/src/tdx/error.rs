//! Why TDX evidence is refused, beyond its quote.

use crate::Fault;
use eventlog::EventLogError;

/// The check that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TdxError {
    /// The event log is malformed, or lacks a SHA-384 digest.
    #[error("event log: {0}")]
    EventLog(#[from] EventLogError),
    /// The event log has a measurement that is in none of the quote's registers, so that nothing vouches for it.
    #[error("the event log has a record of register {0}, which no quote shows")]
    UnquotedRegister(u32),
    /// The event log does not replay to the register: it is incomplete, out of order or made up.
    #[error("the event log does not replay to RTMR {0}")]
    Replay(usize),
}

impl TdxError {
    /// Whose fault it is.
    pub fn class(&self) -> Fault {
        Fault::Attester
    }
}
