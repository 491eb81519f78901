use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use policy::{Limits, ReleaseDialect, ReleasePolicy, ReleaseRequest};
use serde::Serialize;
use storage::{KeyValueStore, StorageError, WriteMode};
use tokio::sync::Mutex;

use super::inputs::Inputs;
use super::pace::Pace;
use super::permit::{AuthorizeError, ReleasePermit};
use crate::admin::AdminGrant;
use crate::token::{AttestationResult, CLOCK_SKEW};

/// The id under which the policy is known over HTTP.
const POLICY_ID: &str = "resource-policy";
/// Its key in the namespace `kbs` (wire facts, kbs-http section 7).
const POLICY_KEY: &str = "resource-policy.rego";
/// The key of what was recorded when it was set. Our own addition.
const RECORD_KEY: &str = "resource-policy.meta.json";

/// The release policy: kept in the storage namespace `kbs`, compiled once,
/// and asked before anything is released.
pub struct PolicyStore {
    store: Arc<dyn KeyValueStore>,
    /// Replaced as a whole: a request sees one policy from start to end.
    active: ArcSwap<ActivePolicy>,
    /// One change at a time, so that what is stored is what is in force.
    changing: Mutex<()>,
    limits: Limits,
    inputs: Inputs,
}

/// One version of the release policy.
pub struct ActivePolicy {
    rego: String,
    digest: String,
    /// Or why it cannot be used; then nothing is released.
    compiled: Result<ReleasePolicy, String>,
    pace: Pace,
}

/// Why a policy is not set, or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PolicyStoreError {
    /// The policy does not compile. Whoever sets it has to repair it.
    #[error("Failed to load policy: {0}")]
    Policy(#[from] policy::PolicyError),
    /// The text is over the limit.
    #[error("Failed to load policy: it is larger than {MAX_POLICY} bytes")]
    TooLarge,
    /// The storage failed.
    #[error("the policy storage failed")]
    Store(#[from] StorageError),
    /// What is stored is not text.
    #[error("the stored resource policy is not UTF-8")]
    NotText,
}

/// What is recorded beside a policy.
#[derive(Serialize)]
struct Record<'p> {
    digest: &'p str,
    dialect: ReleaseDialect,
}

impl PolicyStore {
    /// Loads the stored policy. Where there is none, the default is stored.
    ///
    /// A stored policy that does not compile denies everything until another
    /// is set.
    pub async fn open(store: Arc<dyn KeyValueStore>) -> Result<Self, PolicyStoreError> {
        let default = policy::defaults::DEFAULT;
        store
            .set(POLICY_KEY, default.as_bytes(), WriteMode::CreateOnly)
            .await?;
        let active = load(store.as_ref()).await?;
        let opened = Self {
            store,
            active: ArcSwap::from_pointee(active),
            changing: Mutex::new(()),
            limits: LIMITS,
            inputs: Inputs::default(),
        };
        opened.announce();
        Ok(opened)
    }

    /// The policy in force.
    pub fn active(&self) -> Arc<ActivePolicy> {
        self.active.load_full()
    }

    /// Compiles a policy, stores it, and puts it in force, in this order: one
    /// that does not compile or cannot be stored changes nothing.
    pub async fn set(&self, grant: &AdminGrant, rego: &str) -> Result<Arc<ActivePolicy>, PolicyStoreError> {
        if rego.len() > MAX_POLICY {
            return Err(PolicyStoreError::TooLarge);
        }
        let compiled = ReleasePolicy::compile(rego)?;
        let dialect = compiled.dialect();
        let policy = Arc::new(ActivePolicy {
            rego: rego.to_owned(),
            digest: digest(rego),
            compiled: Ok(compiled),
            pace: Pace::default(),
        });
        let _one_at_a_time = self.changing.lock().await;
        self.store
            .set(POLICY_KEY, rego.as_bytes(), WriteMode::Replace)
            .await?;
        self.active.store(Arc::clone(&policy));
        tracing::info!(
            role = grant.role(),
            digest = policy.digest,
            %dialect,
            "resource policy set"
        );
        self.announce();
        self.record(&policy.digest, dialect).await;
        Ok(policy)
    }

    /// Puts in force what is stored, if that was changed by another process.
    /// Says whether it was.
    pub async fn reload(&self) -> Result<bool, PolicyStoreError> {
        let _one_at_a_time = self.changing.lock().await;
        let stored = text(self.store.as_ref()).await?;
        if stored == self.active.load().rego {
            return Ok(false);
        }
        self.active.store(Arc::new(ActivePolicy::compile(stored)));
        self.announce();
        Ok(true)
    }

    /// The ids of the stored policies, sorted.
    pub async fn ids(&self, _grant: &AdminGrant) -> Result<Vec<String>, PolicyStoreError> {
        let mut ids: Vec<String> = self
            .store
            .list()
            .await?
            .iter()
            .filter_map(|key| key.strip_suffix(".rego"))
            .map(str::to_owned)
            .collect();
        ids.sort();
        Ok(ids)
    }

    /// Keeps the claims of a guest that will soon ask for something, as they were parsed with its token.
    pub fn expect(&self, result: &mut AttestationResult) {
        self.inputs.keep(result);
    }

    /// Asks the policy in force whether the guest of `result` may have what
    /// `request` names. `now` is in seconds since the Unix epoch.
    pub fn authorize<'r>(
        &self,
        result: &'r AttestationResult,
        request: &ReleaseRequest<'r>,
        now: i64,
    ) -> Result<ReleasePermit<'r>, AuthorizeError> {
        if now >= result.expires_at().saturating_add(CLOCK_SKEW) {
            return Err(AuthorizeError::Expired);
        }
        let active = self.active.load();
        let policy = match &active.compiled {
            Ok(policy) => policy,
            Err(reason) => return Err(AuthorizeError::Broken(reason.clone())),
        };
        let evaluate = || {
            let claims = self.inputs.of(result)?;
            policy.evaluate(&claims, request, &self.limits)
        };
        if active.pace.run(evaluate)? {
            Ok(ReleasePermit::new(result, request.plugin, request.path))
        } else {
            Err(AuthorizeError::Denied)
        }
    }

    /// Says at the start, and after each change, what an operator should know.
    fn announce(&self) {
        let active = self.active.load();
        match &active.compiled {
            Err(reason) => tracing::error!(
                reason,
                "the resource policy does not compile: nothing is released until another is set"
            ),
            Ok(policy) => {
                tracing::info!(
                    digest = active.digest,
                    dialect = %policy.dialect(),
                    "resource policy in force"
                );
                if !policy.asks_for_affirming() {
                    tracing::warn!(
                        "the resource policy does not ask for an affirming attestation result: secrets go to guests that nothing vouches for"
                    );
                }
            }
        }
    }

    /// The record is for people: that it cannot be written is no reason to
    /// refuse a policy that is in force already.
    async fn record(&self, digest: &str, dialect: ReleaseDialect) {
        let record = Record { digest, dialect };
        let written = match serde_json::to_vec(&record) {
            Ok(json) => self
                .store
                .set(RECORD_KEY, &json, WriteMode::Replace)
                .await
                .map_err(|failed| failed.to_string()),
            Err(failed) => Err(failed.to_string()),
        };
        if let Err(reason) = written {
            tracing::warn!(reason, "the policy's dialect could not be recorded");
        }
    }
}

impl ActivePolicy {
    fn compile(rego: String) -> Self {
        Self {
            digest: digest(&rego),
            compiled: ReleasePolicy::compile(&rego).map_err(|refused| refused.to_string()),
            rego,
            pace: Pace::default(),
        }
    }

    /// The id it is known under.
    pub fn id(&self) -> &'static str {
        POLICY_ID
    }

    /// Its text.
    pub fn rego(&self) -> &str {
        &self.rego
    }

    /// SHA-384 of its text, in hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The dialect it speaks; `None` if it does not compile.
    pub fn dialect(&self) -> Option<ReleaseDialect> {
        self.compiled.as_ref().ok().map(ReleasePolicy::dialect)
    }

    /// Whether it looks for an affirming result.
    pub fn asks_for_affirming(&self) -> bool {
        self.compiled
            .as_ref()
            .is_ok_and(ReleasePolicy::asks_for_affirming)
    }
}

async fn load(store: &dyn KeyValueStore) -> Result<ActivePolicy, PolicyStoreError> {
    Ok(ActivePolicy::compile(text(store).await?))
}

async fn text(store: &dyn KeyValueStore) -> Result<String, PolicyStoreError> {
    // Absent is what an empty policy is: it compiles to nothing and denies.
    let stored = store.get(POLICY_KEY).await?.unwrap_or_default();
    String::from_utf8(stored).map_err(|_| PolicyStoreError::NotText)
}

fn digest(rego: &str) -> String {
    hex::encode(ring::digest::digest(&ring::digest::SHA384, rego.as_bytes()))
}

/// Longest policy, in bytes.
const MAX_POLICY: usize = 1024 * 1024;
/// What one decision may cost: a good policy needs some ten microseconds.
const LIMITS: Limits = Limits {
    time: Duration::from_millis(100),
    memory: 4 << 20,
};
