//! What stands in a token: algorithms, times, and the TEE key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jose::tee_key::TeePublicKey;

use super::*;

/// One issuer that is believed.
struct Believed {
    verifier: TokenVerifier,
    signer: Signer,
}

impl Believed {
    async fn new(extra: &[&str]) -> Self {
        Self::with_issuer(extra, Some("attestation-service".into())).await
    }

    async fn with_issuer(extra: &[&str], issuer: Option<String>) -> Self {
        let authority = Authority::new("root");
        let desk = Desk::new();
        let config = AttestationTokenConfig {
            trusted_certs_paths: vec![desk.file("ca.pem", &authority.certificate.pem())],
            extra_teekey_paths: extra.iter().map(ToString::to_string).collect(),
            issuer,
            audience: Some("kbs-1".into()),
            ..Default::default()
        };
        Self {
            verifier: verifier(config).await,
            signer: Signer::of(&authority),
        }
    }

    /// For this KBS, changed.
    async fn verify(&self, change: impl FnOnce(&mut Value)) -> Result<AttestationResult, TokenError> {
        let mut claims = ear();
        claims["aud"] = json!(["kbs-1", "another"]);
        change(&mut claims);
        self.verifier.verify(&self.signer.token(&claims), NOW).await
    }

    /// With TEE keys at these pointers and nowhere else.
    async fn with_keys(&self, keys: &[(&str, &Value)]) -> Result<AttestationResult, TokenError> {
        self.verify(|claims| {
            claims.as_object_mut().unwrap().remove("submods");
            for (pointer, key) in keys {
                put(claims, pointer, key);
            }
        })
        .await
    }
}

fn put(claims: &mut Value, pointer: &str, value: &Value) {
    let mut place = claims;
    for name in pointer.split('/').skip(1) {
        place = &mut place[name];
    }
    *place = value.clone();
}

#[tokio::test]
async fn times_are_checked_with_a_minute_of_skew() {
    let issuer = Believed::new(&[]).await;
    for (claim, at) in [("exp", NOW - 59), ("nbf", NOW + 60), ("iat", NOW + 60)] {
        assert!(
            issuer.verify(|claims| claims[claim] = json!(at)).await.is_ok(),
            "{claim}"
        );
    }
    for (claim, at) in [
        ("exp", json!(NOW - 60)),
        ("exp", Value::Null),
        ("exp", json!("2099")),
        ("nbf", json!(NOW + 61)),
        ("iat", json!(NOW + 61)),
    ] {
        let refused = issuer.verify(|claims| claims[claim] = at).await;
        assert!(matches!(refused, Err(TokenError::Token(_))), "{claim}");
    }
    let forever = issuer
        .verify(|claims| drop(claims.as_object_mut().unwrap().remove("exp")))
        .await;
    assert!(matches!(forever, Err(TokenError::Token(_))));
}

#[tokio::test]
async fn a_token_of_another_issuer_or_for_another_kbs_is_refused() {
    let issuer = Believed::new(&[]).await;
    for (claim, value) in [
        ("iss", json!("other")),
        ("iss", Value::Null),
        ("aud", json!(["kbs-2"])),
        ("aud", json!("kbs-10")),
        ("aud", Value::Null),
    ] {
        let refused = issuer.verify(|claims| claims[claim] = value.clone()).await;
        assert!(matches!(refused, Err(TokenError::Token(_))), "{claim} {value}");
    }
}

#[tokio::test]
async fn the_algorithm_is_the_keys_and_not_the_headers() {
    use jose::jwt::TokenError::{AlgorithmNotAllowed, UnknownAlgorithm};
    let issuer = Believed::new(&[]).await;
    let mut claims = ear();
    claims["aud"] = json!("kbs-1");
    assert!(
        issuer
            .verifier
            .verify(&issuer.signer.token(&claims), NOW)
            .await
            .is_ok()
    );
    let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
    for alg in [
        "none", "NONE", "", "HS256", "HS512", "ES384", "EdDSA", "RS256", "PS256", "ES256K",
    ] {
        let header = json!({"alg": alg, "jwk": issuer.signer.jwk()});
        let input = format!("{}.{payload}", URL_SAFE_NO_PAD.encode(header.to_string()));
        let right = issuer.signer.key.sign(input.as_bytes()).unwrap();
        // What a library that takes the public key for a shared secret would accept.
        let public = issuer.signer.key.public_key_pem().unwrap();
        let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, public.as_bytes());
        let tag = ring::hmac::sign(&secret, input.as_bytes());
        for signature in [&[], right.as_slice(), tag.as_ref()] {
            let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature));
            let refused = refused(&issuer.verifier, &token).await;
            assert!(
                matches!(refused, TokenError::Token(UnknownAlgorithm | AlgorithmNotAllowed)),
                "{alg}: {refused:?}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let issuer = Believed::new(&[]).await;
    let long = "a".repeat(5 << 20);
    for token in [
        "",
        "abc",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "..",
        "e30.e30.",
        "\0",
        long.as_str(),
    ] {
        assert!(matches!(
            refused(&issuer.verifier, token).await,
            TokenError::Token(_)
        ));
    }
    let admin = SigningKey::generate_ed25519().unwrap();
    let token = admin
        .sign_compact(&json!({"alg": "EdDSA"}), &json!({"exp": NOW + 300}))
        .unwrap();
    assert!(matches!(
        refused(&issuer.verifier, &token).await,
        TokenError::NoKeyId
    ));
}

const IN_EAR: &str = "/submods/cpu0/ear.veraison.annotated-evidence/runtime_data_claims/tee-pubkey";
const PLAIN: [&str; 2] = ["/customized_claims/runtime_data/tee-pubkey", "/tee-pubkey"];
const TRUST_AUTHORITY: [&str; 3] = [
    "/tdx/attester_runtime_data/tee-pubkey",
    "/tdx/attester_user_data/tee-pubkey",
    "/sgx/attester_runtime_data/tee-pubkey",
];

#[tokio::test]
async fn the_tee_key_is_found_where_its_issuer_puts_it_and_nowhere_else() {
    let believed = Believed::with_issuer(&[], None).await;
    for (issuer, right, wrong) in [
        (
            json!("attestation-service"),
            [&[IN_EAR][..], &PLAIN],
            &TRUST_AUTHORITY[..],
        ),
        (json!("another"), [&[IN_EAR][..], &PLAIN], &TRUST_AUTHORITY[..]),
        (Value::Null, [&[IN_EAR][..], &PLAIN], &TRUST_AUTHORITY[..]),
        (
            json!("https://portal.trustauthority.intel.com"),
            [&TRUST_AUTHORITY[..], &[]],
            &[
                IN_EAR,
                "/customized_claims/runtime_data/tee-pubkey",
                "/tee-pubkey",
            ][..],
        ),
    ] {
        let key = tee_key();
        let at = |place: &'static str| {
            let (issuer, key) = (issuer.clone(), key.clone());
            believed.verify(move |claims| {
                claims.as_object_mut().unwrap().remove("submods");
                claims["iss"] = issuer;
                put(claims, place, &key);
            })
        };
        for place in right.concat() {
            let result = at(place).await.unwrap();
            assert_eq!(
                *result.tee_key(),
                TeePublicKey::try_from(&key).unwrap(),
                "{place}"
            );
        }
        for place in wrong {
            let refused = at(place).await;
            assert!(
                matches!(&refused, Err(TokenError::TeeKeyElsewhere(at)) if at == place),
                "{issuer} {place}: {refused:?}"
            );
        }
        let refused = at("/other/tee-pubkey").await;
        assert!(matches!(refused, Err(TokenError::NoTeeKey)));
    }
}

#[tokio::test]
async fn in_an_ear_without_a_key_no_other_place_counts() {
    let issuer = Believed::new(&[]).await;
    for place in PLAIN.iter().chain(&TRUST_AUTHORITY) {
        for submods in [
            json!({}),
            json!({"cpu0": {"ear.status": "affirming"}}),
            Value::Null,
        ] {
            let refused = issuer.verify(|claims| {
                claims["submods"] = submods.clone();
                put(claims, place, &tee_key());
            });
            let refused = refused.await;
            assert!(
                matches!(refused, Err(TokenError::TeeKeyElsewhere(_))),
                "{place} {submods}"
            );
        }
    }
}

#[tokio::test]
async fn a_place_that_the_operator_names_is_right_for_every_issuer() {
    let believed = Believed::with_issuer(&["/my/key", TRUST_AUTHORITY[0]], None).await;
    for issuer in ["attestation-service", "Intel Trust Authority", "another"] {
        for place in ["/my/key", TRUST_AUTHORITY[0]] {
            let believed = believed.verify(|claims| {
                claims.as_object_mut().unwrap().remove("submods");
                claims["iss"] = json!(issuer);
                put(claims, place, &tee_key());
            });
            assert!(believed.await.is_ok(), "{issuer} {place}");
        }
    }
}

#[tokio::test]
async fn two_different_tee_keys_are_refused_and_twice_the_same_is_one() {
    let issuer = Believed::new(&["/my/key"]).await;
    let (one, two) = (tee_key(), tee_key());
    assert!(
        issuer
            .with_keys(&[("/my/key", &one), ("/tee-pubkey", &one)])
            .await
            .is_ok()
    );
    let different = issuer
        .with_keys(&[("/my/key", &one), ("/tee-pubkey", &two)])
        .await;
    assert!(matches!(different, Err(TokenError::DifferentTeeKeys { .. })));
    let half_broken = issuer
        .with_keys(&[("/my/key", &one), ("/tee-pubkey", &json!("x"))])
        .await;
    assert!(matches!(half_broken, Err(TokenError::BadTeeKey { .. })));
}

#[tokio::test]
async fn a_tee_key_that_must_not_be_used_is_refused() {
    let issuer = Believed::new(&[]).await;
    let good = tee_key();
    let with = |member: &str, value: Value| {
        let mut key = good.clone();
        key[member] = value;
        key
    };
    let zero = URL_SAFE_NO_PAD.encode([0; 32]);
    let short = URL_SAFE_NO_PAD.encode([1; 31]);
    let modulus = URL_SAFE_NO_PAD.encode([0xff; 128]);
    for key in [
        Value::Null,
        json!({}),
        with("x", json!(zero)),
        with("x", json!(short)),
        with("crv", json!("P-384")),
        with("alg", json!("ECDH-ES")),
        with("kty", json!("oct")),
        json!({"kty": "RSA", "alg": "RSA-OAEP-256", "n": modulus, "e": "AQAB"}),
        json!({"kty": "RSA", "alg": "RSA1_5", "n": URL_SAFE_NO_PAD.encode([0xff; 256]), "e": "AQAB"}),
        json!({"kty": "RSA", "alg": "RSA-OAEP-256", "n": URL_SAFE_NO_PAD.encode([0xff; 256]), "e": "AQ"}),
    ] {
        let refused = issuer.with_keys(&[("/tee-pubkey", &key)]).await;
        assert!(matches!(refused, Err(TokenError::BadTeeKey { .. })), "{key}");
    }
}

#[tokio::test]
async fn a_place_that_is_no_json_pointer_is_refused_at_load() {
    let config = AttestationTokenConfig {
        insecure_header_jwk: true,
        extra_teekey_paths: vec!["my.key".into()],
        ..Default::default()
    };
    let refused = TokenVerifier::new(&config, Vec::new()).await;
    assert!(matches!(refused, Err(TokenSetupError::Pointer(_))));
}

#[test]
fn unknown_configuration_keys_are_errors() {
    let refused = serde_json::from_value::<AttestationTokenConfig>(json!({"trusted_certs_path": []}));
    assert!(refused.unwrap_err().to_string().contains("trusted_certs_paths"));
}

#[tokio::test]
async fn debug_output_shows_no_claims() {
    let issuer = Believed::new(&[]).await;
    let result = issuer
        .verify(|claims| claims["secret"] = json!("canary"))
        .await
        .unwrap();
    assert!(result.claims_json().contains("canary"));
    assert!(!format!("{result:?} {result:#?}").contains("canary"));
}

#[tokio::test]
async fn what_anybody_can_have_is_told_from_what_takes_a_machine() {
    let believed = Believed::new(&[]).await;
    for (evidence, claims, tee, cheap) in [
        ("snp", json!({}), "snp", false),
        ("sample", json!({"svn": "1"}), "sample", true),
        ("tpm", json!({"ak_vouched_by": "nobody"}), "tpm", true),
        ("tpm", json!({}), "tpm", true),
        ("tpm", json!({"ak_vouched_by": "ak_certificate"}), "tpm", false),
        ("tpm", json!({"ak_vouched_by": "ek_certificate"}), "tpm", false),
        ("tpm", json!({"ak_vouched_by": "somebody"}), "tpm", true),
        // The policy, or another issuer, left the evidence out.
        ("other", json!({}), "tpm", true),
        ("other", json!({}), "sample", true),
        ("other", json!({}), "sampledevice", true),
        ("other", json!({}), "tdx", false),
    ] {
        let result = believed.verify(|token| {
            let evidence_of = &mut token["submods"]["cpu0"]["ear.veraison.annotated-evidence"];
            evidence_of.as_object_mut().unwrap().remove("snp");
            evidence_of[evidence] = claims.clone();
        });
        let mut result = result.await.unwrap();
        let by_its_claims = matches!(evidence, "sample" | "tpm") && cheap;
        assert_eq!(result.is_cheap(), by_its_claims, "{evidence} {claims}");
        result.began_as(serde_json::from_value(json!(tee)).unwrap());
        assert_eq!(result.is_cheap(), cheap, "{evidence} {claims} {tee}");
    }
}

#[tokio::test]
async fn a_token_of_devices_alone_is_told_from_one_that_lost_its_key() {
    let believed = Believed::new(&[]).await;
    let devices = believed.verify(|claims| {
        let cpu = claims["submods"].as_object_mut().unwrap().remove("cpu0");
        claims["submods"]["gpu0"] = cpu.unwrap();
    });
    assert!(matches!(devices.await.unwrap_err(), TokenError::NoCpu));
    let without = believed.verify(|claims| {
        let evidence = &mut claims["submods"]["cpu0"]["ear.veraison.annotated-evidence"];
        evidence.as_object_mut().unwrap().remove("runtime_data_claims");
    });
    assert!(matches!(without.await.unwrap_err(), TokenError::NoTeeKey));
    for plain in [json!({}), json!([]), json!("cpu0")] {
        let odd = believed.verify(|claims| claims["submods"] = plain.clone());
        let error = odd.await.unwrap_err();
        assert_eq!(matches!(error, TokenError::NoCpu), plain.is_object(), "{error}");
    }
}
