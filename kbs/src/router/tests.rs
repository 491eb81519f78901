//! What goes over the wire, from a guest's and from an administrator's side.

mod admin;
mod decisions;
mod guest;
mod handshake;
mod leaks;
mod policies;
mod resource_policies;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};

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
async fn a_body_over_the_limit_is_refused_before_anything_else() {
    let bench = Bench::new().await;
    let big = vec![b'x'; (1 << 20) + 1];
    for path in ["auth", "attest", "resource/a/b/c", "resource-policy"] {
        let answer = bench.call("POST", path, &[], big.clone()).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
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
    assert!(text.contains("kbs_build_info{"), "{text}");
    assert!(!text.contains("canary"));
}
