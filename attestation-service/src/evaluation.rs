//! The work of one evaluation that takes processor time and nothing else, to be run where it holds nobody up,
//! unless there is so little of it that to run it elsewhere would cost more.
//!
//! It goes on until it has the submodules or needs something that only the asynchronous side can get, and can
//! then be resumed.

use std::collections::HashMap;
use std::sync::Arc;

use verifier::{
    Endorsements, Fault, ParsedEvidence, Tee, TeeClass, UnverifiedEvidence, Verifiers, VerifyError,
};

use crate::appraisal::{AnnotatedEvidence, Submodule};
use crate::binding::Binding;
use crate::error::EvaluateError;
use crate::policies::{PolicyMap, ReadyPolicy};
use crate::reference_values::View;
use crate::request::IndividualRequest;

/// An evaluation under way.
pub(crate) struct Evaluation {
    /// Without the class suffix.
    pub(crate) policy_id: String,
    /// Seconds since the Unix epoch.
    pub(crate) now: i64,
    pub(crate) policies: HashMap<TeeClass, Arc<ReadyPolicy>>,
    /// What the operator says of the guest's policy, by what it was measurably started with.
    pub(crate) policy_map: Arc<PolicyMap>,
    pub(crate) reference_values: View,
    /// Of every request, [`IndividualRequest::is_small`].
    small: bool,
    stage: Stage,
}

/// One piece of evidence with all that its verification needs.
pub(crate) struct Item {
    pub(crate) tee: Tee,
    pub(crate) evidence: Box<dyn ParsedEvidence>,
    pub(crate) binding: Binding,
    pub(crate) endorsements: Endorsements,
    small: bool,
}

impl Item {
    /// The evidence and what it must be bound to, as they were sent, without endorsements.
    pub(crate) fn parse(
        verifiers: &Verifiers,
        request: &IndividualRequest,
        verbose: bool,
    ) -> Result<Self, EvaluateError> {
        let tee = request.tee;
        let verifier = verifiers.get(tee).ok_or(EvaluateError::UnsupportedTee(tee))?;
        let binding = Binding::of(request, verbose).map_err(EvaluateError::Binding)?;
        let evidence = verifier.parse(UnverifiedEvidence::new(&request.evidence));
        let evidence = evidence.map_err(|error| refused(tee, error))?;
        let foreseen = evidence.foresee(&binding.expected);
        foreseen.map_err(|error| refused(tee, error))?;
        Ok(Self {
            tee,
            evidence,
            binding,
            endorsements: Endorsements::new(),
            small: request.is_small(),
        })
    }
}

enum Stage {
    Unverified(Vec<Item>),
    Verified(Vec<AnnotatedEvidence>),
}

/// How far an evaluation got.
pub(crate) enum Progress {
    Done(Vec<Submodule>),
    NeedsPolicy(TeeClass),
    NeedsReferenceValues(Vec<String>),
}

impl Evaluation {
    pub(crate) fn new(policy_id: String, items: Vec<Item>, reference_values: View, now: i64) -> Self {
        Self {
            policy_id,
            now,
            policies: HashMap::new(),
            policy_map: Arc::default(),
            reference_values,
            small: items.iter().all(|item| item.small),
            stage: Stage::Unverified(items),
        }
    }

    /// The id of the policy for a class, as it is stored.
    pub(crate) fn full_policy_id(&self, class: TeeClass) -> String {
        format!("{}_{}", self.policy_id, class.as_str())
    }

    /// Whether all that was sent for it is small.
    pub(crate) fn is_small(&self) -> bool {
        self.small
    }

    /// Whether what is left to do is so little that a thread which serves connections may do it: nothing but
    /// cheap evidence, little of it, and policies that have shown to be quick.
    pub(crate) fn is_light(&self) -> bool {
        let verified = match &self.stage {
            Stage::Unverified(items) => items.iter().all(|item| item.evidence.is_cheap()),
            Stage::Verified(_) => true,
        };
        let is_quick = |policy: &Arc<ReadyPolicy>| !policy.may_hang() && !policy.pace.is_out();
        self.small && verified && self.policies.values().all(is_quick)
    }

    /// What the submodules were made of, in their order.
    pub(crate) fn evidence(&self) -> &[AnnotatedEvidence] {
        match &self.stage {
            Stage::Verified(evidence) => evidence,
            Stage::Unverified(_) => &[],
        }
    }

    /// The map comes before what was asked for: what is measured counts for more than what is said. The machine is
    /// asked, not its devices; and several, of which one could speak for another, must say the same.
    fn choose_policy(&mut self, evidence: &[AnnotatedEvidence]) -> Result<(), EvaluateError> {
        let machines = evidence.iter().filter(|evidence| evidence.class == TeeClass::Cpu);
        let mut choices = machines.map(|machine| machine.chosen_policy(&self.policy_map));
        let chosen = choices.next().flatten();
        if choices.any(|other| other != chosen) {
            return Err(EvaluateError::MachinesDisagree);
        }
        if let Some(id) = chosen.filter(|id| *id != self.policy_id) {
            self.policy_id = id.to_owned();
            // Those that were foreseen are of the other id.
            self.policies.clear();
        }
        Ok(())
    }

    /// Verifies, unless that is done, and appraises.
    pub(crate) fn advance(&mut self) -> Result<Progress, EvaluateError> {
        if let Stage::Unverified(items) = &mut self.stage {
            let items = std::mem::take(items);
            let evidence = verify(items, self.now)?;
            self.choose_policy(&evidence)?;
            self.stage = Stage::Verified(evidence);
        }
        let Stage::Verified(evidence) = &self.stage else {
            return Err(EvaluateError::Abandoned);
        };
        let mut submodules = Vec::with_capacity(evidence.len());
        let mut open_questions: Vec<String> = Vec::new();
        for evidence in evidence {
            let Some(policy) = self.policies.get(&evidence.class) else {
                return Ok(Progress::NeedsPolicy(evidence.class));
            };
            let failed = |source| EvaluateError::Appraisal {
                id: self.full_policy_id(evidence.class),
                source,
            };
            let unread = self.reference_values.unread(policy).map_err(failed)?;
            if !unread.is_empty() {
                open_questions.extend(unread);
                continue;
            }
            let submodule = evidence.appraise(&self.policy_id, policy, &self.reference_values);
            let submodule = submodule.map_err(failed)?;
            open_questions.extend(self.reference_values.open_questions(&submodule.appraisal.asked));
            submodules.push(submodule);
        }
        if open_questions.is_empty() {
            return Ok(Progress::Done(submodules));
        }
        open_questions.sort_unstable();
        open_questions.dedup();
        Ok(Progress::NeedsReferenceValues(open_questions))
    }
}

/// Every claim set of every item, in order.
fn verify(items: Vec<Item>, now: i64) -> Result<Vec<AnnotatedEvidence>, EvaluateError> {
    let mut evidence = Vec::with_capacity(items.len());
    for item in items {
        let verified = item
            .evidence
            .verify(&item.binding.expected, &item.endorsements, now);
        let binding = Arc::new(item.binding);
        for claims in verified.map_err(|error| refused(item.tee, error))? {
            let annotated = AnnotatedEvidence::of(claims, Arc::clone(&binding));
            evidence.push(annotated.map_err(|error| EvaluateError::Token(error.to_string()))?);
        }
    }
    Ok(evidence)
}

/// Evidence that does not hold is the attester's affair; what was fetched to judge it, is not.
pub(crate) fn refused(tee: Tee, source: VerifyError) -> EvaluateError {
    match source.class() {
        Fault::Attester => EvaluateError::Evidence { tee, source },
        Fault::Endorsement => EvaluateError::BadEndorsement { tee, source },
        Fault::Caller => EvaluateError::Unexpectable { tee, source },
        Fault::Operator => EvaluateError::NotSetUp { tee, source },
    }
}
