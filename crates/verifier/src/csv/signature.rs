//! SM2 keys and signatures in Hygon's form: numbers of 72 bytes, little-endian, of which 32 are used.

use super::CsvError;
use super::reader::Reader;
use sm2::dsa::signature::Verifier;
use sm2::dsa::{Signature, VerifyingKey};

/// Bytes of a number's field.
const FIELD: usize = 72;
/// Bytes of a number.
const WIDTH: usize = 32;
/// The curve of GB/T 32918.5.
const SM2_256: u32 = 3;

/// A public key with the user id of its owner, over which signatures are made too.
#[derive(Clone, Debug)]
pub(super) struct PublicKey(VerifyingKey);

impl PublicKey {
    /// From the fields of a certificate: curve, x, y; length of the user id and its 254 bytes. `None` if that is
    /// no key.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Option<Self>, CsvError> {
        let curve = reader.u32()?;
        let (x, y) = (number(reader)?, number(reader)?);
        let length = usize::from(reader.u16()?);
        let field: [u8; 254] = reader.array()?;
        let user_id = field.get(..length).and_then(|id| std::str::from_utf8(id).ok());
        let (SM2_256, Some(x), Some(y), Some(user_id)) = (curve, x, y, user_id) else {
            return Ok(None);
        };
        Ok(Self::new(&x, &y, user_id))
    }

    /// From coordinates, big-endian.
    pub(super) fn new(x: &[u8; WIDTH], y: &[u8; WIDTH], user_id: &str) -> Option<Self> {
        let point = [&[4], x.as_slice(), y].concat();
        VerifyingKey::from_sec1_bytes(user_id, &point).ok().map(Self)
    }

    /// Is `signature` (none if its form was wrong) this key's over `message`?
    pub(super) fn verifies(&self, message: &[u8], signature: Option<Signature>) -> bool {
        signature.is_some_and(|signature| self.0.verify(message, &signature).is_ok())
    }
}

/// r and s. `None` if one of them is zero, not below the curve's order, or has anything in its padding.
pub(super) fn signature(reader: &mut Reader<'_>) -> Result<Option<Signature>, CsvError> {
    let (r, s) = (number(reader)?, number(reader)?);
    let bytes = r.zip(s).map(|(r, s)| [r, s].concat());
    Ok(bytes.and_then(|bytes| Signature::from_slice(&bytes).ok()))
}

/// A number, big-endian. `None` if its padding is not zero.
fn number(reader: &mut Reader<'_>) -> Result<Option<[u8; WIDTH]>, CsvError> {
    let mut value: [u8; WIDTH] = reader.array()?;
    let padding: [u8; FIELD - WIDTH] = reader.array()?;
    value.reverse();
    Ok((padding == [0; FIELD - WIDTH]).then_some(value))
}
