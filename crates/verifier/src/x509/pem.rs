//! Certificates as text (RFC 7468).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Is it text and not DER?
pub(super) fn is_pem(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"-----BEGIN")
}

/// Every certificate in `bytes`, which is one DER or a PEM text; none if it is neither.
pub(crate) fn certificates(bytes: &[u8]) -> Vec<Vec<u8>> {
    if is_pem(bytes) {
        pem_blocks(bytes).unwrap_or_default()
    } else {
        vec![bytes.to_vec()]
    }
}

/// The DER of every certificate in a PEM text (RFC 7468).
pub(crate) fn pem_blocks(text: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    let text = std::str::from_utf8(text).map_err(|_| "it is not text")?;
    let blocks = text.split(BEGIN).skip(1).map(|rest| {
        let (body, _) = rest.split_once(END).ok_or("it has a beginning without an end")?;
        let body: String = body.split_ascii_whitespace().collect();
        STANDARD.decode(body).map_err(|_| "it is not base64")
    });
    let blocks: Vec<Vec<u8>> = blocks.collect::<Result<_, _>>()?;
    if blocks.is_empty() {
        Err("it holds no certificate")
    } else {
        Ok(blocks)
    }
}
