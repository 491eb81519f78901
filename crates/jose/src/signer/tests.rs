//! Tests of signing keys.

use serde_json::json;

use super::*;
use crate::{UnverifiedToken, Validation};

const P256: &[u8] = include_bytes!("../../testdata/p256-sec1-key.pem");
const P384: &[u8] = include_bytes!("../../testdata/p384-pkcs8-key.pem");
const ED25519: &[u8] = include_bytes!("../../testdata/ed25519-pkcs8-key.pem");
const RSA: &[u8] = include_bytes!("../../testdata/rsa2048-pkcs1-key.pem");

fn check_round_trip(key: &SigningKey) {
    let signed = key
        .sign_compact(&json!({"alg": key.algorithm()}), &json!({"exp": 10}))
        .unwrap();
    let token = UnverifiedToken::parse(&signed).unwrap();
    let pem = VerificationKey::from_pem(key.public_key_pem().unwrap().as_bytes()).unwrap();
    for verifier in [
        key.verification_key(),
        key.public_jwk().verification_key().unwrap(),
        pem,
    ] {
        assert!(
            token
                .verify(&verifier)
                .unwrap()
                .validate(&Validation::at(0))
                .is_ok()
        );
    }
}

#[test]
fn keys_in_the_files_of_the_usual_tools_sign_and_verify() {
    let cases = [
        (P256, SignatureAlgorithm::ES256),
        (P384, SignatureAlgorithm::ES384),
        (ED25519, SignatureAlgorithm::EdDSA),
        (RSA, SignatureAlgorithm::RS256),
    ];
    for (pem, algorithm) in cases {
        let key = SigningKey::from_pem(pem).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        assert!(key.private_key_pem().is_none());
        check_round_trip(&key);
    }
}

#[test]
fn generated_keys_are_written_and_read_back() {
    for key in [
        SigningKey::generate_p256().unwrap(),
        SigningKey::generate_ed25519().unwrap(),
    ] {
        check_round_trip(&key);
        let again = SigningKey::from_pem(key.private_key_pem().unwrap().as_bytes()).unwrap();
        assert_eq!(again.public_jwk(), key.public_jwk());
    }
}

#[test]
fn a_p256_key_without_its_public_part_is_completed() {
    let scalar = p256::SecretKey::random(&mut rand_core::OsRng);
    let key = SigningKey::p256(&scalar.to_bytes(), None, SystemRandom::new()).unwrap();
    assert_eq!(key.verification_key().public_key(), &{
        PublicKey::p256(scalar.public_key().to_encoded_point(false).as_bytes()).unwrap()
    });
}

#[test]
fn files_without_a_usable_private_key_are_refused() {
    let public = SigningKey::generate_p256().unwrap().public_key_pem().unwrap();
    let cases: [(&[u8], KeyError); 6] = [
        (public.as_bytes(), KeyError::NotPrivate),
        (
            include_bytes!("../../testdata/encrypted-key.pem"),
            KeyError::NotPrivate,
        ),
        (
            include_bytes!("../../testdata/rsa1024-pkcs8-key.pem"),
            KeyError::Malformed,
        ),
        (
            include_bytes!("../../testdata/p521-sec1-key.pem"),
            KeyError::Unsupported,
        ),
        (b"", KeyError::NotPrivate),
        (
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
            KeyError::Malformed,
        ),
    ];
    for (pem, expected) in cases {
        assert_eq!(SigningKey::from_pem(pem).unwrap_err(), expected);
    }
}

#[test]
fn a_private_key_with_the_public_part_of_another_is_refused() {
    let one = p256::SecretKey::random(&mut rand_core::OsRng);
    let other = p256::SecretKey::random(&mut rand_core::OsRng)
        .public_key()
        .to_encoded_point(false);
    let made = SigningKey::p256(
        &one.to_bytes(),
        Some(other.as_bytes().to_vec()),
        SystemRandom::new(),
    );
    assert_eq!(made.unwrap_err(), KeyError::Inconsistent);
}

#[test]
fn debug_output_shows_no_key() {
    assert_eq!(
        format!("{:?}", SigningKey::from_pem(ED25519).unwrap()),
        "SigningKey(EdDSA, redacted)"
    );
}

#[test]
fn an_ecdsa_signature_verifies_in_the_form_it_is_in() {
    let key = SigningKey::generate_p256().unwrap();
    let (public, message) = (key.verification_key(), b"message");
    let fixed = key.sign(message).unwrap();
    let asn1 = p256::ecdsa::Signature::from_slice(&fixed)
        .unwrap()
        .to_der()
        .as_bytes()
        .to_vec();
    let algorithm = public.usual_algorithm();
    assert_eq!(algorithm, SignatureAlgorithm::ES256);
    public.verify(algorithm, message, &fixed).unwrap();
    public.verify_asn1(algorithm, message, &asn1).unwrap();
    for (verified, case) in [
        (public.verify(algorithm, message, &asn1), "ASN.1 as fixed"),
        (public.verify_asn1(algorithm, message, &fixed), "fixed as ASN.1"),
        (public.verify_asn1(algorithm, b"other", &asn1), "another message"),
    ] {
        assert_eq!(verified.unwrap_err(), KeyError::BadSignature, "{case}");
    }
    assert_eq!(
        public
            .verify_asn1(SignatureAlgorithm::ES384, message, &asn1)
            .unwrap_err(),
        KeyError::AlgorithmNotAllowed
    );
    let ed25519 = SigningKey::generate_ed25519().unwrap();
    let signature = ed25519.sign(message).unwrap();
    ed25519
        .verification_key()
        .verify_asn1(SignatureAlgorithm::EdDSA, message, &signature)
        .unwrap();
}

#[test]
fn a_fingerprint_names_one_key() {
    let (one, other) = (
        SigningKey::generate_p256().unwrap(),
        SigningKey::generate_p256().unwrap(),
    );
    let fingerprint = one.verification_key().fingerprint().unwrap();
    assert_eq!(fingerprint.len(), 64);
    assert_eq!(fingerprint, one.verification_key().fingerprint().unwrap());
    assert_ne!(fingerprint, other.verification_key().fingerprint().unwrap());
}
