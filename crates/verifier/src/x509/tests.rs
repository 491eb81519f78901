//! Tests of names and signature schemes, with keys made here.

use super::scheme::{p256_point, p384_point};
use super::{Scheme, common_name};
use der::asn1::{Any, BitString, ObjectIdentifier};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    KeyPair,
};
use std::str::FromStr;
use x509_cert::name::Name;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

const MESSAGE: &[u8] = b"what is certified";
const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
/// ECDH alone: such keys sign nothing.
const EC_DH: &str = "1.3.132.1.12";
const SECP256R1: &str = "1.2.840.10045.3.1.7";
const SECP384R1: &str = "1.3.132.0.34";
const ECDSA_WITH_SHA256: &str = "1.2.840.10045.4.3.2";
const ECDSA_WITH_SHA384: &str = "1.2.840.10045.4.3.3";

fn algorithm(oid: &str, parameters: Option<Any>) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid: ObjectIdentifier::new_unwrap(oid),
        parameters,
    }
}

fn info(kind: &str, curve: &str, point: &[u8]) -> SubjectPublicKeyInfoOwned {
    let curve = Any::encode_from(&ObjectIdentifier::new_unwrap(curve)).unwrap();
    SubjectPublicKeyInfoOwned {
        algorithm: algorithm(kind, Some(curve)),
        subject_public_key: BitString::from_bytes(point).unwrap(),
    }
}

/// A point and its signature of [`MESSAGE`].
fn signed(how: &'static EcdsaSigningAlgorithm) -> (Vec<u8>, Vec<u8>) {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(how, &random).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(how, pkcs8.as_ref(), &random).unwrap();
    let signature = key.sign(&random, MESSAGE).unwrap();
    (key.public_key().as_ref().to_vec(), signature.as_ref().to_vec())
}

#[test]
fn a_name_with_two_common_names_has_none() {
    let name = |text| common_name(&Name::from_str(text).unwrap());
    assert_eq!(name("CN=ARK-Milan,O=maker"), Some("ARK-Milan".to_owned()));
    assert_eq!(name("CN=ARK-Milan,O=maker,CN=ARK-Milan"), None);
    assert_eq!(name("CN=ARK-Milan+CN=SEV-Milan"), None);
    assert_eq!(name("O=maker"), None);
}

#[test]
fn a_signature_counts_only_under_the_algorithm_that_makes_it() {
    let p256 = signed(&ECDSA_P256_SHA256_ASN1_SIGNING);
    let p384 = signed(&ECDSA_P384_SHA384_ASN1_SIGNING);
    let null = Some(Any::null());
    let cases = [
        (
            Scheme::EcdsaP256Sha256,
            &p256,
            SECP256R1,
            ECDSA_WITH_SHA256,
            ECDSA_WITH_SHA384,
        ),
        (
            Scheme::EcdsaP384Sha384,
            &p384,
            SECP384R1,
            ECDSA_WITH_SHA384,
            ECDSA_WITH_SHA256,
        ),
    ];
    for (scheme, (point, signature), curve, right, wrong) in cases {
        let key = info(EC_PUBLIC_KEY, curve, point);
        let verify = |algorithm| scheme.verify(&key, &algorithm, MESSAGE, signature);
        assert!(verify(algorithm(right, None)), "{scheme:?}");
        assert!(!verify(algorithm(wrong, None)), "{scheme:?}");
        assert!(!verify(algorithm("1.2.3.4", None)), "{scheme:?}");
    }
    let (point, signature) = &p384;
    let key = info(EC_PUBLIC_KEY, SECP384R1, point);
    let with_parameters = algorithm(ECDSA_WITH_SHA384, null);
    assert!(!Scheme::EcdsaP384Sha384.verify(&key, &with_parameters, MESSAGE, signature));
}

#[test]
fn a_point_is_one_of_the_curve_and_of_the_kind_of_key_that_its_certificate_names() {
    let (point, _) = signed(&ECDSA_P384_SHA384_ASN1_SIGNING);
    assert!(p384_point(&info(EC_PUBLIC_KEY, SECP384R1, &point)).is_some());
    assert_eq!(p384_point(&info(EC_PUBLIC_KEY, SECP256R1, &point)), None);
    assert_eq!(p384_point(&info(EC_DH, SECP384R1, &point)), None);
    assert_eq!(p256_point(&info(EC_PUBLIC_KEY, SECP384R1, &point)), None);
    let mut hybrid = point.clone();
    hybrid[0] = 6;
    assert_eq!(p384_point(&info(EC_PUBLIC_KEY, SECP384R1, &hybrid)), None);
}
