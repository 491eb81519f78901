//! Attestation policies: kept in the storage as `<id>.rego`, compiled once a version.

mod hints;

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use daemon::strikes::Strikes;
use policy::{AppraisalPolicy, PolicyError, defaults};
use storage::{KeyValueStore, StorageError, WriteMode};

pub(crate) use self::hints::Hints;
use crate::error::Fault;

/// The namespace of the storage that holds attestation policies.
pub(crate) const NAMESPACE: &str = "attestation_service_policy";

/// How long a compiled policy is used before the storage is looked at again: another replica, or a hand, may
/// have changed it there.
const RECHECK: Duration = Duration::from_secs(2);

/// The longest policy text, in bytes.
const MAX_TEXT: usize = 1024 * 1024;

/// The longest policy id, in bytes.
const MAX_ID: usize = 128;

/// A policy cannot be stored, read or used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyStoreError {
    /// Not a name that a policy can have.
    #[error("`{0}` is not a policy id: 1 to {MAX_ID} of A-Z a-z 0-9 . _ -, the first one no dot")]
    BadId(String),
    /// The text is longer than a policy may be.
    #[error("the policy has {0} bytes, more than the {MAX_TEXT} allowed")]
    TooLong(usize),
    /// The text that should be stored is no policy.
    #[error("Malformed policy: {0}")]
    Malformed(#[source] PolicyError),
    /// There is no policy of this id.
    #[error("Policy `{0}.rego` not found")]
    NotFound(String),
    /// The text in the storage is no policy.
    #[error("the stored policy `{id}.rego` cannot be used: {reason}")]
    Broken {
        /// With the class suffix.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The storage does not work.
    #[error("the policy storage does not work")]
    Storage(#[from] StorageError),
}

impl PolicyStoreError {
    /// Who has to do something about it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::BadId(_) | Self::TooLong(_) | Self::Malformed(_) => Fault::Request,
            Self::NotFound(_) | Self::Broken { .. } => Fault::Operator,
            Self::Storage(_) => Fault::Dependency,
        }
    }
}

/// A policy as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyText {
    /// With the class suffix, such as `default_cpu`.
    pub id: String,
    /// The Rego text.
    pub text: String,
    /// SHA-384 of the text, lower-case hex.
    pub digest: String,
}

/// The policies, and those of them that were used, compiled.
pub(crate) struct PolicyStore {
    store: Arc<dyn KeyValueStore>,
    compiled: RwLock<HashMap<String, Compiled>>,
    recheck: Duration,
}

/// A policy ready to use, and whether it has shown that it is quick.
#[derive(Debug)]
pub(crate) struct ReadyPolicy {
    policy: AppraisalPolicy,
    pub(crate) pace: Strikes,
}

struct Compiled {
    policy: Arc<ReadyPolicy>,
    checked: Instant,
}

enum Recalled {
    /// Looked at a moment ago.
    Fresh(Arc<ReadyPolicy>),
    /// The caller is to look whether the storage still has the same.
    Stale(Arc<ReadyPolicy>),
    Nothing,
}

impl ReadyPolicy {
    pub(crate) fn compile(rego: &str) -> Result<Self, PolicyError> {
        Ok(Self {
            policy: AppraisalPolicy::compile(rego)?,
            pace: Strikes::unproven(),
        })
    }
}

impl Deref for ReadyPolicy {
    type Target = AppraisalPolicy;

    fn deref(&self) -> &AppraisalPolicy {
        &self.policy
    }
}

impl PolicyStore {
    /// Puts the defaults into `store` where it has none of that name.
    pub(crate) async fn open(store: Arc<dyn KeyValueStore>) -> Result<Self, PolicyStoreError> {
        for (id, rego) in defaults::ATTESTATION {
            store
                .set(&key(id), rego.as_bytes(), WriteMode::CreateOnly)
                .await?;
        }
        Ok(Self {
            store,
            compiled: RwLock::default(),
            recheck: RECHECK,
        })
    }

    /// Compiles a text, without storing it.
    pub(crate) async fn check(&self, id: &str, rego: &str) -> Result<Arc<ReadyPolicy>, PolicyStoreError> {
        check_id(id)?;
        compile(rego.to_owned())
            .await?
            .map_err(PolicyStoreError::Malformed)
    }

    /// Compiles and stores `rego`, in place of what was there. What does not compile changes nothing.
    pub(crate) async fn set(&self, id: &str, rego: &str) -> Result<Arc<ReadyPolicy>, PolicyStoreError> {
        check_id(id)?;
        let policy = compile(rego.to_owned())
            .await?
            .map_err(PolicyStoreError::Malformed)?;
        self.store
            .set(&key(id), rego.as_bytes(), WriteMode::Replace)
            .await?;
        self.remember(id, &policy);
        Ok(policy)
    }

    /// The text of a policy.
    pub(crate) async fn text(&self, id: &str) -> Result<PolicyText, PolicyStoreError> {
        check_id(id)?;
        let text = self.read(id).await?;
        Ok(PolicyText {
            id: id.to_owned(),
            digest: digest(&text),
            text,
        })
    }

    /// Every policy there is, by id.
    pub(crate) async fn list(&self) -> Result<Vec<PolicyText>, PolicyStoreError> {
        let mut ids: Vec<String> = self.store.list().await?;
        ids.sort_unstable();
        let mut policies = Vec::with_capacity(ids.len());
        for key in &ids {
            let Some(id) = key.strip_suffix(".rego").filter(|id| check_id(id).is_ok()) else {
                continue;
            };
            match self.text(id).await {
                Ok(policy) => policies.push(policy),
                Err(PolicyStoreError::NotFound(_)) => {} // removed since it was listed
                Err(error) => return Err(error),
            }
        }
        Ok(policies)
    }

    /// The policy, ready to use.
    pub(crate) async fn compiled(&self, id: &str) -> Result<Arc<ReadyPolicy>, PolicyStoreError> {
        let known = match self.recall(id) {
            Recalled::Fresh(policy) => return Ok(policy),
            Recalled::Stale(policy) => Some(policy),
            Recalled::Nothing => None,
        };
        let text = match self.read(id).await {
            Ok(text) => text,
            Err(error) => {
                self.exchange(id, known.as_ref(), None);
                return Err(error);
            }
        };
        if let Some(known) = known.as_ref().filter(|known| known.digest() == digest(&text)) {
            return Ok(Arc::clone(known));
        }
        self.exchange(id, known.as_ref(), None);
        let policy = compile(text).await?.map_err(|error| PolicyStoreError::Broken {
            id: id.to_owned(),
            reason: error.to_string(),
        })?;
        self.exchange(id, None, Some(&policy));
        Ok(policy)
    }

    async fn read(&self, id: &str) -> Result<String, PolicyStoreError> {
        let bytes = self.store.get(&key(id)).await?;
        let bytes = bytes.ok_or_else(|| PolicyStoreError::NotFound(id.to_owned()))?;
        String::from_utf8(bytes).map_err(|_| PolicyStoreError::Broken {
            id: id.to_owned(),
            reason: "it is not UTF-8 text".to_owned(),
        })
    }

    fn recall(&self, id: &str) -> Recalled {
        if let Some(entry) = self
            .compiled
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            && entry.checked.elapsed() < self.recheck
        {
            return Recalled::Fresh(Arc::clone(&entry.policy));
        }
        let mut compiled = self.compiled.write().unwrap_or_else(PoisonError::into_inner);
        match compiled.get_mut(id) {
            Some(entry) if entry.checked.elapsed() < self.recheck => {
                Recalled::Fresh(Arc::clone(&entry.policy))
            }
            Some(entry) => {
                // This request looks; the others go on with what is known.
                entry.checked = Instant::now();
                Recalled::Stale(Arc::clone(&entry.policy))
            }
            None => Recalled::Nothing,
        }
    }

    fn remember(&self, id: &str, policy: &Arc<ReadyPolicy>) {
        let entry = Compiled {
            policy: Arc::clone(policy),
            checked: Instant::now(),
        };
        self.compiled
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.to_owned(), entry);
    }

    /// Puts `new` in the place of `known`, unless somebody has set another policy meanwhile.
    fn exchange(&self, id: &str, known: Option<&Arc<ReadyPolicy>>, new: Option<&Arc<ReadyPolicy>>) {
        let mut compiled = self.compiled.write().unwrap_or_else(PoisonError::into_inner);
        let unchanged = match (compiled.get(id), known) {
            (Some(entry), Some(known)) => Arc::ptr_eq(&entry.policy, known),
            (None, None) => true,
            _ => false,
        };
        match new {
            _ if !unchanged => {}
            Some(policy) => {
                let entry = Compiled {
                    policy: Arc::clone(policy),
                    checked: Instant::now(),
                };
                compiled.insert(id.to_owned(), entry);
            }
            None => {
                compiled.remove(id);
            }
        }
    }
}

/// Refuses an id that could mean anything but one entry of the namespace.
pub(crate) fn check_id(id: &str) -> Result<(), PolicyStoreError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let good = (1..=MAX_ID).contains(&id.len()) && !id.starts_with('.') && id.bytes().all(allowed);
    if good {
        Ok(())
    } else {
        Err(PolicyStoreError::BadId(id.chars().take(MAX_ID).collect()))
    }
}

/// Compiles where it holds nobody up.
async fn compile(rego: String) -> Result<Result<Arc<ReadyPolicy>, PolicyError>, PolicyStoreError> {
    if rego.len() > MAX_TEXT {
        return Err(PolicyStoreError::TooLong(rego.len()));
    }
    let compiled = tokio::task::spawn_blocking(move || ReadyPolicy::compile(&rego).map(Arc::new)).await;
    Ok(compiled.unwrap_or_else(|_| Err(PolicyError::Compile("the compiler gave up".to_owned()))))
}

fn key(id: &str) -> String {
    format!("{id}.rego")
}

fn digest(text: &str) -> String {
    hex::encode(crate::request::HashAlgorithm::Sha384.digest(text.as_bytes()))
}

#[cfg(test)]
mod tests;
