//! The audit log: a line for each admin action, attestation and release, chained by hashes.
//!
//! What a line says is here. How it is written is in [`daemon::audit`]; how the lines are chained, and how that is proved,
//! in the crate `audit`.

mod event;

#[cfg(test)]
mod tests;

pub use daemon::audit::{AuditConfig, AuditSetupError};
pub(crate) use event::{Changed, Event, What};

/// The log.
pub(crate) type Audit = daemon::audit::Audit<What>;
