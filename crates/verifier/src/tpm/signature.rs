//! Signatures of quotes (TPMT_SIGNATURE; TPM 2.0 Library, Part 2, section 11.3.4).

use super::TpmError;
use super::reader::Reader;

/// TPM_ALG_RSASSA.
const RSASSA: u16 = 0x0014;
/// TPM_ALG_ECDSA.
const ECDSA: u16 = 0x0018;
/// TPM_ALG_SHA256.
const SHA256: u16 = 0x000b;
/// Bytes of a number of P-256.
const WIDTH: usize = 32;

/// A signature over a SHA-256 digest, by the two schemes that are supported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Signature {
    /// RSASSA-PKCS1-v1_5.
    RsaSsa(Vec<u8>),
    /// ECDSA over P-256: r, then s, big-endian.
    EcdsaP256([u8; 2 * WIDTH]),
}

impl Signature {
    /// Reads the TPM's form. Nothing may follow it.
    ///
    /// # Errors
    /// [`TpmError`]: another scheme or hash, or not of that form.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, TpmError> {
        const CUT: TpmError = TpmError::SignatureForm("it ends too early");
        let mut reader = Reader::new(bytes);
        let scheme = reader.u16().ok_or(CUT)?;
        if scheme != RSASSA && scheme != ECDSA {
            return Err(TpmError::SignatureScheme(scheme));
        }
        let hash = reader.u16().ok_or(CUT)?;
        if hash != SHA256 {
            return Err(TpmError::SignatureHash(hash));
        }
        let first = reader.sized().ok_or(CUT)?;
        let signature = if scheme == RSASSA {
            Signature::RsaSsa(first.to_vec())
        } else {
            let second = reader.sized().ok_or(CUT)?;
            let mut fixed = [0; 2 * WIDTH];
            let (r, s) = fixed.split_at_mut(WIDTH);
            for (number, given) in [(r, first), (s, second)] {
                let start = WIDTH.checked_sub(given.len());
                let place = start.and_then(|start| number.get_mut(start..));
                place
                    .ok_or(TpmError::SignatureForm("a number in it is too long for P-256"))?
                    .copy_from_slice(given);
            }
            Signature::EcdsaP256(fixed)
        };
        if !reader.is_empty() {
            return Err(TpmError::SignatureForm("something follows it"));
        }
        Ok(signature)
    }
}
