//! Finds out why a policy gave what it gave, apart from the evaluation that decided, and only when asked.
//!
//! A policy is read once more (`syntax`) and compiled once more with rules of ours beside its own (`program`), which
//! are copies of parts of it: the engine that decides also says which parts hold. `trace` follows a value to the rule
//! that gave it and finds those that would have given a better one, `failures` what kept them from it; `groups` tells
//! the conditions apart that fail by themselves; `empty` looks through sets that are to be empty; `leaf` says of one that did not hold what it saw and what it would
//! have taken; `words` says it in sentences.

mod empty;
mod failures;
mod groups;
mod leaf;
pub(crate) mod nearest;
mod operands;
mod program;
mod recent;
mod run;
mod syntax;
mod trace;
mod words;

#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use regorus::Value;

use self::program::Program;
pub(crate) use self::recent::Recent;
use self::run::{Documents, Run, Stop};
use self::syntax::Syntax;
use self::trace::Trace;
use crate::ar4si::TrustTier;
use crate::engine::{self, Target};
use crate::explanation::{Depth, ExplainedClaim, Explanation, FailedCondition};
use crate::{Limits, PolicyError, PolicyInput, ReferenceValueSnapshot, RegoVersion};

/// The text of a policy, and what explains it once that is needed.
pub(crate) struct Source {
    rego: Box<str>,
    version: RegoVersion,
    explainer: OnceLock<Option<Box<Explainer>>>,
}

impl Source {
    pub(crate) fn new(rego: &str, version: RegoVersion) -> Self {
        Self {
            rego: rego.into(),
            version,
            explainer: OnceLock::new(),
        }
    }

    /// What explains the policy; `None` if it cannot be explained. Made at first need.
    pub(crate) fn explainer(&self, target: &Target<'_>) -> Option<&Explainer> {
        let make = || {
            Explainer::new(&self.rego, self.version, target)
                .ok()
                .map(Box::new)
        };
        self.explainer.get_or_init(make).as_deref()
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Source({} bytes)", self.rego.len())
    }
}

/// A policy that can be looked into.
pub(crate) struct Explainer {
    syntax: Syntax,
    program: Program,
    rego: Box<str>,
}

impl Explainer {
    /// Makes ready to explain a policy that has been compiled for `target`.
    pub(crate) fn new(rego: &str, version: RegoVersion, target: &Target<'_>) -> Result<Self, PolicyError> {
        engine::with_deep_stack(|| {
            let syntax = Syntax::of(rego, version)?;
            Ok(Self {
                program: Program::compile(rego, &syntax, version, target)?,
                syntax,
                rego: rego.into(),
            })
        })
    }

    /// Adds to `explanation` what gave the claims, and what kept those that are not affirming from better values.
    /// `rule` is the one that has the vector.
    pub(crate) fn claims(
        &self,
        explanation: &mut Explanation,
        rule: &str,
        (input, reference): (&PolicyInput, &ReferenceValueSnapshot),
        limits: &Limits,
        depth: Depth,
    ) {
        let data = [("reference", reference.values().clone())];
        let mut trace = Trace(self.run(input, &data, reference, limits));
        if explanation.claims.iter().all(|claim| !worth_a_look(claim)) {
            explanation.undefined = trace.undefined(&[rule.to_owned()]);
            return;
        }
        let path = |claim: &ExplainedClaim| [rule.to_owned(), claim.claim.as_str().to_owned()];
        let (failed, affirming): (Vec<_>, Vec<_>) = explanation
            .claims
            .iter_mut()
            .filter(|claim| worth_a_look(claim))
            .partition(|claim| claim.tier != TrustTier::Affirming);
        // What failed matters most, and looking into things comes to an end.
        for claim in failed {
            match trace.claim(&path(claim), claim.value) {
                Ok((rule, better)) => (claim.rule, claim.better) = (rule, better),
                Err(Stop) => {
                    explanation.incomplete = Some(TOO_LONG);
                    return;
                }
            }
        }
        trace.0.begin_anew();
        for claim in affirming {
            match trace.affirming(&path(claim), depth) {
                Ok((rule, held)) => (claim.rule, claim.held) = (rule, held),
                Err(Stop) => {
                    explanation.incomplete = Some(TOO_LONG);
                    return;
                }
            }
        }
    }

    /// The conditions that keep `rule` from being true.
    pub(crate) fn refusal(
        &self,
        rule: &str,
        input: &PolicyInput,
        data: &[(&'static str, Value)],
        limits: &Limits,
    ) -> Vec<FailedCondition> {
        let reference = ReferenceValueSnapshot::default();
        let mut trace = Trace(self.run(input, data, &reference, limits));
        trace.refusal(&[rule.to_owned()])
    }

    fn run<'a>(
        &'a self,
        input: &'a PolicyInput,
        data: &'a [(&'static str, Value)],
        reference: &'a ReferenceValueSnapshot,
        limits: &Limits,
    ) -> Run<'a> {
        let documents = Documents {
            input,
            data,
            reference,
        };
        Run::new(&self.syntax, &self.program, &self.rego, &documents, limits)
    }
}

impl std::fmt::Debug for Explainer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Explainer({:?})", self.program.detail)
    }
}

/// Whether a rule was meant to give this. That nothing is claimed (0) is what most policies say of most claims.
fn worth_a_look(claim: &ExplainedClaim) -> bool {
    claim.tier != TrustTier::None || claim.value != 0
}

const TOO_LONG: &str = "the policy takes too long to be looked into";
