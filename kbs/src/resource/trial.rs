use std::sync::Arc;

use policy::{FailedCondition, Limits, PolicyInput, ReleasePolicy, ReleaseRequest};

use super::in_force::InForce;
use super::policy_store::{MAIN, PolicyStore};

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

/// The policies in force when a trial began.
pub struct Tried(Arc<InForce>);

impl PolicyStore {
    /// Those that are in force now, to be asked aside: what is tried may be slow.
    pub fn for_trial(&self) -> Tried {
        Tried(self.in_force())
    }
}

impl Tried {
    /// What the policies say of claims that need not be those of a verified token; `instead` stands for the one
    /// that is asked about everything.
    pub fn try_out(
        &self,
        claims: &PolicyInput,
        request: &ReleaseRequest<'_>,
        instead: Option<&ReleasePolicy>,
    ) -> Answer {
        let limits = Limits::default();
        for active in self.0.asked(request.plugin, request.path) {
            let policy = match (instead, &active.compiled) {
                (Some(instead), _) if active.id() == MAIN => instead,
                (_, Ok(policy)) => policy,
                (_, Err(reason)) => return Answer::Failed(reason.clone()),
            };
            match policy.evaluate(claims, request, &limits) {
                Ok(true) => {}
                Ok(false) => return Answer::Denied(policy.explain(claims, request, &limits)),
                Err(error) => return Answer::Failed(error.to_string()),
            }
        }
        Answer::Granted
    }
}
