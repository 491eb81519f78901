//! The audit log: what somebody did, a line each, chained by hashes.
//!
//! [`Audit`] takes what is told; one thread writes it, to a file, the standard output, or both. What a line says is each
//! service's own ([`Told`]); of what is administered over gRPC it is the same everywhere ([`AdminLine`]). How the lines
//! are chained, and how that is proved, is in the crate `audit`.

mod admin;
mod config;
mod fake;
mod line;
mod log;
mod writer;

#[cfg(test)]
mod tests;

pub use admin::{About, AdminCall, AdminCaller, AdminLine, Attempt, Names};
pub use config::AuditConfig;
pub use fake::FakeDisk;
pub use line::{GONE, Origin, Told, bounded};
pub use log::{AuditSetupError, Place};
pub use writer::{Audit, NotWritten};
