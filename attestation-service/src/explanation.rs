//! Why a result is what it is: beside the token, for whoever operates the relying party. Never for the guest, which
//! would learn what to claim.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jose::jwt::IssuedToken;
use policy::ar4si::TrustTier;
use policy::{Appraisal, Explanation, Limits};
use serde::Serialize;

use crate::appraisal::Submodule;
use crate::evaluation::Evaluation;
use crate::token;
use crate::turns::Turns;

/// A token, and why it says what it says.
#[derive(Debug, Clone)]
pub struct Explained {
    /// An EAR as a compact JWS.
    pub token: IssuedToken,
    /// JSON text, in the shape of `docs/explanations.md`.
    pub explanation: Option<String>,
}

/// What looking into one rule may cost. The guest waits, and there are many rules.
pub(crate) const LIMITS: Limits = Limits {
    time: Duration::from_millis(50),
    memory: 1 << 20,
};

/// The longest explanation, in bytes. What is longer keeps its values and loses its reasons.
const MAX_TEXT: usize = 64 * 1024;

const TOO_LONG: &str = "the explanation is too long";

/// How many explanations may wait for their turn.
const MAX_WAITING: usize = 16;

/// How long an explanation waits for its turn: a guest waits with it.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long a guest waits for its own explanation. What takes longer is finished, but for nobody.
const LONGEST: Duration = Duration::from_secs(1);

/// Whose turn it is to be explained. One at a time, so that guests that are refused take no processor from the others.
pub(crate) fn turns() -> Turns {
    Turns::new(1, MAX_WAITING, PATIENCE)
}

/// One explanation for each submodule of the token, under the same name.
#[derive(Serialize)]
struct Document {
    submods: BTreeMap<String, Submod>,
}

#[derive(Serialize)]
struct Submod {
    status: TrustTier,
    policy: PolicyName,
    #[serde(flatten)]
    explanation: Arc<Explanation>,
}

/// Which text decided.
#[derive(Serialize)]
struct PolicyName {
    /// With the class suffix.
    id: String,
    /// SHA-384 of the text, lower-case hex.
    digest: String,
}

/// Explains the submodules that came of `evaluation`. `None` if that cannot be written down.
pub(crate) async fn of(evaluation: Evaluation, submodules: Vec<Submodule>, turns: &Turns) -> Option<String> {
    let known: Option<Vec<_>> = submodules.iter().map(|each| known(&evaluation, each)).collect();
    if let Some(known) = known {
        return bounded(&evaluation, &submodules, |number, submodule| {
            known.get(number).map_or_else(|| plain(submodule), Arc::clone)
        });
    }
    let Some(turn) = turns.take().await else {
        return without_reasons(&evaluation, &submodules, "too many results wait to be explained");
    };
    let late = without_reasons(&evaluation, &submodules, "looking into the policy took too long");
    let work = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        bounded(&evaluation, &submodules, |number, submodule| {
            explained(&evaluation, number, submodule)
        })
    });
    match tokio::time::timeout(LONGEST, work).await {
        Ok(Ok(explanation)) => explanation,
        Ok(Err(_)) | Err(_) => late,
    }
}

/// What there is to say without looking into the policy: nothing but the values, if they are affirming; or what was
/// found out for a guest like this one.
fn known(evaluation: &Evaluation, submodule: &Submodule) -> Option<Arc<Explanation>> {
    if submodule.appraisal.vector.status() == TrustTier::Affirming {
        return Some(plain(submodule));
    }
    let policy = evaluation.policies.get(&submodule.class)?;
    policy.explained(&submodule.appraisal, &evaluation.reference_values.values)
}

/// Looks into the policy of one submodule.
fn explained(evaluation: &Evaluation, number: usize, submodule: &Submodule) -> Arc<Explanation> {
    let policy = evaluation.policies.get(&submodule.class);
    let evidence = evaluation.evidence().get(number);
    let input = evidence.and_then(|evidence| evidence.input().ok());
    let reference_values = &evaluation.reference_values.values;
    match (policy, input) {
        (Some(policy), Some(input)) => {
            policy.explain_once(&submodule.appraisal, &input, reference_values, &LIMITS)
        }
        _ => plain(submodule),
    }
}

/// The values alone.
fn plain(submodule: &Submodule) -> Arc<Explanation> {
    Arc::new(Explanation::of(&submodule.appraisal))
}

/// The explanation of one appraisal of which no token is made, as JSON text.
pub(crate) fn of_trial(explanation: &Explanation, appraisal: &Appraisal) -> Option<String> {
    let text = serde_json::to_string(explanation).ok()?;
    if text.len() <= MAX_TEXT {
        return Some(text);
    }
    let values = Explanation {
        incomplete: Some(TOO_LONG),
        ..Explanation::of(appraisal)
    };
    serde_json::to_string(&values).ok()
}

fn without_reasons(evaluation: &Evaluation, submodules: &[Submodule], why: &'static str) -> Option<String> {
    text(evaluation, submodules, |_, submodule| {
        Arc::new(Explanation {
            incomplete: Some(why),
            ..Explanation::of(&submodule.appraisal)
        })
    })
}

/// The text, or one without reasons if it is too long.
fn bounded(
    evaluation: &Evaluation,
    submodules: &[Submodule],
    explain: impl Fn(usize, &Submodule) -> Arc<Explanation>,
) -> Option<String> {
    match text(evaluation, submodules, explain) {
        Some(text) if text.len() <= MAX_TEXT => Some(text),
        _ => without_reasons(evaluation, submodules, TOO_LONG),
    }
}

fn text(
    evaluation: &Evaluation,
    submodules: &[Submodule],
    explain: impl Fn(usize, &Submodule) -> Arc<Explanation>,
) -> Option<String> {
    let names = token::names(submodules.iter().map(|submodule| submodule.class));
    let submods = submodules.iter().zip(names).enumerate();
    let submods = submods.map(|(number, (submodule, name))| {
        let policy = evaluation.policies.get(&submodule.class);
        let submod = Submod {
            status: submodule.appraisal.vector.status(),
            policy: PolicyName {
                id: evaluation.full_policy_id(submodule.class),
                digest: policy
                    .map(|policy| policy.digest().to_owned())
                    .unwrap_or_default(),
            },
            explanation: explain(number, submodule),
        };
        (name, submod)
    });
    let document = Document {
        submods: submods.collect(),
    };
    serde_json::to_string(&document).ok()
}
