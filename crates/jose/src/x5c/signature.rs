//! Signatures on certificates (RFC 4055, RFC 5758, RFC 8410). SHA-1 and MD5 do not exist here.

use der::Encode;
use der::oid::ObjectIdentifier;
use ring::signature::{self, RsaParameters, VerificationAlgorithm};
use rsa::pkcs1::RsaPssParams;
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::public_key::{ED25519, PublicKey, verify_unparsed};

/// Whether `value` is the signature of `key` over `message` by the algorithm that the certificate names.
pub(super) fn verify(
    key: &PublicKey,
    algorithm: &AlgorithmIdentifierOwned,
    message: &[u8],
    value: &[u8],
) -> bool {
    match key {
        PublicKey::P256(point) => {
            curve(algorithm, &P256).is_some_and(|scheme| verify_unparsed(scheme, point, message, value))
        }
        PublicKey::P384(point) => {
            curve(algorithm, &P384).is_some_and(|scheme| verify_unparsed(scheme, point, message, value))
        }
        PublicKey::Ed25519(key) => {
            algorithm.oid == ED25519
                && algorithm.parameters.is_none()
                && verify_unparsed(&signature::ED25519, key, message, value)
        }
        PublicKey::Rsa { .. } => rsa(algorithm).is_some_and(|scheme| key.verify_rsa(scheme, message, value)),
    }
}

/// ECDSA with SHA-256 and with SHA-384 on one curve.
type Schemes = [&'static dyn VerificationAlgorithm; 2];
static P256: Schemes = [
    &signature::ECDSA_P256_SHA256_ASN1,
    &signature::ECDSA_P256_SHA384_ASN1,
];
static P384: Schemes = [
    &signature::ECDSA_P384_SHA256_ASN1,
    &signature::ECDSA_P384_SHA384_ASN1,
];

fn curve(
    algorithm: &AlgorithmIdentifierOwned,
    [sha256, sha384]: &'static Schemes,
) -> Option<&'static dyn VerificationAlgorithm> {
    match algorithm.oid {
        _ if algorithm.parameters.is_some() => None,
        ECDSA_WITH_SHA256 => Some(*sha256),
        ECDSA_WITH_SHA384 => Some(*sha384),
        _ => None,
    }
}

fn rsa(algorithm: &AlgorithmIdentifierOwned) -> Option<&'static RsaParameters> {
    let plain = algorithm.parameters.as_ref().is_none_or(|any| any.is_null());
    match algorithm.oid {
        SHA256_WITH_RSA if plain => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        SHA384_WITH_RSA if plain => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        SHA512_WITH_RSA if plain => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        RSASSA_PSS => pss(algorithm),
        _ => None,
    }
}

/// One hash for message and mask, and a salt as long as it: what the provider verifies.
fn pss(algorithm: &AlgorithmIdentifierOwned) -> Option<&'static RsaParameters> {
    let der = algorithm.parameters.as_ref()?.to_der().ok()?;
    let parameters = RsaPssParams::try_from(der.as_slice()).ok()?;
    let mask_hash = parameters.mask_gen.parameters?.oid;
    if parameters.mask_gen.oid != MGF1 || mask_hash != parameters.hash.oid {
        return None;
    }
    match (parameters.hash.oid, parameters.salt_len) {
        (SHA256, 32) => Some(&signature::RSA_PSS_2048_8192_SHA256),
        (SHA384, 48) => Some(&signature::RSA_PSS_2048_8192_SHA384),
        (SHA512, 64) => Some(&signature::RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}

const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const SHA256_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const SHA384_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const SHA512_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const MGF1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
