//! A KBS for tests, on a free port: it answers what recorded exchanges answer, or what a test scripts, and keeps
//! what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use jose::tee_key::TeePublicKey;
use jose::{Secret, jwe};
use serde_json::{Value, json};

/// The nonce of a recorded challenge.
pub(crate) const NONCE: &str = "7O12+sTloUQlo5AREGCJEl2IoRi90JkhUsZsl6eztGk=";
const SESSION: &str = "kbs-session-id=f7a2369f8cdc4152835a9ec4634e5a78";
pub(crate) const SECRET: &[u8] = b"this is the content of the secret";

/// What came in.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    pub(crate) cookie: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// One answer that overrides the usual one.
#[derive(Debug, Clone)]
pub(crate) struct Scripted {
    path: &'static str,
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: String,
}

#[derive(Default)]
struct Inner {
    seen: Vec<Seen>,
    script: VecDeque<Scripted>,
    key: Option<TeePublicKey>,
    challenge_params: Value,
}

/// The server; it stops when dropped.
pub(crate) struct FakeKbs {
    pub(crate) url: String,
    inner: Arc<Mutex<Inner>>,
    server: tokio::task::JoinHandle<()>,
}

impl FakeKbs {
    pub(crate) async fn start() -> Self {
        let inner = Arc::new(Mutex::new(Inner {
            challenge_params: json!(""),
            ..Inner::default()
        }));
        let router = Router::new().fallback(answer).with_state(inner.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, inner, server }
    }

    /// The next request to a path that begins so is answered so; several are used up in order.
    pub(crate) fn script(&self, path: &'static str, status: u16, body: impl Into<String>) {
        self.script_with(path, status, &[], body);
    }

    pub(crate) fn script_with(
        &self,
        path: &'static str,
        status: u16,
        headers: &[(&'static str, &'static str)],
        body: impl Into<String>,
    ) {
        let scripted = Scripted {
            path,
            status,
            headers: headers.to_vec(),
            body: body.into(),
        };
        self.inner.lock().unwrap().script.push_back(scripted);
    }

    /// An error of the KBS's form.
    pub(crate) fn script_error(&self, path: &'static str, status: u16, kind: &str, detail: &str) {
        let kind = format!("https://github.com/confidential-containers/kbs/errors/{kind}");
        self.script(path, status, json!({"type": kind, "detail": detail}).to_string());
    }

    /// The `extra-params` of challenges.
    pub(crate) fn challenge_params(&self, params: Value) {
        self.inner.lock().unwrap().challenge_params = params;
    }

    /// Secrets are sealed for this key even though nobody attested.
    pub(crate) fn seal_for(&self, key: TeePublicKey) {
        self.inner.lock().unwrap().key = Some(key);
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.inner.lock().unwrap().seen.clone()
    }

    /// Method and path of what came in.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.seen()
            .iter()
            .map(|seen| format!("{} {}", seen.method, seen.path))
            .collect()
    }
}

impl Drop for FakeKbs {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    State(inner): State<Arc<Mutex<Inner>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut inner = inner.lock().unwrap();
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let path = uri.path_and_query().unwrap().as_str();
    let path = path.strip_prefix("/kbs/v0/").unwrap_or(path).to_owned();
    let seen = Seen {
        method: method.clone(),
        path: path.clone(),
        authorization: header("authorization"),
        cookie: header("cookie"),
        content_type: header("content-type"),
        body: body.to_vec(),
    };
    inner.seen.push(seen.clone());
    let scripted = inner
        .script
        .iter()
        .position(|scripted| path.starts_with(scripted.path));
    if let Some(scripted) = scripted.and_then(|index| inner.script.remove(index)) {
        let status = StatusCode::from_u16(scripted.status).unwrap();
        let mut response = (status, scripted.body).into_response();
        for (name, value) in scripted.headers {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        return response;
    }
    match (method.as_str(), path.as_str()) {
        ("POST", "auth") => {
            let cookie = format!("{SESSION}; Expires=Sun, 22 Nov 2026 01:02:32 GMT");
            let challenge = json!({"nonce": NONCE, "extra-params": inner.challenge_params});
            ([("set-cookie", cookie)], challenge.to_string()).into_response()
        }
        ("POST", "attest") if seen.cookie.as_deref() == Some(SESSION) => {
            let attestation: Value = serde_json::from_slice(&body).unwrap();
            let key = TeePublicKey::try_from(&attestation["runtime-data"]["tee-pubkey"]).unwrap();
            inner.key = Some(key);
            json!({"token": "h.p.s"}).to_string().into_response()
        }
        ("GET", _) if path.starts_with("resource/") => {
            match (&inner.key, &seen.cookie, &seen.authorization) {
                (Some(key), Some(_), _) | (Some(key), _, Some(_)) => {
                    let sealed = jwe::seal(&Secret::from(SECRET.to_vec()), key).unwrap();
                    serde_json::to_string(&sealed).unwrap().into_response()
                }
                _ => (StatusCode::UNAUTHORIZED, NOT_ATTESTED).into_response(),
            }
        }
        ("POST" | "DELETE", _) => StatusCode::OK.into_response(),
        _ => (StatusCode::NOT_FOUND, NO_PLUGIN).into_response(),
    }
}

/// Recorded.
const NOT_ATTESTED: &str = r#"{"type":"https://github.com/confidential-containers/kbs/errors/TokenNotFound","detail":"Attestation Token not found"}"#;
/// Recorded.
const NO_PLUGIN: &str = r#"{"type":"https://github.com/confidential-containers/kbs/errors/PluginNotFound","detail":"Plugin nope not found"}"#;
