//! The service's tokens: compact JWTs (RFC 7519) signed with ES384 (RFC 7518, 3.4).

use super::NvidiaError;
use super::keys::KeySet;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P384_SHA384_FIXED, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Tokens have a few kilobytes.
const MAX_TOKEN: usize = 256 * 1024;
/// How far the service's clock may be ahead of ours, in seconds. Nothing expired is taken.
const LEEWAY: i64 = 60;

/// A token in form, of which nothing is proved yet.
pub(super) struct Token<'a> {
    /// Header and payload as they are signed.
    signed: &'a str,
    kid: String,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// The claims of a token whose signature is the service's.
pub(super) struct SignedClaims(Map<String, Value>);

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
    crit: Option<Value>,
}

impl<'a> Token<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, NvidiaError> {
        const MALFORMED: NvidiaError = NvidiaError::Answer("it has no compact JWT");
        if text.len() > MAX_TOKEN {
            return Err(NvidiaError::Answer("a token is too long"));
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(MALFORMED)?;
        let (header, payload) = signed.split_once('.').ok_or(MALFORMED)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| MALFORMED);
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| MALFORMED)?;
        if header.alg != "ES384" || header.crit.is_some() {
            return Err(NvidiaError::Answer("a token is not signed with ES384"));
        }
        Ok(Self {
            signed,
            kid: header.kid,
            payload: decode(payload)?,
            signature: decode(signature)?,
        })
    }

    pub(super) fn verify(self, keys: &KeySet) -> Result<SignedClaims, NvidiaError> {
        let key = keys.find(&self.kid).ok_or(NvidiaError::UnknownKey)?;
        UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, key)
            .verify(self.signed.as_bytes(), &self.signature)
            .map_err(|_| NvidiaError::TokenSignature)?;
        serde_json::from_slice(&self.payload)
            .map(SignedClaims)
            .map_err(|_| NvidiaError::Answer("a token's payload is no JSON object"))
    }
}

impl SignedClaims {
    /// Checks `exp`, which must be there, `nbf` and `iat`, which need not, and `iss`.
    pub(super) fn validate(self, issuers: &[String], now: i64) -> Result<Map<String, Value>, NvidiaError> {
        let Self(claims) = self;
        let time = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or(NvidiaError::TokenTime),
        };
        let expires = time("exp")?.ok_or(NvidiaError::TokenTime)?;
        let begun = [time("nbf")?, time("iat")?]
            .into_iter()
            .flatten()
            .all(|begin| begin <= now.saturating_add(LEEWAY));
        if expires <= now || !begun {
            return Err(NvidiaError::TokenTime);
        }
        let issuer = claims.get("iss").and_then(Value::as_str);
        if !issuer.is_some_and(|found| issuers.iter().any(|issuer| issuer == found)) {
            return Err(NvidiaError::TokenIssuer);
        }
        Ok(claims)
    }
}
