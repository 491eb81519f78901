//! Tests of signed tokens.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{SigningKey, TrustAnchors};

/// Recorded from the existing implementation.
const RECORDED: &str = include_str!("../../testdata/ear-token.txt");
const ISSUED: i64 = 1_795_309_052;
const EXPIRES: i64 = 1_795_309_352;

fn key() -> SigningKey {
    SigningKey::generate_p256().unwrap()
}

fn sign(key: &SigningKey, claims: Value) -> String {
    key.sign_compact(&json!({"alg": key.algorithm()}), &claims)
        .unwrap()
}

fn token(header: Value, payload: Value) -> String {
    let part = |value: Value| encoding::encode(value.to_string());
    format!("{}.{}.{}", part(header), part(payload), encoding::encode([1; 64]))
}

fn refusal(token: &str) -> TokenError {
    UnverifiedToken::parse(token).unwrap_err()
}

#[test]
fn a_recorded_token_is_verified_and_read() {
    let token = UnverifiedToken::parse(RECORDED.trim()).unwrap();
    assert_eq!((token.alg(), token.kid()), (SignatureAlgorithm::ES256, None));
    let key = token.jwk().unwrap().verification_key().unwrap();
    let claims = token
        .verify(&key)
        .unwrap()
        .validate(&Validation::at(ISSUED))
        .unwrap();
    assert_eq!(claims.expires_at(), EXPIRES);
    assert_eq!(
        claims.get("/submods/cpu0/ear.status").and_then(Value::as_str),
        Some("affirming")
    );
    assert!(claims.json_text().starts_with(r#"{"eat_profile":"#));
    assert_eq!(claims.value()["iss"], "CoCo-Attestation-Service");
}

#[test]
fn a_recorded_header_is_written_again_byte_for_byte() {
    let header = encoding::decode(RECORDED.split('.').next().unwrap()).unwrap();
    let token = UnverifiedToken::parse(RECORDED.trim()).unwrap();
    let jwk = serde_json::to_string(token.jwk().unwrap()).unwrap();
    assert_eq!(
        format!(r#"{{"typ":"JWT","alg":"ES256","jwk":{jwk}}}"#).as_bytes(),
        header
    );
}

#[test]
fn one_flipped_character_of_a_recorded_token_is_noticed() {
    let token = RECORDED.trim();
    let key = UnverifiedToken::parse(token)
        .unwrap()
        .jwk()
        .unwrap()
        .verification_key()
        .unwrap();
    let payload = token.find('.').unwrap() + 1;
    for at in (payload..token.len()).step_by(97) {
        let mut changed = token.as_bytes().to_vec();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        let verified = UnverifiedToken::parse(&changed).and_then(|token| token.verify(&key));
        assert!(verified.is_err(), "at {at}");
    }
}

#[test]
fn algorithms_none_and_hs256_are_refused() {
    for alg in ["none", "None", "nOnE", "", "HS256", "HS512", "ES512", "A256KW"] {
        assert_eq!(
            refusal(&token(json!({"alg": alg}), json!({}))),
            TokenError::UnknownAlgorithm,
            "{alg}"
        );
    }
    let unsigned = format!(
        "{}.{}.",
        encoding::encode(r#"{"alg":"none"}"#),
        encoding::encode("{}")
    );
    assert_eq!(refusal(&unsigned), TokenError::UnknownAlgorithm);
}

#[test]
fn hs256_with_the_public_key_as_its_secret_is_refused() {
    let public = key().public_key_pem().unwrap();
    let input = format!(
        "{}.{}",
        encoding::encode(r#"{"alg":"HS256"}"#),
        encoding::encode(r#"{"exp":9e9}"#)
    );
    let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, public.as_bytes());
    let forged = format!(
        "{input}.{}",
        encoding::encode(ring::hmac::sign(&secret, input.as_bytes()))
    );
    assert_eq!(refusal(&forged), TokenError::UnknownAlgorithm);
}

#[test]
fn a_key_is_never_used_with_the_algorithm_of_another_type() {
    let key = key();
    for alg in ["ES384", "RS256", "PS512", "EdDSA"] {
        let swapped = token(json!({"alg": alg}), json!({"exp": EXPIRES}));
        let verified = UnverifiedToken::parse(&swapped)
            .unwrap()
            .verify(&key.verification_key());
        assert_eq!(verified.unwrap_err(), TokenError::AlgorithmNotAllowed, "{alg}");
    }
}

#[test]
fn an_rsa_key_that_names_its_algorithm_verifies_that_one_only() {
    let rsa = SigningKey::from_pem(include_bytes!("../../testdata/rsa2048-pkcs1-key.pem")).unwrap();
    let signed = sign(&rsa, json!({"exp": EXPIRES}));
    let mut jwk = serde_json::to_value(rsa.public_jwk()).unwrap();
    for (alg, expected) in [("RS256", Ok(())), ("RS512", Err(TokenError::AlgorithmNotAllowed))] {
        jwk["alg"] = json!(alg);
        let key = serde_json::from_value::<Jwk>(jwk.clone())
            .unwrap()
            .verification_key()
            .unwrap();
        let verified = UnverifiedToken::parse(&signed).unwrap().verify(&key);
        assert_eq!(verified.map(drop), expected, "{alg}");
    }
}

#[test]
fn extensions_in_the_header_are_refused() {
    for header in [
        json!({"alg": "ES256", "crit": ["exp"]}),
        json!({"alg": "ES256", "crit": []}),
        json!({"alg": "ES256", "b64": false}),
    ] {
        assert_eq!(refusal(&token(header, json!({}))), TokenError::CriticalHeader);
    }
}

#[test]
fn urls_in_the_header_are_ignored_and_an_unusable_header_key_is_refused() {
    let urls = json!({"alg": "ES256", "jku": "https://a/", "x5u": "https://b/", "x5c": ["AA=="]});
    let urls = token(urls, json!({}));
    assert!(UnverifiedToken::parse(&urls).unwrap().jwk().is_none());
    for jwk in [
        json!({"kty": "oct", "k": "AA"}),
        json!({"kty": "EC"}),
        json!("text"),
        json!({}),
    ] {
        let refused = refusal(&token(json!({"alg": "ES256", "jwk": jwk}), json!({})));
        assert!(matches!(refused, TokenError::HeaderKey(_)), "{jwk}");
    }
}

#[test]
fn a_header_with_a_member_twice_is_refused() {
    let twice = encoding::encode(r#"{"alg":"ES256","alg":"RS256"}"#);
    assert_eq!(
        refusal(&format!("{twice}.e30.AA")),
        TokenError::Malformed("header")
    );
}

#[test]
fn texts_that_are_no_compact_form_are_refused() {
    let header = encoding::encode(r#"{"alg":"ES256"}"#);
    for text in [
        "",
        ".",
        "..",
        "a.b",
        &format!("{header}.e30"),
        &format!("{header}.e30.AA.AA"),
        &format!("{header}=.e30.AA"),
        &format!("{header}.e30.AA=="),
        &format!("{header}.e30.A+/A"),
    ] {
        assert!(matches!(refusal(text), TokenError::Malformed(_)), "{text}");
    }
    assert_eq!(refusal(&"a".repeat(MAX_TOKEN_LENGTH + 1)), TokenError::TooLong);
    assert_eq!(
        refusal(&format!("{}.e30.AA", "a".repeat(header::MAX_HEADER_LENGTH + 1))),
        TokenError::TooLong
    );
}

#[test]
fn a_signed_payload_that_is_no_json_object_is_refused() {
    let key = key();
    for payload in [&b"[]"[..], b"\"text\"", b"{", b"\xff", b""] {
        let signed = key.sign_compact_raw(br#"{"alg":"ES256"}"#, payload).unwrap();
        let verified = UnverifiedToken::parse(&signed)
            .unwrap()
            .verify(&key.verification_key());
        assert_eq!(verified.unwrap_err(), TokenError::Malformed("payload"));
    }
}

#[test]
fn the_signature_of_another_key_is_refused() {
    let signed = sign(&key(), json!({"exp": EXPIRES}));
    let verified = UnverifiedToken::parse(&signed)
        .unwrap()
        .verify(&key().verification_key());
    assert_eq!(verified.unwrap_err(), TokenError::BadSignature);
}

#[test]
fn times_issuer_and_audience_are_checked() {
    let plain = Validation::at(1000);
    let issuer = Validation {
        issuer: Some("a"),
        ..plain
    };
    let audience = Validation {
        audience: Some("KBS"),
        ..plain
    };
    let cases = [
        (plain, json!({}), Err(TokenError::NoExpiry)),
        (plain, json!({"exp": 941}), Ok(())),
        (plain, json!({"exp": 940}), Err(TokenError::Expired)),
        (plain, json!({"exp": 940.9}), Err(TokenError::Expired)),
        (plain, json!({"exp": 941.2}), Ok(())),
        (
            plain,
            json!({"exp": "9999"}),
            Err(TokenError::MalformedClaim("exp")),
        ),
        (
            plain,
            json!({"exp": null}),
            Err(TokenError::MalformedClaim("exp")),
        ),
        (
            plain,
            json!({"exp": 1e300}),
            Err(TokenError::MalformedClaim("exp")),
        ),
        (plain, json!({"exp": i64::MAX}), Ok(())),
        (plain, json!({"exp": i64::MIN}), Err(TokenError::Expired)),
        (plain, json!({"exp": 2000, "nbf": 1060}), Ok(())),
        (
            plain,
            json!({"exp": 2000, "nbf": 1061}),
            Err(TokenError::NotYetValid),
        ),
        (plain, json!({"exp": 2000, "iat": 1060}), Ok(())),
        (
            plain,
            json!({"exp": 2000, "iat": 1061}),
            Err(TokenError::IssuedInTheFuture),
        ),
        (
            plain,
            json!({"exp": 2000, "iat": "now"}),
            Err(TokenError::MalformedClaim("iat")),
        ),
        (issuer, json!({"exp": 2000, "iss": "a"}), Ok(())),
        (
            issuer,
            json!({"exp": 2000, "iss": "A"}),
            Err(TokenError::WrongIssuer),
        ),
        (
            issuer,
            json!({"exp": 2000, "iss": ["a"]}),
            Err(TokenError::WrongIssuer),
        ),
        (issuer, json!({"exp": 2000}), Err(TokenError::WrongIssuer)),
        (audience, json!({"exp": 2000, "aud": "KBS"}), Ok(())),
        (audience, json!({"exp": 2000, "aud": ["x", "KBS"]}), Ok(())),
        (
            audience,
            json!({"exp": 2000, "aud": ["x"]}),
            Err(TokenError::WrongAudience),
        ),
        (
            audience,
            json!({"exp": 2000, "aud": []}),
            Err(TokenError::WrongAudience),
        ),
        (
            audience,
            json!({"exp": 2000, "aud": "KBS of others"}),
            Err(TokenError::WrongAudience),
        ),
        (audience, json!({"exp": 2000}), Err(TokenError::WrongAudience)),
    ];
    let key = key();
    for (validation, claims, expected) in cases {
        let signed = sign(&key, claims.clone());
        let verified = UnverifiedToken::parse(&signed)
            .unwrap()
            .verify(&key.verification_key())
            .unwrap();
        assert_eq!(verified.validate(&validation).map(drop), expected, "{claims}");
    }
}

#[test]
fn errors_carry_no_part_of_the_token() {
    let text = format!("{:?}", refusal(&token(json!({"alg": "canary"}), json!({}))));
    assert!(!text.contains("canary"));
}

proptest! {
    #[test]
    fn no_text_makes_reading_a_token_panic(
        text in "\\PC{0,200}",
        header in "\\PC{0,60}",
        payload: Vec<u8>,
        at in 0..RECORDED.len(),
        byte in 0x20_u8..0x7f,
    ) {
        let key = SigningKey::generate_ed25519().unwrap().verification_key();
        let raw = format!("{}.{}.AA", encoding::encode(header), encoding::encode(payload));
        let mut changed = RECORDED.as_bytes().to_vec();
        changed[at] = byte;
        let changed = String::from_utf8(changed).unwrap();
        for text in [&text, &raw, &changed] {
            if let Ok(token) = UnverifiedToken::parse(text) {
                let _ = token.verify(&key);
                let _ = token.jwk().map(|jwk| TrustAnchors::default().verify_jwk(jwk, ISSUED));
            }
        }
    }
}

#[test]
fn a_signed_payload_may_be_anything_and_brings_the_times_of_its_header() {
    let key = key();
    let header =
        json!({"alg": key.algorithm(), "cty": "application/swid+xml", "iat": 5, "nbf": 6.5, "exp": 7});
    let text = key
        .sign_compact_raw(header.to_string().as_bytes(), b"<a/>")
        .unwrap();
    let token = UnverifiedToken::parse(&text).unwrap();
    assert_eq!(token.content_type(), Some("application/swid+xml"));
    let payload = token.verify_payload(&key.verification_key()).unwrap();
    assert_eq!(payload.bytes, b"<a/>");
    assert_eq!(
        (payload.issued_at, payload.not_before, payload.expires_at),
        (Some(5), Some(6), Some(7))
    );
    assert_eq!(
        token.verify_payload(&self::key().verification_key()).unwrap_err(),
        TokenError::BadSignature
    );
    assert!(text.as_bytes().starts_with(token.signed_bytes()));
}

#[test]
fn a_signed_payload_with_a_malformed_time_is_refused() {
    let key = key();
    let text = key
        .sign_compact_raw(br#"{"alg":"ES256","iat":"today"}"#, b"x")
        .unwrap();
    let token = UnverifiedToken::parse(&text).unwrap();
    assert_eq!(
        token.verify_payload(&key.verification_key()).unwrap_err(),
        TokenError::MalformedClaim("iat")
    );
}
