//! NVIDIA's Remote Attestation Service: it finds every device good, or behaves as it is told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use daemon::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use simulated_tee::nvidia::{Nras, Verdict};
use tokio::task::JoinHandle;

/// The service on a free port of the loopback interface; it stops when dropped.
pub struct FakeNras {
    url: String,
    inner: Arc<Mutex<Inner>>,
    server: JoinHandle<()>,
}

/// What it does when it is asked for a verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// It finds the device good.
    #[default]
    Good,
    /// It finds the measurements wrong.
    Bad,
    /// It answers with this status.
    Status(u16),
    /// It answers after this time.
    Slow(Duration),
    /// It answers with so many bytes of nothing.
    Oversized(usize),
    /// It answers with something that is no verdict.
    Nonsense,
    /// It answers with a verdict that somebody else signed under its key's id.
    Forged,
    /// It sends the client elsewhere.
    Redirect(String),
}

struct Inner {
    mood: Mood,
    signer: Nras,
    stranger: Nras,
    rotations: u32,
    verdicts: Vec<Value>,
    key_requests: usize,
    /// Devices by their chain, in the order of their coming: their number.
    devices: HashMap<String, usize>,
    switches: usize,
}

/// How many switches and GPUs a protected-PCIe system has.
const SWITCHES: usize = 4;
const GPUS: usize = 8;

impl FakeNras {
    /// Starts it.
    ///
    /// # Errors
    /// There is no port, or no randomness.
    pub async fn start() -> anyhow::Result<Self> {
        let inner = Arc::new(Mutex::new(Inner {
            mood: Mood::Good,
            signer: Nras::new("key-0")?,
            stranger: Nras::new("key-0")?,
            rotations: 0,
            verdicts: Vec::new(),
            key_requests: 0,
            devices: HashMap::new(),
            switches: 0,
        }));
        let router = Router::new()
            .route("/v4/attest/{kind}", post(verdict))
            .route("/.well-known/jwks.json", get(keys))
            .with_state(Arc::clone(&inner));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let server = tokio::spawn(async move {
            // Nothing but the end of the process, or of this handle, ends it.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { url, inner, server })
    }

    /// The Attestation Service's `nvidia_verifier` that asks it.
    pub fn verifier_config(&self) -> Value {
        json!({
            "type": "Remote",
            "verifier_url": format!("{}/v4/attest", self.url),
            "jwks_url": format!("{}/.well-known/jwks.json", self.url),
            "timeout_seconds": 5,
        })
    }

    /// Scheme, host and port.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on it behaves so.
    pub fn set_mood(&self, mood: Mood) {
        lock(&self.inner).mood = mood;
    }

    /// From now on it signs with a new key, of a new id, and publishes that alone.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn rotate_key(&self) -> anyhow::Result<()> {
        let mut inner = lock(&self.inner);
        inner.rotations += 1;
        let kid = format!("key-{}", inner.rotations);
        inner.signer = Nras::new(&kid)?;
        Ok(())
    }

    /// What it was asked to judge, as it came.
    pub fn asked(&self) -> Vec<Value> {
        lock(&self.inner).verdicts.clone()
    }

    /// How often it was asked for its keys.
    pub fn key_requests(&self) -> usize {
        lock(&self.inner).key_requests
    }
}

impl Drop for FakeNras {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn keys(State(inner): State<Arc<Mutex<Inner>>>) -> Json<Value> {
    let mut inner = lock(&inner);
    inner.key_requests += 1;
    Json(inner.signer.jwks())
}

async fn verdict(
    State(inner): State<Arc<Mutex<Inner>>>,
    Path(kind): Path<String>,
    Json(request): Json<Value>,
) -> Response<Body> {
    let mood = {
        let mut inner = lock(&inner);
        inner.verdicts.push(request.clone());
        inner.mood.clone()
    };
    if let Mood::Slow(time) = mood {
        tokio::time::sleep(time).await;
    }
    let mut inner = lock(&inner);
    match mood {
        Mood::Status(status) => answer(status, Body::empty()),
        Mood::Oversized(bytes) => answer(200, Body::from(vec![b' '; bytes])),
        Mood::Nonsense => answer(200, Body::from("{}")),
        Mood::Redirect(to) => {
            let mut response = answer(307, Body::empty());
            if let Ok(to) = to.parse() {
                response.headers_mut().insert("location", to);
            }
            response
        }
        Mood::Good | Mood::Bad | Mood::Forged | Mood::Slow(_) => match inner.judge(&kind, &request, &mood) {
            Ok(verdict) => answer(200, Body::from(verdict.to_string())),
            Err(_) => answer(400, Body::empty()),
        },
    }
}

impl Inner {
    fn judge(&mut self, kind: &str, request: &Value, mood: &Mood) -> anyhow::Result<Value> {
        let text = |pointer: &str| {
            let found = request.pointer(pointer).and_then(Value::as_str);
            found.with_context(|| format!("the request has no {pointer}"))
        };
        let nonce: [u8; 32] = hex::decode(text("/nonce")?)?
            .try_into()
            .map_err(|_| anyhow::anyhow!("the nonce has not 32 bytes"))?;
        let report = STANDARD.decode(text("/evidence_list/0/evidence")?)?;
        let chain = text("/evidence_list/0/certificate")?.to_owned();
        let fresh = report.get(4..36) == Some(&nonce);
        let next = self.devices.len();
        let number = *self.devices.entry(chain).or_insert(next);
        let (ueid, now) = (number.to_string(), SystemClock.now());
        // All GPUs are linked to the same four switches, and those to the same eight GPUs.
        let pdis = |of: u64, count: usize| -> Vec<String> {
            (0..count).map(|number| format!("{of:08x}{number:08x}")).collect()
        };
        let (gpus, switches) = (pdis(1, GPUS), pdis(2, SWITCHES));
        let mut verdict = match kind {
            "gpu" => Verdict::gpu(&nonce, &ueid, now).claim("x-nvidia-gpu-switch-pdis", json!(switches)),
            _ => {
                let own = switches.get(self.switches % SWITCHES).cloned();
                self.switches += 1;
                Verdict::switch(&nonce, &ueid, now)
                    .claim("x-nvidia-switch-pdi", own)
                    .claim("x-nvidia-switch-gpu-pdis", json!(gpus))
            }
        };
        verdict = verdict.claim(&format!("x-nvidia-{kind}-attestation-report-nonce-match"), fresh);
        if *mood == Mood::Bad {
            verdict = verdict.claim("measres", "fail");
            verdict
                .overall
                .insert("x-nvidia-overall-att-result".to_owned(), json!(false));
        }
        let signer = if *mood == Mood::Forged {
            &self.stranger
        } else {
            &self.signer
        };
        Ok(signer.answer(&verdict))
    }
}

fn answer(status: u16, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

fn lock(inner: &Arc<Mutex<Inner>>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}
