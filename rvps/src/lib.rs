//! The Reference Value Provider Service: what good looks like.
//!
//! In reading order: [`Rvps`] keeps the values and tells what changes; a register message goes through `message`
//! (which opens its signature's envelope, see `signature`) and one of the `extractors`, and then has to agree with
//! what the name's [`Record`] remembers; [`Rules`] are what the configuration asks of a message, `auth` says who a
//! [`Caller`] is; `grpc` offers it all to the network; [`app`] is the server, [`tool`] the command line client.

pub mod app;
pub mod tool;

mod auth;
mod caller;
mod config;
mod error;
mod extractors;
mod grpc;
mod manage;
mod message;
mod record;
mod records;
mod reference_value;
mod rules;
mod same;
mod service;
mod signature;
mod snapshot;
mod watcher;

#[cfg(test)]
mod tests;

pub use caller::{Caller, How, Registrar};
pub use config::{
    AllowUnsigned, AuthConfig, Config, ExtractorsConfig, InTotoExtractorConfig, JwtConfig, RETIRED_KEYS,
    RegistrarConfig, SwidExtractorConfig, TrustAnchorConfig, upgrade,
};
pub use error::{ManageError, OpenError, QueryError, Refusal, RegisterError};
pub use extractors::{MAX_NAME_BYTES, MAX_VALUE_BYTES, MAX_VALUES};
pub use grpc::management;
pub use manage::{Overview, RevokeWhat};
pub use message::{check, contents};
pub use record::{Event, MessageInfo, Record, Revoked, Version};
pub use records::RECORD_NAMESPACE;
pub use reference_value::ReferenceValue;
pub use rules::{Rules, RulesError};
pub use service::{NAMESPACE, Registered, Replaced, Rvps};
pub use signature::{SignatureError, Signer};
pub use watcher::{Change, Watcher};
