//! Tokens that were signed in this process.

use std::fmt;

use super::registered::Registered;
use super::{SignedClaims, TokenError};
use crate::key::VerificationKey;

/// A token that a key in this process has just signed, and what it says.
///
/// Only [`SigningKey::issue`](crate::SigningKey::issue) makes one, so whoever trusts that key need not verify the
/// signature. Whether the key is to be trusted, and the claims' times, issuer and audience, are still to be checked.
#[derive(Clone)]
pub struct IssuedToken {
    compact: String,
    payload: String,
    signed_by: VerificationKey,
}

impl IssuedToken {
    /// For the signer alone.
    pub(crate) fn new(compact: String, payload: String, signed_by: VerificationKey) -> Self {
        Self {
            compact,
            payload,
            signed_by,
        }
    }

    /// The compact form, for everybody else.
    pub fn as_str(&self) -> &str {
        &self.compact
    }

    /// The key that verifies its signature.
    pub fn signed_by(&self) -> &VerificationKey {
        &self.signed_by
    }

    /// What [`UnverifiedToken::verify`](super::UnverifiedToken::verify) gives with that key.
    pub fn into_claims(self) -> Result<SignedClaims, TokenError> {
        let registered = Registered::read(&self.payload).ok_or(TokenError::Malformed("payload"))?;
        Ok(SignedClaims {
            text: self.payload,
            registered,
        })
    }
}

impl From<IssuedToken> for String {
    fn from(token: IssuedToken) -> Self {
        token.compact
    }
}

/// Tokens are not for logs.
impl fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedToken")
            .field("signed_by", &self.signed_by)
            .finish_non_exhaustive()
    }
}
