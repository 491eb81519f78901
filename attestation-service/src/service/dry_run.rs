//! What other policies or other reference values would make of claims that were verified before. Nothing is stored, no
//! token is made.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use daemon::aside::{AsideError, Deadline};
use policy::appraisal::{POLICY_DIGEST, REFERENCE_VALUES_AGE};
use policy::{Depth, Limits, PolicyInput, ReferenceValueSnapshot};
use serde_json::{Map, Value};

use super::{AttestationService, MAX_ROUNDS};
use crate::error::Fault;
use crate::explanation;
use crate::policies::{PolicyStoreError, ReadyPolicy};
use crate::reference_values::{ReferenceValueError, View};

/// The most claims that one trial may be about.
pub const MAX_TRIED: usize = 1000;

/// What is tried on which claims.
#[derive(Debug, Clone, Default)]
pub struct PolicyTrial {
    /// Rego texts by the ids (with the class suffix) of the policies that they would replace.
    pub policies: BTreeMap<String, String>,
    /// Reference values that would count instead of the registered ones, by id. Null: that there were none.
    pub reference_values: Map<String, Value>,
    /// The claims.
    pub claims: Vec<TriedClaims>,
    /// Whether results that are affirming are explained, too.
    pub explain_affirming: bool,
}

/// Claims that were appraised before.
#[derive(Debug, Clone)]
pub struct TriedClaims {
    /// Under which policy, with the class suffix.
    pub policy_id: String,
    /// JSON text: `ear.veraison.annotated-evidence` of the token.
    pub claims: String,
}

/// What one set of claims is worth.
#[derive(Debug, Clone)]
pub struct Tried {
    /// With what is in force.
    pub now: TriedResult,
    /// With what is tried.
    pub then: TriedResult,
}

/// An appraisal, or why there is none.
pub type TriedResult = Result<TriedAppraisal, String>;

/// An appraisal of which no token was made.
#[derive(Debug, Clone)]
pub struct TriedAppraisal {
    /// The members that the submodule of a token would have, but the evidence and the policy.
    pub submodule: Map<String, Value>,
    /// JSON text: an entry of `submods` of an explanation, without its status and policy.
    pub explanation: Option<String>,
}

/// The trial could not be made.
#[derive(Debug, thiserror::Error)]
#[allow(private_interfaces)] // causes are for reading, not for matching
pub enum TrialError {
    /// The caller: there are more claims than can be tried at once.
    #[error("{0} sets of claims, more than the {MAX_TRIED} that can be tried at once")]
    TooMany(usize),
    /// The caller: a set of claims is not JSON.
    #[error("the claims of number {0} cannot be read: {1}")]
    Claims(usize, String),
    /// The caller: a policy is none.
    #[error("policy `{id}` cannot be tried: {source}")]
    Policy {
        /// Its id.
        id: String,
        /// What is wrong with it.
        source: PolicyStoreError,
    },
    /// Reference values cannot be had, or those given cannot be used.
    #[error("the reference values cannot be used: {0}")]
    ReferenceValues(ReferenceValueError),
    /// The caller: it takes longer than a trial may.
    #[error(
        "the trial cannot be finished: {0}. Try fewer guests, or a policy that does less: it may compare huge values \
         with each other"
    )]
    Endless(AsideError),
    /// More is being done than this machine can do in time.
    #[error("too much is waiting to be worked on: {0}")]
    Overloaded(AsideError),
    /// A defect of this service.
    #[error("the trial was abandoned")]
    Abandoned,
}

impl TrialError {
    /// Who has to do something about it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::TooMany(_) | Self::Claims(..) | Self::Endless(_) => Fault::Request,
            Self::Policy { source, .. } => source.fault(),
            Self::ReferenceValues(error) => error.fault(),
            Self::Overloaded(_) => Fault::Dependency,
            Self::Abandoned => Fault::Internal,
        }
    }
}

/// The policies of one side of the comparison, by id. One that cannot be used fails the claims that need it.
type Policies = HashMap<String, Result<Arc<ReadyPolicy>, String>>;

/// Everything that a trial needs, for the thread that computes.
struct Prepared {
    claims: Vec<(String, PolicyInput)>,
    now: Policies,
    then: Policies,
    reference_values: Map<String, Value>,
    depth: Depth,
}

impl AttestationService {
    /// Appraises claims with what is in force and with what is tried, and says what differs.
    ///
    /// # Errors
    /// The trial could not be made. That a policy fails on some claims is a result.
    pub async fn try_out(&self, trial: PolicyTrial) -> Result<Vec<Tried>, TrialError> {
        let PolicyTrial {
            policies,
            reference_values,
            claims,
            explain_affirming,
        } = trial;
        if claims.len() > MAX_TRIED {
            return Err(TrialError::TooMany(claims.len()));
        }
        let parse = |(number, each): (usize, TriedClaims)| {
            let input = PolicyInput::from_json(&each.claims);
            let input = input.map_err(|error| TrialError::Claims(number, error.to_string()))?;
            Ok((each.policy_id, input))
        };
        let claims: Vec<_> = claims
            .into_iter()
            .enumerate()
            .map(parse)
            .collect::<Result<_, _>>()?;
        let mut now = Policies::new();
        for (id, _) in &claims {
            if !now.contains_key(id) {
                let policy = self.policies.compiled(id).await;
                now.insert(id.clone(), policy.map_err(|error| error.to_string()));
            }
        }
        let mut then = now.clone();
        for (id, rego) in policies {
            let policy = self.policies.check(&id, &rego).await;
            let policy = policy.map_err(|source| TrialError::Policy {
                id: id.clone(),
                source,
            })?;
            then.insert(id, Ok(policy));
        }
        self.compare(Prepared {
            claims,
            now,
            then,
            reference_values,
            depth: match explain_affirming {
                true => Depth::Everything,
                false => Depth::Failures,
            },
        })
        .await
    }

    /// Takes turns: one side computes, the other fetches the reference values that are asked for.
    async fn compare(&self, prepared: Prepared) -> Result<Vec<Tried>, TrialError> {
        let prepared = Arc::new(prepared);
        let view = self.reference_values.view().await;
        let mut view = view.map_err(TrialError::ReferenceValues)?;
        for _ in 0..MAX_ROUNDS {
            let (work, known) = (Arc::clone(&prepared), view.clone());
            // Not where evidence is appraised: that must not wait for it.
            let trials = &self.policies.trials;
            let done = trials.run(move |deadline| work.results(&known, deadline)).await;
            let (results, open) = done.map_err(given_up)??;
            if open.is_empty() {
                return Ok(results);
            }
            let extended = self.reference_values.extend(view, open).await;
            view = extended.map_err(TrialError::ReferenceValues)?;
        }
        Err(TrialError::Abandoned)
    }
}

impl Prepared {
    /// All results, and the reference values that should be looked up before they are believed.
    fn results(&self, view: &View, deadline: Deadline) -> Result<(Vec<Tried>, Vec<String>), TrialError> {
        let instead = self.reference_values.iter();
        let gone = instead.clone().filter(|(_, value)| value.is_null());
        let given = instead.filter(|(_, value)| !value.is_null());
        let changed = view.values.with_change(
            given.map(|(id, value)| (id.clone(), value.clone())),
            gone.map(|(id, _)| id.as_str()),
        );
        let changed = changed
            .map_err(|error| TrialError::ReferenceValues(ReferenceValueError::Refused(error.to_string())))?;
        let mut open = Vec::new();
        let mut results = Vec::with_capacity(self.claims.len());
        for (id, input) in &self.claims {
            deadline.check().map_err(given_up)?;
            let mut appraise = |policies: &Policies, values: &ReferenceValueSnapshot| {
                let policy = match policies.get(id) {
                    Some(Ok(policy)) => policy,
                    Some(Err(reason)) => return Err(reason.clone()),
                    None => return Err(format!("there is no policy `{id}`")),
                };
                open.extend(view.unread(policy).map_err(|error| error.to_string())?);
                let mut tried = appraisal(policy, input, values, self.depth, |asked| {
                    open.extend(view.open_questions(asked));
                })?;
                let age = view.age.map(|age| (REFERENCE_VALUES_AGE.to_owned(), age.into()));
                tried.submodule.extend(age);
                Ok(tried)
            };
            results.push(Tried {
                now: appraise(&self.now, &view.values),
                then: appraise(&self.then, &changed),
            });
        }
        open.retain(|id| !self.reference_values.contains_key(id));
        open.sort_unstable();
        open.dedup();
        Ok((results, open))
    }
}

fn given_up(error: AsideError) -> TrialError {
    match error {
        AsideError::Late(_) => TrialError::Endless(error),
        AsideError::Busy => TrialError::Overloaded(error),
        AsideError::Broken => TrialError::Abandoned,
    }
}

fn appraisal(
    policy: &ReadyPolicy,
    input: &PolicyInput,
    values: &ReferenceValueSnapshot,
    depth: Depth,
    mut asked: impl FnMut(&[policy::AskedValue]),
) -> TriedResult {
    let appraisal = policy
        .evaluate(input, values, &Limits::default())
        .map_err(|error| error.to_string())?;
    asked(&appraisal.asked);
    let mut submodule = Map::new();
    submodule.insert("ear.status".to_owned(), appraisal.vector.status().as_str().into());
    let vector = serde_json::to_value(&appraisal.vector).map_err(|error| error.to_string())?;
    submodule.insert("ear.trustworthiness-vector".to_owned(), vector);
    submodule.insert(POLICY_DIGEST.to_owned(), policy.digest().into());
    for extension in appraisal.extensions.iter().filter(|each| !each.value.is_null()) {
        submodule.insert(extension.name.clone(), extension.value.clone());
    }
    let explanation = policy.explain(&appraisal, input, values, &explanation::LIMITS, depth);
    Ok(TriedAppraisal {
        submodule,
        explanation: explanation::of_trial(&explanation, &appraisal),
    })
}
