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
