//! Event logs of measured boot: what was extended into which measurement register, and why.
//!
//! The format is the crypto-agile log of the TCG PC Client Platform Firmware Profile (version 1.06, revision 52,
//! section 10): `TCG_PCR_EVENT2` records after one header record. A confidential guest finds the same format in
//! its ACPI table CCEL (UEFI 2.11, section 38), where the registers are CCMRs: on TDX, CCMR 1 to 4 are RTMR 0 to
//! 3. The attestation agent of Confidential Containers appends records of its own, AAEL.
//!
//! A log proves nothing by itself: whoever sends it can write anything. [`EventLog::replay`] says what the
//! registers hold if the log is complete and in order; the caller compares that with registers that a TEE signed.
//! Of each record only the digest, its register and its place are then proved. The record's type and data are
//! proved only if `digest_matches_event` says that the digest is over the data.
//!
//! Modules in reading order: `algorithm`, `log` (records), `replay`, `event_type` and `details` (what the records
//! say), `claims` (the JSON that a policy sees).

mod algorithm;
mod claims;
mod details;
mod error;
mod event_type;
mod json;
mod log;
mod reader;
mod replay;
#[cfg(test)]
mod tests;

pub use algorithm::{Algorithm, Digest};
pub use error::EventLogError;
pub use event_type::EventType;
pub use json::hex;
pub use log::{Event, EventLog};
pub use replay::Registers;
