//! The Reference Value Provider Service: what good looks like.
//!
//! In reading order: [`Rvps`] keeps the values and tells what changes; a register message goes through
//! `message` and one of the `extractors`; [`grpc`] offers it all to the network; [`app`] is the server, [`tool`]
//! the command line client.

pub mod app;
pub mod grpc;
pub mod tool;

mod config;
mod error;
mod extractors;
mod message;
mod reference_value;
mod service;
mod snapshot;
mod watcher;

#[cfg(test)]
mod tests;

pub use config::{Config, ExtractorsConfig, RETIRED_KEYS, SwidExtractorConfig};
pub use error::{OpenError, QueryError, RegisterError};
pub use extractors::MAX_NAME_BYTES;
pub use reference_value::ReferenceValue;
pub use service::{NAMESPACE, Rvps};
pub use watcher::{Change, Watcher};
