//! Tests of keys as JSON.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const X: &str = "qcIX3RQI8TDiLZvIOe3ULW0VRVfy3r55nee_D337fU8";
const Y: &str = "EgI_izzGa_x3kC7jW8ssepKKJmXlBZAYrbE1IvbPnl4";

fn ec(kid: &str) -> Value {
    json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": X, "y": Y})
}

fn read(value: Value) -> Result<Jwk, KeyError> {
    Jwk::from_json(value.to_string().as_bytes())
}

/// A modulus of `bits` bits that is odd.
fn modulus(bits: usize) -> String {
    let mut number = vec![0xff; bits / 8];
    number[0] = 0x80;
    encode(number)
}

#[test]
fn members_are_written_in_the_order_of_the_existing_tokens() {
    let text = json!({"y": Y, "x": X, "crv": "P-256", "kty": "EC", "x5c": ["AA=="], "x5u": "https://x", "alg": "ES256"});
    let written = serde_json::to_string(&read(text).unwrap()).unwrap();
    let expected = format!(
        r#"{{"alg":"ES256","x5u":"https://x","x5c":["AA=="],"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}"}}"#
    );
    assert_eq!(written, expected);
}

#[test]
fn every_type_is_written_and_read_back() {
    let keys = [
        ec("a"),
        json!({"alg": "EdDSA", "use": "sig", "kty": "OKP", "crv": "Ed25519", "x": encode([7; 32])}),
        json!({"alg": "PS384", "kid": "r", "kty": "RSA", "n": modulus(2048), "e": "AQAB"}),
    ];
    for key in keys {
        let jwk = read(key.clone()).unwrap();
        assert_eq!(serde_json::to_value(&jwk).unwrap(), key);
        assert_eq!(serde_json::from_value::<Jwk>(key).unwrap(), jwk);
    }
}

#[test]
fn weak_keys_and_keys_off_their_curve_are_refused() {
    let rsa = |n: String, e: &str| json!({"kty": "RSA", "n": n, "e": e});
    let other_y = {
        let mut y = decode(Y).unwrap();
        y[31] ^= 1;
        encode(y)
    };
    let cases = [
        (rsa(modulus(1024), "AQAB"), KeyError::RsaModulus { bits: 1024 }),
        (rsa(modulus(2040), "AQAB"), KeyError::RsaModulus { bits: 2040 }),
        (rsa(encode([0; 256]), "AQAB"), KeyError::RsaModulus { bits: 0 }),
        (
            rsa(encode([0xfe; 256]), "AQAB"),
            KeyError::RsaModulus { bits: 2048 },
        ),
        (rsa(modulus(2048), "AQ"), KeyError::RsaExponent),
        (rsa(modulus(2048), "AAE"), KeyError::RsaExponent),
        (rsa(modulus(2048), "AQAA"), KeyError::RsaExponent),
        (rsa(modulus(2048), ""), KeyError::RsaExponent),
        // 2^40 + 1: longer than anybody's, and slow.
        (rsa(modulus(2048), "AQAAAAAB"), KeyError::RsaExponent),
        (
            json!({"kty": "EC", "crv": "P-256", "x": X, "y": other_y}),
            KeyError::NotOnCurve,
        ),
        (
            json!({"kty": "EC", "crv": "P-256", "x": encode([0; 32]), "y": encode([0; 32])}),
            KeyError::NotOnCurve,
        ),
        (
            json!({"kty": "EC", "crv": "P-256", "x": encode([1; 31]), "y": Y}),
            KeyError::WrongWidth,
        ),
        (
            json!({"kty": "EC", "crv": "P-256", "x": encode([1; 33]), "y": Y}),
            KeyError::WrongWidth,
        ),
        (
            json!({"kty": "OKP", "crv": "Ed25519", "x": encode([1; 31])}),
            KeyError::WrongWidth,
        ),
        (
            json!({"kty": "EC", "crv": "P-256", "x": X}),
            KeyError::Member("y"),
        ),
        (json!({"kty": "RSA", "e": "AQAB"}), KeyError::Member("n")),
    ];
    for (key, expected) in cases {
        assert_eq!(read(key.clone()).unwrap_err(), expected, "{key}");
    }
}

#[test]
fn secret_and_unknown_keys_are_refused() {
    let with = |name: &str, value: &str| {
        let mut key = ec("a");
        key[name] = json!(value);
        key
    };
    assert_eq!(read(with("d", "AA")).unwrap_err(), KeyError::PrivateMembers);
    assert_eq!(
        read(json!({"kty": "oct", "k": "AA"})).unwrap_err(),
        KeyError::PrivateMembers
    );
    assert_eq!(read(json!({"kty": "oct"})).unwrap_err(), KeyError::Unsupported);
    assert_eq!(read(with("alg", "HS256")).unwrap_err(), KeyError::Unsupported);
    assert_eq!(read(with("alg", "none")).unwrap_err(), KeyError::Unsupported);
    assert_eq!(read(with("use", "enc")).unwrap_err(), KeyError::Unsupported);
    assert_eq!(
        read(with("alg", "ES384")).unwrap_err(),
        KeyError::AlgorithmNotAllowed
    );
    assert_eq!(read(with("crv", "secp256k1")).unwrap_err(), KeyError::Unsupported);
    for operations in [json!([]), json!(["sign", "encrypt"])] {
        let mut key = ec("a");
        key["key_ops"] = operations;
        assert_eq!(read(key).unwrap_err(), KeyError::Unsupported);
    }
    let mut key = ec("a");
    key["key_ops"] = json!(["sign", "verify"]);
    assert!(read(key).is_ok());
}

#[test]
fn a_set_finds_by_id_and_refuses_two_keys_with_one_id() {
    let set = |keys: Vec<Value>| JwkSet::from_json(json!({"keys": keys}).to_string().as_bytes());
    let mut nameless = ec("x");
    nameless.as_object_mut().unwrap().remove("kid");
    let good = set(vec![
        ec("a"),
        nameless.clone(),
        ec("b"),
        nameless,
        json!({"kty": "oct", "kid": "z"}),
    ])
    .unwrap();
    assert_eq!(good.find("b").and_then(Jwk::kid), Some("b"));
    assert!(good.find("").is_none() && good.find("z").is_none());
    assert_eq!(good.keys().len(), 4);
    assert_eq!(set(vec![ec("a"), ec("a")]).unwrap_err(), KeyError::DuplicateKeyId);
    let weak = json!({"kty": "RSA", "n": modulus(1024), "e": "AQAB"});
    assert_eq!(
        set(vec![ec("a"), weak]).unwrap_err(),
        KeyError::RsaModulus { bits: 1024 }
    );
    assert_eq!(JwkSet::from_json(b"{}").unwrap_err(), KeyError::Malformed);
}

#[test]
fn certificates_of_another_key_are_not_put_into_a_key() {
    let root = include_bytes!("../../testdata/as-root.pem");
    assert_eq!(
        read(ec("a")).unwrap().with_certificates(root).unwrap_err(),
        KeyError::Inconsistent
    );
    assert_eq!(
        read(ec("a")).unwrap().with_certificates(b"").unwrap_err(),
        KeyError::NotPem
    );
}

proptest! {
    #[test]
    fn no_text_makes_reading_a_key_panic(text: Vec<u8>, member in "[a-z0-9_]{1,3}", value in ".{0,80}") {
        let _ = JwkSet::from_json(&text);
        let mut key = ec("a");
        key[member] = json!(value);
        let _ = read(key.clone());
        let _ = JwkSet::from_json(json!({"keys": [key]}).to_string().as_bytes());
    }
}
