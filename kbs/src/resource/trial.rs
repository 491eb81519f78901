use std::sync::Arc;

use policy::{FailedCondition, PolicyInput, ReleasePolicy, ReleaseRequest};

use super::active::ActivePolicy;
use super::in_force::InForce;
use super::policy_store::{LIMITS, PolicyStore};
use super::scope::Scope;

/// What policies say of a request in a trial. It is no permit: nothing is read or released for it.
#[derive(Debug)]
pub enum Answer {
    /// All that have a say said yes.
    Granted,
    /// One said no, because of these conditions.
    Denied(Vec<FailedCondition>),
    /// One cannot be asked.
    Failed(String),
}

/// The policies in force when a trial began, or those that would be.
#[derive(Clone)]
pub struct Tried(Arc<InForce>);

impl PolicyStore {
    /// Those that are in force now, to be asked aside: what is tried may be slow.
    pub fn for_trial(&self) -> Tried {
        Tried(self.in_force())
    }
}

impl Tried {
    /// The scope of the policy of this id, if there is one: `Some(None)` of the one that is asked about everything.
    pub fn scope_of(&self, id: &str) -> Option<Option<&Scope>> {
        self.0.get(id).map(|policy| policy.scope())
    }

    /// The same with this policy beside them, or in the place of the one of its id.
    #[must_use]
    pub fn with(&self, id: &str, scope: Option<Scope>, rego: &str, compiled: ReleasePolicy) -> Self {
        let policy = ActivePolicy::ready(id, scope, rego, compiled, None);
        Self(Arc::new(self.0.with(Arc::new(policy))))
    }

    /// The same without the policy of this id, which has a scope.
    #[must_use]
    pub fn without(&self, id: &str) -> Self {
        Self(Arc::new(self.0.without(id)))
    }

    /// What the policies say of claims that need not be those of a verified token.
    pub fn try_out(&self, claims: &PolicyInput, request: &ReleaseRequest<'_>) -> Answer {
        for active in self.0.asked(request.plugin, request.path) {
            let policy = match &active.compiled {
                Ok(policy) => policy,
                Err(reason) => return Answer::Failed(reason.clone()),
            };
            match policy.evaluate(claims, request, &LIMITS) {
                Ok(true) => {}
                Ok(false) => return Answer::Denied(policy.explain(claims, request, &LIMITS)),
                Err(error) => return Answer::Failed(error.to_string()),
            }
        }
        Answer::Granted
    }
}
