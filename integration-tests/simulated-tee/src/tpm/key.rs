//! Keys that sign quotes.

use crate::{SimulationError, pem};
use der::Encode;
use der::asn1::{Any, BitString, ObjectIdentifier};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::pkcs8::EncodePrivateKey;
use rsa::rand_core::OsRng;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// The kinds of attestation key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA with 2048 bits.
    Rsa,
    /// ECDSA over P-256.
    EcdsaP256,
}

pub(super) enum Key {
    Rsa {
        pair: Box<RsaKeyPair>,
        n: Vec<u8>,
        e: Vec<u8>,
        spki: Vec<u8>,
    },
    EcdsaP256 {
        pair: EcdsaKeyPair,
        spki: Vec<u8>,
    },
}

impl Key {
    pub(super) fn generate(kind: KeyKind) -> Result<Self, SimulationError> {
        match kind {
            KeyKind::Rsa => Self::rsa(),
            KeyKind::EcdsaP256 => Self::ecdsa(),
        }
    }

    /// The committed one.
    pub(super) fn known() -> Result<Self, SimulationError> {
        Self::from_pkcs8(&pem::body(include_str!("../../keys/test-only-tpm-ak.key.pem"))?)
    }

    fn rsa() -> Result<Self, SimulationError> {
        let failed = |error: &dyn std::fmt::Display| SimulationError::Key(error.to_string());
        let key = rsa::RsaPrivateKey::new(&mut OsRng, 2048).map_err(|error| failed(&error))?;
        let pkcs8 = key.to_pkcs8_der().map_err(|error| failed(&error))?;
        Self::from_pkcs8(pkcs8.as_bytes())
    }

    fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, SimulationError> {
        let pair = RsaKeyPair::from_pkcs8(pkcs8)?;
        let parts: PublicKeyComponents<Vec<u8>> = pair.public().into();
        let spki = spki(RSA_ENCRYPTION, Any::null(), pair.public_key().as_ref())?;
        Ok(Key::Rsa {
            n: parts.n,
            e: parts.e,
            pair: Box::new(pair),
            spki,
        })
    }

    fn ecdsa() -> Result<Self, SimulationError> {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random)?;
        let spki = spki(
            EC_PUBLIC_KEY,
            Any::encode_from(&SECP256R1)?,
            pair.public_key().as_ref(),
        )?;
        Ok(Key::EcdsaP256 { pair, spki })
    }

    pub(super) fn spki(&self) -> &[u8] {
        match self {
            Key::Rsa { spki, .. } | Key::EcdsaP256 { spki, .. } => spki,
        }
    }

    pub(super) fn rsa_parts(&self) -> Option<(&[u8], &[u8])> {
        match self {
            Key::Rsa { n, e, .. } => Some((n, e)),
            Key::EcdsaP256 { .. } => None,
        }
    }

    /// The bare signature, and the same in the TPM's form (TPMT_SIGNATURE).
    pub(super) fn sign(&self, message: &[u8]) -> Result<(Vec<u8>, Vec<u8>), SimulationError> {
        match self {
            Key::Rsa { pair, .. } => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)?;
                // RSASSA, SHA-256, TPM2B.
                let mut tpmt = vec![0x00, 0x14, 0x00, 0x0b, 0x01, 0x00];
                tpmt.extend_from_slice(&signature);
                Ok((signature, tpmt))
            }
            Key::EcdsaP256 { pair, .. } => {
                let signature = pair.sign(&SystemRandom::new(), message)?.as_ref().to_vec();
                let (r, s) = signature.split_at(32);
                // ECDSA, SHA-256, two TPM2Bs.
                let mut tpmt = vec![0x00, 0x18, 0x00, 0x0b];
                for number in [r, s] {
                    tpmt.extend_from_slice(&[0, 32]);
                    tpmt.extend_from_slice(number);
                }
                Ok((signature, tpmt))
            }
        }
    }
}

fn spki(oid: ObjectIdentifier, parameters: Any, key: &[u8]) -> Result<Vec<u8>, SimulationError> {
    Ok(SubjectPublicKeyInfoOwned {
        algorithm: AlgorithmIdentifierOwned {
            oid,
            parameters: Some(parameters),
        },
        subject_public_key: BitString::from_bytes(key)?,
    }
    .to_der()?)
}
