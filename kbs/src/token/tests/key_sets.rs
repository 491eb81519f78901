//! Published key sets in files.

use std::time::Duration;

use jose::jwk::JwkSet;

use super::super::jwks::{KeySets, Pace};
use super::super::source::{Fetcher, Source, SourceError};
use super::*;

fn sign(key: &SigningKey, header: Value) -> String {
    key.sign_compact(&header, &ear()).unwrap()
}

fn p256() -> SigningKey {
    SigningKey::generate_p256().unwrap()
}

async fn with_sets(uris: Vec<String>) -> Result<TokenVerifier, TokenSetupError> {
    let config = AttestationTokenConfig {
        trusted_jwk_sets: uris,
        ..Default::default()
    };
    TokenVerifier::new(&config, Vec::new()).await
}

#[tokio::test]
async fn a_key_is_found_by_its_id_in_any_set() {
    let (desk, one, two) = (Desk::new(), p256(), SigningKey::generate_ed25519().unwrap());
    let second = format!("file://{}", desk.jwks("two", &[("two", &two)]));
    let verifier = with_sets(vec![desk.jwks("one", &[("one", &one)]), second])
        .await
        .unwrap();
    assert!(
        verifier
            .verify(&sign(&one, json!({"alg": "ES256", "kid": "one"})), NOW)
            .await
            .is_ok()
    );
    assert!(
        verifier
            .verify(&sign(&two, json!({"alg": "EdDSA", "kid": "two"})), NOW)
            .await
            .is_ok()
    );
    let unknown = sign(&one, json!({"alg": "ES256", "kid": "three"}));
    assert!(matches!(
        refused(&verifier, &unknown).await,
        TokenError::UnknownKey
    ));
    let missing = sign(&one, json!({"alg": "ES256"}));
    assert!(matches!(refused(&verifier, &missing).await, TokenError::NoKeyId));
    let swapped = sign(&one, json!({"alg": "ES256", "kid": "two"}));
    assert!(matches!(refused(&verifier, &swapped).await, TokenError::Token(_)));
}

#[tokio::test]
async fn a_header_key_that_a_set_holds_is_that_key() {
    let (desk, key) = (Desk::new(), p256());
    let verifier = with_sets(vec![desk.jwks("one", &[("one", &key)])]).await.unwrap();
    let header = json!({"alg": "ES256", "jwk": key.public_jwk()});
    assert!(verifier.verify(&sign(&key, header), NOW).await.is_ok());
    let own = p256();
    let header = json!({"alg": "ES256", "kid": "one", "jwk": own.public_jwk()});
    assert!(matches!(
        refused(&verifier, &sign(&own, header)).await,
        TokenError::UntrustedHeaderKey
    ));
}

#[tokio::test]
async fn a_header_key_is_not_believed_while_the_sets_cannot_be_had() {
    daemon::init();
    let verifier = with_sets(vec!["https://127.0.0.1:1/keys".to_owned()])
        .await
        .unwrap();
    let key = p256();
    for header in [
        json!({"alg": "ES256", "jwk": key.public_jwk()}),
        json!({"alg": "ES256", "kid": "one"}),
    ] {
        assert!(matches!(
            refused(&verifier, &sign(&key, header)).await,
            TokenError::KeysUnavailable
        ));
    }
}

#[tokio::test]
async fn keys_of_a_built_in_attestation_service_need_no_configuration() {
    let (key, bare) = (p256(), p256());
    let set = json!({"keys": [key.public_jwk().with_kid("own")]}).to_string();
    let set = JwkSet::from_json(set.as_bytes()).unwrap();
    let verifier = TokenVerifier::new(&AttestationTokenConfig::default(), vec![set])
        .await
        .unwrap();
    for header in [
        json!({"alg": "ES256", "jwk": key.public_jwk()}),
        json!({"alg": "ES256", "kid": "own"}),
    ] {
        assert!(verifier.verify(&sign(&key, header), NOW).await.is_ok());
    }
    let header = json!({"alg": "ES256", "jwk": bare.public_jwk()});
    assert!(matches!(
        refused(&verifier, &sign(&bare, header)).await,
        TokenError::UntrustedHeaderKey
    ));
}

#[tokio::test]
async fn an_id_that_names_two_keys_is_refused() {
    let (desk, one, two) = (Desk::new(), p256(), p256());
    let duplicate = desk.jwks("duplicate", &[("same", &one), ("same", &two)]);
    assert!(matches!(
        with_sets(vec![duplicate]).await,
        Err(TokenSetupError::Source(_))
    ));
    let sets = vec![
        desk.jwks("one", &[("same", &one)]),
        desk.jwks("two", &[("same", &two)]),
    ];
    let verifier = with_sets(sets).await.unwrap();
    let token = sign(&one, json!({"alg": "ES256", "kid": "same"}));
    assert!(matches!(
        refused(&verifier, &token).await,
        TokenError::AmbiguousKey
    ));
    let twice = vec![
        desk.jwks("one", &[("same", &one)]),
        desk.jwks("copy", &[("same", &one)]),
    ];
    assert!(with_sets(twice).await.unwrap().verify(&token, NOW).await.is_ok());
}

#[tokio::test]
async fn addresses_that_are_not_safe_do_not_start() {
    let desk = Desk::new();
    let garbage = desk.file("garbage", "garbage").display().to_string();
    for uri in [
        "http://127.0.0.1/jwks",
        "ftp://host/jwks",
        "",
        "/nowhere",
        garbage.as_str(),
    ] {
        assert!(
            matches!(with_sets(vec![uri.into()]).await, Err(TokenSetupError::Source(_))),
            "{uri}"
        );
    }
    let plain = with_sets(vec!["http://127.0.0.1/jwks".into()])
        .await
        .err()
        .unwrap();
    assert!(matches!(
        plain,
        TokenSetupError::Source(SourceError::PlainHttp(_))
    ));
}

/// Sets over one file, read at most every `rest` for unknown ids.
async fn sets(path: &str, refresh: Duration, rest: Duration) -> std::sync::Arc<KeySets> {
    let sources = vec![Source::parse(path, false).unwrap()];
    let fetcher = Fetcher::new(&sources, &[]).unwrap();
    KeySets::open(
        sources,
        fetcher,
        Pace {
            refresh,
            unknown_key_rest: rest,
        },
    )
    .await
    .unwrap()
}

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_rotated_key_is_picked_up_when_a_token_names_it() {
    let (desk, old, new) = (Desk::new(), p256(), p256());
    let path = desk.jwks("set", &[("old", &old)]);
    let sets = sets(&path, LONG, Duration::ZERO).await;
    assert!(sets.by_id("old").await.is_ok());
    desk.jwks("set", &[("new", &new)]);
    assert_eq!(
        sets.by_id("new").await.unwrap(),
        new.public_jwk().verification_key().unwrap()
    );
    assert!(matches!(sets.by_id("old").await, Err(TokenError::UnknownKey)));
}

#[tokio::test]
async fn a_rotated_key_is_picked_up_when_a_token_brings_it() {
    let (desk, old, new) = (Desk::new(), p256(), p256());
    let path = desk.jwks("set", &[("old", &old)]);
    let sets = sets(&path, LONG, Duration::ZERO).await;
    let (old_key, new_key) = (old.verification_key(), new.verification_key());
    assert!(sets.confirm(&old_key).await.is_ok());
    desk.jwks("set", &[("new", &new)]);
    assert!(sets.confirm(&new_key).await.is_ok());
    assert!(matches!(
        sets.confirm(&old_key).await,
        Err(TokenError::UnknownKey)
    ));
}

#[tokio::test]
async fn unknown_ids_do_not_make_it_read_without_end() {
    let (desk, old, new) = (Desk::new(), p256(), p256());
    let path = desk.jwks("set", &[("old", &old)]);
    let sets = sets(&path, LONG, LONG).await;
    desk.jwks("set", &[("new", &new)]);
    assert!(matches!(sets.by_id("new").await, Err(TokenError::UnknownKey)));
    assert!(sets.by_id("old").await.is_ok());
}

#[tokio::test]
async fn a_rotated_key_is_picked_up_in_time_without_being_asked() {
    let (desk, old, new) = (Desk::new(), p256(), p256());
    let path = desk.jwks("set", &[("old", &old)]);
    let sets = sets(&path, Duration::from_millis(20), LONG).await;
    desk.jwks("set", &[("new", &new)]);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while sets.by_id("new").await.is_err() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the new key was not picked up"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(sets.by_id("old").await.is_err());
}

#[tokio::test]
async fn a_set_that_becomes_unreadable_keeps_its_last_keys() {
    let (desk, old) = (Desk::new(), p256());
    let path = desk.jwks("set", &[("old", &old)]);
    let sets = sets(&path, LONG, Duration::ZERO).await;
    for broken in ["garbage", "{}", ""] {
        desk.file("set", broken);
        assert!(matches!(sets.by_id("new").await, Err(TokenError::UnknownKey)));
        assert!(sets.by_id("old").await.is_ok());
    }
}
