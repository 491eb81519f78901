//! Intel Trust Authority: it appraises TDX, SGX and Azure's TDX by their binding alone, and behaves as it is told.
//!
//! Its tokens have the form of the real ones (Intel, "Attestation tokens and claims"): RS256 or PS384 by an RSA key of
//! its JWK set, the TEE's claims below `tdx` or `sgx`. Quotes are taken at their word: nobody signed them.

mod appraisal;
mod signer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::routing::{get, post};
use axum::{Json, Router};
use daemon::serve::{Limits, Listener, ServeOptions, Serving, serve};
use daemon::shutdown::Shutdown;
use daemon::tls::TlsServerConfig;
use serde_json::{Value, json};

pub use appraisal::{MATCHING_POLICY, quote};
pub use signer::{Signature, Signer};

/// The key of its only customer.
pub const API_KEY: &str = "canary-api-key-djE6Zm9v";
/// What it calls itself.
pub const ISSUER: &str = "https://portal.trustauthority.intel.com";
/// How it behaves.
#[derive(Clone, Debug, Default)]
pub enum Mood {
    /// As it should.
    #[default]
    Good,
    /// It answers with this status and reason.
    Status(u16, &'static str),
    /// It answers after this time.
    Slow(Duration),
    /// It answers with so many bytes of nothing.
    Oversized(usize),
    /// It answers with something that is no token.
    Nonsense,
    /// It sends the client elsewhere.
    Redirect(String),
    /// A token that was changed so before it was signed.
    Claims(fn(&mut Value)),
    /// A token by a key that is not in its set, under the id of one that is.
    Forged,
    /// A token that holds no signature at all.
    Unsigned,
    /// A token that brings its own key in the header.
    OwnKey,
}

/// The service on a free port of the loopback interface; it stops when dropped.
pub struct FakeIta {
    url: String,
    authority: PathBuf,
    inner: Arc<Mutex<Inner>>,
    stop: Shutdown,
    _serving: Serving,
}

struct Inner {
    mood: Mood,
    signature: Signature,
    signer: Signer,
    stranger: Signer,
    origin: String,
    keys_are_down: bool,
    requests: Vec<Asked>,
    key_requests: usize,
}

/// A call for a token.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its path.
    pub path: String,
    /// Its headers, by name.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Value,
}

type Shared = State<Arc<Mutex<Inner>>>;

impl FakeIta {
    /// Starts it; the files of its TLS are written to `dir`.
    ///
    /// # Errors
    /// There is no port, no randomness, or `dir` cannot be written to.
    pub async fn start(dir: &Path) -> anyhow::Result<Self> {
        daemon::init();
        let (tls, authority) = tls(dir)?;
        let inner = Arc::new(Mutex::new(Inner {
            mood: Mood::Good,
            signature: Signature::Ps384,
            signer: Signer::new("key-0")?,
            stranger: Signer::new("key-0")?,
            origin: String::new(),
            keys_are_down: false,
            requests: Vec::new(),
            key_requests: 0,
        }));
        let router = Router::new()
            .route("/appraisal/v2/attest", post(attest))
            .route("/appraisal/v2/attest/azure", post(attest))
            .route("/certs", get(keys))
            .route("/.well-known/openid-configuration", get(discovery))
            .fallback(async || "<html>Intel Trust Authority</html>")
            .with_state(Arc::clone(&inner));
        let options = ServeOptions {
            name: "fake-ita",
            listeners: vec![Listener::Address(([127, 0, 0, 1], 0).into())],
            tls: Some(tls.load()?),
            limits: Limits::default(),
        };
        let stop = Shutdown::manual(Duration::ZERO);
        let serving = serve(options, router, stop.clone()).await?;
        let address = serving.addresses().first().context("it listens nowhere")?;
        let url = format!("https://localhost:{}", address.port());
        lock(&inner).origin.clone_from(&url);
        Ok(Self {
            url,
            authority,
            inner,
            stop,
            _serving: serving,
        })
    }

    /// Scheme, host and port.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// PEM file of who vouches for its TLS.
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// From now on it behaves so.
    pub fn set_mood(&self, mood: Mood) {
        lock(&self.inner).mood = mood;
    }

    /// From now on it signs so.
    pub fn sign_by(&self, signature: Signature) {
        lock(&self.inner).signature = signature;
    }

    /// From now on it signs with a new key, of a new id, and publishes that alone.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn rotate_key(&self) -> anyhow::Result<()> {
        let signer = Signer::new("key-1")?;
        lock(&self.inner).signer = signer;
        Ok(())
    }

    /// Whether its keys can be had.
    pub fn keys_are_down(&self, down: bool) {
        lock(&self.inner).keys_are_down = down;
    }

    /// The keys that it publishes, as the text of a JWK set.
    pub fn keys(&self) -> String {
        lock(&self.inner).signer.jwks().to_string()
    }

    /// The calls for a token, in their order.
    pub fn requests(&self) -> Vec<Asked> {
        lock(&self.inner).requests.clone()
    }
}

impl Drop for FakeIta {
    fn drop(&mut self) {
        self.stop.trigger();
    }
}

async fn keys(State(inner): Shared) -> Response<Body> {
    let mut inner = lock(&inner);
    inner.key_requests += 1;
    match inner.keys_are_down {
        true => answer(503, Body::empty()),
        false => answer(200, inner.signer.jwks().to_string().into()),
    }
}

async fn discovery(State(inner): Shared) -> Response<Body> {
    let inner = lock(&inner);
    let keys = format!("{}/certs", inner.origin);
    match inner.keys_are_down {
        true => answer(503, Body::empty()),
        false => answer(
            200,
            json!({"issuer": ISSUER, "jwks_uri": keys}).to_string().into(),
        ),
    }
}

async fn attest(
    State(inner): Shared,
    uri: axum::http::Uri,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response<Body> {
    let mood = {
        let mut inner = lock(&inner);
        inner.requests.push(Asked {
            path: uri.path().to_owned(),
            headers: headers.clone(),
            body: body.clone(),
        });
        inner.mood.clone()
    };
    let mut change: fn(&mut Value) = |_| ();
    match &mood {
        Mood::Status(code, reason) => return error(*code, reason),
        Mood::Slow(time) => tokio::time::sleep(*time).await,
        Mood::Oversized(length) => return answer(200, vec![b' '; *length].into()),
        Mood::Nonsense => return answer(200, "<html>Please sign in to the network</html>".into()),
        Mood::Redirect(target) => {
            let mut redirect = answer(307, Body::empty());
            if let Ok(target) = target.parse() {
                redirect.headers_mut().insert(header::LOCATION, target);
            }
            return redirect;
        }
        Mood::Claims(how) => change = *how,
        Mood::Good | Mood::Forged | Mood::Unsigned | Mood::OwnKey => {}
    }
    if headers.get("x-api-key").is_none_or(|key| key != API_KEY) {
        return error(401, "Forbidden");
    }
    let mut claims = match appraisal::claims(uri.path().ends_with("/azure"), &body) {
        Ok(claims) => claims,
        Err(reason) => return error(400, reason),
    };
    change(&mut claims);
    let inner = lock(&inner);
    let token = match mood {
        Mood::Forged => inner.stranger.token(inner.signature, &claims),
        Mood::OwnKey => inner.stranger.token_with_its_key(inner.signature, &claims),
        Mood::Unsigned => Signer::unsigned(&claims),
        _ => inner.signer.token(inner.signature, &claims),
    };
    match token {
        Ok(token) => answer(200, json!({ "token": token }).to_string().into()),
        Err(reason) => error(500, &reason.to_string()),
    }
}

fn error(code: u16, reason: &str) -> Response<Body> {
    answer(code, json!({ "error": reason }).to_string().into())
}

fn answer(code: u16, body: Body) -> Response<Body> {
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer
}

/// A certificate for `localhost`, and the file of who signed it.
fn tls(dir: &Path) -> anyhow::Result<(TlsServerConfig, PathBuf)> {
    let authority_key = rcgen::KeyPair::generate()?;
    let mut params = rcgen::CertificateParams::new(Vec::new())?;
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = rcgen::CertifiedIssuer::self_signed(params, authority_key)?;
    let key = rcgen::KeyPair::generate()?;
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()])?;
    let write = |name: &str, text: &str| {
        let path = dir.join(name);
        std::fs::write(&path, text).map(|()| path)
    };
    let certificate = write("ita.pem", &params.signed_by(&key, &authority)?.pem())?;
    let key = write("ita.key", &key.serialize_pem())?;
    Ok((
        TlsServerConfig::new(certificate, key),
        write("ita-ca.pem", &authority.pem())?,
    ))
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}
