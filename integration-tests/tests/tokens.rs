//! Attestation tokens as bearer tokens: what is believed, and by whom.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use daemon::clock::{Clock, ManualClock, SystemClock};
use jose::signer::SigningKey;
use reqwest::Method;
use serde_json::{Value, json};

use crate::guest::{Guest, assert_refused, claims};
use crate::owner::ALLOW_ALL;
use crate::stack::{Setup, TestStack};

const PATH: &str = "default/key/one";

async fn stack_with(setup: Setup) -> TestStack {
    let stack = TestStack::with(setup).await;
    stack.store(PATH, b"s").await;
    stack.release_by(ALLOW_ALL).await;
    stack
}

#[tokio::test]
async fn a_token_is_good_at_the_kbs_that_trusts_its_issuer_and_at_no_other() {
    let (ours, other) = (
        stack_with(Setup::default()).await,
        stack_with(Setup::default()).await,
    );
    let guest = Guest::sample(&ours);
    let (_, token) = guest.handshake().await;
    assert_eq!(guest.open(guest.get_with(&token, PATH).await).await, b"s");
    let path = format!("/kbs/v0/resource/{PATH}");
    let answer = other.send_with(Method::GET, &path, &token, "").await;
    assert_refused(answer, 401, "TokenVerifierError").await;
}

#[tokio::test]
async fn a_token_releases_only_to_the_key_that_was_attested() {
    let stack = stack_with(Setup::default()).await;
    let (guest, thief) = (Guest::sample(&stack), Guest::sample(&stack));
    let (_, token) = guest.handshake().await;
    let sealed = thief.get_with(&token, PATH).await.json().await.unwrap();
    assert!(jose::jwe::open(&sealed, thief.key()).is_err());
    assert!(jose::jwe::open(&sealed, guest.key()).is_ok());
}

#[tokio::test]
async fn a_token_that_was_touched_or_made_by_somebody_else_is_refused() {
    let stack = stack_with(Setup::default()).await;
    let guest = Guest::sample(&stack);
    let (_, token) = guest.handshake().await;
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let decoded: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    let claims = claims(&token);

    let mut longer = claims.clone();
    longer["exp"] = json!(claims["exp"].as_i64().unwrap() + 3600);
    let own = SigningKey::generate_p256().unwrap();
    let own_key = json!({"typ": "JWT", "alg": "ES256", "jwk": own.public_jwk()});
    let mut borrowed = own_key.clone();
    borrowed["jwk"]["x5c"] = decoded["jwk"]["x5c"].clone();
    let cases = [
        (
            "changed claims",
            format!("{header}.{}.{signature}", encode(&longer)),
        ),
        ("no signature", format!("{header}.{payload}.")),
        (
            "alg none",
            format!("{}.{payload}.", encode(&json!({"alg": "none", "typ": "JWT"}))),
        ),
        (
            "alg HS256",
            format!(
                "{}.{payload}.{signature}",
                encode(&json!({"alg": "HS256", "typ": "JWT"}))
            ),
        ),
        ("own key", own.sign_compact(&own_key, &claims).unwrap()),
        (
            "own key under the issuer's chain",
            own.sign_compact(&borrowed, &claims).unwrap(),
        ),
        (
            "unknown kid",
            own.sign_compact(&json!({"alg": "ES256", "kid": "x"}), &claims)
                .unwrap(),
        ),
        ("an admin token", stack.admin_token()),
    ];
    for (name, token) in cases {
        let answer = guest.get_with(&token, PATH).await;
        assert_eq!(answer.status(), 401, "{name}");
        assert_refused(answer, 401, "TokenVerifierError").await;
    }
    assert_eq!(guest.open(guest.get_with(&token, PATH).await).await, b"s");
}

#[tokio::test]
async fn a_token_ends_with_its_time() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let stack = stack_with(Setup {
        clock: clock.clone(),
        ..Setup::default()
    })
    .await;
    let guest = Guest::sample(&stack);
    let (_, token) = guest.handshake().await;
    // By the clock of the process that signed it.
    let end = claims(&token)["exp"].as_i64().unwrap();
    clock.set(end - 1);
    assert_eq!(guest.get_with(&token, PATH).await.status(), 200);
    clock.set(end + 61);
    assert_refused(guest.get_with(&token, PATH).await, 401, "TokenVerifierError").await;
}

#[tokio::test]
async fn the_issuer_and_the_audience_must_be_those_that_are_demanded() {
    let token = |more: &str| {
        Some(format!(
            "trusted_jwk_sets = [\"{{attestation}}/.well-known/jwks.json\"]\ninsecure_http_jwk_sets = true\n{more}"
        ))
    };
    let stack = stack_with(Setup {
        token: token("issuer = \"CoCo-Attestation-Service\""),
        ..Setup::default()
    })
    .await;
    let guest = Guest::sample(&stack);
    let (session, good) = guest.handshake().await;
    assert_eq!(guest.open(guest.get(&session, PATH).await).await, b"s");
    assert_eq!(guest.open(guest.get_with(&good, PATH).await).await, b"s");

    for more in ["issuer = \"somebody else\"", "audience = \"this KBS\""] {
        let stack = stack_with(Setup {
            token: token(more),
            ..Setup::default()
        })
        .await;
        let guest = Guest::sample(&stack);
        let (session, refused) = guest.handshake().await;
        assert_refused(guest.get_with(&refused, PATH).await, 401, "TokenVerifierError").await;
        assert_refused(guest.get(&session, PATH).await, 401, "TokenVerifierError").await;
    }
}

#[tokio::test]
async fn a_session_wins_over_a_bearer_token_beside_it() {
    let stack = stack_with(Setup::default()).await;
    let guest = Guest::sample(&stack);
    let (session, _) = guest.handshake().await;
    let request = stack.http.get(format!("{}/kbs/v0/resource/{PATH}", stack.kbs));
    let request = request.header("cookie", &session.cookie).bearer_auth("nonsense");
    assert_eq!(guest.open(request.send().await.unwrap()).await, b"s");
    let stale = crate::guest::Challenge {
        cookie: format!("kbs-session-id={}", "0".repeat(32)),
        ..session
    };
    let (_, token) = guest.handshake().await;
    let request = stack.http.get(format!("{}/kbs/v0/resource/{PATH}", stack.kbs));
    let request = request.header("cookie", &stale.cookie).bearer_auth(&token);
    assert_eq!(guest.open(request.send().await.unwrap()).await, b"s");
}
