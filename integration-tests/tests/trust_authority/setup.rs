//! A KBS with the page's configuration, its guests, and the service.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use daemon::clock::SystemClock;
use daemon::serve::Serving;
use daemon::shutdown::Shutdown;
use integration_tests::fakes::ita::{API_KEY, FakeIta, quote};
use kbs::config::KbsConfig;
use kbs_client::attester::{Attester, AttesterError, EvidenceBinding};
use kbs_client::rcar::Builder;
use kbs_client::{ClientError, RcarClient};
use reqwest::{Method, Response};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::Running;

pub(super) const SECRET: &[u8] = b"thirty-two bytes of a secret key";
pub(super) const PATH: &str = "default/key/1";

const PAGE: &str = include_str!("../../../docs/trust-authority.md");

/// What differs from the page's configuration.
#[derive(Default)]
pub(super) struct Setup {
    /// Texts of the page, and what to write for them.
    pub(super) replace: Vec<(&'static str, String)>,
    /// More keys in `[attestation_service]`.
    pub(super) service_keys: &'static str,
}

/// A KBS that everybody may administer.
pub(super) struct Kbs {
    pub(super) url: String,
    http: reqwest::Client,
    stop: Shutdown,
    _serving: Serving,
    _dir: tempfile::TempDir,
}

pub(super) async fn start() -> Running {
    start_with(Setup::default()).await
}

pub(super) async fn start_with(setup: Setup) -> Running {
    let dir = tempfile::tempdir().unwrap();
    let ita = FakeIta::start(dir.path()).await.unwrap();
    let kbs = start_against(&ita, dir, setup).await.unwrap();
    kbs.send(Method::POST, &format!("resource/{PATH}"), SECRET).await;
    (ita, kbs)
}

/// Starts the KBS of a service that runs already.
pub(super) async fn start_against(
    ita: &FakeIta,
    dir: tempfile::TempDir,
    setup: Setup,
) -> Result<Kbs, kbs::app::StartError> {
    let mut config = block("```toml\n", "intel_ta");
    for (old, new) in setup.replace {
        assert!(config.contains(old), "the page has no {old}");
        config = config.replace(old, &new);
    }
    std::fs::write(dir.path().join("ita-api-key"), format!("{API_KEY}\n")).unwrap();
    std::fs::write(dir.path().join("ita.jwks"), ita.keys()).unwrap();
    let service = format!(
        "[attestation_service]\nca_file = {:?}\n{}",
        ita.authority(),
        setup.service_keys
    );
    let token = format!("[attestation_token]\njwk_set_ca_paths = [{:?}]", ita.authority());
    let config = config
        .replace("[attestation_service]", &service)
        .replace("[attestation_token]", &token)
        .replace("/etc/kbs", dir.path().to_str().unwrap())
        .replace("https://api.trustauthority.intel.com", ita.url())
        .replace("https://portal.trustauthority.intel.com", ita.url());
    let config = format!(
        "[http_server]\nsockets = [\"127.0.0.1:0\"]\ninsecure_http = true\n\
         [admin]\nauthorization_mode = \"InsecureAllowAll\"\n{config}\n\
         [[plugins]]\nname = \"resource\"\nstorage_backend_type = \"kvstorage\"\n"
    );
    let config = KbsConfig::from_text(&config, "toml").unwrap().config;
    let stop = Shutdown::manual(Duration::from_millis(100));
    let running = kbs::app::start(config, Arc::new(SystemClock), stop.clone()).await?;
    Ok(Kbs {
        url: format!("http://{}", running.main.addresses()[0]),
        http: reqwest::Client::new(),
        stop,
        _serving: running.main,
        _dir: dir,
    })
}

impl Kbs {
    /// A request below `/kbs/v0/`.
    pub(super) async fn send(&self, method: Method, path: &str, body: impl Into<reqwest::Body>) -> Response {
        let request = self.http.request(method, format!("{}/kbs/v0/{path}", self.url));
        request.body(body).send().await.unwrap()
    }

    /// The status of a path beside the protocol.
    pub(super) async fn status(&self, path: &str) -> u16 {
        let answer = self
            .http
            .get(format!("{}/{path}", self.url))
            .send()
            .await
            .unwrap();
        answer.status().as_u16()
    }

    pub(super) async fn release_by(&self, rego: &str) {
        let body = json!({"policy": URL_SAFE_NO_PAD.encode(rego)}).to_string();
        assert_eq!(
            self.send(Method::POST, "resource-policy", body).await.status(),
            200
        );
    }

    pub(super) fn builder(&self, attester: TestAttester) -> Builder {
        RcarClient::builder(&self.url)
            .attester(Box::new(attester))
            .retry(1, Duration::ZERO)
    }

    pub(super) fn guest(&self, attester: TestAttester) -> RcarClient {
        self.builder(attester).build().unwrap()
    }

    /// A guest attests and asks for the secret.
    pub(super) async fn attempt(&self, attester: TestAttester) -> Result<Vec<u8>, ClientError> {
        let secret = self.guest(attester).get_resource(&PATH.parse().unwrap()).await?;
        Ok(secret.expose().to_vec())
    }

    pub(super) async fn gets_the_secret(&self) {
        assert_eq!(self.attempt(TestAttester::new("tdx")).await.unwrap(), SECRET);
    }

    /// Status and error of a guest that gets nothing.
    pub(super) async fn refusal(&self, attester: TestAttester) -> (u16, String) {
        let error = self.attempt(attester).await.expect_err("it must get nothing");
        let refusal = error.refusal().unwrap_or_else(|| panic!("{error}"));
        (refusal.status, refusal.kind.clone())
    }
}

impl Drop for Kbs {
    fn drop(&mut self) {
        self.stop.trigger();
    }
}

/// A guest whose evidence the fake service takes.
pub(super) struct TestAttester {
    tee: &'static str,
    /// Instead of what it should be bound to.
    pub(super) bound_to: Option<Vec<u8>>,
}

impl TestAttester {
    pub(super) fn new(tee: &'static str) -> Self {
        Self { tee, bound_to: None }
    }
}

impl Attester for TestAttester {
    fn tee(&self) -> &'static str {
        self.tee
    }

    fn evidence(&self, binding: &EvidenceBinding<'_>) -> Result<Value, AttesterError> {
        let bound = self.bound_to.as_deref().unwrap_or(binding.report_data);
        if self.tee != "az-tdx-vtpm" {
            return Ok(json!({"quote": STANDARD.encode(quote(self.tee, bound)), "cc_eventlog": null}));
        }
        // The paravisor's data names what the guest is bound to, and the TD's report the data.
        let data = json!({"keys": [], "user-data": hex::encode(bound)}).to_string();
        let mut report = vec![0; 32 + 1184 + 16];
        report[..4].copy_from_slice(b"HCLA");
        report.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        report.extend(data.as_bytes());
        let td_quote = quote("tdx", digest(&SHA256, data.as_bytes()).as_ref());
        Ok(json!({
            "version": 2,
            "tpm_quote": {"signature": "", "message": "", "pcrs": []},
            "hcl_report": URL_SAFE.encode(report),
            "td_quote": URL_SAFE.encode(td_quote),
        }))
    }
}

/// The block of the page that begins with `fence` and holds `part`.
pub(super) fn block(fence: &str, part: &str) -> String {
    let blocks = PAGE
        .split(fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    blocks
        .filter(|block| block.contains(part))
        .map(str::to_owned)
        .next()
        .unwrap_or_else(|| panic!("the page has no block with {part}"))
}
