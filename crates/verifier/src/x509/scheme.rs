//! The signatures that vendors put on their certificates.

use der::asn1::ObjectIdentifier;
use ring::signature::{RSA_PSS_2048_8192_SHA384, UnparsedPublicKey, VerificationAlgorithm};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// How a vendor signs. A chain is verified by one scheme, so that no certificate can choose its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// RSA-PSS with SHA-384, MGF1 with SHA-384 and 48 bytes of salt: AMD.
    RsaPssSha384,
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
        }
    }
}

/// The key, if it is an uncompressed point of P-384 (SEC 1, 2.3.3).
pub(super) fn p384_point(key: &SubjectPublicKeyInfoOwned) -> Option<[u8; 97]> {
    let curve = key
        .algorithm
        .parameters
        .as_ref()?
        .decode_as::<ObjectIdentifier>()
        .ok()?;
    let point: [u8; 97] = key.subject_public_key.as_bytes()?.try_into().ok()?;
    (key.algorithm.oid == EC_PUBLIC_KEY && curve == SECP384R1 && point.first() == Some(&4)).then_some(point)
}
