//! Attestation policies: kept in the storage as `<id>.rego` with their history, compiled once a version.

mod checks;
mod choice;
mod error;
mod stored;

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use daemon::aside::Aside;
use daemon::strikes::Strikes;
use policy::{AppraisalPolicy, PolicyError, defaults};
use storage::{Author, KeyValueStore, Version, Versions};
use tokio::sync::Mutex;

pub(crate) use self::checks::{Checks, Findings, KnownValues};
pub(crate) use self::choice::PolicyMap;
pub use self::choice::PolicyMapEntry;
pub use self::error::PolicyStoreError;
pub use self::stored::{Deleted, PolicyText};
use self::stored::{digest, shipped, shipped_author};

/// The namespace of the storage that holds attestation policies.
pub(crate) const NAMESPACE: &str = "attestation_service_policy";

/// How long a compiled policy is used before the storage is looked at again: another replica, or a hand, may
/// have changed it there.
const RECHECK: Duration = Duration::from_secs(2);

/// How long it may take to check a policy that is set, or to try policies on claims.
const TRIAL: Duration = Duration::from_secs(20);

/// How many policies are checked or tried at once.
const TRIALS: usize = 4;

/// The longest policy text, in bytes.
const MAX_TEXT: usize = 1024 * 1024;

/// The longest policy id, in bytes.
const MAX_ID: usize = 128;

/// The policies, and those of them that were used, compiled.
pub(crate) struct PolicyStore {
    versions: Versions,
    compiled: RwLock<InUse>,
    /// One change at a time, so that what is used is what was stored last.
    changing: Mutex<()>,
    /// Where what is not in force is compiled and evaluated.
    pub(crate) trials: Aside,
    recheck: Duration,
}

/// The policies that were used, by id.
#[derive(Default)]
struct InUse {
    policies: HashMap<String, Compiled>,
    /// How often a policy was changed here. Whoever read a text before a change does not put it in use after it.
    changes: u64,
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
    Stale(Arc<ReadyPolicy>, u64),
    /// The caller is to look what the storage has. Both come with the number of changes so far.
    Nothing(u64),
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
    /// Puts the defaults into `store` where it has none of that name. `now` is in seconds since the Unix epoch.
    pub(crate) async fn open(store: Arc<dyn KeyValueStore>, now: i64) -> Result<Self, PolicyStoreError> {
        let versions = Versions::new(store);
        let author = shipped_author();
        for (id, rego) in defaults::ATTESTATION {
            versions.seed(id, rego, &author, now).await?;
        }
        Ok(Self {
            versions,
            compiled: RwLock::default(),
            changing: Mutex::default(),
            trials: Aside::new(TRIALS, TRIAL),
            recheck: RECHECK,
        })
    }

    /// Compiles a text, without storing it.
    pub(crate) async fn check(&self, id: &str, rego: &str) -> Result<Arc<ReadyPolicy>, PolicyStoreError> {
        check_id(id)?;
        check_length(rego)?;
        let rego = rego.to_owned();
        let compiled = self.trials.run(move |_| ReadyPolicy::compile(&rego)).await?;
        compiled.map(Arc::new).map_err(PolicyStoreError::Malformed)
    }

    /// Stores `rego`, which `policy` was compiled from, in place of what was there.
    pub(crate) async fn set(
        &self,
        id: &str,
        rego: &str,
        policy: &Arc<ReadyPolicy>,
        by: &Author,
        now: i64,
    ) -> Result<Version, PolicyStoreError> {
        let _one_at_a_time = self.changing.lock().await;
        let version = self.versions.set(id, rego, by, now).await?;
        self.change(id, Some(policy));
        Ok(version)
    }

    /// Takes a policy out of force; one that is shipped gets its shipped text back.
    pub(crate) async fn delete(&self, id: &str, by: &Author, now: i64) -> Result<Deleted, PolicyStoreError> {
        check_id(id)?;
        let _one_at_a_time = self.changing.lock().await;
        let deleted = match shipped(id) {
            None => Deleted::Gone(self.versions.delete(id, by, now).await?),
            Some(rego) if self.versions.current(id).await?.as_deref() == Some(rego) => {
                return Err(PolicyStoreError::Shipped(id.to_owned()));
            }
            Some(rego) => Deleted::Restored(self.versions.set(id, rego, by, now).await?),
        };
        self.change(id, None);
        Ok(deleted)
    }

    /// Puts the text of an earlier version in force again, if it still compiles. Gives the text, too.
    pub(crate) async fn roll_back(
        &self,
        id: &str,
        number: u64,
        by: &Author,
        now: i64,
    ) -> Result<(Version, String, Arc<ReadyPolicy>), PolicyStoreError> {
        check_id(id)?;
        let _one_at_a_time = self.changing.lock().await;
        let rego = self.versions.text(id, Some(number)).await?;
        let policy = compile(rego.clone())
            .await?
            .map_err(PolicyStoreError::Malformed)?;
        let version = self.versions.roll_back(id, number, by, now).await?;
        self.change(id, Some(&policy));
        Ok((version, rego, policy))
    }

    /// Every version of a policy, the newest first.
    pub(crate) async fn history(&self, id: &str, now: i64) -> Result<Vec<Version>, PolicyStoreError> {
        check_id(id)?;
        Ok(self.versions.history(id, now).await?)
    }

    /// The text of a policy: of the one in force, or of a version.
    pub(crate) async fn text(&self, id: &str, number: Option<u64>) -> Result<PolicyText, PolicyStoreError> {
        check_id(id)?;
        let text = self.versions.text(id, number).await?;
        Ok(PolicyText {
            id: id.to_owned(),
            digest: digest(&text),
            text,
        })
    }

    /// Every policy there is, by id.
    pub(crate) async fn list(&self) -> Result<Vec<PolicyText>, PolicyStoreError> {
        let ids = self.versions.list().await?;
        let mut policies = Vec::with_capacity(ids.len());
        for id in ids.iter().filter(|id| check_id(id).is_ok()) {
            match self.text(id, None).await {
                Ok(policy) => policies.push(policy),
                Err(PolicyStoreError::NotFound(_)) => {} // removed since it was listed
                Err(error) => return Err(error),
            }
        }
        Ok(policies)
    }

    /// The policy, ready to use.
    pub(crate) async fn compiled(&self, id: &str) -> Result<Arc<ReadyPolicy>, PolicyStoreError> {
        let (known, changes) = match self.recall(id) {
            Recalled::Fresh(policy) => return Ok(policy),
            Recalled::Stale(policy, changes) => (Some(policy), changes),
            Recalled::Nothing(changes) => (None, changes),
        };
        let text = match self.versions.text(id, None).await {
            Ok(text) => text,
            Err(error) => {
                self.found(id, changes, None);
                return Err(error.into());
            }
        };
        if let Some(known) = known.as_ref().filter(|known| known.digest() == digest(&text)) {
            return Ok(Arc::clone(known));
        }
        self.found(id, changes, None);
        let policy = compile(text).await?.map_err(|error| PolicyStoreError::Broken {
            id: id.to_owned(),
            reason: error.to_string(),
        })?;
        self.found(id, changes, Some(&policy));
        Ok(policy)
    }

    fn recall(&self, id: &str) -> Recalled {
        if let Some(entry) = self.in_use().policies.get(id)
            && entry.checked.elapsed() < self.recheck
        {
            return Recalled::Fresh(Arc::clone(&entry.policy));
        }
        let mut in_use = self.in_use_mut();
        let changes = in_use.changes;
        match in_use.policies.get_mut(id) {
            Some(entry) if entry.checked.elapsed() < self.recheck => {
                Recalled::Fresh(Arc::clone(&entry.policy))
            }
            Some(entry) => {
                // This request looks; the others go on with what is known.
                entry.checked = Instant::now();
                Recalled::Stale(Arc::clone(&entry.policy), changes)
            }
            None => Recalled::Nothing(changes),
        }
    }

    /// A policy was changed here: from now on it is `policy`, or what the storage has.
    fn change(&self, id: &str, policy: Option<&Arc<ReadyPolicy>>) {
        let mut in_use = self.in_use_mut();
        in_use.changes = in_use.changes.wrapping_add(1);
        in_use.put(id, policy);
    }

    /// The storage had `policy` when so many `changes` had been made; a later one counts for more.
    fn found(&self, id: &str, changes: u64, policy: Option<&Arc<ReadyPolicy>>) {
        let mut in_use = self.in_use_mut();
        if in_use.changes == changes {
            in_use.put(id, policy);
        }
    }

    fn in_use(&self) -> RwLockReadGuard<'_, InUse> {
        self.compiled.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_use_mut(&self) -> RwLockWriteGuard<'_, InUse> {
        self.compiled.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InUse {
    fn put(&mut self, id: &str, policy: Option<&Arc<ReadyPolicy>>) {
        let Some(policy) = policy else {
            self.policies.remove(id);
            return;
        };
        let entry = Compiled {
            policy: Arc::clone(policy),
            checked: Instant::now(),
        };
        self.policies.insert(id.to_owned(), entry);
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

fn check_length(rego: &str) -> Result<(), PolicyStoreError> {
    match rego.len() {
        length if length > MAX_TEXT => Err(PolicyStoreError::TooLong(length)),
        _ => Ok(()),
    }
}

/// Compiles where it holds nobody up.
async fn compile(rego: String) -> Result<Result<Arc<ReadyPolicy>, PolicyError>, PolicyStoreError> {
    check_length(&rego)?;
    let compiled = tokio::task::spawn_blocking(move || ReadyPolicy::compile(&rego).map(Arc::new)).await;
    Ok(compiled.unwrap_or_else(|_| Err(PolicyError::Compile("the compiler gave up".to_owned()))))
}

#[cfg(test)]
mod tests;
