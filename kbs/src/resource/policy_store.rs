mod changes;
mod error;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use daemon::aside::Aside;
use policy::{Limits, ReleaseRequest};
use storage::{Author, KeyValueStore, Version, Versions, VersionsError};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

pub(crate) use self::changes::check_id;
pub use self::changes::{NewPolicy, PolicyChanged};
pub use self::error::PolicyStoreError;
use super::active::{ActivePolicy, digest};
use super::in_force::InForce;
use super::inputs::{Inputs, LONGEST};
use super::permit::{Asked, AuthorizeError, ReleasePermit};
use super::scope::Scope;
use crate::admin::AdminGrant;
use crate::token::{AttestationResult, CLOCK_SKEW};

/// The id of the policy that is asked about everything; it is stored as
/// `resource-policy.rego` (wire facts, kbs-http section 7).
pub const MAIN: &str = "resource-policy";

/// The label of a version that holds the scope of its policy.
const SCOPE: &str = "scope";
/// The label of a version that holds the dialect of its policy, for people.
const DIALECT: &str = "dialect";

/// The release policies: kept with their history in the storage namespace
/// `kbs`, compiled once, and asked before anything is released.
///
/// One, `resource-policy`, is asked about everything. Any number of others
/// have a scope and are asked, too, about what is in it: they can only take
/// away.
pub struct PolicyStore {
    versions: Versions,
    /// Replaced as a whole: a request sees the same policies from start to end.
    in_force: ArcSwap<InForce>,
    /// One change at a time, so that what is stored is what is in force.
    changing: Mutex<()>,
    /// Where what is not in force is compiled and evaluated.
    pub(crate) trials: Aside,
    limits: Limits,
    inputs: Inputs,
    /// For decisions that are much work: as many as there are processors.
    heavy: Semaphore,
}

impl PolicyStore {
    /// Loads the stored policies. Where there is none for everything,
    /// `initial` is stored, or the default.
    ///
    /// A stored policy that does not compile denies everything that it is
    /// asked about until another is set.
    pub async fn open(
        store: Arc<dyn KeyValueStore>,
        initial: Option<&str>,
        now: i64,
    ) -> Result<Self, PolicyStoreError> {
        let versions = Versions::new(store);
        let (first, by) = match initial {
            Some(initial) => (initial, Author::new("initial-file", "")),
            None => (policy::defaults::DEFAULT, Author::new("shipped", "")),
        };
        let seeded = versions.seed(MAIN, first, &by, now).await?;
        if !seeded && matches!(versions.current(MAIN).await, Ok(None)) {
            // Somebody has removed it from the storage since: as at the first start.
            versions.set(MAIN, first, &by, now).await?;
        }
        let in_force = load(&versions, None, now).await?;
        in_force.all().for_each(|policy| policy.announce());
        Ok(Self {
            versions,
            in_force: ArcSwap::from_pointee(in_force),
            changing: Mutex::new(()),
            trials: Aside::new(TRIALS, TRIAL),
            limits: LIMITS,
            inputs: Inputs::default(),
            heavy: Semaphore::new(std::thread::available_parallelism().map_or(1, NonZero::get)),
        })
    }

    /// The policy in force that is asked about everything.
    pub fn active(&self) -> Arc<ActivePolicy> {
        Arc::clone(self.in_force.load().main())
    }

    /// The policy in force of this id.
    pub fn get(&self, id: &str, _grant: &AdminGrant) -> Option<Arc<ActivePolicy>> {
        self.in_force.load().get(id).map(Arc::clone)
    }

    /// The policies in force, sorted by id.
    pub fn list(&self, _grant: &AdminGrant) -> Vec<Arc<ActivePolicy>> {
        let mut policies: Vec<_> = self.in_force.load().all().map(Arc::clone).collect();
        policies.sort_by(|one, other| one.id().cmp(other.id()));
        policies
    }

    /// Puts in force what is stored, if that was changed by another process.
    /// Says whether it was.
    pub async fn reload(&self, now: i64) -> Result<bool, PolicyStoreError> {
        let _one_at_a_time = self.changing.lock().await;
        let known = self.in_force.load_full();
        let next = load(&self.versions, Some(&known), now).await?;
        if next.is_same(&known) {
            return Ok(false);
        }
        let is_new = |policy: &&Arc<ActivePolicy>| {
            !known
                .get(policy.id())
                .is_some_and(|known| Arc::ptr_eq(known, policy))
        };
        next.all().filter(is_new).for_each(|policy| policy.announce());
        self.in_force.store(Arc::new(next));
        Ok(true)
    }

    /// All that are in force now.
    pub(super) fn in_force(&self) -> Arc<InForce> {
        self.in_force.load_full()
    }

    /// Puts in force what a test made.
    #[cfg(test)]
    pub(super) fn in_force_for_tests(&self, in_force: InForce) {
        self.in_force.store(Arc::new(in_force));
    }

    /// Waits until there is a processor for the decision, if it is one of the
    /// few that are much work: on long claims, or by a slow policy. `None` if
    /// that takes too long.
    pub async fn turn(
        &self,
        result: &AttestationResult,
        request: &ReleaseRequest<'_>,
    ) -> Option<Option<SemaphorePermit<'_>>> {
        let is_slow = || {
            let in_force = self.in_force.load();
            in_force
                .asked(request.plugin, request.path)
                .any(|policy| policy.pace.is_slow())
        };
        if !has_much(result) && !is_slow() {
            return Some(None);
        }
        let turn = tokio::time::timeout(PATIENCE, self.heavy.acquire()).await;
        Some(Some(turn.ok()?.ok()?))
    }

    /// Asks the policies in force whether the guest of `result` may have what
    /// `request` names: all that have a say must say yes. `now` is in seconds
    /// since the Unix epoch.
    pub fn authorize<'r>(
        &self,
        result: &'r AttestationResult,
        request: &ReleaseRequest<'r>,
        now: i64,
    ) -> Result<ReleasePermit<'r>, AuthorizeError> {
        if now >= result.expires_at().saturating_add(CLOCK_SKEW) {
            return Err(AuthorizeError::Expired);
        }
        let in_force = self.in_force.load();
        let mut asked = Vec::with_capacity(1);
        for active in in_force.asked(request.plugin, request.path) {
            asked.push(Arc::clone(active));
            let policy = match &active.compiled {
                Ok(policy) => policy,
                Err(reason) => {
                    return Err(AuthorizeError::Broken {
                        asked: Asked(asked),
                        reason: reason.clone(),
                    });
                }
            };
            let parse = || self.inputs.of(result);
            let evaluate = || policy.decide(result.claims_json(), parse, request, &self.limits);
            let may_take_long = has_much(result) || policy.may_hang();
            match active.pace.run(may_take_long, evaluate) {
                Ok(true) => {}
                Ok(false) => return Err(AuthorizeError::Denied(Asked(asked))),
                Err(cause) => {
                    return Err(AuthorizeError::Policy {
                        asked: Asked(asked),
                        cause,
                    });
                }
            }
        }
        Ok(ReleasePermit::new(result, request.plugin, request.path, asked))
    }
}

/// All that is stored. Of what is in `known` already no history is read, and nothing is compiled again.
async fn load(versions: &Versions, known: Option<&InForce>, now: i64) -> Result<InForce, PolicyStoreError> {
    let stored = versions.newest().await?;
    let newest_of_main = stored.get(MAIN).copied().flatten();
    let main = match unchanged(versions, MAIN, newest_of_main, known).await? {
        Some(main) => main,
        None => {
            // Absent is what an empty policy is: it compiles to nothing and denies.
            let text = versions.current(MAIN).await?.unwrap_or_default();
            let newest = newest_version(versions, MAIN, now).await?;
            compiled(MAIN, None, text, newest.as_ref(), known).await
        }
    };
    let mut scoped = BTreeMap::new();
    for (id, newest) in stored {
        if id == MAIN || changes::check_id(&id).is_err() {
            continue;
        }
        if let Some(policy) = unchanged(versions, &id, newest, known).await? {
            scoped.insert(id, policy);
            continue;
        }
        let newest = newest_version(versions, &id, now).await?;
        let Some(scope) = newest.as_ref().map(scope_of).transpose()?.flatten() else {
            if known.is_none() {
                tracing::warn!(
                    id,
                    "a resource policy without a scope was put into the storage: it is not in force"
                );
            }
            continue;
        };
        let text = match versions.current(&id).await {
            Ok(Some(text)) => text,
            // Removed since it was listed.
            Ok(None) => continue,
            // As what is no policy: it denies its scope.
            Err(VersionsError::NotText(_)) => String::new(),
            Err(error) => return Err(error.into()),
        };
        let policy = compiled(&id, Some(scope), text, newest.as_ref(), known).await;
        scoped.insert(id, policy);
    }
    Ok(InForce::new(main, scoped))
}

/// The policy of `known`, if its version is still the newest that is stored, and its text the one in force. A change
/// of the scope alone is a version, too.
async fn unchanged(
    versions: &Versions,
    id: &str,
    newest: Option<u64>,
    known: Option<&InForce>,
) -> Result<Option<Arc<ActivePolicy>>, PolicyStoreError> {
    let Some(known) = known.and_then(|known| known.get(id)) else {
        return Ok(None);
    };
    if known.version().is_none() || known.version() != newest {
        return Ok(None);
    }
    match versions.current(id).await {
        Ok(Some(text)) if digest(&text) == known.digest() => Ok(Some(Arc::clone(known))),
        Ok(_) | Err(VersionsError::NotText(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The newest version of `id`, if anything is known of it.
async fn newest_version(
    versions: &Versions,
    id: &str,
    now: i64,
) -> Result<Option<Version>, PolicyStoreError> {
    match versions.history(id, now).await {
        Ok(history) => Ok(history.into_iter().next()),
        Err(VersionsError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The scope that a version was set with.
fn scope_of(version: &Version) -> Result<Option<Scope>, PolicyStoreError> {
    let scope = version.labels.get(SCOPE).map(|scope| scope.parse());
    scope.transpose().map_err(PolicyStoreError::Scope)
}

/// The policy with this text, ready to use; the one of `known` if it is the same.
async fn compiled(
    id: &str,
    scope: Option<Scope>,
    text: String,
    newest: Option<&Version>,
    known: Option<&InForce>,
) -> Arc<ActivePolicy> {
    let digest = digest(&text);
    let version = newest.filter(|newest| newest.digest.as_deref() == Some(digest.as_str()));
    let version = version.map(|version| version.number);
    if let Some(known) = known.and_then(|known| known.get(id))
        && known.digest() == digest
        && known.scope() == scope.as_ref()
        && known.version() == version
    {
        return Arc::clone(known);
    }
    Arc::new(ActivePolicy::compile(id, scope, text, version).await)
}

/// Whether its claims take long to look at.
fn has_much(result: &AttestationResult) -> bool {
    result.claims_json().len() > LONGEST
}

/// How long a decision that is much work waits for a processor.
const PATIENCE: Duration = Duration::from_secs(10);

/// What one decision may cost, and what a trial of one may: a good policy needs some ten microseconds.
pub(super) const LIMITS: Limits = Limits {
    time: Duration::from_millis(100),
    memory: 4 << 20,
};

/// How long it may take to check a policy that is set, or to try one on guests.
const TRIAL: Duration = Duration::from_secs(20);

/// How many policies are checked or tried at once.
const TRIALS: usize = 4;
