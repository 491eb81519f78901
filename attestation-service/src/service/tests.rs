//! Whole evaluations: evidence in, token out.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use daemon::clock::ManualClock;
use serde_json::{Value, json};
use simulated_tee::snp::{Generation, Platform, SigningKey, evidence};
use tempfile::TempDir;

use super::*;
use crate::config::{KdsConfig, OfflineStoreConfig, VcekSource};
use crate::error::Fault;
use crate::request::{HashAlgorithm, InitData, RuntimeData};
use crate::testing::{NOW, fixture};

mod choice;
mod dry_run;
mod explained;
mod policies;
mod revocation;
mod sample;
mod snp;

const RUNTIME_DATA: &str = r#"{"nonce":"n","tee-pubkey":{"kty":"EC"},"additional-evidence":""}"#;

const INIT_DATA: &str = "version = \"0.1.0\"\nalgorithm = \"sha256\"\n[data]\nname = \"value\"\n";

/// A service without a way out, and the directory it may look into instead.
struct Fixture {
    service: Arc<AttestationService>,
    directory: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        Self::trusting(None).await
    }

    /// One that trusts the roots of a simulated platform.
    async fn trusting(platform: Option<&Platform>) -> Self {
        Self::with(platform, |_| ()).await
    }

    async fn with(platform: Option<&Platform>, change: impl FnOnce(&mut Config)) -> Self {
        daemon::init();
        let directory = TempDir::new().unwrap();
        let mut config = Config::default();
        let snp = &mut config.verifier_config.snp_verifier;
        let path = directory.path().to_owned();
        snp.vcek_sources = vec![VcekSource::OfflineStore(OfflineStoreConfig { path })];
        if let Some(platform) = platform {
            let roots = directory.path().join("roots.pem");
            std::fs::write(&roots, platform.roots_pem()).unwrap();
            snp.insecure_extra_roots = vec![roots];
        }
        change(&mut config);
        let clock = Arc::new(ManualClock::new(NOW));
        let service = AttestationService::start(&config, clock).await.unwrap();
        Self { service, directory }
    }

    async fn evaluate(&self, items: Vec<IndividualRequest>) -> Result<Value, EvaluateError> {
        let request = AttestationRequest {
            items,
            policy_ids: Vec::new(),
        };
        self.service
            .evaluate(request)
            .await
            .map(|token| claims(token.as_str()))
    }

    async fn register(&self, values: Value) {
        let payload = STANDARD.encode(values.to_string());
        let message = json!({"version": "0.1.0", "type": "sample", "payload": payload});
        self.service
            .register_reference_value(&message.to_string(), None)
            .await
            .unwrap();
    }
}

fn claims(token: &str) -> Value {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

/// The digest of [`RUNTIME_DATA`] in its canonical form.
fn report_data() -> Vec<u8> {
    let canonical = r#"{"additional-evidence":"","nonce":"n","tee-pubkey":{"kty":"EC"}}"#;
    HashAlgorithm::Sha384.digest(canonical.as_bytes())
}

fn sample_evidence() -> Value {
    json!({"svn": "1", "report_data": STANDARD.encode(report_data())})
}

fn request(tee: Tee, evidence: &Value) -> IndividualRequest {
    IndividualRequest {
        tee,
        evidence: evidence.to_string().into_bytes(),
        runtime_data: RuntimeData::Structured(RUNTIME_DATA.to_owned()),
        init_data: InitData::None,
        hash: HashAlgorithm::Sha384,
    }
}

/// The error's text with all its causes.
fn text(error: &EvaluateError) -> String {
    crate::error::numbered_causes(error)
}

fn good_values() -> Value {
    json!({"launch_digest": ["abcde"], "svn": ["1"], "major_version": [1], "minimum_minor_version": [1]})
}
