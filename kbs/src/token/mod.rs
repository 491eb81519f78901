//! From a bearer string to an attestation result.
//!
//! [`TokenVerifier`] is the only maker of an [`AttestationResult`]: a result
//! in hand means that a trusted issuer signed it, that it was in force, and
//! that exactly one TEE key stands in it.
//!
//! Reading order: [`config`] (what the operator writes), [`verifier`] (the
//! order of checks) of what came from outside or is [`fresh`], [`chains`] (certificate chains in the token header),
//! [`jwks`] (published key sets) over [`source`] (where they come from),
//! [`result`] (what is left of a token once it is believed) and [`places`] (where the TEE key stands in it).

mod chains;
mod config;
mod error;
mod fresh;
pub(crate) mod jwks;
mod places;
mod result;
pub(crate) mod source;
mod verifier;

#[cfg(test)]
mod tests;

pub use config::AttestationTokenConfig;
pub use error::{TokenError, TokenSetupError};
pub use fresh::FreshToken;
pub use places::INTEL;
pub use result::AttestationResult;
pub use verifier::TokenVerifier;

/// How far two clocks may stand apart, in seconds.
pub(crate) const CLOCK_SKEW: i64 = 60;
