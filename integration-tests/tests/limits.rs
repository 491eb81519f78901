//! What one client can use up, and what is left for the others.

use std::sync::Arc;

use daemon::clock::{Clock, ManualClock, SystemClock};
use reqwest::Method;
use serde_json::json;

use crate::guest::{Guest, assert_refused, token};
use crate::owner::ALLOW_ALL;
use crate::raw;
use crate::stack::{Setup, TestStack};

const PATH: &str = "default/key/one";

async fn with_sessions(max_sessions: usize, clock: Arc<dyn Clock>) -> TestStack {
    let attestation_keys = format!("max_sessions = {max_sessions}");
    let stack = TestStack::with(Setup {
        attestation_keys,
        clock,
        ..Setup::default()
    })
    .await;
    stack.store(PATH, b"s").await;
    stack.release_by(ALLOW_ALL).await;
    stack
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_declared_or_not() {
    let http_keys = "payload_request_size = 1".to_owned();
    let stack = TestStack::with(Setup {
        http_keys,
        ..Setup::default()
    })
    .await;
    let authorization = format!("authorization: Bearer {}", stack.admin_token());
    let answer = stack
        .as_owner(Method::POST, "/kbs/v0/resource/a/b/c", vec![0; (1 << 20) + 1])
        .await;
    assert_refused(answer, 413, "PayloadTooLarge").await;

    // Declared, and never sent.
    let head = format!(
        "POST /kbs/v0/resource/a/b/c HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{authorization}\r\n\
         content-length: 99999999999\r\n\r\n"
    );
    let answer = raw::exchange(stack.kbs_address(), head.as_bytes()).await;
    assert_eq!(
        (answer.status, answer.variant().as_deref()),
        (413, Some("PayloadTooLarge"))
    );

    // Chunks without a declared end.
    let mut request = format!(
        "POST /kbs/v0/resource/a/b/c HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{authorization}\r\n\
         transfer-encoding: chunked\r\n\r\n"
    )
    .into_bytes();
    for _ in 0..20 {
        request.extend(b"10000\r\n");
        request.extend([b'x'; 0x10000]);
        request.extend(b"\r\n");
    }
    let answer = raw::exchange(stack.kbs_address(), &request).await;
    assert_eq!(
        (answer.status, answer.variant().as_deref()),
        (413, Some("PayloadTooLarge"))
    );
    let folder = std::fs::read_dir(stack.resource_folder());
    assert_eq!(folder.map(Iterator::count).unwrap_or_default(), 0);
}

#[tokio::test]
async fn too_many_or_too_long_headers_are_refused() {
    let stack = TestStack::start().await;
    let address = stack.kbs_address();
    let many: Vec<String> = (0..1000).map(|number| format!("x-{number}: 1")).collect();
    let long = vec![format!("x-long: {}", "x".repeat(200 << 10))];
    for headers in [many, long] {
        let answer = raw::request(address, "GET", "/healthz", &headers, "").await;
        assert_eq!(answer.status, 431, "{}", answer.head);
    }
    assert_eq!(
        raw::request(address, "GET", "/healthz", &[], "").await.status,
        200
    );
}

#[tokio::test]
async fn json_nested_without_end_is_malformed_and_harms_nobody() {
    let stack = TestStack::start().await;
    let guest = Guest::sample(&stack);
    let deep = "[".repeat(500_000);
    let answer = stack.send(Method::POST, "/kbs/v0/auth", &*deep).await;
    assert_refused(answer, 400, "AttestationError").await;
    let request = format!("{{\"version\":\"0.4.0\",\"tee\":\"sample\",\"extra-params\":{deep}}}");
    assert_refused(
        stack.send(Method::POST, "/kbs/v0/auth", request).await,
        400,
        "AttestationError",
    )
    .await;
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let challenge = guest.challenge().await;
    let body = guest.attestation(&challenge.nonce).to_string();
    let evidence = "\"primary_evidence\":";
    let at = body.find(evidence).unwrap() + evidence.len();
    let body = format!("{}{nested},\"was\":{}", &body[..at], &body[at..]);
    let request = stack
        .http
        .post(format!("{}/kbs/v0/attest", stack.kbs))
        .header("cookie", &challenge.cookie);
    let answer = request.body(body).send().await.unwrap();
    assert!(
        matches!(answer.status().as_u16(), 400 | 401),
        "{}",
        answer.status()
    );
    guest.handshake().await;
}

#[tokio::test]
async fn a_full_store_sheds_the_oldest_unanswered_challenge_first() {
    let stack = with_sessions(3, Arc::new(SystemClock)).await;
    let guest = Guest::snp(&stack);
    let (session, _) = guest.handshake().await;
    let (first, second, third) = (
        guest.challenge().await,
        guest.challenge().await,
        guest.challenge().await,
    );
    let answer = guest.attest(&first, &guest.attestation(&first.nonce)).await;
    assert_refused(answer, 401, "AttestationError").await;
    for challenge in [second, third] {
        token(
            guest
                .attest(&challenge, &guest.attestation(&challenge.nonce))
                .await,
        )
        .await;
    }
    assert_eq!(guest.get(&session, PATH).await.status(), 200);
}

#[tokio::test]
async fn a_store_full_of_fresh_sessions_asks_to_come_again() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let stack = with_sessions(2, clock.clone()).await;
    let guest = Guest::snp(&stack);
    let (oldest, _) = guest.handshake().await;
    let (newest, _) = guest.handshake().await;
    let request = json!({"version": "0.4.0", "tee": "sample", "extra-params": ""}).to_string();
    let answer = stack.send(Method::POST, "/kbs/v0/auth", &*request).await;
    let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));
    assert!(answer.headers().get("set-cookie").is_none());
    assert_refused(answer, 503, "TooManySessions").await;
    assert_eq!(guest.get(&oldest, PATH).await.status(), 200);

    clock.advance(4);
    assert_eq!(
        stack.send(Method::POST, "/kbs/v0/auth", request).await.status(),
        200
    );
    assert_refused(guest.get(&oldest, PATH).await, 401, "TokenNotFound").await;
    assert_eq!(guest.get(&newest, PATH).await.status(), 200);
}

#[tokio::test]
async fn guests_with_large_claims_take_no_session_of_others_away() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let stack = with_sessions(100, clock.clone()).await;
    let guest = Guest::sample(&stack);
    let (session, _) = guest.handshake().await;
    clock.advance(4);
    // Together far more than all sessions of usual size may keep, and nobody has to be known for it.
    for _ in 0..6 {
        let challenge = guest.challenge().await;
        let mut body = guest.attestation(&challenge.nonce);
        body["tee-evidence"]["primary_evidence"]["svn"] = json!("1".repeat(1_500_000));
        let answer = guest.attest(&challenge, &body).await;
        assert_eq!(answer.status(), 200);
        clock.advance(4);
    }
    assert_eq!(guest.get(&session, PATH).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_challenges_takes_no_attested_session_away() {
    let stack = Arc::new(with_sessions(100, Arc::new(SystemClock)).await);
    let guest = Guest::sample(&stack);
    let (session, _) = guest.handshake().await;
    let request = json!({"version": "0.4.0", "tee": "snp", "extra-params": ""}).to_string();
    let flood: Vec<_> = (0..8)
        .map(|_| {
            let (stack, request) = (Arc::clone(&stack), request.clone());
            tokio::spawn(async move {
                for _ in 0..250 {
                    let answer = stack.send(Method::POST, "/kbs/v0/auth", &*request).await;
                    assert_eq!(answer.status(), 200);
                }
            })
        })
        .collect();
    for flood in flood {
        flood.await.unwrap();
    }
    assert_eq!(guest.open(guest.get(&session, PATH).await).await, b"s");
    guest.handshake().await;
}
