//! The report's signature: ECDSA over P-384 with SHA-384 (AMD 56860, table 119).

use super::SnpError;
use ring::signature::{ECDSA_P384_SHA384_FIXED, UnparsedPublicKey};

/// Bytes of a number of P-384.
const WIDTH: usize = 48;

/// Verifies `signature` over `signed` with `key`, an uncompressed point.
///
/// The report holds r and s as little-endian numbers in 72 bytes each, the last 24 of them zero. That they are
/// neither zero nor beyond the order is checked by the verification itself (FIPS 186-5, 6.4.2).
pub(super) fn verify(
    key: &[u8; 97],
    signed: &[u8],
    signature: &sev::certs::snp::ecdsa::Signature,
) -> Result<(), SnpError> {
    let mut fixed = [0; 2 * WIDTH];
    let (r, s) = fixed.split_at_mut(WIDTH);
    for (number, field) in [(r, signature.r()), (s, signature.s())] {
        let (low, padding) = field.split_at(WIDTH);
        if padding.iter().any(|byte| *byte != 0) {
            return Err(SnpError::SignaturePadding);
        }
        number.copy_from_slice(low);
        number.reverse();
    }
    UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, key)
        .verify(signed, &fixed)
        .map_err(|_| SnpError::ReportSignature)
}
