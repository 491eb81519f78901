//! The signatures that vendors put on their certificates.

use der::asn1::ObjectIdentifier;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA384, UnparsedPublicKey, VerificationAlgorithm,
};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

const SHA256_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const SHA384_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const SHA512_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");

/// How a vendor signs. A chain is verified by one scheme, so that no certificate can choose its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// RSA-PSS with SHA-384, MGF1 with SHA-384 and 48 bytes of salt: AMD.
    RsaPssSha384,
    /// RSASSA-PKCS1-v1_5 or ECDSA over P-256 or P-384, with SHA-256 or longer, as the key and the signature say:
    /// the many makers of TPMs.
    RsaOrEcdsa,
    /// ECDSA over P-384 with SHA-384: NVIDIA.
    EcdsaP384Sha384,
    /// ECDSA on P-256 with SHA-256: Intel.
    EcdsaP256Sha256,
}

impl Scheme {
    /// Is `signature`, which claims to be of `algorithm`, the signature of `message` by `key` in this scheme?
    pub(super) fn verify(
        self,
        key: &SubjectPublicKeyInfoOwned,
        algorithm: &AlgorithmIdentifierOwned,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let check = |with: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(with, key)
                .verify(message, signature)
                .is_ok()
        };
        match self {
            Scheme::RsaPssSha384 => {
                algorithm.oid == RSASSA_PSS
                    && key.algorithm.oid == RSA_ENCRYPTION
                    && key
                        .subject_public_key
                        .as_bytes()
                        .is_some_and(|key| check(&RSA_PSS_2048_8192_SHA384, key))
            }
            Scheme::RsaOrEcdsa => rsa_or_ecdsa(key, algorithm)
                .zip(key.subject_public_key.as_bytes())
                .is_some_and(|(with, key)| check(with, key)),
            Scheme::EcdsaP384Sha384 => {
                algorithm.oid == ECDSA_WITH_SHA384
                    && algorithm.parameters.is_none()
                    && p384_point(key).is_some_and(|key| check(&ECDSA_P384_SHA384_ASN1, &key))
            }
            Scheme::EcdsaP256Sha256 => {
                algorithm.oid == ECDSA_WITH_SHA256
                    && p256_point(key).is_some_and(|key| check(&ECDSA_P256_SHA256_ASN1, &key))
            }
        }
    }
}

/// The way to verify a signature of this algorithm with this key, if they belong together (RFC 4055, RFC 5758).
fn rsa_or_ecdsa(
    key: &SubjectPublicKeyInfoOwned,
    algorithm: &AlgorithmIdentifierOwned,
) -> Option<&'static dyn VerificationAlgorithm> {
    if key.algorithm.oid == RSA_ENCRYPTION {
        return match algorithm.oid {
            SHA256_WITH_RSA => Some(&RSA_PKCS1_2048_8192_SHA256),
            SHA384_WITH_RSA => Some(&RSA_PKCS1_2048_8192_SHA384),
            SHA512_WITH_RSA => Some(&RSA_PKCS1_2048_8192_SHA512),
            _ => None,
        };
    }
    if key.algorithm.oid != EC_PUBLIC_KEY {
        return None;
    }
    let curve: ObjectIdentifier = key.algorithm.parameters.as_ref()?.decode_as().ok()?;
    match (algorithm.oid, curve) {
        (ECDSA_WITH_SHA256, SECP256R1) => Some(&ECDSA_P256_SHA256_ASN1),
        (ECDSA_WITH_SHA384, SECP256R1) => Some(&ECDSA_P256_SHA384_ASN1),
        (ECDSA_WITH_SHA256, SECP384R1) => Some(&ECDSA_P384_SHA256_ASN1),
        (ECDSA_WITH_SHA384, SECP384R1) => Some(&ECDSA_P384_SHA384_ASN1),
        _ => None,
    }
}

/// The key, if it is an uncompressed point of P-384 (SEC 1, 2.3.3).
pub(super) fn p384_point(key: &SubjectPublicKeyInfoOwned) -> Option<[u8; 97]> {
    point(key, SECP384R1)
}

/// The key, if it is an uncompressed point of P-256.
pub(super) fn p256_point(key: &SubjectPublicKeyInfoOwned) -> Option<[u8; 65]> {
    point(key, SECP256R1)
}

fn point<const N: usize>(key: &SubjectPublicKeyInfoOwned, expected: ObjectIdentifier) -> Option<[u8; N]> {
    let parameters = key.algorithm.parameters.as_ref()?;
    let curve = parameters.decode_as::<ObjectIdentifier>().ok()?;
    let point: [u8; N] = key.subject_public_key.as_bytes()?.try_into().ok()?;
    (key.algorithm.oid == EC_PUBLIC_KEY && curve == expected && point.first() == Some(&4)).then_some(point)
}
