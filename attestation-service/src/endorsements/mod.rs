//! Endorsements that the evidence does not carry: the only part of an evaluation that goes to the network.
//!
//! Whoever sends evidence decides what is asked for, so everything here is bounded: how much is remembered, how
//! much is under way, and for how long. What a source gives is not trusted; the verifier judges it.
//!
//! In reading order: [`source`] says what a source is and [`registry`] lists them; `kds`, `offline` are sources
//! (over `http` and `files`); [`endorser`] asks them, once for however many ask, and remembers.

mod registry;
mod source;

mod files;
mod http;
mod kds;
mod offline;

mod cache;
mod endorser;
mod single_flight;

pub(crate) use self::endorser::Endorser;
pub use self::source::EndorsementError;
