//! Tests of the guest's keys.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::encoding::encode;
use crate::key::KeyError;

/// From a recorded handshake.
const X: &str = "NERNydz2sUdLFER6QR4zdyP_kCPUsI4L9AD1ONgppUk";
const Y: &str = "3SwWswbpDLU0A43p33DVQkxZxg8zF6P5E1RmQ9AwCWk";

fn ec(crv: &str, x: &str, y: &str) -> Value {
    json!({"kty": "EC", "crv": crv, "alg": "ECDH-ES+A256KW", "x": x, "y": y})
}

fn rsa(bytes: usize, e: &str) -> Value {
    json!({"kty": "RSA", "alg": "RSA-OAEP-256", "n": encode(vec![0x81; bytes]), "e": e})
}

fn read(key: &Value) -> Result<TeePublicKey, TeeKeyError> {
    TeePublicKey::try_from(key)
}

#[test]
fn a_recorded_key_is_read_and_written_in_the_order_of_the_wire() {
    let key = read(&ec("P-256", X, Y)).unwrap();
    let text = format!(r#"{{"kty":"EC","crv":"P-256","alg":"ECDH-ES+A256KW","x":"{X}","y":"{Y}"}}"#);
    assert_eq!(serde_json::to_string(&key.to_jwk()).unwrap(), text);
    assert_eq!(TeePublicKey::from_json(&text).unwrap(), key);
}

#[test]
fn keys_nobody_should_seal_for_are_refused() {
    let (zero32, zero66) = (encode([0; 32]), encode([0; 66]));
    let with_alg = |mut key: Value, alg: &str| {
        key["alg"] = json!(alg);
        key
    };
    let cases = [
        (
            rsa(128, "AQAB"),
            TeeKeyError::Key(KeyError::RsaModulus { bits: 1024 }),
        ),
        (
            rsa(255, "AQAB"),
            TeeKeyError::Key(KeyError::RsaModulus { bits: 2040 }),
        ),
        (
            rsa(513, "AQAB"),
            TeeKeyError::Key(KeyError::RsaModulus { bits: 4104 }),
        ),
        (rsa(256, "AQ"), TeeKeyError::Key(KeyError::RsaExponent)),
        (rsa(256, "Ag"), TeeKeyError::Key(KeyError::RsaExponent)),
        (rsa(256, "AA"), TeeKeyError::Key(KeyError::RsaExponent)),
        (ec("P-256", X, X), TeeKeyError::Key(KeyError::NotOnCurve)),
        (
            ec("P-256", &zero32, &zero32),
            TeeKeyError::Key(KeyError::NotOnCurve),
        ),
        (
            ec("P-521", &zero66, &zero66),
            TeeKeyError::Key(KeyError::NotOnCurve),
        ),
        (ec("P-521", X, Y), TeeKeyError::Key(KeyError::WrongWidth)),
        (
            ec("P-256", &encode([1; 31]), Y),
            TeeKeyError::Key(KeyError::WrongWidth),
        ),
        (ec("P-256", "", ""), TeeKeyError::Key(KeyError::WrongWidth)),
        (ec("P-384", X, Y), TeeKeyError::Unsupported),
        (
            json!({"kty": "AKP", "alg": "ML-KEM-768+A192KW", "pub": "AA"}),
            TeeKeyError::Unsupported,
        ),
        (
            json!({"kty": "oct", "alg": "A256KW", "k": "AA"}),
            TeeKeyError::Unsupported,
        ),
        (
            with_alg(ec("P-256", X, Y), "ECDH-ES"),
            TeeKeyError::AlgorithmNotAllowed,
        ),
        (
            with_alg(ec("P-256", X, Y), "RSA-OAEP-256"),
            TeeKeyError::AlgorithmNotAllowed,
        ),
        (
            with_alg(rsa(256, "AQAB"), "RSA1_5"),
            TeeKeyError::AlgorithmNotAllowed,
        ),
        (
            with_alg(rsa(256, "AQAB"), "RSA-OAEP"),
            TeeKeyError::AlgorithmNotAllowed,
        ),
        (
            json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y}),
            TeeKeyError::Malformed,
        ),
        (
            json!({"kty": "EC", "crv": "P-256", "alg": "ECDH-ES+A256KW", "x": X}),
            TeeKeyError::Malformed,
        ),
        (json!("text"), TeeKeyError::Malformed),
        (Value::Null, TeeKeyError::Malformed),
    ];
    for (key, expected) in cases {
        assert_eq!(read(&key).unwrap_err(), expected, "{key}");
    }
}

#[test]
fn generated_keys_of_every_kind_are_acceptable_and_kept_in_pem() {
    for kind in [TeeKeyKind::P256, TeeKeyKind::P521, TeeKeyKind::Rsa] {
        let key = TeePrivateKey::generate(kind).unwrap();
        let public = read(&serde_json::to_value(key.public_jwk()).unwrap()).unwrap();
        assert_eq!(public, key.public_key().unwrap());
        let again = TeePrivateKey::from_pem(key.to_pem().unwrap().as_bytes()).unwrap();
        assert_eq!(again.public_key().unwrap(), public);
    }
}

#[test]
fn private_keys_in_the_files_of_the_usual_tools_are_read() {
    for pem in [
        include_str!("../../testdata/p256-sec1-key.pem"),
        include_str!("../../testdata/p521-sec1-key.pem"),
        include_str!("../../testdata/rsa2048-pkcs1-key.pem"),
    ] {
        assert!(TeePrivateKey::from_pem(pem.as_bytes()).is_ok());
    }
    let cases = [
        (
            include_str!("../../testdata/rsa1024-pkcs8-key.pem"),
            KeyError::RsaModulus { bits: 1024 },
        ),
        (
            include_str!("../../testdata/ed25519-pkcs8-key.pem"),
            KeyError::Unsupported,
        ),
        (
            include_str!("../../testdata/p384-pkcs8-key.pem"),
            KeyError::Unsupported,
        ),
    ];
    for (pem, expected) in cases {
        assert_eq!(TeePrivateKey::from_pem(pem.as_bytes()).unwrap_err(), expected);
    }
}

#[test]
fn debug_output_shows_no_key() {
    let key = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
    assert_eq!(format!("{key:?}"), "TeePrivateKey(redacted)");
}

proptest! {
    #[test]
    fn no_json_makes_reading_a_key_panic(
        text in ".{0,80}",
        member in "(kty|crv|alg|x|y|n|e)",
        value in "[A-Za-z0-9_-]{0,90}",
        start in 0..2_usize,
    ) {
        let mut key = [ec("P-256", X, Y), rsa(256, "AQAB")][start].clone();
        key[member] = json!(value);
        let _ = read(&key);
        let _ = TeePublicKey::from_json(&text);
        let _ = TeePrivateKey::from_pem(text.as_bytes());
    }
}
