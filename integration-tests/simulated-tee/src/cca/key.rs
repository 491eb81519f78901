//! The keys of a simulated platform and its realm.

use crate::SimulationError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use coset::{CborSerializable, CoseKeyBuilder, iana};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    KeyPair,
};
use serde_json::{Value, json};

/// The curves that a key may be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// With ES256.
    P256,
    /// With ES384.
    P384,
}

impl Curve {
    fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Curve::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
            Curve::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        }
    }

    pub(super) fn algorithm(self) -> iana::Algorithm {
        match self {
            Curve::P256 => iana::Algorithm::ES256,
            Curve::P384 => iana::Algorithm::ES384,
        }
    }
}

/// A key pair that signs tokens: a CPAK or a RAK.
pub struct SigningKey {
    curve: Curve,
    pair: EcdsaKeyPair,
}

impl SigningKey {
    /// A new one.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn generate(curve: Curve) -> Result<Self, SimulationError> {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(curve.signing(), &SystemRandom::new())?;
        Self::from_pkcs8(curve, pkcs8.as_ref())
    }

    pub(super) fn from_pkcs8(curve: Curve, der: &[u8]) -> Result<Self, SimulationError> {
        let pair = EcdsaKeyPair::from_pkcs8(curve.signing(), der, &SystemRandom::new())?;
        Ok(Self { curve, pair })
    }

    /// Its curve.
    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// The public point, uncompressed (SEC 1).
    pub fn point(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// r and s.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SimulationError> {
        let signature = self.pair.sign(&SystemRandom::new(), message)?;
        Ok(signature.as_ref().to_vec())
    }

    fn coordinates(&self) -> (&[u8], &[u8]) {
        let (_, coordinates) = self.point().split_at(1);
        coordinates.split_at(coordinates.len() / 2)
    }

    /// The public key as JSON Web Key.
    pub fn jwk(&self) -> Value {
        let (x, y) = self.coordinates();
        let crv = match self.curve {
            Curve::P256 => "P-256",
            Curve::P384 => "P-384",
        };
        json!({"kty": "EC", "crv": crv, "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
    }

    /// The public key as an encoded COSE_Key.
    ///
    /// # Errors
    /// Never in practice.
    pub fn cose(&self) -> Result<Vec<u8>, SimulationError> {
        let (x, y) = self.coordinates();
        let curve = match self.curve {
            Curve::P256 => iana::EllipticCurve::P_256,
            Curve::P384 => iana::EllipticCurve::P_384,
        };
        let key = CoseKeyBuilder::new_ec2_pub_key(curve, x.to_vec(), y.to_vec()).build();
        key.to_vec()
            .map_err(|error| SimulationError::Encoding(error.to_string()))
    }
}
