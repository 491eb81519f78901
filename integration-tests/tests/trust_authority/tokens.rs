//! Tokens that are not what they should be.

use integration_tests::fakes::ita::{FakeIta, Mood};
use serde_json::{Value, json};

use super::setup::{self, Setup, TestAttester};
use crate::owner::ALLOW_ALL;

/// Makes a token wrong.
type Change = fn(&mut Value);

#[tokio::test]
async fn a_token_that_does_not_hold_is_the_services_fault_and_releases_nothing() {
    let (ita, kbs) = setup::start().await;
    kbs.release_by(ALLOW_ALL).await;
    let changes: [(&str, Change); 9] = [
        ("another issuer", |claims| {
            claims["iss"] = json!("https://elsewhere.example")
        }),
        ("no issuer", |claims| claims["iss"] = Value::Null),
        ("expired", |claims| claims["exp"] = json!(1)),
        ("not yet in force", |claims| {
            claims["nbf"] = json!(4_102_444_800_i64)
        }),
        ("no end", |claims| claims["exp"] = Value::Null),
        ("another nonce", |claims| {
            claims["tdx"]["attester_runtime_data"]["nonce"] = json!("bm9uY2U=")
        }),
        ("no nonce", |claims| {
            claims["tdx"]["attester_runtime_data"]["nonce"] = Value::Null
        }),
        ("no key", |claims| {
            claims["tdx"]["attester_runtime_data"]["tee-pubkey"] = Value::Null
        }),
        ("no tdx", |claims| claims["tdx"] = Value::Null),
    ];
    for (name, change) in changes {
        ita.set_mood(Mood::Claims(change));
        let refusal = kbs.refusal(TestAttester::new("tdx")).await;
        assert_eq!(refusal, (502, "AttestationError".to_owned()), "{name}");
    }
    for mood in [Mood::Forged, Mood::Unsigned, Mood::OwnKey] {
        ita.set_mood(mood.clone());
        let refusal = kbs.refusal(TestAttester::new("tdx")).await;
        assert_eq!(refusal, (502, "AttestationError".to_owned()), "{mood:?}");
    }
    ita.set_mood(Mood::Good);
    kbs.gets_the_secret().await;
}

#[tokio::test]
async fn a_token_for_another_guests_key_releases_nothing() {
    let (ita, kbs) = setup::start().await;
    kbs.release_by(ALLOW_ALL).await;
    ita.set_mood(Mood::Claims(|claims| {
        // A key that is on the curve: the base point of P-256.
        claims["tdx"]["attester_runtime_data"]["tee-pubkey"] = json!({
            "kty": "EC", "crv": "P-256", "alg": "ECDH-ES+A256KW",
            "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
            "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
        });
    }));
    // The token holds, but it is not this guest's.
    let refusal = kbs.refusal(TestAttester::new("tdx")).await;
    assert_eq!(refusal, (401, "TokenVerifierError".to_owned()));
}

#[tokio::test]
async fn another_name_for_the_service_is_believed_where_the_operator_says_so() {
    let (ita, kbs) = setup::start_with(Setup {
        service_keys: "issuers = [\"https://elsewhere.example\"]",
        ..Setup::default()
    })
    .await;
    kbs.release_by(ALLOW_ALL).await;
    let refusal = kbs.refusal(TestAttester::new("tdx")).await;
    assert_eq!(refusal, (502, "AttestationError".to_owned()));
    ita.set_mood(Mood::Claims(|claims| {
        claims["iss"] = json!("https://elsewhere.example")
    }));
    kbs.gets_the_secret().await;
}

#[tokio::test]
async fn its_tokens_release_nothing_where_attestation_token_does_not_trust_them() {
    let stranger = tempfile::tempdir().unwrap();
    let stranger = FakeIta::start(stranger.path()).await.unwrap();
    let (_ita, kbs) = setup::start_with(Setup {
        replace: vec![(
            "trusted_jwk_sets = [\"https://portal.trustauthority.intel.com/certs\"]",
            format!(
                "trusted_jwk_sets = [\"{}/certs\"]\ninsecure_header_jwk = false",
                stranger.url()
            ),
        )],
        ..Setup::default()
    })
    .await;
    kbs.release_by(ALLOW_ALL).await;
    let (status, kind) = kbs.refusal(TestAttester::new("tdx")).await;
    assert_eq!((status, kind.as_str()), (401, "TokenVerifierError"));
}
