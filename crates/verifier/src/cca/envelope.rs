//! The outer forms: a collection of two tokens, each a COSE_Sign1 message (RFC 9052, section 4.2).
//!
//! The collection is that of the RMM specification 1.0 (Arm DEN0137, section A7.2: CBOR tag 399, each token a
//! byte string), or a conceptual message wrapper (RMM specification 2.0 and draft-ffm-rats-cca-token from
//! revision 02 on: tag 907, each token a byte string behind the content format of `application/eat+cwt`).

use super::cbor;
use super::error::{CcaError, CcaToken};
use super::key::PublicKey;
use ciborium::Value;
use coset::{AsCborValue, CoseSign1};

/// Longer than any token: the longest known has under 4 KiB.
const MAX_TOKEN: usize = 64 * 1024;

const COLLECTION: u64 = 399;
const WRAPPED_COLLECTION: u64 = 907;
const PLATFORM: i128 = 44234;
const REALM: i128 = 44241;
/// CoAP content format of `application/eat+cwt`.
const EAT_CWT: i128 = 263;
const COSE_SIGN1: u64 = 18;

/// The two tokens, unverified, in the order platform, realm.
pub(super) fn split(token: &[u8]) -> Result<(Envelope, Envelope), CcaError> {
    if token.len() > MAX_TOKEN {
        return Err(CcaError::TooLong(token.len()));
    }
    let (wrapped, content) = match cbor::item(token).map_err(CcaError::Collection)? {
        Value::Tag(COLLECTION, content) => (false, content),
        Value::Tag(WRAPPED_COLLECTION, content) => (true, content),
        Value::Tag(other, _) => return Err(CcaError::CollectionTag(other)),
        _ => return Err(CcaError::Collection("no CBOR tag")),
    };
    let entries = content
        .into_map()
        .map_err(|_| CcaError::Collection("not a map"))?;
    let (mut platform, mut realm) = (None, None);
    for (label, value) in entries {
        let (token, place) = match label.as_integer().map(i128::from) {
            Some(PLATFORM) => (CcaToken::Platform, &mut platform),
            Some(REALM) => (CcaToken::Realm, &mut realm),
            _ => return Err(CcaError::Collection("an unknown label")),
        };
        let bytes = if wrapped { unwrap(value)? } else { value };
        let bytes = bytes
            .into_bytes()
            .map_err(|_| CcaError::Collection("a token is no byte string"))?;
        if place.replace(Envelope::parse(token, &bytes)?).is_some() {
            return Err(CcaError::Collection("a label is there twice"));
        }
    }
    let platform = platform.ok_or(CcaError::MissingToken(CcaToken::Platform))?;
    let realm = realm.ok_or(CcaError::MissingToken(CcaToken::Realm))?;
    Ok((platform, realm))
}

/// What is behind the content format.
fn unwrap(record: Value) -> Result<Value, CcaError> {
    let malformed = CcaError::Collection("a token is not wrapped as application/eat+cwt");
    let Ok(Ok([format, value])) = record.into_array().map(<[Value; 2]>::try_from) else {
        return Err(malformed);
    };
    let is_cwt = format
        .as_integer()
        .is_some_and(|format| i128::from(format) == EAT_CWT);
    is_cwt.then_some(value).ok_or(malformed)
}

/// A signed message, unverified.
pub(super) struct Envelope {
    token: CcaToken,
    message: CoseSign1,
}

impl Envelope {
    fn parse(token: CcaToken, bytes: &[u8]) -> Result<Self, CcaError> {
        let malformed = |reason| CcaError::Envelope { token, reason };
        let Value::Tag(COSE_SIGN1, content) = cbor::item(bytes).map_err(malformed)? else {
            return Err(malformed("not tagged as COSE_Sign1"));
        };
        let message = CoseSign1::from_cbor_value(*content).map_err(|_| malformed("not COSE_Sign1"))?;
        if message.payload.is_none() {
            return Err(malformed("no payload"));
        }
        if !message.protected.header.crit.is_empty() || !message.unprotected.crit.is_empty() {
            return Err(malformed("a critical header"));
        }
        Ok(Self { token, message })
    }

    /// The claims as signed.
    pub(super) fn payload(&self) -> &[u8] {
        self.message.payload.as_deref().unwrap_or_default()
    }

    /// Fails with `failure` if this is not the key's signature.
    pub(super) fn verify(&self, key: &PublicKey, failure: CcaError) -> Result<(), CcaError> {
        if self.message.protected.header.alg != Some(key.algorithm()) {
            return Err(CcaError::Algorithm(self.token));
        }
        let signed = self.message.tbs_data(&[]);
        key.verifies(&signed, &self.message.signature)
            .then_some(())
            .ok_or(failure)
    }
}
