//! Signed tokens (RFC 7515 compact form, RFC 7519 claims).
//!
//! [`UnverifiedToken`] → [`UnverifiedToken::verify`] → [`SignedClaims`] → [`SignedClaims::validate`] → [`Claims`].

mod header;
mod issued;
mod registered;

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use self::header::Header;
pub use self::header::Headers;
pub use self::issued::IssuedToken;
use self::registered::Registered;
use crate::encoding;
use crate::key::{KeyError, VerificationKey};
use crate::{Jwk, SignatureAlgorithm};

/// A token about which nothing is known yet. It may be used for finding the key that should have signed it, and
/// for nothing else; its payload is out of reach.
#[derive(Debug, Clone)]
pub struct UnverifiedToken<'a> {
    header: Arc<Header>,
    header_text: &'a str,
    signing_input: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

impl<'a> UnverifiedToken<'a> {
    /// Reads the compact form. Refuses what is over [`MAX_TOKEN_LENGTH`], has not three parts, names an algorithm
    /// that is no [`SignatureAlgorithm`], asks for extensions (`crit`), or carries a header key that is unusable.
    pub fn parse(token: &'a str) -> Result<Self, TokenError> {
        Self::parse_with(token, |header| Header::read(header).map(Arc::new))
    }

    fn parse_with(
        token: &'a str,
        read: impl FnOnce(&str) -> Result<Arc<Header>, TokenError>,
    ) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN_LENGTH {
            return Err(TokenError::TooLong);
        }
        let (signing_input, signature) = token
            .rsplit_once('.')
            .ok_or(TokenError::Malformed("three parts"))?;
        let (header_text, payload) = signing_input
            .split_once('.')
            .ok_or(TokenError::Malformed("three parts"))?;
        if payload.contains('.') {
            return Err(TokenError::Malformed("three parts"));
        }
        Ok(Self {
            header: read(header_text)?,
            header_text,
            signing_input,
            payload,
            signature: encoding::decode(signature).ok_or(TokenError::Malformed("signature"))?,
        })
    }

    /// The algorithm the header names. A key decides whether it is the right one.
    pub fn alg(&self) -> SignatureAlgorithm {
        self.header.alg
    }

    /// The id of the key that should have signed.
    pub fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// The key in the header. Anybody can put a key there: it is worth something only once its certificate chain
    /// is verified ([`crate::TrustAnchors::verify_jwk`]).
    pub fn jwk(&self) -> Option<&Jwk> {
        self.header.jwk.as_ref()
    }

    /// The certificate chain in the header (`x5c`, RFC 7515 section 4.1.6), leaf first; empty where there is none.
    /// Like [`UnverifiedToken::jwk`], worth something only once it is verified.
    pub fn x5c(&self) -> &[String] {
        &self.header.x5c
    }

    /// What the header says the payload is (`cty`).
    pub fn content_type(&self) -> Option<&str> {
        self.header.content_type.as_deref()
    }

    /// The bytes that are signed.
    pub fn signed_bytes(&self) -> &[u8] {
        self.signing_input.as_bytes()
    }

    /// Verifies the signature over a payload that is not a set of claims, and gives the payload. The times that the
    /// header may carry (RFC 7519 section 5.3) are the caller's to check.
    pub fn verify_payload(&self, key: &VerificationKey) -> Result<SignedPayload, TokenError> {
        self.verify_signature(key)?;
        let header = encoding::decode(self.header_text).and_then(|header| String::from_utf8(header).ok());
        let times = header.and_then(|header| Registered::read(&header));
        let times = times.ok_or(TokenError::Malformed("header"))?;
        Ok(SignedPayload {
            bytes: encoding::decode(self.payload).ok_or(TokenError::Malformed("payload"))?,
            issued_at: times.issued_at()?,
            not_before: times.not_before()?,
            expires_at: times.expires_at()?,
        })
    }

    /// Verifies the signature, and only that. The claims' times, issuer and audience come after.
    pub fn verify(&self, key: &VerificationKey) -> Result<SignedClaims, TokenError> {
        self.verify_signature(key)?;
        let payload = encoding::decode(self.payload).ok_or(TokenError::Malformed("payload"))?;
        let text = String::from_utf8(payload).map_err(|_| TokenError::Malformed("payload"))?;
        let registered = Registered::read(&text).ok_or(TokenError::Malformed("payload"))?;
        Ok(SignedClaims { text, registered })
    }

    fn verify_signature(&self, key: &VerificationKey) -> Result<(), TokenError> {
        key.verify(self.header.alg, self.signing_input.as_bytes(), &self.signature)
            .map_err(|error| match error {
                KeyError::AlgorithmNotAllowed => TokenError::AlgorithmNotAllowed,
                _ => TokenError::BadSignature,
            })
    }
}

/// A payload whose signature is right, and the times in its header: seconds since the Unix epoch.
#[derive(Debug, Clone)]
pub struct SignedPayload {
    /// The payload.
    pub bytes: Vec<u8>,
    /// `iat`.
    pub issued_at: Option<i64>,
    /// `nbf`.
    pub not_before: Option<i64>,
    /// `exp`.
    pub expires_at: Option<i64>,
}

/// Claims whose signature is right. They may be of another time, or meant for somebody else.
#[derive(Debug, Clone)]
pub struct SignedClaims {
    text: String,
    registered: Registered,
}

impl SignedClaims {
    /// The payload as it was signed.
    pub fn raw(&self) -> &str {
        &self.text
    }

    /// Checks `exp` (required), `nbf`, `iat`, and issuer and audience where `expected` names them.
    pub fn validate(self, expected: &Validation<'_>) -> Result<Claims, TokenError> {
        let Validation {
            now,
            leeway,
            issuer,
            audience,
        } = *expected;
        let expires_at = self.registered.expires_at()?.ok_or(TokenError::NoExpiry)?;
        if now >= expires_at.saturating_add(leeway) {
            return Err(TokenError::Expired);
        }
        let latest_start = now.saturating_add(leeway);
        if self
            .registered
            .not_before()?
            .is_some_and(|start| start > latest_start)
        {
            return Err(TokenError::NotYetValid);
        }
        if self.registered.issued_at()?.is_some_and(|at| at > latest_start) {
            return Err(TokenError::IssuedInTheFuture);
        }
        if issuer.is_some_and(|issuer| !self.registered.is_of(issuer)) {
            return Err(TokenError::WrongIssuer);
        }
        if audience.is_some_and(|audience| !self.registered.is_for(audience)) {
            return Err(TokenError::WrongAudience);
        }
        Ok(Claims {
            text: self.text,
            value: OnceLock::new(),
            expires_at,
        })
    }
}

/// What claims are held against.
#[derive(Debug, Clone, Copy)]
pub struct Validation<'a> {
    /// Seconds since the Unix epoch.
    pub now: i64,
    /// Seconds that two clocks may differ.
    pub leeway: i64,
    /// The only issuer (`iss`) accepted; `None` accepts any.
    pub issuer: Option<&'a str>,
    /// The audience (`aud`) that must be named; `None` accepts any.
    pub audience: Option<&'a str>,
}

impl Validation<'_> {
    /// Times only, with the usual leeway of [`LEEWAY`] seconds.
    pub fn at(now: i64) -> Self {
        Self {
            now,
            leeway: LEEWAY,
            issuer: None,
            audience: None,
        }
    }
}

/// Claims that are signed, in force and meant for us, as far as the [`Validation`] asked.
#[derive(Debug, Clone)]
pub struct Claims {
    text: String,
    value: OnceLock<Value>,
    expires_at: i64,
}

impl Claims {
    /// The payload as it was signed.
    pub fn json_text(&self) -> &str {
        &self.text
    }

    /// The payload as it was signed, without a copy.
    pub fn into_json_text(self) -> String {
        self.text
    }

    /// The value at a JSON pointer (RFC 6901).
    pub fn get(&self, pointer: &str) -> Option<&Value> {
        self.value().pointer(pointer)
    }

    /// The payload parsed, when this is first called. Null, which has no claims, if it nests too deep.
    pub fn value(&self) -> &Value {
        self.value
            .get_or_init(|| serde_json::from_str(&self.text).unwrap_or_default())
    }

    /// `exp`: seconds since the Unix epoch.
    pub fn expires_at(&self) -> i64 {
        self.expires_at
    }
}

/// Why a token is refused. No variant carries a part of the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Over the limit of length.
    #[error("the token is too long")]
    TooLong,
    /// Not a compact JWS with a JSON object in it.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// `none`, a shared-secret algorithm, or one that is not known.
    #[error("the token's algorithm is not accepted")]
    UnknownAlgorithm,
    /// The header asks for an extension.
    #[error("the token asks for header extensions that are not supported")]
    CriticalHeader,
    /// The key in the header cannot be used.
    #[error("the key in the token's header is refused")]
    HeaderKey(#[source] KeyError),
    /// The key may not be used with the algorithm that the header names.
    #[error("the token's algorithm is not the key's")]
    AlgorithmNotAllowed,
    /// The signature is not the key's.
    #[error("the token's signature does not verify")]
    BadSignature,
    /// `exp` is missing.
    #[error("the token has no expiry")]
    NoExpiry,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is to come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` is to come.
    #[error("the token was issued in the future")]
    IssuedInTheFuture,
    /// `iss` is another.
    #[error("the token is of another issuer")]
    WrongIssuer,
    /// `aud` does not name us.
    #[error("the token is for another audience")]
    WrongAudience,
    /// A registered claim is of the wrong type.
    #[error("claim `{0}` of the token is malformed")]
    MalformedClaim(&'static str),
}

/// The longest token that is looked at, in bytes: evidence with event logs of some MiB may be inside, told twice.
pub const MAX_TOKEN_LENGTH: usize = 64 << 20;

/// Seconds that two clocks may differ.
pub const LEEWAY: i64 = 60;

#[cfg(test)]
mod tests;
