//! What was decided, and why: a record of each attestation and each release, for administrators.
//!
//! In reading order: [`Decision`] is the record. An `Occurrence` is what a handler tells; [`Decisions`] turns it into a
//! record in the background and keeps the newest, in memory and in the storage. [`Query`] finds them again.

mod config;
mod entry;
mod failed_check;
mod failure;
mod id;
mod memory;
mod occurrence;
mod query;
mod record;
mod recorder;
mod stored;

#[cfg(test)]
mod tests;

pub use config::DecisionsConfig;
pub use failed_check::{FailedCheck, Refusal};
pub use id::{DecisionId, NoDecisionId};
pub(crate) use occurrence::{Noted, Occurrence, Outcome};
pub use query::{Page, Query, Recorded};
pub use record::{Decision, Device, Devices, Kind, PolicyUsed, Verdict};
pub use recorder::Decisions;
