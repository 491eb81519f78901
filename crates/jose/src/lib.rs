//! JWK, JWT and JWE: keys, signed tokens, sealing.
//!
//! Read in this order: [`secret`] and [`algorithm`] are the vocabulary; [`jwk`] and [`key`] are public keys,
//! [`signer`] the private ones; [`jwt`] turns an [`jwt::UnverifiedToken`] into [`jwt::Claims`]; [`x5c`] decides
//! whether a certificate chain vouches for a key; [`tee_key`] and [`jwe`] seal a secret for one guest.
//!
//! Nothing here does IO or reads a clock: time is a parameter. Nothing fetches `jku` or `x5u`.

pub mod algorithm;
pub mod secret;

pub mod jwk;
pub mod key;
pub mod signer;

pub mod jwt;
pub mod x5c;

pub mod jwe;
pub mod tee_key;

mod encoding;
mod pem;
mod private_key;
mod public_key;

pub use algorithm::SignatureAlgorithm;
pub use jwe::Jwe;
pub use jwk::{Jwk, JwkSet};
pub use jwt::{Claims, UnverifiedToken, Validation};
pub use key::{KeyError, VerificationKey};
pub use secret::Secret;
pub use signer::SigningKey;
pub use tee_key::{TeePrivateKey, TeePublicKey};
pub use x5c::TrustAnchors;
