//! Public keys that verify signatures, checked when they are made.

use der::asn1::{BitString, UintRef};
use der::{Any, Decode, Encode, Sequence, oid::ObjectIdentifier};
use p256::elliptic_curve::sec1::FromEncodedPoint;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use crate::SignatureAlgorithm;
use crate::key::KeyError;

/// The bits of a public key, by type. A value is well-formed; that a P-384 point is on its curve is seen by the
/// provider at each verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PublicKey {
    /// SEC1 uncompressed point.
    P256([u8; 65]),
    /// SEC1 uncompressed point.
    P384([u8; 97]),
    /// RFC 8032 encoding.
    Ed25519([u8; 32]),
    /// Big-endian numbers without leading zeros.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
}

impl PublicKey {
    pub(crate) fn p256(point: &[u8]) -> Result<Self, KeyError> {
        let point: [u8; 65] = point.try_into().map_err(|_| KeyError::WrongWidth)?;
        let encoded = p256::EncodedPoint::from_bytes(point).map_err(|_| KeyError::NotOnCurve)?;
        Option::<p256::PublicKey>::from(p256::PublicKey::from_encoded_point(&encoded))
            .ok_or(KeyError::NotOnCurve)?;
        Ok(Self::P256(point))
    }

    pub(crate) fn p384(point: &[u8]) -> Result<Self, KeyError> {
        let point: [u8; 97] = point.try_into().map_err(|_| KeyError::WrongWidth)?;
        match point.first() {
            Some(4) => Ok(Self::P384(point)),
            _ => Err(KeyError::NotOnCurve),
        }
    }

    pub(crate) fn ed25519(bytes: &[u8]) -> Result<Self, KeyError> {
        Ok(Self::Ed25519(bytes.try_into().map_err(|_| KeyError::WrongWidth)?))
    }

    pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let (modulus, exponent) = check_rsa(modulus, exponent, 8192)?;
        Ok(Self::Rsa {
            modulus: modulus.to_vec(),
            exponent: exponent.to_vec(),
        })
    }

    /// From a DER `SubjectPublicKeyInfo` (RFC 5280 section 4.1, RFC 5480, RFC 3279, RFC 8410).
    pub(crate) fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        let spki = SubjectPublicKeyInfoOwned::from_der(der).map_err(|_| KeyError::Malformed)?;
        let bits = spki.subject_public_key.as_bytes().ok_or(KeyError::Malformed)?;
        let parameters = spki.algorithm.parameters.as_ref();
        match spki.algorithm.oid {
            EC_PUBLIC_KEY => match parameters.and_then(|any| any.decode_as::<ObjectIdentifier>().ok()) {
                Some(SECP256R1) => Self::p256(bits),
                Some(SECP384R1) => Self::p384(bits),
                _ => Err(KeyError::Unsupported),
            },
            RSA_ENCRYPTION => {
                let key = RsaPublicKeyDer::from_der(bits).map_err(|_| KeyError::Malformed)?;
                Self::rsa(key.modulus.as_bytes(), key.exponent.as_bytes())
            }
            ED25519 => Self::ed25519(bits),
            _ => Err(KeyError::Unsupported),
        }
    }

    /// The DER `SubjectPublicKeyInfo`.
    pub(crate) fn to_spki(&self) -> Result<Vec<u8>, KeyError> {
        let (oid, parameters, bits) = match self {
            Self::P256(point) => (EC_PUBLIC_KEY, Some(Any::from(&SECP256R1)), point.to_vec()),
            Self::P384(point) => (EC_PUBLIC_KEY, Some(Any::from(&SECP384R1)), point.to_vec()),
            Self::Ed25519(bytes) => (ED25519, None, bytes.to_vec()),
            Self::Rsa { modulus, exponent } => {
                (RSA_ENCRYPTION, Some(Any::null()), rsa_der(modulus, exponent)?)
            }
        };
        SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned { oid, parameters },
            subject_public_key: BitString::from_bytes(&bits).map_err(|_| KeyError::Malformed)?,
        }
        .to_der()
        .map_err(|_| KeyError::Malformed)
    }

    /// Whether a key of this type can have made a signature of `algorithm`.
    pub(crate) fn fits(&self, algorithm: SignatureAlgorithm) -> bool {
        use SignatureAlgorithm::*;
        match self {
            Self::P256(_) => algorithm == ES256,
            Self::P384(_) => algorithm == ES384,
            Self::Ed25519(_) => algorithm == EdDSA,
            Self::Rsa { .. } => matches!(algorithm, RS256 | RS384 | RS512 | PS256 | PS384 | PS512),
        }
    }

    /// Whether `signature`, in the JWS form, is this key's over `message`.
    pub(crate) fn verify(&self, algorithm: SignatureAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        use SignatureAlgorithm::*;
        match (self, algorithm) {
            (Self::P256(point), ES256) => {
                verify_unparsed(&signature::ECDSA_P256_SHA256_FIXED, point, message, signature)
            }
            (Self::P384(point), ES384) => {
                verify_unparsed(&signature::ECDSA_P384_SHA384_FIXED, point, message, signature)
            }
            (Self::Ed25519(key), EdDSA) => verify_unparsed(&signature::ED25519, key, message, signature),
            (Self::Rsa { .. }, RS256) => {
                self.verify_rsa(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            (Self::Rsa { .. }, RS384) => {
                self.verify_rsa(&signature::RSA_PKCS1_2048_8192_SHA384, message, signature)
            }
            (Self::Rsa { .. }, RS512) => {
                self.verify_rsa(&signature::RSA_PKCS1_2048_8192_SHA512, message, signature)
            }
            (Self::Rsa { .. }, PS256) => {
                self.verify_rsa(&signature::RSA_PSS_2048_8192_SHA256, message, signature)
            }
            (Self::Rsa { .. }, PS384) => {
                self.verify_rsa(&signature::RSA_PSS_2048_8192_SHA384, message, signature)
            }
            (Self::Rsa { .. }, PS512) => {
                self.verify_rsa(&signature::RSA_PSS_2048_8192_SHA512, message, signature)
            }
            _ => false,
        }
    }

    /// [`PublicKey::verify`], but an ECDSA signature is in the ASN.1 form (RFC 3279 section 2.2.3).
    pub(crate) fn verify_asn1(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        use SignatureAlgorithm::*;
        match (self, algorithm) {
            (Self::P256(point), ES256) => {
                verify_unparsed(&signature::ECDSA_P256_SHA256_ASN1, point, message, signature)
            }
            (Self::P384(point), ES384) => {
                verify_unparsed(&signature::ECDSA_P384_SHA384_ASN1, point, message, signature)
            }
            _ => self.verify(algorithm, message, signature),
        }
    }

    /// [`PublicKey::verify`] for RSA with the parameters given; false for other keys.
    pub(crate) fn verify_rsa(
        &self,
        parameters: &'static signature::RsaParameters,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        match self {
            Self::Rsa { modulus, exponent } => RsaPublicKeyComponents {
                n: modulus,
                e: exponent,
            }
            .verify(parameters, message, signature)
            .is_ok(),
            _ => false,
        }
    }
}

/// Checks an RSA public key: 2048 to `max_bits` bits, and an odd exponent over 1 of at most 33 bits. Gives both
/// without leading zeros.
pub(crate) fn check_rsa<'a>(
    modulus: &'a [u8],
    exponent: &'a [u8],
    max_bits: usize,
) -> Result<(&'a [u8], &'a [u8]), KeyError> {
    let (modulus, exponent) = (without_leading_zeros(modulus), without_leading_zeros(exponent));
    let bits = bit_length(modulus);
    if !(2048..=max_bits).contains(&bits) || modulus.last().is_none_or(|last| last % 2 == 0) {
        return Err(KeyError::RsaModulus { bits });
    }
    let odd = exponent.last().is_some_and(|last| last % 2 == 1);
    if !odd || exponent == [1] || bit_length(exponent) > 33 {
        return Err(KeyError::RsaExponent);
    }
    Ok((modulus, exponent))
}

pub(crate) fn verify_unparsed(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    UnparsedPublicKey::new(algorithm, key)
        .verify(message, signature)
        .is_ok()
}

/// The uncompressed SEC1 point of two coordinates of the width that the curve has.
pub(crate) fn sec1_point<const N: usize>(x: &[u8; N], y: &[u8; N]) -> Vec<u8> {
    let mut point = Vec::with_capacity(1 + 2 * N);
    point.push(4);
    point.extend_from_slice(x);
    point.extend_from_slice(y);
    point
}

fn without_leading_zeros(mut number: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = number {
        number = rest;
    }
    number
}

fn bit_length(number: &[u8]) -> usize {
    number
        .first()
        .map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

#[derive(Sequence)]
struct RsaPublicKeyDer<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

fn rsa_der(modulus: &[u8], exponent: &[u8]) -> Result<Vec<u8>, KeyError> {
    RsaPublicKeyDer {
        modulus: UintRef::new(modulus).map_err(|_| KeyError::Malformed)?,
        exponent: UintRef::new(exponent).map_err(|_| KeyError::Malformed)?,
    }
    .to_der()
    .map_err(|_| KeyError::Malformed)
}

pub(crate) const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(crate) const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
pub(crate) const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
pub(crate) const SECP521R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
pub(crate) const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
pub(crate) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
