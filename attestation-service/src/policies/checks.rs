//! What a policy reads that is not there, found when it is set: mostly a name with a slip of the pen in it, which
//! would make the policy deny for ever without saying why.

mod inputs;
#[cfg(test)]
mod tests;
mod values;

use daemon::aside::AsideError;
use daemon::suggest::nearest;
use policy::ar4si::TrustClaim;
use policy::reads::{Given, Mention};
use policy::{AppraisalPolicy, LimitKind, Limits, PolicyError, PolicyInput, Reads, ReferenceValueSnapshot};
use serde_json::Value;

use self::inputs::{unknown_document, unknown_input, verified_elsewhere};
pub(crate) use self::values::KnownValues;

/// What is to be checked of a policy.
pub(crate) struct Checks {
    reads: Reads,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// What is doubtful about the policy, each in a sentence: reasons to refuse it, if it is checked strictly.
    pub(crate) warnings: Vec<String>,
    /// What else whoever sets it should know, likewise.
    pub(crate) notes: Vec<String>,
}

impl Checks {
    /// Looks through the text of a policy.
    pub(crate) fn of(rego: &str) -> Self {
        Self {
            reads: Reads::of(rego),
        }
    }

    /// The ids of reference values that the text names.
    pub(crate) fn reference_ids(&self) -> &[Mention<String>] {
        &self.reads.reference_ids
    }

    /// What is to be said of the policy.
    ///
    /// # Errors
    /// It hangs.
    pub(crate) fn findings(
        &self,
        policy: &AppraisalPolicy,
        values: &KnownValues,
    ) -> Result<Findings, AsideError> {
        let tried = wrong_type(policy)?;
        let mut warnings = self.unknown_trust_claims();
        warnings.extend(self.reads.trust_values.iter().filter_map(no_trust_value));
        if warnings.is_empty() {
            warnings.extend(tried);
        }
        warnings.extend(self.reads.inputs.iter().filter_map(unknown_input));
        let compared = self.reads.comparisons.iter();
        warnings.extend(compared.filter_map(|each| {
            let said = each.name.of_no_order()?;
            Some(format!("line {}: {said}", each.line))
        }));
        warnings.extend(self.reads.documents.iter().filter_map(unknown_document));
        warnings.extend(values.warnings());
        let computed = self.reads.computed_ids.iter().map(|id| {
            format!(
                "line {}: which reference value is asked for with `{}` shows only when the policy runs, so it could not \
                 be checked whether it is registered",
                id.line, id.name
            )
        });
        let elsewhere = verified_elsewhere(&self.reads.inputs);
        let notes = computed.chain(elsewhere).chain(values.note());
        let notes = notes.map(one_line).collect();
        Ok(Findings {
            warnings: warnings.into_iter().map(one_line).collect(),
            notes,
        })
    }

    fn unknown_trust_claims(&self) -> Vec<String> {
        let known = TrustClaim::ALL.map(TrustClaim::as_str);
        let unknown = self.reads.trust_claims.iter();
        let unknown = unknown.filter(|claim| TrustClaim::from_name(&claim.name).is_none());
        unknown
            .map(|claim| {
                let advice = match nearest(&claim.name, known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are {}", known.join(", ")),
                };
                format!(
                    "line {}: `{}` is no trust claim, so there will be no token: {advice}",
                    claim.line, claim.name
                )
            })
            .collect()
    }
}

/// A value that no trust claim can have: there is no token for a guest for which a policy gives it.
fn no_trust_value(given: &Mention<Given>) -> Option<String> {
    let Given { claim, value, text } = &given.name;
    let is_one = match value {
        // The engine's integers are those without a fraction, however they are written.
        Value::Number(number) => number
            .as_f64()
            .is_some_and(|number| number.fract() == 0.0 && (-128.0..=127.0).contains(&number)),
        _ => false,
    };
    let line = given.line;
    (!is_one).then(|| {
        format!(
            "line {line}: `{claim}` can be `{text}` here, and there will be no token then: a trust claim is an integer \
             from -128 to 127"
        )
    })
}

/// What the policy says of a guest that claims nothing is no result.
fn wrong_type(policy: &AppraisalPolicy) -> Result<Option<String>, AsideError> {
    let Ok(nothing) = PolicyInput::from_json("{}") else {
        return Ok(None);
    };
    let values = ReferenceValueSnapshot::default();
    match policy.evaluate(&nothing, &values, &Limits::default()) {
        Err(PolicyError::Limit(LimitKind::Step)) => Err(AsideError::Late(Limits::PATIENCE)),
        Err(error @ (PolicyError::Result(_) | PolicyError::Limit(_))) => Ok(Some(format!(
            "there will be no token for a guest of another TEE: {error}"
        ))),
        _ => Ok(None),
    }
}

/// Names in a policy may have anything in them.
fn one_line(text: String) -> String {
    match text.contains(char::is_control) {
        true => text.replace(char::is_control, " "),
        false => text,
    }
}
