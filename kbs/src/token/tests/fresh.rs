//! Tokens of an attestation service in this process.

use jose::jwk::JwkSet;
use jose::jwt::IssuedToken;

use super::*;

fn issued(key: &SigningKey, claims: &Value) -> IssuedToken {
    let header = json!({"typ": "JWT", "alg": "ES256", "jwk": key.public_jwk()});
    key.issue(header.to_string().as_bytes(), claims.to_string())
        .unwrap()
}

/// A verifier beside an attestation service with this key.
async fn beside(key: &SigningKey) -> TokenVerifier {
    let keys = JwkSet::from_json(json!({"keys": [key.public_jwk()]}).to_string().as_bytes()).unwrap();
    let config = AttestationTokenConfig {
        issuer: Some("attestation-service".into()),
        ..Default::default()
    };
    TokenVerifier::new(&config, vec![keys]).await.unwrap()
}

#[tokio::test]
async fn a_token_that_was_signed_here_is_believed_as_if_it_had_come_from_outside() {
    let key = SigningKey::generate_p256().unwrap();
    let verifier = beside(&key).await;
    let token = issued(&key, &ear());
    let outside = verifier.verify(token.as_str(), NOW).await.unwrap();
    let here = verifier.believe(token.into(), NOW).await.unwrap();
    assert_eq!(here.claims_json(), outside.claims_json());
    assert_eq!(here.tee_key(), outside.tee_key());
    assert_eq!(here.expires_at(), outside.expires_at());
}

#[tokio::test]
async fn a_token_that_was_signed_here_by_a_key_that_is_not_trusted_is_not_believed() {
    let verifier = beside(&SigningKey::generate_p256().unwrap()).await;
    let other = SigningKey::generate_p256().unwrap();
    let refused = verifier.believe(issued(&other, &ear()).into(), NOW).await;
    assert!(
        matches!(refused, Err(TokenError::UntrustedHeaderKey)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn the_claims_of_a_token_that_was_signed_here_are_checked() {
    let key = SigningKey::generate_p256().unwrap();
    let verifier = beside(&key).await;
    let changes: [(&str, Value); 5] = [
        ("exp", json!(NOW - 120)),
        ("exp", json!(null)),
        ("nbf", json!(NOW + 120)),
        ("iss", json!("another")),
        ("submods", json!({})),
    ];
    for (name, value) in changes {
        let mut claims = ear();
        claims[name] = value;
        let refused = verifier.believe(issued(&key, &claims).into(), NOW).await;
        assert!(refused.is_err(), "{name}");
    }
}

#[tokio::test]
async fn a_token_that_was_received_is_verified_whoever_it_says_has_signed_it() {
    let key = SigningKey::generate_p256().unwrap();
    let verifier = beside(&key).await;
    let token = String::from(issued(&key, &ear()));
    assert!(verifier.believe(token.clone().into(), NOW).await.is_ok());
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", "A".repeat(86));
    let refused = verifier.believe(forged.into(), NOW).await;
    assert!(
        matches!(
            refused,
            Err(TokenError::Token(jose::jwt::TokenError::BadSignature))
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn in_a_token_that_was_signed_here_the_key_stands_in_one_place_whatever_is_configured() {
    let key = SigningKey::generate_p256().unwrap();
    let keys = JwkSet::from_json(json!({"keys": [key.public_jwk()]}).to_string().as_bytes()).unwrap();
    let config = AttestationTokenConfig {
        extra_teekey_paths: vec!["/my/key".into()],
        ..Default::default()
    };
    let verifier = TokenVerifier::new(&config, vec![keys]).await.unwrap();
    for (name, within) in [("my", "key"), ("tdx", "attester_runtime_data")] {
        let mut claims = ear();
        claims.as_object_mut().unwrap().remove("submods");
        claims[name][within] = match name {
            "my" => tee_key(),
            _ => json!({ "tee-pubkey": tee_key() }),
        };
        let token = issued(&key, &claims);
        let outside = verifier.verify(token.as_str(), NOW).await;
        let here = verifier.believe(token.into(), NOW).await;
        for refused in [outside, here] {
            assert!(
                matches!(refused, Err(TokenError::TeeKeyElsewhere(_))),
                "{refused:?}"
            );
        }
    }
}
