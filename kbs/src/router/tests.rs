//! What goes over the wire, from a guest's and from an administrator's side.

mod admin;
mod cheap;
mod decisions;
mod guest;
mod handshake;
mod leaks;
mod policies;
mod resource_policies;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::json;

use crate::testing::Bench;

#[tokio::test]
async fn health_needs_nobody_and_readiness_needs_the_attestation_service() {
    let bench = Bench::new().await;
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    assert_eq!(bench.send(get("/healthz")).await.status, StatusCode::OK);
    assert_eq!(bench.send(get("/readyz")).await.status, StatusCode::OK);
    bench
        .attestation
        .down
        .store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(bench.send(get("/healthz")).await.status, StatusCode::OK);
    let answer = bench.send(get("/readyz")).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["attestation_service"], false);
}

#[tokio::test]
async fn a_path_outside_the_protocol_is_not_found() {
    let bench = Bench::new().await;
    for path in [
        "/",
        "/foo",
        "/kbs",
        "/kbs/v0",
        "/kbs/v1/auth",
        "//kbs/v0/auth",
        "/metrics",
    ] {
        let answer = bench.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn an_unknown_plugin_is_named() {
    let bench = Bench::new().await;
    let answer = bench.call("GET", "nope/a", &[], "").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.error(), "PluginNotFound");
    assert_eq!(answer.json()["detail"], "Plugin nope not found");
    let answer = bench.call("GET", "auth", &[], "").await;
    assert_eq!(
        (answer.status, answer.error()),
        (StatusCode::NOT_FOUND, "PluginNotFound".into())
    );
}

#[tokio::test]
async fn other_methods_are_refused_with_the_allowed_ones() {
    let bench = Bench::new().await;
    let answer = bench.call("PATCH", "auth", &[], "").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers[header::ALLOW], "GET, POST, PUT, DELETE");
    let answer = bench.call("PUT", "resource/a/b/c", &[], "x").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers[header::ALLOW], "GET, POST, DELETE");
}

#[tokio::test]
async fn hostile_paths_are_malformed_requests() {
    let bench = Bench::new().await;
    for path in [
        "resource/a/../../auth",
        "resource/%2e%2e/%2e%2e/x",
        "resource//a/b",
        "resource/a/b/c%00",
        "resource/a/b/%ff",
        "resource/a/b/c/",
    ] {
        let answer = bench.administer("POST", path, "x").await;
        assert_eq!(
            (answer.status, answer.error()),
            (StatusCode::BAD_REQUEST, "InvalidRequestPath".into()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let bench = Bench::new().await;
    let big = vec![b'x'; (1 << 20) + 1];
    let (cookie, _) = bench.challenge("snp").await;
    // There may be an event log in an Attestation.
    for (path, size) in [("auth", (1 << 20) + 1), ("attest", (8 << 20) + 1)] {
        let body = vec![b'x'; size];
        let answer = bench.call("POST", path, &[("cookie", &cookie)], body).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
    for path in ["resource/a/b/c", "resource-policy", "reference-value"] {
        let answer = bench.administer("POST", path, big.clone()).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
}

#[tokio::test]
async fn a_policy_that_is_not_set_is_refused_in_the_ecosystems_words() {
    let bench = Bench::new().await;
    for (body, cause) in [
        ("[", "Illegal SetPolicy Request Json"),
        ("{}", "No `policy` field inside SetPolicy Request Json"),
        (
            r#"{"policy":null}"#,
            "`policy` field is not a string in SetPolicy Request Json",
        ),
        (
            r#"{"policy":["cGFja2FnZSBwb2xpY3k"]}"#,
            "`policy` field is not a string in SetPolicy Request Json",
        ),
    ] {
        let answer = bench.administer("POST", "resource-policy", body).await;
        let detail = answer.json()["detail"].clone();
        assert_eq!(
            (answer.status, answer.error()),
            (StatusCode::BAD_REQUEST, "ParsePolicyError".into()),
            "{body}"
        );
        assert_eq!(detail, format!("Failed to parse policy: {cause}"), "{body}");
    }
}

#[tokio::test]
async fn nothing_is_kept_of_what_somebody_sends_who_may_not_administer() {
    // More than any budget, and never to its end: it is not waited for.
    struct Watched(Arc<AtomicUsize>);
    impl tokio_stream::Stream for Watched {
        type Item = Result<axum::body::Bytes, std::convert::Infallible>;

        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Poll::Ready(Some(Ok(vec![b'x'; 64 << 10].into())))
        }
    }
    let bench = Bench::new().await;
    for (method, path) in [
        ("POST", "resource/a/b/c"),
        ("POST", "resource-policy"),
        ("PUT", "resource-policy/main"),
        ("POST", "attestation-policy"),
        ("POST", "reference-value"),
        ("POST", "policy-test"),
    ] {
        let read = Arc::new(AtomicUsize::new(0));
        let body = Body::from_stream(Watched(Arc::clone(&read)));
        let answer = bench.call(method, path, &[], body).await;
        assert_eq!(
            (answer.status, answer.error()),
            (StatusCode::UNAUTHORIZED, "AdminAuthAccess".into()),
            "{method} {path}"
        );
        // Thrown away piece by piece, up to the largest that a body may be.
        assert!(read.load(Ordering::SeqCst) <= 18, "{method} {path}");
    }
}

#[tokio::test]
async fn who_comes_when_the_budget_for_bodies_is_used_up_is_asked_to_come_again() {
    let bench = Bench::new().await;
    let request = json!({ "version": "0.4.0", "tee": "snp", "extra-params": {} }).to_string();
    let held = bench.kbs.bodies.hold_all_for_tests();
    let answer = bench.call("POST", "auth", &[], request.clone()).await;
    assert_eq!(
        (answer.status, answer.error()),
        (StatusCode::SERVICE_UNAVAILABLE, "TooBusy".into())
    );
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
    let answer = bench.administer("POST", "resource/a/b/c", "value").await;
    assert_eq!(answer.status, StatusCode::OK);
    drop(held);
    let answer = bench.call("POST", "auth", &[], request).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn metrics_count_without_naming_resources() {
    let bench = Bench::new().await;
    bench
        .administer("POST", "resource/default/canary/one", "value")
        .await;
    bench.attested("snp").await;
    let text = bench.kbs.metrics().registry().text().unwrap();
    assert!(text.contains("kbs_resource_writes_total 1"), "{text}");
    assert!(
        text.contains("kbs_attestation_successes_total{tee_type=\"snp\"} 1"),
        "{text}"
    );
    assert!(text.contains("kbs_http_requests_total 3"), "{text}");
    for label in ["build_date=\"", "git_hash=\"", "version=\""] {
        let told = text
            .lines()
            .any(|line| line.starts_with("kbs_build_info{") && line.contains(label));
        assert!(told, "{label}: {text}");
    }
    assert!(!text.contains("canary"));
}
