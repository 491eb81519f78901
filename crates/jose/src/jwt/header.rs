//! What stands in the header of a token, and headers that were read before.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{TokenError, UnverifiedToken};
use crate::{Jwk, SignatureAlgorithm, encoding};

/// A header, read. Nothing in it is verified.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) alg: SignatureAlgorithm,
    pub(super) kid: Option<String>,
    pub(super) jwk: Option<Jwk>,
    pub(super) x5c: Vec<String>,
    pub(super) content_type: Option<String>,
}

/// Headers that were read before.
///
/// An issuer writes the same header into every token, often with a key and its certificates, and to read that
/// takes longer than all else about a token but its signature. So the headers of a few issuers are kept by
/// their exact text. That a header is known says nothing about a token: each is verified all the same.
#[derive(Debug, Default)]
pub struct Headers(Mutex<Vec<(Box<str>, Arc<Header>)>>);

/// More than a service has issuers that it believes.
const MAX_HEADERS: usize = 16;

/// The longest header, base64url: a certificate chain may be inside.
pub(super) const MAX_HEADER_LENGTH: usize = 96 << 10;

/// The members as they stand in the JSON; others are ignored.
#[derive(Deserialize)]
struct Members {
    alg: String,
    kid: Option<String>,
    jwk: Option<Box<RawValue>>,
    x5c: Option<Vec<String>>,
    cty: Option<String>,
    crit: Option<serde::de::IgnoredAny>,
    b64: Option<serde::de::IgnoredAny>,
}

impl Header {
    /// Reads the encoded header of a token.
    pub(super) fn read(text: &str) -> Result<Self, TokenError> {
        if text.len() > MAX_HEADER_LENGTH {
            return Err(TokenError::TooLong);
        }
        let json = encoding::decode(text).ok_or(TokenError::Malformed("header"))?;
        let members: Members = serde_json::from_slice(&json).map_err(|_| TokenError::Malformed("header"))?;
        let alg = members.alg.parse().map_err(|_| TokenError::UnknownAlgorithm)?;
        if members.crit.is_some() || members.b64.is_some() {
            return Err(TokenError::CriticalHeader);
        }
        let jwk = members.jwk.map(|jwk| Jwk::from_json(jwk.get().as_bytes()));
        Ok(Self {
            alg,
            kid: members.kid,
            jwk: jwk.transpose().map_err(TokenError::HeaderKey)?,
            x5c: members.x5c.unwrap_or_default(),
            content_type: members.cty,
        })
    }
}

impl Headers {
    /// [`UnverifiedToken::parse`], with less work for a header that is kept here.
    pub fn parse<'a>(&self, token: &'a str) -> Result<UnverifiedToken<'a>, TokenError> {
        UnverifiedToken::parse_with(token, |text| match self.known(text) {
            Some(header) => Ok(header),
            None => Header::read(text).map(Arc::new),
        })
    }

    /// Keeps the header of a token; of too many the oldest one goes. For tokens that are believed: anybody can
    /// make up headers, and would drive out those that come again.
    pub fn keep(&self, token: &UnverifiedToken<'_>) {
        if self.known(token.header_text).is_some() {
            return;
        }
        let mut headers = self.lock();
        if headers.len() >= MAX_HEADERS {
            headers.remove(0);
        }
        headers.push((token.header_text.into(), Arc::clone(&token.header)));
    }

    fn known(&self, text: &str) -> Option<Arc<Header>> {
        let headers = self.lock();
        let known = headers.iter().find(|(known, _)| **known == *text);
        known.map(|(_, header)| Arc::clone(header))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Box<str>, Arc<Header>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SigningKey;

    fn token(kid: &str) -> String {
        let key = SigningKey::generate_p256().unwrap();
        let header = serde_json::json!({"alg": "ES256", "kid": kid, "jwk": key.public_jwk()});
        key.sign_compact(&header, &serde_json::json!({"exp": 1})).unwrap()
    }

    #[test]
    fn a_header_is_read_once_and_the_token_is_the_same() {
        let headers = Headers::default();
        let text = token("a");
        let first = headers.parse(&text).unwrap();
        assert!(headers.known(first.header_text).is_none());
        headers.keep(&first);
        headers.keep(&first);
        assert_eq!(headers.lock().len(), 1);
        let second = headers.parse(&text).unwrap();
        assert!(Arc::ptr_eq(&second.header, &headers.lock()[0].1));
        assert_eq!((second.kid(), second.jwk()), (first.kid(), first.jwk()));
        assert!(
            second
                .verify(&second.jwk().unwrap().verification_key().unwrap())
                .is_ok()
        );
    }

    #[test]
    fn another_header_is_read_for_itself() {
        let headers = Headers::default();
        let (a, b) = (token("a"), token("b"));
        headers.keep(&headers.parse(&a).unwrap());
        assert_eq!(headers.parse(&b).unwrap().kid(), Some("b"));
        // The header of one token before the rest of another.
        let mixed = format!(
            "{}.{}",
            a.split_once('.').unwrap().0,
            b.split_once('.').unwrap().1
        );
        let mixed = headers.parse(&mixed).unwrap();
        let key = mixed.jwk().unwrap().verification_key().unwrap();
        assert!(matches!(mixed.verify(&key), Err(TokenError::BadSignature)));
    }

    #[test]
    fn only_a_few_headers_are_kept() {
        let headers = Headers::default();
        for number in 0..3 * MAX_HEADERS {
            headers.keep(&headers.parse(&token(&number.to_string())).unwrap());
        }
        assert_eq!(headers.lock().len(), MAX_HEADERS);
    }
}
