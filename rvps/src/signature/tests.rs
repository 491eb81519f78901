//! Envelopes that count, and those that do not.

use base64::{Engine, engine::general_purpose::STANDARD};
use ciborium::cbor;
use coset::HeaderBuilder;
use jose::{SigningKey, x5c::X5cError};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    config::TrustAnchorConfig,
    tests::{
        NEXT_YEAR, NOW,
        signing::{
            Authority, SAMPLE, cose as cose_envelope, dsse as dsse_envelope, jws as jws_envelope, key_anchor,
        },
    },
};

const EXPECTED: Expected<'static> = Expected {
    kind: "sample",
    content_types: &[SAMPLE, "application/other"],
    now: NOW,
};

fn key() -> SigningKey {
    SigningKey::generate_p256().unwrap()
}

fn anchors(configs: &[TrustAnchorConfig]) -> Anchors {
    Anchors::new(configs).unwrap_or_else(|error| panic!("{error}"))
}

/// The anchors of one key.
fn only(key: &SigningKey) -> Anchors {
    let dir = tempfile::tempdir().unwrap();
    anchors(&[key_anchor(dir.path(), "builder", key)])
}

fn refusal(result: Result<Signed<'_>, SignatureError>) -> SignatureError {
    result.err().expect("it is refused")
}

#[test]
fn a_jws_of_a_configured_key_opens_with_its_times() {
    let key = key();
    let anchors = only(&key);
    let text = jws_envelope(
        &key,
        json!({"cty": SAMPLE, "iat": 1, "nbf": 2, "exp": 3}),
        b"content",
    );
    let signed = jws::open(text.as_bytes(), EXPECTED, &anchors).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(signed.content, b"content");
    assert_eq!(
        signed.times,
        Times {
            issued_at: Some(1),
            not_before: Some(2),
            expires_at: Some(3)
        }
    );
    assert_eq!(signed.signer.anchor, "builder");
    assert_eq!(signed.signer.key, key.verification_key().fingerprint().unwrap());
    assert!(signed.anchor.covers("anything"));
    // `application/` may be left out.
    let short = jws_envelope(&key, json!({"cty": "vnd.trustee.sample+json"}), b"content");
    assert!(jws::open(short.as_bytes(), EXPECTED, &anchors).is_ok());
}

#[test]
fn a_jws_that_does_not_count_is_refused() {
    let (ours, theirs) = (key(), key());
    let anchors = only(&ours);
    let good = jws_envelope(&ours, json!({"cty": SAMPLE}), b"content");
    for (text, expected) in [
        (
            jws_envelope(&theirs, json!({"cty": SAMPLE}), b"content"),
            SignatureError::Bad,
        ),
        (
            jws_envelope(&ours, json!({"cty": SAMPLE, "crit": ["x"], "x": 1}), b"content"),
            SignatureError::Critical,
        ),
        (
            good.replacen(good.split('.').nth(1).unwrap(), "b3RoZXI", 1),
            SignatureError::Bad,
        ),
        (
            format!("{}.{}.", encode(r#"{"alg":"none","cty":"x"}"#), encode("content")),
            SignatureError::Algorithm,
        ),
    ] {
        assert_eq!(
            refusal(jws::open(text.as_bytes(), EXPECTED, &anchors)),
            expected,
            "{text}"
        );
    }
    // A token that the same key has signed for something else.
    for header in [json!({}), json!({"typ": "JWT"}), json!({"cty": "json"})] {
        let token = jws_envelope(&ours, header, br#"{"exp":1}"#);
        assert!(matches!(
            refusal(jws::open(token.as_bytes(), EXPECTED, &anchors)),
            SignatureError::ContentType { .. }
        ));
    }
    for text in ["", "a.b", "\u{fc}", "a.b.c.d"] {
        assert!(matches!(
            refusal(jws::open(text.as_bytes(), EXPECTED, &anchors)),
            SignatureError::Malformed(_)
        ));
    }
    assert_eq!(
        refusal(jws::open(good.as_bytes(), EXPECTED, &Anchors::default())),
        SignatureError::NoAnchors
    );
}

fn encode(text: &str) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}

#[test]
fn an_anchor_signs_only_its_types_and_a_named_key_is_the_only_one_tried() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (key(), key());
    let limited = TrustAnchorConfig {
        types: Some(vec!["swid".to_owned()]),
        ..key_anchor(dir.path(), "limited", &one)
    };
    let text = jws_envelope(&one, json!({"cty": SAMPLE}), b"content");
    assert_eq!(
        refusal(jws::open(text.as_bytes(), EXPECTED, &anchors(&[limited]))),
        SignatureError::NoKey
    );
    let named = TrustAnchorConfig {
        kid: Some("a".to_owned()),
        ..key_anchor(dir.path(), "named", &one)
    };
    let set = anchors(&[named, key_anchor(dir.path(), "other", &other)]);
    for (kid, opens) in [(json!("a"), true), (json!("b"), false), (json!(null), true)] {
        let text = jws_envelope(&one, json!({"cty": SAMPLE, "kid": kid}), b"content");
        assert_eq!(jws::open(text.as_bytes(), EXPECTED, &set).is_ok(), opens, "{kid}");
    }
}

#[test]
fn a_chain_to_a_configured_authority_counts_while_it_is_valid() {
    let dir = tempfile::tempdir().unwrap();
    let (ours, theirs) = (Authority::new(), Authority::new());
    let anchors = anchors(&[ours.anchor(dir.path(), "authority")]);
    let envelope = |authority: &Authority| {
        let (key, certificate) = authority.signer();
        jws_envelope(
            &key,
            json!({"cty": SAMPLE, "x5c": [STANDARD.encode(certificate)]}),
            b"content",
        )
    };
    let good = envelope(&ours);
    let signed = jws::open(good.as_bytes(), EXPECTED, &anchors).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(signed.signer.anchor, "authority");
    let later = Expected {
        now: NEXT_YEAR,
        ..EXPECTED
    };
    assert_eq!(
        refusal(jws::open(good.as_bytes(), later, &anchors)),
        SignatureError::Chain(X5cError::Expired)
    );
    assert_eq!(
        refusal(jws::open(envelope(&theirs).as_bytes(), EXPECTED, &anchors)),
        SignatureError::Chain(X5cError::Untrusted)
    );
    let (key, _) = ours.signer();
    let bare = jws_envelope(&key, json!({"cty": SAMPLE}), b"content");
    assert_eq!(
        refusal(jws::open(bare.as_bytes(), EXPECTED, &anchors)),
        SignatureError::NoKey
    );
    // Somebody else's key with our certificate beside it.
    let (_, certificate) = ours.signer();
    let borrowed = jws_envelope(
        &self::key(),
        json!({"cty": SAMPLE, "x5c": [STANDARD.encode(certificate)]}),
        b"content",
    );
    assert_eq!(
        refusal(jws::open(borrowed.as_bytes(), EXPECTED, &anchors)),
        SignatureError::Bad
    );
}

#[test]
fn a_dsse_envelope_opens_with_one_good_signature() {
    let (ours, theirs) = (key(), key());
    let anchors = only(&ours);
    let mut envelope = dsse_envelope(&ours, SAMPLE, b"content");
    let open = |envelope: &serde_json::Value| {
        dsse::open(envelope.to_string().as_bytes(), EXPECTED, &anchors).map(|signed| signed.content)
    };
    assert_eq!(open(&envelope).unwrap(), b"content");
    // ECDSA in ASN.1, as from most signers, and the payload in the other alphabet.
    let fixed = ours
        .sign(&dsse::pre_authentication_encoding(SAMPLE, b"\xff\xfe"))
        .unwrap();
    let mut other = dsse_envelope(&theirs, SAMPLE, b"\xff\xfe");
    other["payload"] = json!(encode_bytes(b"\xff\xfe"));
    let theirs_first = other["signatures"][0].clone();
    other["signatures"] = json!([theirs_first, {"sig": STANDARD.encode(asn1(&fixed))}]);
    assert_eq!(open(&other).unwrap(), b"\xff\xfe");

    envelope["payload"] = json!(STANDARD.encode("other"));
    assert_eq!(open(&envelope).unwrap_err(), SignatureError::Bad);
    let foreign = dsse_envelope(&theirs, SAMPLE, b"content");
    assert_eq!(open(&foreign).unwrap_err(), SignatureError::Bad);
    let mut renamed = dsse_envelope(&ours, SAMPLE, b"content");
    renamed["payloadType"] = json!("application/other");
    assert_eq!(
        open(&renamed).unwrap_err(),
        SignatureError::Bad,
        "the type is signed, too"
    );
    renamed["payloadType"] = json!("application/vnd.in-toto+json");
    assert!(matches!(
        open(&renamed).unwrap_err(),
        SignatureError::ContentType { .. }
    ));
    let mut many = dsse_envelope(&ours, SAMPLE, b"content");
    for signatures in [
        json!([]),
        json!(vec![many["signatures"][0].clone(); 17]),
        json!([{"sig": "?"}]),
        json!([{}]),
    ] {
        many["signatures"] = signatures;
        assert!(matches!(open(&many).unwrap_err(), SignatureError::Malformed(_)));
    }
}

fn encode_bytes(bytes: &[u8]) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// `r || s` as ASN.1.
fn asn1(fixed: &[u8]) -> Vec<u8> {
    use der::{Encode, asn1::UintRef};
    let (r, s) = fixed.split_at(fixed.len() / 2);
    let numbers = [r, s].map(|number| UintRef::new(number).unwrap().to_der().unwrap());
    let body = numbers.concat();
    [&[0x30, u8::try_from(body.len()).unwrap()][..], &body].concat()
}

#[test]
fn a_certificate_beside_a_dsse_signature_counts() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let anchors = anchors(&[authority.anchor(dir.path(), "authority")]);
    let (key, certificate) = authority.signer();
    let mut envelope = dsse_envelope(&key, SAMPLE, b"content");
    let body = STANDARD.encode(certificate);
    envelope["signatures"][0]["cert"] = json!(format!(
        "-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
    ));
    assert!(dsse::open(envelope.to_string().as_bytes(), EXPECTED, &anchors).is_ok());
    envelope["signatures"][0]["cert"] = json!("-----BEGIN CERTIFICATE-----");
    assert!(dsse::open(envelope.to_string().as_bytes(), EXPECTED, &anchors).is_err());
}

fn corim_header() -> HeaderBuilder {
    HeaderBuilder::new().content_type(SAMPLE.to_owned())
}

#[test]
fn a_cose_sign1_opens_with_the_times_of_its_protected_header() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let anchors = anchors(&[authority.anchor(dir.path(), "authority")]);
    let (key, certificate) = authority.signer();
    let mut meta = Vec::new();
    ciborium::into_writer(&cbor!({0 => {0 => "ACME"}, 1 => {1 => 99}}).unwrap(), &mut meta).unwrap();
    let header = corim_header()
        .value(8, ciborium::Value::Bytes(meta))
        .value(15, cbor!({6 => 5, 5 => 6, 4 => 200}).unwrap());
    let envelope = cose_envelope(&key, header, b"content", vec![certificate]);
    assert!(cose::is_sign1(&envelope) && cose::is_sign1(&envelope[1..]));
    for envelope in [&envelope[..], &envelope[1..]] {
        let signed = cose::open(envelope, EXPECTED, &anchors).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(signed.content, b"content");
        assert_eq!(
            signed.times,
            Times {
                issued_at: Some(5),
                not_before: Some(6),
                expires_at: Some(100)
            }
        );
    }
    assert_eq!(
        cose::unverified_payload(&envelope).unwrap_or_else(|error| panic!("{error}")),
        b"content"
    );
}

#[test]
fn a_cose_sign1_that_does_not_count_is_refused() {
    let (ours, theirs) = (key(), key());
    let anchors = only(&ours);
    let good = cose_envelope(&ours, corim_header(), b"content", vec![]);
    assert!(cose::open(&good, EXPECTED, &anchors).is_ok());
    let open = |envelope: &[u8]| refusal(cose::open(envelope, EXPECTED, &anchors));
    assert_eq!(
        open(&cose_envelope(&theirs, corim_header(), b"content", vec![])),
        SignatureError::Bad
    );
    let no_type = cose_envelope(&ours, HeaderBuilder::new(), b"content", vec![]);
    assert!(matches!(open(&no_type), SignatureError::ContentType { .. }));
    let critical = corim_header().add_critical(coset::iana::HeaderParameter::Alg);
    assert_eq!(
        open(&cose_envelope(&ours, critical, b"content", vec![])),
        SignatureError::Critical
    );
    let when = corim_header().value(15, cbor!({6 => "now"}).unwrap());
    assert!(matches!(
        open(&cose_envelope(&ours, when, b"content", vec![])),
        SignatureError::Malformed(_)
    ));
    // Every byte counts but those of the unprotected header.
    let unprotected = good
        .windows(4)
        .position(|four| four == [0xa1, 0x18, 0x21, 0x80])
        .unwrap();
    for at in (0..good.len()).filter(|at| !(unprotected..unprotected + 4).contains(at)) {
        let mut changed = good.clone();
        changed[at] ^= 1;
        assert!(cose::open(&changed, EXPECTED, &anchors).is_err(), "byte {at}");
    }
    for envelope in [
        &b"\xd2"[..],
        b"",
        b"\x84\x40\xa0\xf6\x40",
        &good[..good.len() - 1],
    ] {
        assert!(cose::open(envelope, EXPECTED, &anchors).is_err());
    }
}

#[test]
fn configured_anchors_are_checked() {
    use crate::RulesError;
    let dir = tempfile::tempdir().unwrap();
    let good = key_anchor(dir.path(), "a", &key());
    let file = crate::tests::signing::write(dir.path(), "nothing", "nothing");
    let error = |configs: &[TrustAnchorConfig]| Anchors::new(configs).err().expect("it is refused");
    let changed = |change: fn(&mut TrustAnchorConfig)| {
        let mut config = good.clone();
        change(&mut config);
        error(&[config])
    };
    assert!(matches!(
        changed(|config| config.certificates = config.key.clone()),
        RulesError::OneOf(_)
    ));
    assert!(matches!(
        changed(|config| config.key = None),
        RulesError::OneOf(_)
    ));
    assert!(matches!(
        changed(|config| config.name = String::new()),
        RulesError::NoName(_)
    ));
    assert!(matches!(
        changed(|config| config.types = Some(vec!["rim".to_owned()])),
        RulesError::UnknownType { .. }
    ));
    assert!(matches!(
        changed(|config| config.key = Some("/nowhere".into())),
        RulesError::File { .. }
    ));
    assert!(matches!(
        changed(|config| {
            config.kid = Some("a".to_owned());
            config.certificates = config.key.take();
        }),
        RulesError::KeyId(_)
    ));
    let no_key = TrustAnchorConfig {
        key: Some(file.clone()),
        ..good.clone()
    };
    assert!(matches!(error(&[no_key]), RulesError::Key { .. }));
    let no_certificates = TrustAnchorConfig {
        key: None,
        certificates: Some(file),
        ..good.clone()
    };
    assert!(matches!(
        error(&[no_certificates]),
        RulesError::Certificates { .. }
    ));
    assert!(matches!(
        error(&[good.clone(), good.clone()]),
        RulesError::Twice(_)
    ));
    assert!(matches!(error(&vec![good; 65]), RulesError::TooManyAnchors));
}

#[test]
fn a_key_may_be_a_jwk() {
    let dir = tempfile::tempdir().unwrap();
    let key = key();
    let jwk = serde_json::to_string(&key.public_jwk()).unwrap();
    let path = crate::tests::signing::write(dir.path(), "key.json", &jwk);
    assert_eq!(
        read_key(&path).unwrap_or_else(|error| panic!("{error}")),
        key.verification_key()
    );
}

#[test]
fn what_dsse_signs_is_told_apart_by_its_lengths() {
    // The example of the DSSE protocol.
    let (kind, payload) = ("http://example.com/HelloWorld", b"hello world");
    assert_eq!(
        dsse::pre_authentication_encoding(kind, payload),
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    );
    // A space may be the type's or the payload's.
    assert_ne!(
        dsse::pre_authentication_encoding("a b", b"c"),
        dsse::pre_authentication_encoding("a", b"b c")
    );
}

proptest! {
    #[test]
    fn no_envelope_panics(noise in proptest::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,200}") {
        let dir = tempfile::tempdir().unwrap();
        let anchors = anchors(&[key_anchor(dir.path(), "a", &key())]);
        for bytes in [&noise[..], text.as_bytes()] {
            let _ = jws::open(bytes, EXPECTED, &anchors);
            let _ = dsse::open(bytes, EXPECTED, &anchors);
            let _ = cose::open(bytes, EXPECTED, &anchors);
        }
    }
}
