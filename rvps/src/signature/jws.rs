//! JWS in the compact form (RFC 7515). The header's `cty` must name the content, so that a token that the same key
//! has signed for another purpose is no message. Its `iat`, `nbf` and `exp` are the message's times.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jose::{UnverifiedToken, jwt::TokenError};
use sha2::{Digest, Sha256};

use super::{Anchors, Expected, SignatureError, Signed, Times};
use crate::error::bounded;

/// Opens `envelope` if a trust anchor has signed it.
pub(crate) fn open<'a>(
    envelope: &[u8],
    expected: Expected<'_>,
    anchors: &'a Anchors,
) -> Result<Signed<'a>, SignatureError> {
    let text = std::str::from_utf8(envelope).map_err(|_| SignatureError::Malformed("not text".to_owned()))?;
    let token = UnverifiedToken::parse(text.trim()).map_err(|error| match error {
        TokenError::UnknownAlgorithm => SignatureError::Algorithm,
        TokenError::CriticalHeader => SignatureError::Critical,
        error => SignatureError::Malformed(error.to_string()),
    })?;
    check_content_type(token.content_type().unwrap_or_default(), expected)?;
    let (mut payload, mut failure) = (None, None);
    let kid = token.kid().map(str::as_bytes);
    let (signer, anchor) = anchors
        .signer(expected, kid, token.x5c(), |key| {
            match token.verify_payload(key) {
                Ok(verified) => {
                    payload = Some(verified);
                    true
                }
                Err(TokenError::BadSignature | TokenError::AlgorithmNotAllowed) => false,
                Err(error) => {
                    failure = Some(error);
                    false
                }
            }
        })
        .map_err(|error| match failure {
            Some(failure) => SignatureError::Malformed(failure.to_string()),
            None => error,
        })?;
    let payload = payload.ok_or(SignatureError::Bad)?;
    Ok(Signed {
        content: payload.bytes,
        digest: Sha256::digest(token.signed_bytes()).into(),
        times: Times {
            issued_at: payload.issued_at,
            not_before: payload.not_before,
            expires_at: payload.expires_at,
        },
        signer,
        anchor,
    })
}

/// The payload, unverified: for showing it.
pub(crate) fn unverified_payload(envelope: &[u8]) -> Result<Vec<u8>, SignatureError> {
    let malformed = || SignatureError::Malformed("not a compact JWS".to_owned());
    let text = std::str::from_utf8(envelope).map_err(|_| malformed())?;
    let payload = text.trim().split('.').nth(1).ok_or_else(malformed)?;
    URL_SAFE_NO_PAD.decode(payload).map_err(|_| malformed())
}

/// RFC 7515 section 4.1.10: `application/` may be left out if there is no other slash.
fn check_content_type(given: &str, expected: Expected<'_>) -> Result<(), SignatureError> {
    let is = |content_type: &&str| {
        given.eq_ignore_ascii_case(content_type)
            || content_type
                .strip_prefix("application/")
                .is_some_and(|short| given.eq_ignore_ascii_case(short))
    };
    if expected.content_types.iter().any(is) {
        return Ok(());
    }
    Err(SignatureError::ContentType {
        expected: expected.content_types.join(" or "),
        given: bounded(given),
    })
}
