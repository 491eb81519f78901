//! Messages that must not count: forged, replayed, rolled back, of the wrong signer, revoked.

mod order;
mod revocation;
mod stored;

use std::{path::Path, sync::Arc, time::Duration};

use ciborium::cbor;
use daemon::clock::ManualClock;
use jose::SigningKey;
use serde_json::{Value, json};
use storage::{StorageConfig, StorageType};

use super::{
    NEXT_YEAR, NOW, ids, sample,
    signing::{SAMPLE, cose, dsse, jws, key_anchor, message, signed_sample},
};
use crate::{
    AllowUnsigned, Caller, Config, How, ManageError, Refusal, RegisterError, RevokeWhat, Rules, Rvps,
    SignatureError, TrustAnchorConfig,
};

/// A service that trusts two builders.
struct Setup {
    rvps: Arc<Rvps>,
    clock: Arc<ManualClock>,
    one: SigningKey,
    other: SigningKey,
    config: Config,
    dir: tempfile::TempDir,
}

impl Setup {
    async fn new() -> Self {
        Self::with(|_| ()).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = || SigningKey::generate_p256().unwrap();
        let (one, other) = (key(), key());
        let mut config = Config {
            storage: on_disk(dir.path()),
            trust_anchors: vec![
                key_anchor(dir.path(), "one", &one),
                key_anchor(dir.path(), "other", &other),
            ],
            history_per_value: Some(3),
            ..Config::default()
        };
        change(&mut config);
        let clock = Arc::new(ManualClock::new(NOW));
        let rvps = open(&config, &clock).await;
        Self {
            rvps,
            clock,
            one,
            other,
            config,
            dir,
        }
    }

    async fn restart(&mut self) {
        self.rvps = open(&self.config, &self.clock).await;
    }

    async fn register(&self, message: &str) -> Result<usize, RegisterError> {
        let registered = self.rvps.register(message, &Caller::local()).await?;
        Ok(registered.unchanged)
    }

    async fn refusal(&self, message: &str) -> Refusal {
        match self.register(message).await {
            Err(RegisterError::Refused { reason, .. }) => reason,
            other => panic!("not refused by what is remembered: {other:?}"),
        }
    }

    fn value(&self, id: &str) -> Option<Value> {
        let value = self.rvps.query(id).unwrap()?;
        Some(value.value().clone())
    }
}

fn on_disk(root: &Path) -> StorageConfig {
    serde_json::from_value::<StorageConfig>(json!({"backends": {"local_fs": {"dir_path": root}}}))
        .unwrap()
        .with_type(StorageType::LocalFs)
}

async fn open(config: &Config, clock: &Arc<ManualClock>) -> Arc<Rvps> {
    let rules = Rules::new(config).unwrap_or_else(|error| panic!("{error}"));
    Rvps::open(&config.storage, rules, clock.clone()).await.unwrap()
}

fn dated(key: &SigningKey, value: Value, issued_at: i64) -> String {
    signed_sample(key, &json!({"svn": value}), Some(issued_at))
}

fn undated(key: &SigningKey, value: Value) -> String {
    signed_sample(key, &json!({"svn": value}), None)
}
