//! A service with a fake Attestation Service behind it, for tests.

mod management;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use daemon::clock::ManualClock;
use jose::tee_key::{TeeKeyKind, TeePrivateKey};
use jose::{JwkSet, SigningKey};
use kbs_types::Tee;
use ring::rand::SystemRandom;
use serde_json::{Value, json};
use storage::{StorageConfig, Versions};
use tower::ServiceExt;

use crate::admin::{Admin, AdminConfig, AdminGrant};
use crate::attestation::{AttestationClient, AttestationError, AttestationManagement, Evaluated, Evaluation};
use crate::audit::{Audit, AuditConfig};
use crate::backends::USUAL_RESOURCE_LIMIT;
use crate::body::Bodies;
use crate::config::KbsConfig;
use crate::decisions::{Decisions, DecisionsConfig, FailedCheck, Refusal};
use crate::metrics::Metrics;
use crate::plugins::Plugins;
use crate::resource::PolicyStore;
use crate::router::router;
use crate::session::{SessionLimits, SessionStore};
use crate::state::Kbs;
use crate::token::{AttestationTokenConfig, TokenVerifier};

pub(crate) const NOW: i64 = 1_795_309_155;
pub(crate) const ALLOW_AFFIRMING: &str = policy::defaults::AFFIRMING;

/// A service on a clock that stands still.
pub(crate) struct Bench {
    pub(crate) kbs: Arc<Kbs>,
    pub(crate) router: Router,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) attestation: Arc<FakeAttestation>,
    pub(crate) admin_key: SigningKey,
    _files: tempfile::TempDir,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The last part of the `type` of an error.
    pub(crate) fn error(&self) -> String {
        let body = self.json();
        body["type"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap()
            .to_owned()
    }

    /// `kbs-session-id=<id>`
    pub(crate) fn cookie(&self) -> String {
        let cookie = self.headers[header::SET_COOKIE].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with_sessions(100).await
    }

    pub(crate) async fn with_sessions(max_sessions: usize) -> Self {
        let audit = Audit::start(&AuditConfig::default(), Arc::new(ManualClock::new(NOW)), None);
        Self::with(max_sessions, audit.unwrap()).await
    }

    pub(crate) async fn with(max_sessions: usize, audit: Audit) -> Self {
        let files = tempfile::tempdir().unwrap();
        let admin_key = SigningKey::generate_ed25519().unwrap();
        let pem = files.path().join("admin.pub");
        std::fs::write(&pem, admin_key.public_key_pem().unwrap()).unwrap();
        let admin: AdminConfig = serde_json::from_value(json!({ "auth_public_key": pem })).unwrap();

        let clock = Arc::new(ManualClock::new(NOW));
        let attestation = Arc::new(FakeAttestation::new(Arc::clone(&clock)));
        let keys = json!({ "keys": [attestation.key.public_jwk()] }).to_string();
        let keys = JwkSet::from_json(keys.as_bytes()).unwrap();
        let storage = StorageConfig::default();
        let store = storage.open("kbs").unwrap();
        let metrics = Arc::new(Metrics::new().unwrap());
        let plugins = "[[plugins]]\nname = \"resource\"\nstorage_backend_type = \"kvstorage\"\n[[plugins]]\nname = \"sample\"";
        let plugins = KbsConfig::from_text(plugins, "toml").unwrap().config.plugins;
        let kbs = Arc::new(Kbs {
            clock: Arc::clone(&clock) as _,
            random: SystemRandom::new(),
            sessions: SessionStore::new(SessionLimits::new(max_sessions, 64 << 20)),
            session_life: 300,
            client_policy_ids: vec!["strict".to_owned()],
            bodies: Bodies::new(1, 4 << 20),
            attestation: Arc::clone(&attestation) as _,
            tokens: TokenVerifier::new(&AttestationTokenConfig::default(), vec![keys])
                .await
                .unwrap(),
            admin: Admin::new(&admin).await.unwrap(),
            policy: PolicyStore::open(Arc::clone(&store), None, NOW).await.unwrap(),
            store,
            plugins: Plugins::open(&plugins, &storage, USUAL_RESOURCE_LIMIT, &metrics).unwrap(),
            audit,
            decisions: Decisions::start(
                &DecisionsConfig::default(),
                None,
                Arc::clone(&clock) as _,
                metrics.decisions_lost.clone(),
            )
            .await
            .unwrap(),
            metrics,
        });
        let router = router(Arc::clone(&kbs));
        Self {
            kbs,
            router,
            clock,
            attestation,
            admin_key,
            _files: files,
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1 << 24).await.unwrap().to_vec();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// A request below `/kbs/v0/`.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("/kbs/v0/{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    /// A request of the administrator.
    pub(crate) async fn administer(&self, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        let claims = json!({ "exp": NOW + 1000 });
        let token = self
            .admin_key
            .sign_compact(&json!({ "alg": "EdDSA" }), &claims)
            .unwrap();
        self.call(
            method,
            path,
            &[("authorization", &format!("Bearer {token}"))],
            body,
        )
        .await
    }

    pub(crate) async fn set_policy(&self, rego: &str) {
        use base64::Engine;
        let policy = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(rego);
        let answer = self
            .administer("POST", "resource-policy", json!({ "policy": policy }).to_string())
            .await;
        assert_eq!(answer.status, StatusCode::OK);
    }

    /// The cookie and the nonce of a new challenge.
    pub(crate) async fn challenge(&self, tee: &str) -> (String, String) {
        let request = json!({ "version": "0.4.0", "tee": tee, "extra-params": {} });
        let answer = self.call("POST", "auth", &[], request.to_string()).await;
        assert_eq!(answer.status, StatusCode::OK);
        (
            answer.cookie(),
            answer.json()["nonce"].as_str().unwrap().to_owned(),
        )
    }

    pub(crate) async fn attest(&self, cookie: &str, body: &str) -> Answer {
        self.call("POST", "attest", &[("cookie", cookie)], body.to_owned())
            .await
    }

    /// A guest that went through the whole handshake: its cookie, its key and its token.
    pub(crate) async fn attested(&self, tee: &str) -> (String, TeePrivateKey, String) {
        let key = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
        let (cookie, nonce) = self.challenge(tee).await;
        let answer = self.attest(&cookie, &attestation(&nonce, &key)).await;
        assert_eq!(
            answer.status,
            StatusCode::OK,
            "{}",
            String::from_utf8_lossy(&answer.body)
        );
        let token = answer.json()["token"].as_str().unwrap().to_owned();
        (cookie, key, token)
    }
}

/// The body of `POST attest` of a guest whose evidence holds.
pub(crate) fn attestation(nonce: &str, key: &TeePrivateKey) -> String {
    json!({
        "init-data": null,
        "runtime-data": { "nonce": nonce, "tee-pubkey": key.public_jwk() },
        "tee-evidence": { "primary_evidence": { "holds": true }, "additional_evidence": "" },
    })
    .to_string()
}

/// An Attestation Service that believes evidence which says that it holds.
pub(crate) struct FakeAttestation {
    pub(crate) key: SigningKey,
    clock: Arc<ManualClock>,
    pub(crate) down: AtomicBool,
    pub(crate) calls: AtomicUsize,
    pub(crate) seen: Mutex<Vec<Tee>>,
    /// The policy that the last client chose.
    pub(crate) chosen: Mutex<Option<String>>,
    /// What was asked to be changed of reference values.
    pub(crate) changes: Mutex<Vec<String>>,
    policies: Versions,
    /// A key to put in the tokens instead of the guest's.
    pub(crate) other_key: Mutex<Option<Value>>,
}

impl FakeAttestation {
    fn new(clock: Arc<ManualClock>) -> Self {
        Self {
            key: SigningKey::generate_p256().unwrap(),
            clock,
            down: AtomicBool::new(false),
            calls: AtomicUsize::new(0),
            seen: Mutex::new(Vec::new()),
            chosen: Mutex::new(None),
            changes: Mutex::new(Vec::new()),
            policies: Versions::new(Arc::new(storage::Memory::new())),
            other_key: Mutex::new(None),
        }
    }

    fn up(&self) -> Result<(), AttestationError> {
        match self.down.load(Ordering::SeqCst) {
            true => Err(AttestationError::Unavailable(
                "connection refused by 10.1.2.3".into(),
            )),
            false => Ok(()),
        }
    }

    /// A token as the Attestation Service signs it.
    pub(crate) fn token(&self, tee: Tee, runtime_data: &str) -> String {
        use daemon::clock::Clock;
        let mut runtime: Value = serde_json::from_str(runtime_data).unwrap();
        if let Some(key) = &*self.other_key.lock().unwrap() {
            runtime["tee-pubkey"] = key.clone();
        }
        let now = self.clock.now();
        let submod = match tee {
            Tee::SampleDevice => "gpu0",
            _ => "cpu0",
        };
        let claims = json!({
            "iat": now, "exp": now + 300,
            "submods": { submod: {
                "ear.status": "affirming",
                "ear.veraison.annotated-evidence": { "runtime_data_claims": runtime, tee.as_ref(): {} },
            }},
        });
        let header = json!({ "typ": "JWT", "alg": "ES256", "jwk": self.key.public_jwk() });
        self.key.sign_compact(&header, &claims).unwrap()
    }
}

#[async_trait]
impl AttestationClient for FakeAttestation {
    async fn evaluate(&self, evaluation: Evaluation) -> Result<Evaluated, AttestationError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.up()?;
        let item = &evaluation.items[0];
        self.seen.lock().unwrap().push(item.tee);
        *self.chosen.lock().unwrap() = evaluation.policy_id.clone();
        tokio::task::yield_now().await;
        match item.evidence.contains("\"holds\":true") {
            true => {
                let explanation = evaluation.explain.then(|| r#"{"submods":{}}"#.to_owned());
                Ok(Evaluated::new(
                    self.token(item.tee, &item.runtime_data),
                    explanation,
                ))
            }
            false => {
                let check = FailedCheck {
                    tee: Some(item.tee.to_string()),
                    check: "report-data-mismatch".to_owned(),
                    fault: "attester".to_owned(),
                    expected: Some("the hash".to_owned()),
                    came: Some("another".to_owned()),
                    advice: "Begin anew.".to_owned(),
                };
                Err(AttestationError::RefusedEvidence(Box::new(Refusal {
                    reason: "report data: mismatch".to_owned(),
                    check: Some(check),
                })))
            }
        }
    }

    async fn challenge(&self, _tee: Tee, _extra_params: &str) -> Result<String, AttestationError> {
        self.up()?;
        Ok("{\"se\":\"request\"}".into())
    }

    fn management(&self, _grant: &AdminGrant) -> Result<&dyn AttestationManagement, AttestationError> {
        Ok(self)
    }

    async fn is_ready(&self) -> bool {
        self.up().is_ok()
    }
}
