//! COSE_Sign1 (RFC 9052 section 4.2), as signed CoRIMs come in.

use base64::{Engine, engine::general_purpose::STANDARD};
use ciborium::Value;
use coset::{Algorithm, CborSerializable, ContentType, CoseSign1, Label, TaggedCborSerializable, iana};
use jose::SignatureAlgorithm;
use sha2::{Digest, Sha256};

use super::{Anchors, Expected, SignatureError, Signed, Times};
use crate::{error::bounded, extractors::cbor};

/// CBOR tag of COSE_Sign1.
const TAG: &[u8] = &[0xd2];

/// An array of four: COSE_Sign1 without its tag, which can be nothing else among CoRIMs.
const ARRAY_OF_FOUR: &[u8] = &[0x84];

/// Whether the bytes are COSE_Sign1, with its tag or without.
pub(crate) fn is_sign1(bytes: &[u8]) -> bool {
    bytes.starts_with(TAG) || bytes.starts_with(ARRAY_OF_FOUR)
}

/// The payload of a COSE_Sign1 that nobody can verify here: whoever uses it takes it as unsigned.
pub(crate) fn unverified_payload(envelope: &[u8]) -> Result<Vec<u8>, SignatureError> {
    parse(envelope)?
        .payload
        .ok_or_else(|| SignatureError::Malformed("the payload is detached".to_owned()))
}

/// Opens `envelope` if a trust anchor has signed it.
pub(crate) fn open<'a>(
    envelope: &[u8],
    expected: Expected<'_>,
    anchors: &'a Anchors,
) -> Result<Signed<'a>, SignatureError> {
    let message = parse(envelope)?;
    let protected = &message.protected.header;
    if !protected.crit.is_empty() {
        return Err(SignatureError::Critical);
    }
    check_content_type(protected.content_type.as_ref(), expected)?;
    let algorithm = protected.alg.as_ref().and_then(algorithm);
    let algorithm = algorithm.ok_or(SignatureError::Algorithm)?;
    let header = |label: iana::HeaderParameter| {
        let label = Label::Int(label as i64);
        let rest = protected.rest.iter().chain(&message.unprotected.rest);
        rest.into_iter()
            .find(|(name, _)| *name == label)
            .map(|(_, value)| value)
    };
    let chain = header(iana::HeaderParameter::X5Chain)
        .map(certificates)
        .unwrap_or_default();
    let kid = [&protected.key_id, &message.unprotected.key_id]
        .into_iter()
        .find(|id| !id.is_empty());
    let signed_bytes = message.tbs_data(&[]);
    let (signer, anchor) = anchors.signer(expected, kid.map(Vec::as_slice), &chain, |key| {
        key.verify(algorithm, &signed_bytes, &message.signature).is_ok()
    })?;
    let times = times(&message).map_err(SignatureError::Malformed)?;
    Ok(Signed {
        digest: Sha256::digest(&signed_bytes).into(),
        times,
        signer,
        anchor,
        content: message
            .payload
            .ok_or_else(|| SignatureError::Malformed("the payload is detached".to_owned()))?,
    })
}

fn parse(envelope: &[u8]) -> Result<CoseSign1, SignatureError> {
    // The parser below is recursive; this refuses what is too deep or too large for it.
    cbor::parse(envelope).map_err(SignatureError::Malformed)?;
    let parsed = if envelope.starts_with(TAG) {
        CoseSign1::from_tagged_slice(envelope)
    } else {
        CoseSign1::from_slice(envelope)
    };
    parsed.map_err(|error| SignatureError::Malformed(bounded(&error.to_string())))
}

fn check_content_type(given: Option<&ContentType>, expected: Expected<'_>) -> Result<(), SignatureError> {
    let given = match given {
        Some(ContentType::Text(text)) => text.as_str(),
        Some(ContentType::Assigned(_)) => "a number",
        None => "",
    };
    if expected.content_types.contains(&given) {
        return Ok(());
    }
    Err(SignatureError::ContentType {
        expected: expected.content_types.join(" or "),
        given: bounded(given),
    })
}

/// RFC 9053 section 2, RFC 8230, RFC 8812.
fn algorithm(algorithm: &Algorithm) -> Option<SignatureAlgorithm> {
    let coset::RegisteredLabelWithPrivate::Assigned(algorithm) = algorithm else {
        return None;
    };
    Some(match algorithm {
        iana::Algorithm::ES256 => SignatureAlgorithm::ES256,
        iana::Algorithm::ES384 => SignatureAlgorithm::ES384,
        iana::Algorithm::EdDSA => SignatureAlgorithm::EdDSA,
        iana::Algorithm::PS256 => SignatureAlgorithm::PS256,
        iana::Algorithm::PS384 => SignatureAlgorithm::PS384,
        iana::Algorithm::PS512 => SignatureAlgorithm::PS512,
        iana::Algorithm::RS256 => SignatureAlgorithm::RS256,
        iana::Algorithm::RS384 => SignatureAlgorithm::RS384,
        iana::Algorithm::RS512 => SignatureAlgorithm::RS512,
        _ => return None,
    })
}

/// `x5chain` (RFC 9360 section 2): one certificate, or several with the signer's first.
fn certificates(chain: &Value) -> Vec<String> {
    let one = |certificate: &Value| certificate.as_bytes().map(|der| STANDARD.encode(der));
    match chain {
        Value::Array(several) => several.iter().filter_map(one).collect(),
        one_only => one(one_only).into_iter().collect(),
    }
}

/// The times in the CWT claims (label 15, RFC 9597) and in `corim-meta` (label 8, draft-ietf-rats-corim section 4.2.2)
/// of the protected header.
fn times(message: &CoseSign1) -> Result<Times, String> {
    let protected = |label: i64| {
        let rest = message.protected.header.rest.iter();
        rest.filter(|(name, _)| *name == Label::Int(label))
            .map(|(_, value)| value)
            .next()
    };
    let mut times = Times::default();
    if let Some(claims) = protected(15) {
        times = Times {
            issued_at: cbor::optional_time(claims, 6)?,
            not_before: cbor::optional_time(claims, 5)?,
            expires_at: cbor::optional_time(claims, 4)?,
        };
    }
    if let Some(meta) = protected(8) {
        let meta = cbor::parse(meta.as_bytes().ok_or("corim-meta is not bytes")?)?;
        if let Some(validity) = cbor::member(&meta, 1) {
            times = times.and(cbor::validity(validity)?);
        }
    }
    Ok(times)
}
