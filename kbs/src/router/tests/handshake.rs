//! `auth` and `attest`.

use std::sync::atomic::Ordering;

use axum::http::{StatusCode, header};
use jose::tee_key::{TeeKeyKind, TeePrivateKey};
use kbs_types::Tee;
use serde_json::{Value, json};

use crate::testing::{Bench, NOW, attestation};

fn refusal(answer: &crate::testing::Answer) -> (StatusCode, String) {
    (answer.status, answer.error())
}

fn attestation_error() -> (StatusCode, String) {
    (StatusCode::UNAUTHORIZED, "AttestationError".into())
}

#[tokio::test]
async fn a_challenge_is_what_existing_clients_expect() {
    let bench = Bench::new().await;
    let request =
        r#"{"version":"0.4.0","tee":"snp","extra-params":{"supported-hash-algorithms":["sha384"]}}"#;
    let answer = bench.call("POST", "auth", &[], request).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
    let body = String::from_utf8(answer.body.clone()).unwrap();
    assert!(
        body.starts_with("{\"nonce\":\"") && body.ends_with("=\",\"extra-params\":\"\"}"),
        "{body}"
    );
    assert_eq!(answer.json()["nonce"].as_str().unwrap().len(), 44);
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(
        cookie.ends_with("; Expires=Sun, 22 Nov 2026 01:04:15 GMT"),
        "{cookie}"
    );
}

#[tokio::test]
async fn a_request_that_starts_no_handshake_is_malformed() {
    let bench = Bench::new().await;
    for (body, detail) in [
        (
            "{",
            "Attestation error: RCAR handshake Auth failed: deserialize Request",
        ),
        (
            r#"{"version":"0.1.0","tee":"sample","extra-params":{}}"#,
            "Attestation error: RCAR handshake Auth failed: KBS Client Protocol Version Mismatch: expect =0.4.0 while the request is 0.1.0",
        ),
    ] {
        let answer = bench.call("POST", "auth", &[], body).await;
        assert_eq!(
            refusal(&answer),
            (StatusCode::BAD_REQUEST, "AttestationError".into())
        );
        assert_eq!(answer.json()["detail"], detail);
    }
}

#[tokio::test]
async fn a_clients_own_session_id_is_never_adopted() {
    let bench = Bench::new().await;
    let own = format!("kbs-session-id={}", "ab".repeat(16));
    let request = json!({ "version": "0.4.0", "tee": "snp", "extra-params": {} }).to_string();
    let answer = bench.call("POST", "auth", &[("cookie", &own)], request).await;
    assert_ne!(answer.cookie(), own);
    let key = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
    let nonce = answer.json()["nonce"].as_str().unwrap().to_owned();
    let with_own = bench.attest(&own, &attestation(&nonce, &key)).await;
    assert_eq!(refusal(&with_own), attestation_error());
}

#[tokio::test]
async fn evidence_that_holds_gives_a_token_and_the_same_cookie_once() {
    let bench = Bench::new().await;
    let key = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
    let (cookie, nonce) = bench.challenge("snp").await;
    let body = attestation(&nonce, &key);
    let answer = bench.attest(&cookie, &body).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.cookie(), cookie);
    assert!(answer.json()["token"].as_str().unwrap().split('.').count() == 3);

    let again = bench.attest(&cookie, &body).await;
    assert_eq!(refusal(&again), attestation_error());
    assert_eq!(bench.attestation.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_attested_session_gives_no_token_for_other_evidence_or_another_key() {
    let bench = Bench::new().await;
    let (cookie, _, _) = bench.attested("snp").await;
    let other = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
    let answer = bench.attest(&cookie, &attestation("any", &other)).await;
    assert_eq!(refusal(&answer), attestation_error());
    assert!(answer.json().get("token").is_none());
}

#[tokio::test]
async fn a_failed_attestation_spends_its_challenge() {
    let key = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
    type Spoil = fn(&mut Value);
    let spoiled: [(&str, Spoil); 5] = [
        ("evidence", |body| {
            body["tee-evidence"]["primary_evidence"]["holds"] = json!(false)
        }),
        ("nonce", |body| body["runtime-data"]["nonce"] = json!("other")),
        ("key", |body| {
            body["runtime-data"]["tee-pubkey"]["x"] = json!("AA")
        }),
        ("init-data", |body| {
            body["init-data"] = json!({ "format": "yaml", "body": "" })
        }),
        ("shape", |body| *body = json!([])),
    ];
    for (what, spoil) in spoiled {
        let bench = Bench::new().await;
        let (cookie, nonce) = bench.challenge("snp").await;
        let good = attestation(&nonce, &key);
        let mut bad: Value = serde_json::from_str(&good).unwrap();
        spoil(&mut bad);
        let answer = bench.attest(&cookie, &bad.to_string()).await;
        assert!(
            answer.status.is_client_error() && answer.error() == "AttestationError",
            "{what}"
        );
        let answer = bench.attest(&cookie, &good).await;
        assert_eq!(refusal(&answer), attestation_error(), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_parallel_answers_to_one_challenge_one_is_heard() {
    let bench = std::sync::Arc::new(Bench::new().await);
    let key = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
    for _ in 0..20 {
        let (cookie, nonce) = bench.challenge("snp").await;
        let body = attestation(&nonce, &key);
        let answers = (0..8).map(|_| {
            let (bench, cookie, body) = (bench.clone(), cookie.clone(), body.clone());
            tokio::spawn(async move { bench.attest(&cookie, &body).await.status })
        });
        let mut heard = 0;
        for answer in answers.collect::<Vec<_>>() {
            heard += usize::from(answer.await.unwrap() == StatusCode::OK);
        }
        assert_eq!(heard, 1);
    }
}

#[tokio::test]
async fn an_expired_challenge_is_not_answered() {
    let bench = Bench::new().await;
    let key = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
    let (cookie, nonce) = bench.challenge("snp").await;
    bench.clock.set(NOW + 300);
    let answer = bench.attest(&cookie, &attestation(&nonce, &key)).await;
    assert_eq!(refusal(&answer), attestation_error());
    assert_eq!(bench.attestation.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn another_clients_cookie_does_not_fit_the_nonce() {
    let bench = Bench::new().await;
    let key = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
    let (_, nonce) = bench.challenge("snp").await;
    let (other, _) = bench.challenge("snp").await;
    let answer = bench.attest(&other, &attestation(&nonce, &key)).await;
    assert_eq!(refusal(&answer), attestation_error());
    assert_eq!(bench.attestation.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn evidence_is_verified_as_the_tee_of_the_request() {
    let bench = Bench::new().await;
    let key = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
    let (cookie, nonce) = bench.challenge("tdx").await;
    let mut body: Value = serde_json::from_str(&attestation(&nonce, &key)).unwrap();
    body["tee"] = json!("sample");
    bench.attest(&cookie, &body.to_string()).await;
    assert_eq!(*bench.attestation.seen.lock().unwrap(), [Tee::Tdx]);
}

#[tokio::test]
async fn an_attestation_service_that_is_down_is_worth_a_retry_and_not_shown() {
    let bench = Bench::new().await;
    bench.attestation.down.store(true, Ordering::SeqCst);
    let key = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
    let (cookie, nonce) = bench.challenge("snp").await;
    let answer = bench.attest(&cookie, &attestation(&nonce, &key)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
    assert!(!String::from_utf8(answer.body).unwrap().contains("10.1.2.3"));
}

#[tokio::test]
async fn a_store_full_of_fresh_sessions_asks_to_come_back() {
    let bench = Bench::with_sessions(2).await;
    bench.attested("snp").await;
    bench.attested("snp").await;
    let request = json!({ "version": "0.4.0", "tee": "snp", "extra-params": {} }).to_string();
    let answer = bench.call("POST", "auth", &[], request.clone()).await;
    assert_eq!(
        refusal(&answer),
        (StatusCode::SERVICE_UNAVAILABLE, "TooManySessions".into())
    );
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
    bench.clock.advance(10);
    assert_eq!(
        bench.call("POST", "auth", &[], request).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn se_gets_the_challenge_of_the_attestation_service() {
    let bench = Bench::new().await;
    let (_, nonce) = bench.challenge("se").await;
    assert_eq!(nonce, "{\"se\":\"request\"}");
}

#[tokio::test]
async fn a_client_chooses_among_the_policies_that_it_may_and_no_others() {
    let bench = Bench::new().await;
    let begin = |params: Value| json!({"version": "0.4.0", "tee": "snp", "extra-params": params}).to_string();
    for params in [
        json!({"policy-id": "lax"}),
        json!({"policy-id": "strict_cpu"}),
        json!({"policy-id": ""}),
        json!({"policy-id": null}),
        json!({"policy-id": ["strict"]}),
    ] {
        let answer = bench.call("POST", "auth", &[], begin(params.clone())).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{params}");
        assert!(
            answer.json()["detail"]
                .as_str()
                .unwrap()
                .contains("client_policy_ids"),
            "{params}"
        );
    }
    for (params, chosen) in [
        (json!({"policy-id": "strict"}), Some("strict".to_owned())),
        (json!({}), None),
        (json!(""), None),
    ] {
        let answer = bench.call("POST", "auth", &[], begin(params)).await;
        let (cookie, nonce) = (
            answer.cookie(),
            answer.json()["nonce"].as_str().unwrap().to_owned(),
        );
        let key = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
        let answer = bench.attest(&cookie, &attestation(&nonce, &key)).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(*bench.attestation.chosen.lock().unwrap(), chosen);
    }
}
