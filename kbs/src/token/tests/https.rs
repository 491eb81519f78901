//! Published key sets behind addresses.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::get;
use daemon::serve::{Limits, Listener, ServeOptions, Serving, serve};
use daemon::shutdown::Shutdown;
use daemon::tls::TlsServerConfig;

use super::super::jwks::{KeySets, Pace};
use super::super::source::{Fetcher, Source};
use super::*;

/// An issuer's web server with a certificate of its own authority.
struct Web {
    desk: Desk,
    ca: PathBuf,
    origin: String,
    _serving: Serving,
}

impl Web {
    async fn new(router: impl FnOnce(&str) -> Router) -> Self {
        daemon::init();
        let (desk, authority, key) = (Desk::new(), Authority::new("web"), KeyPair::generate().unwrap());
        let pem = authority.issue(&key, |params| {
            params.subject_alt_names = vec![rcgen::SanType::DnsName("localhost".try_into().unwrap())];
        });
        let ca = desk.file("web-ca.pem", &authority.certificate.pem());
        let certificate = desk.file("web.pem", &pem);
        let tls = TlsServerConfig::new(certificate, desk.file("web.key", &key.serialize_pem()));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let origin = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let options = ServeOptions {
            name: "web",
            listeners: vec![Listener::Bound(listener)],
            tls: Some(tls.load().unwrap()),
            limits: Limits::default(),
        };
        let router = router(&origin);
        let shutdown = Shutdown::manual(Duration::ZERO);
        let _serving = serve(options, router, shutdown).await.unwrap();
        Self {
            desk,
            ca,
            origin,
            _serving,
        }
    }

    async fn sets(&self, path: &str) -> Arc<KeySets> {
        let sources = vec![Source::parse(&format!("{}{path}", self.origin), false).unwrap()];
        let fetcher = Fetcher::new(&sources, std::slice::from_ref(&self.ca)).unwrap();
        let pace = Pace {
            unknown_key_rest: Duration::ZERO,
            ..Pace::default()
        };
        KeySets::open(sources, fetcher, pace).await.unwrap()
    }
}

fn set(key: &SigningKey) -> String {
    json!({"keys": [key.public_jwk().with_kid("k")]}).to_string()
}

#[tokio::test]
async fn a_set_is_fetched_directly_or_by_discovery() {
    let key = SigningKey::generate_p256().unwrap();
    let body = set(&key);
    let web = Web::new(|origin| {
        let discovery = json!({"issuer": origin, "jwks_uri": format!("{origin}/keys")}).to_string();
        Router::new().route("/keys", get(async || body)).route(
            "/tenant/.well-known/openid-configuration",
            get(async || discovery),
        )
    })
    .await;
    for path in ["/keys", "/tenant", "/tenant/"] {
        assert!(web.sets(path).await.by_id("k").await.is_ok(), "{path}");
    }
}

#[tokio::test]
async fn discovery_does_not_lead_to_plain_http_or_a_file() {
    let key = SigningKey::generate_p256().unwrap();
    let file = Desk::new();
    let path = file.file("set", &set(&key)).display().to_string();
    // It has the very set.
    let body = set(&key);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = format!("http://{}/keys", listener.local_addr().unwrap());
    let router = Router::new().route("/keys", get(async || body));
    tokio::spawn(async move { axum::serve(listener, router).await });
    for target in [plain, format!("file://{path}"), path] {
        let discovery = json!({ "jwks_uri": target }).to_string();
        let web =
            Web::new(|_| Router::new().route("/.well-known/openid-configuration", get(async || discovery)))
                .await;
        assert!(matches!(
            web.sets("").await.by_id("k").await,
            Err(TokenError::KeysUnavailable)
        ));
    }
}

#[tokio::test]
async fn redirects_errors_and_oversized_answers_are_no_sets() {
    let key = SigningKey::generate_p256().unwrap();
    let body = set(&key);
    let padded = format!("{body}{}", " ".repeat(2 << 20));
    let web = Web::new(|_| {
        Router::new()
            .route("/keys", get(async || body))
            .route("/moved", get(async || Redirect::temporary("/keys")))
            .route("/error", get(async || StatusCode::INTERNAL_SERVER_ERROR))
            .route("/large", get(async || padded))
            .route("/text", get(async || "not json"))
    })
    .await;
    for path in ["/moved", "/error", "/large", "/text", "/missing"] {
        let sets = web.sets(path).await;
        assert!(
            matches!(sets.by_id("k").await, Err(TokenError::KeysUnavailable)),
            "{path}"
        );
    }
    assert!(web.sets("/keys").await.by_id("k").await.is_ok());
}

#[tokio::test]
async fn a_server_with_a_foreign_certificate_is_not_asked() {
    let key = SigningKey::generate_p256().unwrap();
    let body = set(&key);
    let web = Web::new(|_| Router::new().route("/keys", get(async || body))).await;
    let sources = vec![Source::parse(&format!("{}/keys", web.origin), false).unwrap()];
    let other = web
        .desk
        .file("other-ca.pem", &Authority::new("web").certificate.pem());
    let fetcher = Fetcher::new(&sources, &[other]).unwrap();
    let sets = KeySets::open(sources, fetcher, Pace::default()).await.unwrap();
    assert!(matches!(sets.by_id("k").await, Err(TokenError::KeysUnavailable)));
}

#[tokio::test]
async fn an_issuer_that_comes_up_later_is_used_from_then_on() {
    let key = SigningKey::generate_p256().unwrap();
    let (body, asked) = (set(&key), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&asked);
    let web = Web::new(|_| {
        Router::new().route(
            "/keys",
            get(async move || match count.fetch_add(1, Ordering::Relaxed) {
                0 => Err(StatusCode::SERVICE_UNAVAILABLE),
                _ => Ok(body),
            }),
        )
    })
    .await;
    let sets = web.sets("/keys").await;
    assert!(sets.by_id("k").await.is_ok());
    assert!(sets.by_id("k").await.is_ok());
    // A known id is not a reason to ask again.
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn addresses_in_a_token_are_never_fetched() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let web = Web::new(|_| {
        Router::new().fallback(async move || {
            count.fetch_add(1, Ordering::Relaxed);
            StatusCode::NOT_FOUND
        })
    })
    .await;
    let key = SigningKey::generate_p256().unwrap();
    let config = AttestationTokenConfig {
        trusted_jwk_sets: vec![web.desk.jwks("set", &[("known", &key)])],
        jwk_set_ca_paths: vec![web.ca.clone()],
        ..Default::default()
    };
    let verifier = verifier(config).await;
    let url = format!("{}/keys", web.origin);
    for header in [
        json!({"alg": "ES256", "jku": url, "kid": "k"}),
        json!({"alg": "ES256", "x5u": url, "kid": "k"}),
        json!({"alg": "ES256", "jku": url, "jwk": key.public_jwk().with_x5u(url.clone())}),
    ] {
        let other = SigningKey::generate_p256().unwrap();
        let token = other.sign_compact(&header, &ear()).unwrap();
        assert!(verifier.verify(&token, NOW).await.is_err());
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}
