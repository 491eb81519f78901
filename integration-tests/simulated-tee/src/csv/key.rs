//! SM2 keys in Hygon's form.

use crate::SimulationError;
use ring::rand::{SecureRandom, SystemRandom};
use sm2::dsa::signature::Signer;
use sm2::dsa::{Signature, SigningKey as Sm2Key};
use sm2::elliptic_curve::sec1::ToEncodedPoint;

/// Bytes of a number's field.
const FIELD: usize = 72;

/// A key pair with the user id of its owner.
pub struct SigningKey {
    key: Sm2Key,
    user_id: String,
}

impl SigningKey {
    /// A new one.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn generate(user_id: &str) -> Result<Self, SimulationError> {
        let mut scalar = [0; 32];
        SystemRandom::new().fill(&mut scalar)?;
        Self::from_scalar(user_id, &scalar)
    }

    pub(super) fn from_scalar(user_id: &str, scalar: &[u8]) -> Result<Self, SimulationError> {
        let key = Sm2Key::from_slice(user_id, scalar);
        Ok(Self {
            key: key.map_err(|_| SimulationError::Key("no scalar of SM2".to_owned()))?,
            user_id: user_id.to_owned(),
        })
    }

    /// The user id.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// Curve 3, x and y: as certificates have it.
    pub fn public(&self) -> Vec<u8> {
        let point = self.key.verifying_key().to_encoded_point(false);
        let mut bytes = 3_u32.to_le_bytes().to_vec();
        for coordinate in [point.x(), point.y()].into_iter().flatten() {
            bytes.extend(number(coordinate));
        }
        bytes
    }

    /// r and s: as certificates and reports have it.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = self.key.sign(message);
        let bytes = signature.to_bytes();
        let (r, s) = bytes.split_at(32);
        [number(r), number(s)].concat()
    }
}

/// Little-endian, and zeros behind.
fn number(big_endian: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = big_endian.iter().rev().copied().collect();
    bytes.resize(FIELD, 0);
    bytes
}
