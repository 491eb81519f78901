//! The service's answer and its keys: everything that can be wrong with them.

use super::remote::{NONCE, NRAS, assert_endorsement_refused, good, judged};
use super::*;
use simulated_tee::nvidia::{Nras, Verdict};

/// The good device with any answer.
fn answered(answer: &Value) -> Attempt {
    let mut attempt = judged(&[&HOPPER], &[good()]);
    let id = attempt.wanted().remove(0);
    attempt.endorsements.insert(id, answer.to_string().into_bytes());
    attempt
}

/// The good device and answer with any key set.
fn with_keys(keys: &Value) -> Attempt {
    let mut attempt = judged(&[&HOPPER], &[good()]);
    attempt
        .endorsements
        .insert(EndorsementId::NrasKeys, keys.to_string().into_bytes());
    attempt
}

#[track_caller]
fn assert_verdict_refused(verdict: &Verdict, expected: NvidiaError) {
    assert_endorsement_refused(&judged(&[&HOPPER], std::slice::from_ref(verdict)), &expected);
}

const FORM: NvidiaError = NvidiaError::Answer("it is not an overall token and the token of one device");

#[test]
fn an_answer_is_one_overall_token_and_the_token_of_one_device() {
    let good = NRAS.answer(&good());
    let (overall, device) = (good[0].clone(), good[1].clone());
    let token = device["GPU-0"].clone();
    for answer in [
        json!([]),
        json!([overall]),
        json!([overall, {}]),
        json!([overall, {"GPU-0": token, "GPU-1": token}]),
        json!([overall, {"GPU-0": 7}]),
        json!([overall, [token]]),
        json!([["EAT", overall[1]], device]),
        json!([["JWT"], device]),
        json!([["JWT", overall[1], "more"], device]),
        json!([overall, device, {}]),
        json!({"jwt": overall, "eat": device}),
        json!("good"),
    ] {
        assert_endorsement_refused(&answered(&answer), &FORM);
    }
    // Two entries of one name, which a map would hide.
    let text = format!("[{overall},{{\"GPU-0\":{token},\"GPU-0\":{token}}}]");
    let mut attempt = answered(&json!(null));
    let id = attempt.wanted().remove(0);
    attempt.endorsements.insert(id, text.into_bytes());
    assert_endorsement_refused(&attempt, &FORM);
}

#[test]
fn both_tokens_must_be_signed_by_a_key_of_the_set() {
    let stranger = Nras::new("key-1").unwrap();
    let (good, forged) = (NRAS.answer(&good()), stranger.answer(&good()));
    for answer in [
        forged.clone(),
        json!([forged[0], good[1]]),
        json!([good[0], forged[1]]),
    ] {
        assert_endorsement_refused(&answered(&answer), &NvidiaError::TokenSignature);
    }
    let other_id = Nras::new("key-2").unwrap().answer(&super::remote::good());
    assert_endorsement_refused(&answered(&other_id), &NvidiaError::UnknownKey);
}

#[test]
fn no_character_of_a_token_can_be_changed() {
    let good = NRAS.answer(&good());
    for pointer in ["/0/1", "/1/GPU-0"] {
        let token = good.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        // The last character of a part has bits that do not count, so it is left out.
        for at in (0..token.len() - 1).step_by(11) {
            let mut bytes = token.clone().into_bytes();
            if bytes[at] == b'.' {
                continue;
            }
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let mut answer = good.clone();
            *answer.pointer_mut(pointer).unwrap() = json!(String::from_utf8(bytes).unwrap());
            let outcome = answered(&answer).run();
            assert!(
                matches!(outcome, Err(VerifyError::BadEndorsement { .. })),
                "{at}: {outcome:?}"
            );
        }
    }
}

#[test]
fn only_es384_without_critical_headers_is_a_signature() {
    let payload = Value::Object(good().overall);
    let rest = NRAS.answer(&good())[1].clone();
    for header in [
        json!({"alg": "none", "kid": "key-1"}),
        json!({"alg": "ES256", "kid": "key-1"}),
        json!({"alg": "HS384", "kid": "key-1"}),
        json!({"alg": "es384", "kid": "key-1"}),
        json!({"alg": "ES384", "kid": "key-1", "crit": ["x"], "x": 1}),
    ] {
        let answer = json!([["JWT", NRAS.sign(&header, &payload)], rest]);
        assert_endorsement_refused(
            &answered(&answer),
            &NvidiaError::Answer("a token is not signed with ES384"),
        );
    }
    const NO_TOKEN: NvidiaError = NvidiaError::Answer("it has no compact JWT");
    let no_id = NRAS.sign(&json!({"alg": "ES384"}), &payload);
    let padded = format!("{}=", NRAS.sign(&NRAS.header(), &payload));
    for token in [no_id.as_str(), &padded, "", "a", "a.b", "a.b.c", "..", "a.b.c.d"] {
        assert_endorsement_refused(&answered(&json!([["JWT", token], rest])), &NO_TOKEN);
    }
    let too_long = "A".repeat(300_000);
    assert_endorsement_refused(
        &answered(&json!([["JWT", too_long], rest])),
        &NvidiaError::Answer("a token is too long"),
    );
}

#[test]
fn a_payload_with_characters_of_the_url_alphabet_is_read() {
    // These bytes need `-` and `_` in base64url; the other alphabet would not have them.
    let claims = judged(
        &[&HOPPER],
        &[good().claim("x-nvidia-x", "~~~???\u{00ff}\u{00fe}")],
    )
    .run()
    .unwrap();
    assert_eq!(claims[0].claims()["x-nvidia-x"], "~~~???\u{00ff}\u{00fe}");
    let token = NRAS.token(&good().claim("x-nvidia-x", "~~~???>>>").device);
    assert!(token.contains(['-', '_']));
}

#[test]
fn a_token_counts_only_in_its_time() {
    let refused = |verdict: Verdict| assert_verdict_refused(&verdict, NvidiaError::TokenTime);
    refused(good().both("exp", NOW));
    refused(good().both("exp", NOW - 1));
    refused(good().both("exp", "tomorrow"));
    refused(good().both("nbf", NOW + 61));
    refused(good().both("iat", NOW + 61));
    refused(good().both("nbf", json!(null)));
    refused(good().claim("exp", NOW));
    for (name, value) in [("exp", NOW + 1), ("nbf", NOW + 60), ("iat", NOW + 60)] {
        assert!(
            judged(&[&HOPPER], &[good().both(name, value)]).run().is_ok(),
            "{name}"
        );
    }
    let mut endless = good();
    endless.overall.remove("exp");
    refused(endless);
    let mut endless = good();
    endless.device.remove("exp");
    refused(endless);
}

#[test]
fn a_token_of_another_issuer_does_not_count() {
    let other = "https://nras.attestation.nvidia.com.example";
    assert_verdict_refused(&good().both("iss", other), NvidiaError::TokenIssuer);
    assert_verdict_refused(&good().claim("iss", other), NvidiaError::TokenIssuer);
    assert_verdict_refused(
        &good().claim("iss", json!([NRAS_ISSUER])),
        NvidiaError::TokenIssuer,
    );
    let mut anonymous = good();
    anonymous.device.remove("iss");
    assert_verdict_refused(&anonymous, NvidiaError::TokenIssuer);
}

#[test]
fn a_token_for_another_nonce_does_not_count() {
    for value in [
        json!("00".repeat(32)),
        json!(null),
        json!(hex::encode(&NONCE[..31])),
        json!([hex::encode(NONCE)]),
    ] {
        assert_verdict_refused(&good().both("eat_nonce", value.clone()), NvidiaError::TokenNonce);
        assert_verdict_refused(&good().claim("eat_nonce", value), NvidiaError::TokenNonce);
    }
    let upper = good().both("eat_nonce", hex::encode_upper(NONCE));
    assert!(judged(&[&HOPPER], &[upper]).run().is_ok());
}

#[test]
fn the_overall_token_must_vouch_for_the_devices_token() {
    let refused = |verdict: &Verdict| assert_verdict_refused(verdict, NvidiaError::TokenDigest);
    let mut verdict = good();
    verdict.digest = Some("00".repeat(32));
    refused(&verdict);
    let entry = |value: Value| {
        let mut verdict = good();
        verdict.overall.insert("submods".to_owned(), value);
        verdict
    };
    let digest = || {
        let token = NRAS.token(&good().device);
        hex::encode(ring::digest::digest(&ring::digest::SHA256, token.as_bytes()))
    };
    for value in [
        json!(null),
        json!({}),
        json!({"GPU-1": ["DIGEST", ["SHA-256", digest()]]}),
        json!({"GPU-0": ["DIGEST", ["SHA-256", digest()]], "GPU-1": ["DIGEST", ["SHA-256", digest()]]}),
        json!({"GPU-0": ["JWT", ["SHA-256", digest()]]}),
        json!({"GPU-0": ["DIGEST", ["SHA-1", digest()]]}),
        json!({"GPU-0": ["DIGEST", ["SHA-256"]]}),
        json!({"GPU-0": ["DIGEST", ["SHA-256", digest(), ""]]}),
        json!({"GPU-0": ["DIGEST", digest()]}),
        json!({"GPU-0": ["DIGEST", ["SHA-256", null]]}),
    ] {
        refused(&entry(value));
    }
    assert!(
        judged(
            &[&HOPPER],
            &[entry(json!({"GPU-0": ["DIGEST", ["SHA256", digest()]]}))]
        )
        .run()
        .is_ok()
    );
    // A verdict on one device with the overall token of another.
    let (mine, other) = (NRAS.answer(&good()), NRAS.answer(&good().claim("ueid", "2")));
    assert_endorsement_refused(&answered(&json!([mine[0], other[1]])), &NvidiaError::TokenDigest);
}

#[test]
fn a_key_set_is_refused_as_a_whole_if_it_is_ambiguous_or_malformed() {
    let key = NRAS.jwk();
    let changed = |member: &str, value: Value| {
        let mut key = key.clone();
        key[member] = value;
        key
    };
    let many = vec![key.clone(); 257];
    for (keys, reason) in [
        (json!({"keys": [key, key]}), "two keys have one id"),
        (
            json!({"keys": [key, Nras::new("key-1").unwrap().jwk()]}),
            "two keys have one id",
        ),
        (json!({"keys": [changed("kid", json!(null))]}), "a key has no id"),
        (
            json!({"keys": [changed("x", json!("AAAA"))]}),
            "a key has no point of P-384",
        ),
        (
            json!({"keys": [changed("y", json!(null))]}),
            "a key has no point of P-384",
        ),
        (json!({"keys": []}), "it has no key of P-384"),
        (
            json!({"keys": [changed("use", json!("enc"))]}),
            "it has no key of P-384",
        ),
        (
            json!({"keys": [changed("alg", json!("ECDH-ES"))]}),
            "it has no key of P-384",
        ),
        (
            json!({"keys": [changed("crv", json!("P-256"))]}),
            "it has no key of P-384",
        ),
        (json!({"keys": many}), "it has too many keys"),
        (json!({"keys": 7}), "it is no JWK Set"),
        (json!([key]), "it is no JWK Set"),
    ] {
        assert_endorsement_refused(&with_keys(&keys), &NvidiaError::KeySet(reason));
    }
    assert_endorsement_refused(
        &with_keys(&Nras::new("key-2").unwrap().jwks()),
        &NvidiaError::UnknownKey,
    );
}

#[test]
fn keys_of_other_kinds_and_ids_beside_the_right_one_do_not_matter() {
    let rsa = json!({"kty": "RSA", "kid": "key-1", "n": "AQAB", "e": "AQAB"});
    let mut bare = NRAS.jwk();
    for member in ["alg", "use"] {
        bare.as_object_mut().unwrap().remove(member);
    }
    let keys = json!({"keys": [rsa, Nras::new("key-0").unwrap().jwk(), bare]});
    assert!(with_keys(&keys).run().is_ok());
}

#[test]
fn a_point_that_is_not_on_the_curve_verifies_nothing() {
    let mut key = NRAS.jwk();
    key["x"] = key["y"].clone();
    assert_endorsement_refused(&with_keys(&json!({"keys": [key]})), &NvidiaError::TokenSignature);
}

#[test]
fn the_operators_issuers_replace_nvidias() {
    let mut attempt = judged(&[&HOPPER], &[good().both("iss", "https://nras.example")]);
    attempt.verifier = NvidiaVerifier::new(NvidiaOptions {
        mode: NvidiaMode::Remote {
            issuers: vec!["https://nras.example".to_owned()],
        },
        extra_roots: Vec::new(),
    });
    assert!(attempt.run().is_ok());
}
