//! The audit log: a line for each admin action, attestation and release, chained by hashes.
//!
//! [`Audit`] takes what is told; one thread writes it, to a file, the standard output, or both. How the lines are chained,
//! and how that is proved, is in the crate `audit`.

mod config;
mod event;
mod log;
mod writer;

#[cfg(test)]
mod tests;

pub use config::AuditConfig;
pub(crate) use event::{Changed, Event, What};
pub use log::AuditSetupError;
pub use writer::{Audit, NotWritten};
