//! Key Broker Service: the relying party.
//!
//! It hands a secret to a guest that has shown, through an Attestation Service, what it is, and that
//! the resource policy lets have it. In reading order:
//!
//! - [`path`], [`body`], [`call`], [`session`], [`rcar`]: what comes in, and the handshake.
//! - [`attestation`], [`token`]: who appraises evidence, and which of its tokens are trusted.
//!   `verdict`: what such a token says, in a line.
//! - [`resource`], [`backends`], [`plugins`]: what may be released, and from where. [`dry_run`]: what would be, by
//!   another policy.
//! - [`admin`]: who may change any of that. [`decisions`]: what was decided, and why.
//!   [`audit`]: all of it, in a log that shows when it was tampered with.
//! - [`router`], [`middleware`], [`handlers`], [`error`], [`state`], [`metrics`]: the HTTP side.
//! - [`config`], [`app`]: the parts put together.

pub mod path;
pub mod session;

pub mod body;
pub mod call;
pub mod rcar;

pub mod attestation;
pub mod token;
mod verdict;

pub mod backends;
pub mod plugins;
pub mod resource;

pub mod dry_run;

pub mod admin;
pub mod audit;
pub mod decisions;

pub mod error;
pub mod handlers;
pub mod metrics;
pub mod middleware;
pub mod router;
pub mod state;

pub mod app;
pub mod config;

#[cfg(test)]
mod testing;
