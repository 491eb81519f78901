//! What administrators do with release policies.

use std::collections::BTreeMap;
use std::sync::Arc;

use daemon::aside::AsideError;
use policy::{LimitKind, Limits, PolicyError, ReleasePolicy};
use storage::{Draft, Version};

use super::{DIALECT, MAIN, PolicyStore, PolicyStoreError, SCOPE, newest_version, scope_of};
use crate::admin::AdminGrant;
use crate::resource::active::ActivePolicy;
use crate::resource::doubts::doubts;
use crate::resource::scope::Scope;

/// Longest id, in bytes.
pub(super) const MAX_ID: usize = 128;

/// A policy that is to be put in force.
#[derive(Clone, Debug)]
pub struct NewPolicy<'p> {
    /// The id that it will be known under.
    pub id: &'p str,
    /// What it is asked about; nothing for the one that is asked about everything.
    pub scope: Option<Scope>,
    /// Its text.
    pub rego: &'p str,
    /// Whether to refuse it if it reads what is probably not there.
    pub strict: bool,
}

/// What became of a policy that was set or put in force again.
#[derive(Clone, Debug)]
pub struct PolicyChanged {
    /// The policy in force.
    pub policy: Arc<ActivePolicy>,
    /// What it reads that is probably not there, each in a sentence.
    pub warnings: Vec<String>,
}

impl<'p> NewPolicy<'p> {
    /// One that is asked about everything, in place of the one that is.
    pub fn for_everything(rego: &'p str) -> Self {
        Self {
            id: MAIN,
            scope: None,
            rego,
            strict: false,
        }
    }
}

impl PolicyStore {
    /// Compiles a policy, stores it, and puts it in force, in this order: one
    /// that does not compile or cannot be stored changes nothing.
    pub async fn set(
        &self,
        grant: &AdminGrant,
        new: NewPolicy<'_>,
        now: i64,
    ) -> Result<PolicyChanged, PolicyStoreError> {
        let NewPolicy {
            id,
            scope,
            rego,
            strict,
        } = new;
        check_id(id)?;
        match (id == MAIN, &scope) {
            (true, Some(_)) => return Err(PolicyStoreError::MainHasNoScope),
            (false, None) => return Err(PolicyStoreError::NoScope(id.to_owned())),
            _ => {}
        }
        let (text, limits) = (rego.to_owned(), self.limits);
        let checked = self.trials.run(move |_| {
            let compiled = ReleasePolicy::compile(&text)?;
            if hangs(&compiled, &limits) {
                return Err(AsideError::Late(Limits::PATIENCE).into());
            }
            let doubts = doubts(&text, &compiled, &limits);
            Ok::<_, PolicyStoreError>((compiled, doubts))
        });
        let (compiled, warnings) = checked.await??;
        if strict && !warnings.is_empty() {
            return Err(PolicyStoreError::Warnings(warnings));
        }
        let mut labels = BTreeMap::from([(DIALECT.to_owned(), compiled.dialect().to_string())]);
        labels.extend(scope.as_ref().map(|scope| (SCOPE.to_owned(), scope.to_string())));

        let _one_at_a_time = self.changing.lock().await;
        self.keeps_its_scope(id, scope.as_ref(), now).await?;
        let draft = Draft { text: rego, labels };
        let version = self.versions.set(id, draft, &grant.author(), now).await?;
        tracing::info!(
            role = grant.role(),
            id,
            version = version.number,
            "resource policy set"
        );
        for warning in &warnings {
            tracing::warn!(id, "the resource policy: {warning}");
        }
        let ready = ActivePolicy::ready(id, scope, rego, compiled, Some(version.number));
        Ok(PolicyChanged {
            policy: self.put_in_force(ready),
            warnings,
        })
    }

    /// Puts an earlier version in force again, as a new version. Nothing
    /// changes if it does not compile any more.
    pub async fn roll_back(
        &self,
        grant: &AdminGrant,
        id: &str,
        number: u64,
        now: i64,
    ) -> Result<PolicyChanged, PolicyStoreError> {
        check_id(id)?;
        let one_at_a_time = self.changing.lock().await;
        let rego = self.versions.text(id, Some(number)).await?;
        // Nothing that is being tried keeps an earlier version from being put in force again.
        let text = rego.clone();
        let compiled = tokio::task::spawn_blocking(move || ReleasePolicy::compile(&text)).await;
        let compiled = compiled.map_err(|_| PolicyStoreError::Unchecked(AsideError::Broken))??;
        let history = self.versions.history(id, now).await?;
        let before = history.iter().find(|version| version.number == number);
        let scope = before.map(scope_of).transpose()?.flatten();
        if id != MAIN && scope.is_none() {
            // It was put into the storage by hand.
            return Err(PolicyStoreError::NoScope(id.to_owned()));
        }
        self.keeps_its_scope(id, scope.as_ref(), now).await?;
        let version = self.versions.roll_back(id, number, &grant.author(), now).await?;
        tracing::info!(
            role = grant.role(),
            id,
            to = number,
            "resource policy rolled back"
        );
        let ready = ActivePolicy::ready(id, scope, &rego, compiled, Some(version.number));
        let policy = self.put_in_force(ready);
        drop(one_at_a_time);
        let (active, limits) = (Arc::clone(&policy), self.limits);
        let doubts = self.trials.run(move |_| match &active.compiled {
            Ok(compiled) if hangs(compiled, &limits) => Err(AsideError::Late(Limits::PATIENCE)),
            Ok(compiled) => Ok(doubts(active.rego(), compiled, &limits)),
            Err(_) => Ok(Vec::new()),
        });
        let warnings = doubts
            .await
            .flatten()
            .unwrap_or_else(|error| vec![format!("it is in force, but could not be checked: {error}")]);
        Ok(PolicyChanged { policy, warnings })
    }

    /// Takes a scoped policy out of force. Its versions stay.
    pub async fn delete(&self, grant: &AdminGrant, id: &str, now: i64) -> Result<Version, PolicyStoreError> {
        if id == MAIN {
            return Err(PolicyStoreError::MainStays);
        }
        check_id(id)?;
        let _one_at_a_time = self.changing.lock().await;
        let deleted = self.versions.delete(id, &grant.author(), now).await?;
        let next = self.in_force.load().without(id);
        self.in_force.store(Arc::new(next));
        tracing::warn!(role = grant.role(), id, "resource policy deleted");
        Ok(deleted)
    }

    /// Every version that is known of a policy, the newest first.
    pub async fn history(
        &self,
        _grant: &AdminGrant,
        id: &str,
        now: i64,
    ) -> Result<Vec<Version>, PolicyStoreError> {
        check_id(id)?;
        Ok(self.versions.history(id, now).await?)
    }

    /// The text of one version of a policy.
    pub async fn text(&self, _grant: &AdminGrant, id: &str, number: u64) -> Result<String, PolicyStoreError> {
        check_id(id)?;
        Ok(self.versions.text(id, Some(number)).await?)
    }

    fn put_in_force(&self, policy: ActivePolicy) -> Arc<ActivePolicy> {
        let policy = Arc::new(policy);
        let next = self.in_force.load().with(Arc::clone(&policy));
        self.in_force.store(Arc::new(next));
        policy.announce();
        policy
    }

    /// Refuses to change what a policy in force is asked about: what it
    /// guarded would be open from one moment to the next.
    async fn keeps_its_scope(
        &self,
        id: &str,
        scope: Option<&Scope>,
        now: i64,
    ) -> Result<(), PolicyStoreError> {
        let newest = newest_version(&self.versions, id, now).await?;
        let in_force = newest.as_ref().filter(|newest| newest.digest.is_some());
        match in_force.map(scope_of).transpose()?.flatten() {
            Some(known) if Some(&known) != scope => Err(PolicyStoreError::OtherScope {
                id: id.to_owned(),
                scope: known.to_string(),
            }),
            _ => Ok(()),
        }
    }
}

/// Refuses an id that could mean anything but one policy.
pub(crate) fn check_id(id: &str) -> Result<(), PolicyStoreError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let first = id.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if first && id.len() <= MAX_ID && id.bytes().all(allowed) {
        Ok(())
    } else {
        Err(PolicyStoreError::BadId(id.chars().take(MAX_ID).collect()))
    }
}

/// Whether the policy cannot be evaluated for a guest that claims nothing: that has no end.
fn hangs(policy: &ReleasePolicy, limits: &Limits) -> bool {
    policy.may_hang()
        && matches!(
            policy.odd_answer(limits),
            Err(PolicyError::Limit(LimitKind::Time))
        )
}
