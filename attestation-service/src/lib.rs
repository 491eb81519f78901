//! The Verifier role of RFC 9334: evidence in, signed attestation result out, by policy.
//!
//! In the order in which a request meets them: [`api`] decodes the wire; [`request`] is what it decodes to;
//! `binding` (with `init_data`) says what the evidence must be bound to; `endorsements` gets what vouches for the
//! hardware; `evaluation` verifies and, with `appraisal`, applies the policy of `policies` to the claims and the
//! `reference_values`; `claims_json` writes claims, `token` signs the result and `explanation` says why it is what it is;
//! `failed_check` says why there is none, and `audit` logs either. [`service`] leads through all that, in `turns`.
//! [`config`] and `setup` come before it, [`error`] says whose fault it was, and [`app`] is the program, with
//! [`commands`] beside serving and [`admin`] for its operator. [`parsers`] are for the fuzzer.

pub mod admin;
pub mod api;
pub mod request;

mod binding;
mod init_data;

mod endorsements;

mod appraisal;
mod claims_json;
mod evaluation;
mod explanation;
mod failed_check;
mod policies;
mod reference_values;
mod strangers;

mod token;

mod audit;
pub mod service;
mod turns;

pub mod app;
pub mod commands;
pub mod config;
pub mod error;
#[doc(hidden)]
pub mod parsers;
mod setup;

#[cfg(test)]
mod testing;

pub use config::Config;
pub use endorsements::EndorsementError;
pub use error::{EvaluateError, Fault, StartError};
pub use explanation::Explained;
pub use failed_check::FailedCheck;
pub use policies::{Deleted, PolicyStoreError, PolicyText};
pub use reference_values::{ReferenceValue, ReferenceValueError};
pub use request::{
    AttestationRequest, HashAlgorithm, IndividualRequest, InitData, RuntimeData, Tee, UnknownHashAlgorithm,
};
pub use service::{
    AttestationService, PolicyChange, PolicySet, PolicyTrial, TrialError, Tried, TriedClaims, TriedResult,
};
/// Who changed a policy, and when.
pub use storage::{Author, Version};
