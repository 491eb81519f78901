use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use axum::routing::get;
use tower::{Layer, ServiceExt};

use super::*;

/// What was logged, for tests to read.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Sends everything this thread logs here until the guard is dropped.
    pub(crate) fn capture(&self, filter: &str, format: LogFormat) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        subscriber(EnvFilter::new(filter), format, move || log.clone()).set_default()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn context(headers: &[(&'static str, &str)]) -> RequestContext {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    RequestContext::from_headers(&map, None)
}

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn a_well_formed_foreign_request_id_is_kept() {
    let longest = "a".repeat(64);
    for id in ["1", "Guest-7_b.2", longest.as_str()] {
        assert_eq!(context(&[("x-request-id", id)]).request_id().to_string(), id);
    }
}

#[test]
fn any_other_foreign_request_id_is_replaced() {
    let too_long = "a".repeat(65);
    for id in ["", "a b", "a\tb", "a/b", "\"", "é", too_long.as_str()] {
        let ours = context(&[("x-request-id", id)]).request_id().to_string();
        assert_eq!(ours.len(), 32, "{id:?}");
        assert!(ours.bytes().all(|b| b.is_ascii_hexdigit()), "{id:?}");
    }
}

#[test]
fn a_foreign_trace_goes_on_under_a_span_of_our_own() {
    let context = context(&[("traceparent", PARENT)]);
    assert_eq!(context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    let ours = context.traceparent();
    assert!(
        ours.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && ours.ends_with("-01"),
        "{ours}"
    );
    assert_ne!(ours, PARENT);
    assert_eq!(ours.len(), PARENT.len());
}

#[test]
fn a_malformed_trace_context_counts_as_absent() {
    let cases = [
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "",
    ];
    for case in cases {
        let trace = context(&[("traceparent", case)]).trace_id().to_string();
        assert_ne!(trace.to_lowercase(), "4bf92f3577b34da6a3ce929d0e0e4736", "{case}");
        assert_ne!(trace, "0".repeat(32), "{case}");
    }
}

#[test]
fn later_versions_of_the_trace_context_are_read_as_far_as_known() {
    let later = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-what.comes";
    assert_eq!(
        context(&[("traceparent", later)]).trace_id().to_string(),
        "4bf92f3577b34da6a3ce929d0e0e4736"
    );
}

#[test]
fn a_json_line_is_one_object_with_the_promised_fields() {
    let log = Log::default();
    let guard = log.capture("info", LogFormat::Json);
    context(&[("x-request-id", "req-1"), ("traceparent", PARENT)]).sync_scope(|| {
        tracing::info!(count = 3_u64, level = "shadow", name = %"a\"b\n", "two\nlines");
    });
    drop(guard);
    let text = log.text();
    assert_eq!(text.lines().count(), 1, "{text}");
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["target"], "daemon::telemetry::tests");
    assert_eq!(line["message"], "two\nlines");
    assert_eq!(line["request_id"], "req-1");
    assert_eq!(line["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(line["count"], 3);
    assert_eq!(line["name"], "a\"b\n");
    assert_eq!(line["field.level"], "shadow");
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn outside_a_request_there_are_no_ids() {
    let log = Log::default();
    let guard = log.capture("info", LogFormat::Json);
    tracing::info!("started");
    drop(guard);
    let line: serde_json::Value = serde_json::from_str(&log.text()).unwrap();
    assert!(line.get("request_id").is_none() && line.get("trace_id").is_none());
}

#[test]
fn logged_text_can_neither_begin_a_line_nor_steer_a_terminal() {
    let log = Log::default();
    let guard = log.capture("info", LogFormat::Text);
    let hostile = "x\n2026-01-01T00:00:00Z INFO kbs: all is well\u{1b}[2J\u{9b}2J\r";
    tracing::info!(field = hostile, display = %hostile, debug = ?hostile, "{hostile}");
    drop(guard);
    let text = log.text();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(
        !text.trim_end_matches('\n').contains(char::is_control),
        "{text:?}"
    );
}

#[test]
fn a_text_line_reads_name_equals_value() {
    let log = Log::default();
    let guard = log.capture("info", LogFormat::Text);
    let address: std::net::SocketAddr = "127.0.0.1:80".parse().unwrap();
    tracing::info!(%address, server = "two words", "listening");
    drop(guard);
    let text = log.text();
    assert!(
        text.ends_with(": listening address=127.0.0.1:80 server=\"two words\"\n"),
        "{text}"
    );
}

#[test]
fn foreign_crates_never_log_below_info() {
    let log = Log::default();
    let guard = log.capture("trace", LogFormat::Text);
    tracing::trace!(target: "h2::codec", "canary");
    tracing::debug!(target: "hyper", "canary");
    tracing::trace!(target: "kbsx", "canary");
    tracing::info!(target: "hyper", "foreign");
    tracing::trace!(target: "kbs::session", "ours");
    drop(guard);
    let text = log.text();
    assert!(!text.contains("canary"), "{text}");
    assert!(text.contains("foreign") && text.contains("ours"), "{text}");
}

#[tokio::test]
async fn the_context_reaches_the_handler_and_the_response() {
    let seen = || async {
        RequestContext::current()
            .map(|c| c.request_id().to_string())
            .unwrap_or_default()
    };
    let app = RequestContextLayer::default().layer(Router::new().route("/", get(seen)));
    let request = Request::get("/")
        .header("x-request-id", "abc")
        .body(Body::empty())
        .unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["x-request-id"], "abc");
    let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
    assert_eq!(&body[..], b"abc");

    let response = app
        .oneshot(Request::get("/").body(Body::empty()).unwrap())
        .await
        .unwrap();
    let id = response.headers()["x-request-id"].clone();
    let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
    assert_eq!(&body[..], id.as_bytes());
    assert!(RequestContext::current().is_none());
}

#[tokio::test]
async fn a_handler_that_hangs_is_given_up() {
    let app = Router::new().route("/", get(std::future::pending::<()>));
    let app = RequestContextLayer {
        request_timeout: std::time::Duration::from_millis(20),
        ..RequestContextLayer::default()
    }
    .layer(app);
    let response = app
        .clone()
        .oneshot(Request::get("/").body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["request_id"], id);

    let grpc = Request::get("/")
        .header("content-type", "application/grpc")
        .body(Body::empty())
        .unwrap();
    let response = app.oneshot(grpc).await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "4");
}

#[test]
fn the_environment_wins_over_the_default_filter_and_must_be_valid() {
    assert_eq!(chosen_filter(None, "warn").unwrap().to_string(), "warn");
    assert_eq!(chosen_filter(Some(" "), "warn").unwrap().to_string(), "warn");
    assert_eq!(chosen_filter(Some("debug"), "warn").unwrap().to_string(), "debug");
    assert!(matches!(
        chosen_filter(Some("kbs=loud"), "warn"),
        Err(TelemetryError::Filter(_))
    ));
}

#[test]
fn an_error_is_logged_with_its_causes() {
    #[derive(Debug, thiserror::Error)]
    #[error("the chain is refused")]
    struct Refused(#[source] std::io::Error);
    for format in [LogFormat::Text, LogFormat::Json] {
        let log = Log::default();
        let guard = log.capture("info", format);
        let refused = Refused(std::io::Error::other("its root is not trusted"));
        tracing::error!(reason = &refused as &dyn std::error::Error, "attestation");
        drop(guard);
        let text = log.text();
        assert!(
            text.contains("the chain is refused: its root is not trusted"),
            "{text}"
        );
    }
}
