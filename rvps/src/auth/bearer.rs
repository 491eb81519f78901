//! Bearer tokens (RFC 6750): static ones, known by their hash, and JWTs.

use jose::{UnverifiedToken, Validation, VerificationKey};
use sha2::{Digest, Sha256};
use tonic::metadata::MetadataMap;

use super::AuthError;
use crate::{RulesError, config::JwtConfig, signature::read_key};

/// The SHA-256 of a token. A token is random and long, so its hash tells nothing.
pub(super) struct TokenHash([u8; 32]);

impl TokenHash {
    pub(super) fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    pub(super) fn from_hex(text: &str) -> Option<Self> {
        hex::decode(text).ok()?.try_into().ok().map(Self)
    }

    /// Compares without telling by the time it takes how much is equal.
    pub(super) fn is(&self, other: &Self) -> bool {
        let difference = self.0.iter().zip(other.0).fold(0, |sum, (a, b)| sum | (a ^ b));
        difference == 0
    }
}

/// Verifies JWTs.
pub(super) struct JwtRule {
    key: VerificationKey,
    issuer: String,
    audience: String,
}

impl JwtRule {
    pub(super) fn new(config: &JwtConfig) -> Result<Self, RulesError> {
        Ok(Self {
            key: read_key(&config.key)?,
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
        })
    }

    /// The subject of a valid token.
    pub(super) fn subject(&self, token: &str, now: i64) -> Option<String> {
        let expected = Validation {
            issuer: Some(&self.issuer),
            audience: Some(&self.audience),
            ..Validation::at(now)
        };
        let claims = UnverifiedToken::parse(token)
            .and_then(|token| token.verify(&self.key))
            .and_then(|claims| claims.validate(&expected));
        match claims {
            Ok(claims) => claims.get("/sub")?.as_str().map(str::to_owned),
            Err(error) => {
                tracing::debug!(%error, "a bearer token is refused");
                None
            }
        }
    }
}

/// The token in `authorization: Bearer …`. Anything else in that header is an error.
pub(super) fn token(metadata: &MetadataMap) -> Result<Option<&str>, AuthError> {
    let mut given = metadata.get_all("authorization").iter();
    let Some(first) = given.next() else {
        return Ok(None);
    };
    if given.next().is_some() {
        return Err(AuthError::Token);
    }
    let (scheme, token) = first
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or(AuthError::Token)?;
    let token = token.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() {
        Ok(Some(token))
    } else {
        Err(AuthError::Token)
    }
}
