//! DSSE envelopes (Dead Simple Signing Envelope, protocol and envelope version 1.0.2), as in-toto attestations come
//! in. One signature of a trust anchor is enough; the others are not looked at.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use jose::VerificationKey;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Anchors, Expected, SignatureError, Signed, Times};
use crate::error::bounded;

/// The most signatures that are looked at.
const MAX_SIGNATURES: usize = 16;

/// The most certificates beside a signature.
const MAX_CERTIFICATES: usize = 8;

#[derive(Deserialize)]
struct Envelope {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    #[serde(default)]
    keyid: Option<String>,
    sig: String,
    /// PEM: the signer's certificate and those above it, as some signers put here.
    #[serde(default)]
    cert: Option<String>,
}

/// Opens `envelope` if a trust anchor has signed it.
pub(crate) fn open<'a>(
    envelope: &[u8],
    expected: Expected<'_>,
    anchors: &'a Anchors,
) -> Result<Signed<'a>, SignatureError> {
    let malformed = |reason: &str| SignatureError::Malformed(reason.to_owned());
    let envelope: Envelope = serde_json::from_slice(envelope)
        .map_err(|error| SignatureError::Malformed(bounded(&error.to_string())))?;
    if !expected.content_types.contains(&envelope.payload_type.as_str()) {
        return Err(SignatureError::ContentType {
            expected: expected.content_types.join(" or "),
            given: bounded(&envelope.payload_type),
        });
    }
    if envelope.signatures.is_empty() {
        return Err(malformed("no signature"));
    }
    if envelope.signatures.len() > MAX_SIGNATURES {
        return Err(malformed("too many signatures"));
    }
    let content = decode(&envelope.payload).ok_or_else(|| malformed("the payload is not base64"))?;
    let signed_bytes = pre_authentication_encoding(&envelope.payload_type, &content);
    let mut refusal = SignatureError::Bad;
    for signature in &envelope.signatures {
        let value = decode(&signature.sig).ok_or_else(|| malformed("a signature is not base64"))?;
        let chain = signature.cert.as_deref().map(certificates).unwrap_or_default();
        // An id is a hint and may be anything; an empty one is none.
        let keyid = signature.keyid.as_deref().filter(|id| !id.is_empty());
        let verify = |key: &VerificationKey| is_signed(key, &signed_bytes, &value);
        match anchors.signer(expected, keyid.map(str::as_bytes), &chain, verify) {
            Ok((signer, anchor)) => {
                return Ok(Signed {
                    digest: Sha256::digest(&signed_bytes).into(),
                    content,
                    times: Times::default(),
                    signer,
                    anchor,
                });
            }
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

/// The payload, unverified: for showing it.
pub(crate) fn unverified_payload(envelope: &[u8]) -> Result<Vec<u8>, SignatureError> {
    let envelope: Envelope = serde_json::from_slice(envelope)
        .map_err(|error| SignatureError::Malformed(bounded(&error.to_string())))?;
    decode(&envelope.payload).ok_or_else(|| SignatureError::Malformed("the payload is not base64".to_owned()))
}

/// The specification's PAE: what is signed.
pub(crate) fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// An envelope names no algorithm: it is the key's usual one. ECDSA is in ASN.1 from most signers, and of fixed width
/// from some.
fn is_signed(key: &VerificationKey, message: &[u8], signature: &[u8]) -> bool {
    let algorithm = key.usual_algorithm();
    key.verify_asn1(algorithm, message, signature).is_ok()
        || key.verify(algorithm, message, signature).is_ok()
}

/// The certificates of a PEM text, each as base64 of DER.
fn certificates(pem: &str) -> Vec<String> {
    pem.split("-----BEGIN CERTIFICATE-----")
        .skip(1)
        .take(MAX_CERTIFICATES)
        .filter_map(|rest| rest.split("-----END CERTIFICATE-----").next())
        .map(|body| body.split_ascii_whitespace().collect())
        .collect()
}

/// Standard or URL-safe base64 (the specification allows both), with or without padding.
fn decode(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}
