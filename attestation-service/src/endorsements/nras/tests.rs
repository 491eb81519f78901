use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, Response};
use serde_json::Value;
use verifier::nvidia::NrasDevice;

use super::*;
use crate::testing::Server;

/// Keeps what it was asked, and answers as told.
struct FakeNras {
    server: Server,
    asked: Arc<Mutex<Vec<(Method, String, String)>>>,
}

impl FakeNras {
    async fn start(answer: impl Fn() -> Response<Body> + Clone + Send + Sync + 'static) -> Self {
        let asked = Arc::<Mutex<Vec<_>>>::default();
        let log = Arc::clone(&asked);
        let router = axum::Router::new().fallback(move |request: Request<Body>| async move {
            let (parts, body) = request.into_parts();
            let body = to_bytes(body, 1 << 20).await.unwrap();
            let text = String::from_utf8(body.to_vec()).unwrap();
            log.lock()
                .unwrap()
                .push((parts.method, parts.uri.to_string(), text));
            answer()
        });
        Self {
            server: Server::start(router, None).await,
            asked,
        }
    }

    fn client(&self) -> Nras {
        nras(&self.server.url())
    }

    fn asked(&self) -> Vec<(Method, String, String)> {
        self.asked.lock().unwrap().clone()
    }
}

fn nras(url: &str) -> Nras {
    daemon::init();
    Nras::new(&NrasConfig {
        verifier_url: format!("{url}/v4/attest/"),
        jwks_url: format!("{url}/keys"),
        timeout_seconds: 1,
        ..NrasConfig::default()
    })
    .unwrap()
}

fn status(status: u16, body: impl Into<Body>) -> Response<Body> {
    Response::builder().status(status).body(body.into()).unwrap()
}

fn verdict(kind: NrasDevice, arch: &str) -> EndorsementId {
    EndorsementId::NrasVerdict(Arc::new(NrasRequest {
        kind,
        arch: arch.to_owned(),
        nonce: [0xab; 32],
        evidence: vec![0xff, 0xfe],
        certificate: "UEVN".to_owned(),
    }))
}

fn is_unavailable(outcome: Result<Option<Fetched>, EndorsementError>, reason: &str) {
    let error = outcome.unwrap_err();
    assert!(matches!(error, EndorsementError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains(reason), "{error}");
}

#[tokio::test]
async fn a_device_is_handed_over_by_its_kind_with_nonce_evidence_and_chain() {
    let fake = FakeNras::start(|| status(200, "[]")).await;
    for (kind, arch) in [
        (NrasDevice::Gpu, "HOPPER"),
        (NrasDevice::Gpu, "BLACKWELL"),
        (NrasDevice::Switch, "LS10"),
    ] {
        let answer = fake.client().fetch(&verdict(kind, arch)).await.unwrap();
        assert_eq!(answer, Some(b"[]".to_vec().into()));
        let (method, path, body) = fake.asked().pop().unwrap();
        assert_eq!((method, path), (Method::POST, format!("/v4/attest/{kind}")));
        let body: Value = serde_json::from_str(&body).unwrap();
        let expected = json!({
            "nonce": "ab".repeat(32),
            "arch": arch,
            "evidence_list": [{"evidence": "//4=", "certificate": "UEVN"}],
            "claims_version": "3.0",
        });
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn the_keys_have_an_address_of_their_own() {
    let fake = FakeNras::start(|| status(200, "{}")).await;
    let keys = fake.client().fetch(&EndorsementId::NrasKeys).await.unwrap();
    assert_eq!(keys, Some(b"{}".to_vec().into()));
    assert_eq!(fake.asked(), [(Method::GET, "/keys".to_owned(), String::new())]);
}

#[tokio::test]
async fn what_the_service_calls_malformed_is_no_outage() {
    for code in [400, 422] {
        let fake = FakeNras::start(move || status(code, "bad evidence")).await;
        let answer = fake.client().fetch(&verdict(NrasDevice::Gpu, "HOPPER")).await;
        assert_eq!(answer.unwrap(), None);
    }
}

#[tokio::test]
async fn every_other_answer_is_an_outage_and_says_nothing_about_the_evidence() {
    for code in [301, 401, 403, 404, 408, 413, 429, 500, 502, 503] {
        let fake = FakeNras::start(move || status(code, "")).await;
        let client = fake.client();
        is_unavailable(
            client.fetch(&verdict(NrasDevice::Gpu, "HOPPER")).await,
            &code.to_string(),
        );
        let keys = client.fetch(&EndorsementId::NrasKeys).await;
        assert!(
            matches!(keys, Err(EndorsementError::Unavailable { .. })),
            "{code}"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = FakeNras::start(|| status(200, "[]")).await;
    let location = elsewhere.server.url();
    let fake = FakeNras::start(move || {
        let response = Response::builder()
            .status(307)
            .header("location", location.as_str());
        response.body(Body::empty()).unwrap()
    })
    .await;
    is_unavailable(
        fake.client().fetch(&verdict(NrasDevice::Gpu, "HOPPER")).await,
        "307",
    );
    is_unavailable(fake.client().fetch(&EndorsementId::NrasKeys).await, "307");
    assert_eq!(elsewhere.asked(), []);
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let fake = FakeNras::start(|| status(200, vec![b' '; MAX_ANSWER + 1])).await;
    let answer = fake.client().fetch(&verdict(NrasDevice::Gpu, "HOPPER")).await;
    is_unavailable(answer, "longer than");
    is_unavailable(fake.client().fetch(&EndorsementId::NrasKeys).await, "longer than");
}

#[tokio::test]
async fn a_service_that_is_silent_or_not_there_is_an_outage() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = nras(&format!("http://{}", listener.local_addr().unwrap()));
    is_unavailable(silent.fetch(&EndorsementId::NrasKeys).await, "");
    let gone = nras("http://127.0.0.1:9");
    is_unavailable(gone.fetch(&verdict(NrasDevice::Switch, "LS10")).await, "");
}

#[test]
fn keys_that_anybody_on_the_way_could_replace_are_refused_at_start() {
    daemon::init();
    let with = |jwks_url: &str| {
        Nras::new(&NrasConfig {
            jwks_url: jwks_url.to_owned(),
            ..NrasConfig::default()
        })
    };
    for url in [
        "http://nras.example/keys",
        "http://127.0.0.1.example/keys",
        "ftp://127.0.0.1/keys",
        "https://user@nras.example/keys",
        "keys.json",
    ] {
        assert!(with(url).is_err(), "{url}");
    }
    for url in [
        "https://nras.example/keys",
        "http://127.0.0.1:1/",
        "http://[::1]:1/",
        "http://localhost/",
    ] {
        assert!(with(url).is_ok(), "{url}");
    }
}

#[test]
fn nothing_else_is_asked_of_it() {
    let client = nras("http://127.0.0.1:9");
    assert!(client.serves(&EndorsementId::NrasKeys));
    assert!(client.serves(&verdict(NrasDevice::Gpu, "HOPPER")));
    assert!(!client.serves(&EndorsementId::DcapRootCrl));
}
