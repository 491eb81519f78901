//! Whose token is believed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

#[tokio::test]
async fn a_signed_token_with_the_role_is_granted() {
    let desk = Desk::new();
    let admin = desk.standard().await;
    assert_eq!(
        ask(&admin, PATH, &desk.token(|_| ())).await.unwrap().role(),
        "admin"
    );
    let one_audience = desk.token(|claims| claims["aud"] = json!("KBS"));
    assert!(ask(&admin, PATH, &one_audience).await.is_ok());
    let scheme = format!("bEARER {one_audience}");
    assert!(
        admin
            .authorize(&Method::POST, PATH, Some(&scheme), NOW)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn no_credential_is_told_apart_from_a_bad_one() {
    let admin = Desk::new().standard().await;
    for header in [
        None,
        Some(""),
        Some("Bearer"),
        Some("Basic YWRtaW46YWRtaW4="),
        Some("token"),
    ] {
        let refused = admin
            .authorize(&Method::POST, PATH, header, NOW)
            .await
            .unwrap_err();
        assert!(refused.is_unauthenticated());
        assert_eq!(
            refused.to_string(),
            "Failed to parse HTTP Auth Bearer header",
            "{header:?}"
        );
    }
    for token in ["", "x", "a.b.c", "a.b.c.d"] {
        assert_eq!(text(ask(&admin, PATH, token).await), NOT_VERIFIED, "{token:?}");
    }
}

#[tokio::test]
async fn times_issuer_and_audience_are_checked() {
    let desk = Desk::new();
    let admin = desk.standard().await;
    let with = |name: &'static str, value: Value| desk.token(|claims| claims[name] = value);
    assert!(ask(&admin, PATH, &with("exp", json!(NOW - 59))).await.is_ok());
    assert!(ask(&admin, PATH, &with("nbf", json!(NOW + 60))).await.is_ok());
    let refused = [
        with("exp", json!(NOW - 60)),
        with("exp", Value::Null),
        with("exp", json!("never")),
        desk.token(|claims| drop(claims.as_object_mut().unwrap().remove("exp"))),
        with("nbf", json!(NOW + 61)),
        with("iat", json!(NOW + 61)),
        with("iss", json!("SomebodyElse")),
        with("iss", Value::Null),
        with("aud", json!(["OtherKBS"])),
        with("aud", json!("KBS2")),
        with("aud", json!([])),
    ];
    for token in refused {
        let refused = ask(&admin, PATH, &token).await.unwrap_err();
        assert!(refused.is_unauthenticated());
        assert_eq!(refused.to_string(), NOT_VERIFIED);
    }
}

#[tokio::test]
async fn a_foreign_or_changed_signature_is_refused() {
    let desk = Desk::new();
    let admin = desk.standard().await;
    let foreign = sign(&Desk::new().key, &json!({"alg": "EdDSA"}), &claims());
    assert_eq!(text(ask(&admin, PATH, &foreign).await), NOT_VERIFIED);
    let token = desk.token(|_| ());
    let (rest, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    bytes[0] ^= 1;
    let changed = format!("{rest}.{}", URL_SAFE_NO_PAD.encode(bytes));
    assert_eq!(text(ask(&admin, PATH, &changed).await), NOT_VERIFIED);
    let other_claims = desk.token(|claims| claims["role"] = json!("root"));
    let payload = other_claims.split('.').nth(1).unwrap();
    let header = token.split('.').next().unwrap();
    let spliced = format!("{header}.{payload}.{signature}");
    assert_eq!(text(ask(&admin, PATH, &spliced).await), NOT_VERIFIED);
}

#[tokio::test]
async fn the_algorithm_is_the_keys_and_not_the_headers() {
    let desk = Desk::new();
    let admin = desk.standard().await;
    let payload = URL_SAFE_NO_PAD.encode(claims().to_string());
    for alg in ["none", "None", "HS256", "HS384", "ES256", "ES384", "RS256"] {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": alg }).to_string());
        let input = format!("{header}.{payload}");
        // What a library that takes the public key for a shared secret would accept.
        let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &fs::read(desk.pem()).unwrap());
        let tag = ring::hmac::sign(&secret, input.as_bytes());
        for signature in [String::new(), URL_SAFE_NO_PAD.encode(tag.as_ref())] {
            assert_eq!(
                text(ask(&admin, PATH, &format!("{input}.{signature}")).await),
                NOT_VERIFIED,
                "{alg}"
            );
        }
        let own = sign(&desk.key, &json!({ "alg": alg }), &claims());
        assert_eq!(text(ask(&admin, PATH, &own).await), NOT_VERIFIED, "{alg}");
    }
}

#[tokio::test]
async fn a_key_that_the_token_brings_is_never_trusted() {
    let desk = Desk::new();
    let key = SigningKey::generate_p256().unwrap();
    let jwks = desk.jwks(&[("k1", &key)]);
    let provider = json!({"jwk_set_uri": jwks, "public_key_uri": desk.pem()});
    let admin = roles(&[provider], &[("admin", "^/kbs/.*$")]).await.unwrap();
    let own = SigningKey::generate_p256().unwrap();
    for kid in [json!(null), json!("k1"), json!("other")] {
        let header = json!({"alg": "ES256", "kid": kid, "jwk": own.public_jwk()});
        assert_eq!(
            text(ask(&admin, PATH, &sign(&own, &header, &claims())).await),
            NOT_VERIFIED
        );
    }
}

#[tokio::test]
async fn a_key_set_is_used_by_key_id_only() {
    let desk = Desk::new();
    let (first, second) = (
        SigningKey::generate_p256().unwrap(),
        SigningKey::generate_ed25519().unwrap(),
    );
    let jwks = desk.jwks(&[("first", &first), ("second", &second)]);
    let uri = format!("file://{}", jwks.display());
    let admin = roles(&[json!({ "jwk_set_uri": uri })], &[("admin", "^/kbs/.*$")])
        .await
        .unwrap();
    let ask = async |key: &SigningKey, header: Value| ask(&admin, PATH, &sign(key, &header, &claims())).await;
    assert!(ask(&first, json!({"alg": "ES256", "kid": "first"})).await.is_ok());
    assert!(
        ask(&second, json!({"alg": "EdDSA", "kid": "second"}))
            .await
            .is_ok()
    );
    for header in [
        json!({"alg": "ES256"}),
        json!({"alg": "ES256", "kid": "unknown"}),
        json!({"alg": "ES256", "kid": "second"}),
        json!({"alg": "ES384", "kid": "first"}),
        json!({"alg": "ES256", "kid": ""}),
    ] {
        assert_eq!(text(ask(&first, header.clone()).await), NOT_VERIFIED, "{header}");
    }
}

#[tokio::test]
async fn providers_are_tried_in_order() {
    let (one, two) = (Desk::new(), Desk::new());
    let providers = [
        json!({"issuer": "other", "public_key_uri": two.pem()}),
        json!({"issuer": "TrusteeInDocker", "public_key_uri": one.pem()}),
    ];
    let admin = roles(&providers, &[("admin", "^/kbs/.*$")]).await.unwrap();
    assert!(ask(&admin, PATH, &one.token(|_| ())).await.is_ok());
    // Another provider's issuer does not borrow this one's key.
    assert_eq!(text(ask(&admin, PATH, &two.token(|_| ())).await), NOT_VERIFIED);
    let own = two.token(|claims| claims["iss"] = json!("other"));
    assert!(ask(&admin, PATH, &own).await.is_ok());
}

#[tokio::test]
async fn the_older_single_key_needs_no_role_but_an_expiry() {
    let desk = Desk::new();
    let admin = admin_with_single_key(&desk).await;
    let plain = sign(&desk.key, &json!({"alg": "EdDSA"}), &json!({"exp": NOW + 60}));
    assert_eq!(ask(&admin, PATH, &plain).await.unwrap().role(), "admin");
    let refused = [
        sign(&desk.key, &json!({"alg": "EdDSA"}), &json!({"iat": NOW})),
        sign(&desk.key, &json!({"alg": "EdDSA"}), &json!({"exp": NOW - 60})),
        sign(
            &Desk::new().key,
            &json!({"alg": "EdDSA"}),
            &json!({"exp": NOW + 60}),
        ),
    ];
    for token in refused {
        assert_eq!(text(ask(&admin, PATH, &token).await), NOT_VERIFIED);
    }
    let none = admin.authorize(&Method::POST, PATH, None, NOW).await;
    assert!(matches!(none, Err(AdminError::NoBearer)));
}
