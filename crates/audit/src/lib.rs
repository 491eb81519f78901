//! An append-only log whose records are chained by their hashes.
//!
//! A record is a line of JSON:
//!
//! ```text
//! {"audit":1,"seq":7,"prev":"<hash of record 6>","time":"2026-11-22T08:19:01Z","event":"…",…,"hash":"<hash of this>"}
//! ```
//!
//! `hash` is the SHA-256 of the line without the member `hash`, exactly as it is written: take away `,"hash":"…"` and
//! hash what is left, braces included. Nothing is parsed and written again, so there is one hash for a line whoever
//! computes it. `prev` of the first record is 64 zeros.
//!
//! In reading order: [`Link`] and [`seal`] make records, [`LogFile`] keeps them on a disk, [`Verifier`] proves a log.

mod chain;
mod file;
mod record;
mod verify;

#[cfg(test)]
mod tests;

pub use chain::{Hash, Link, NoLink};
pub use file::{LogFile, OpenError, Opened};
pub use record::{CLOSED, MAX_LINE, RECOVERED, Torn, seal};
pub use verify::{Fault, FaultKind, Summary, Verifier};
