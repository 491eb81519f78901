//! What a policy reads that is not there, found when it is set: mostly a name with a slip of the pen in it, which
//! would make the policy deny for ever without saying why.

use std::collections::BTreeSet;

use daemon::suggest::nearest;
use policy::ar4si::TrustClaim;
use policy::reads::{ANY, Mention};
use policy::{AppraisalPolicy, Limits, PolicyError, PolicyInput, Reads, ReferenceValueSnapshot, defaults};
use verifier::{Tee, claim_paths};

use crate::init_data;

/// Members of `input` that are no TEE's.
const COMMON_INPUTS: [&str; 4] = [
    "init_data",
    "init_data_claims",
    "report_data",
    "runtime_data_claims",
];

/// How many names that are registered are looked through for the nearest one.
const MAX_NAMES: usize = 20_000;

/// What is to be checked of a policy.
pub(crate) struct Checks {
    reads: Reads,
}

impl Checks {
    /// Looks through the text of a policy.
    pub(crate) fn of(rego: &str) -> Self {
        Self {
            reads: Reads::of(rego),
        }
    }

    /// The ids of reference values that the text names.
    pub(crate) fn reference_ids(&self) -> impl Iterator<Item = &Mention<String>> {
        self.reads.reference_ids.iter()
    }

    /// What is doubtful about the policy, each in a sentence. `unregistered` are those of its reference values that
    /// are not registered, `registered` all that are.
    pub(crate) fn doubts(
        &self,
        policy: &AppraisalPolicy,
        unregistered: &[&Mention<String>],
        registered: &[String],
    ) -> Vec<String> {
        let mut doubts = self.unknown_trust_claims();
        if doubts.is_empty() {
            doubts.extend(wrong_type(policy));
        }
        doubts.extend(self.reads.inputs.iter().filter_map(unknown_input));
        doubts.extend(unregistered_values(unregistered, registered));
        doubts
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

/// What the policy says of a guest that claims nothing is no result.
fn wrong_type(policy: &AppraisalPolicy) -> Option<String> {
    let nothing = PolicyInput::from_json("{}").ok()?;
    let values = ReferenceValueSnapshot::default();
    match policy.evaluate(&nothing, &values, &Limits::default()) {
        Err(error @ (PolicyError::Result(_) | PolicyError::Limit(_))) => Some(format!(
            "there will be no token for a guest of another TEE: {error}"
        )),
        _ => None,
    }
}

fn unknown_input(read: &Mention<Vec<String>>) -> Option<String> {
    let (first, rest) = read.name.split_first()?;
    if first == ANY {
        return None;
    }
    let line = read.line;
    if COMMON_INPUTS.contains(&first.as_str()) {
        return unknown_common(line, first, rest);
    }
    let Ok(tee) = first.parse::<Tee>() else {
        let known = Tee::ALL.map(Tee::as_str).into_iter().chain(COMMON_INPUTS);
        // `sevsnp` and `snp` are far apart, letter by letter.
        let within = || {
            Tee::ALL
                .map(Tee::as_str)
                .into_iter()
                .rev()
                .find(|tee| first.contains(tee))
        };
        let near = nearest(first, known).or_else(within);
        let advice = suggestion(near.map(str::to_owned));
        return Some(format!(
            "line {line}: no verifier gives the claim `input.{first}`: it is always undefined{advice}"
        ));
    };
    let known = claim_paths::of(tee);
    if known.has(rest) {
        return None;
    }
    let near = nearest(&rest.join("/"), known.iter());
    let advice = suggestion(near.map(|near| reference(tee.as_str(), near.split('/'))));
    let path = reference(tee.as_str(), rest.iter().map(String::as_str));
    Some(format!(
        "line {line}: no verifier gives the claim `{path}`: it is always undefined{advice}"
    ))
}

/// What is below the members that are no TEE's. The digests are texts; the claims are the guest's or its owner's
/// affair, but for a name that is almost one of those that are known.
fn unknown_common(line: usize, first: &str, rest: &[String]) -> Option<String> {
    let member = rest.first()?;
    let path = reference(first, rest.iter().map(String::as_str));
    match first {
        "init_data" | "report_data" => Some(format!(
            "line {line}: `input.{first}` is a text and has no members, so `{path}` is always undefined; did you mean \
             `input.{}`?",
            match first {
                "init_data" => "init_data_claims",
                _ => "runtime_data_claims",
            }
        )),
        "init_data_claims" if member != ANY => {
            let known = init_data::KNOWN_CLAIMS;
            if known.contains(&member.as_str()) {
                return None;
            }
            // `cdh.toml` is one name, and a dot parts names.
            let joined = rest.get(1).map(|second| format!("{member}.{second}"));
            let near = joined
                .and_then(|joined| known.into_iter().find(|name| *name == joined))
                .or_else(|| nearest(member, known))?;
            Some(format!(
                "line {line}: an init-data document gives `{path}` only if it has an entry `{member}`; did you mean `{}`?",
                reference(first, [near])
            ))
        }
        _ => None,
    }
}

/// Those with a near name each, the others in one sentence.
fn unregistered_values(unregistered: &[&Mention<String>], registered: &[String]) -> Vec<String> {
    let shipped = shipped_ids();
    let mut strange = Vec::new();
    let mut doubts = Vec::new();
    for id in unregistered {
        let known = registered.iter().take(MAX_NAMES).map(String::as_str);
        // A name that the shipped policies know is right, and its value comes later.
        let near = match shipped.contains(&id.name) {
            true => None,
            false => nearest(&id.name, known.chain(shipped.iter().map(String::as_str))),
        };
        match near {
            Some(near) => doubts.push(format!(
                "line {}: the reference value `{}` is not registered: did you mean `{near}`?",
                id.line, id.name
            )),
            None => strange.push(id.name.as_str()),
        }
    }
    if !strange.is_empty() {
        doubts.push(format!(
            "these reference values are not registered, so nothing will match them: {}",
            strange.join(", ")
        ));
    }
    doubts
}

fn shipped_ids() -> BTreeSet<String> {
    let shipped = defaults::ATTESTATION.into_iter();
    shipped
        .flat_map(|(_, rego)| Reads::of(rego).reference_ids)
        .map(|id| id.name)
        .collect()
}

fn suggestion(near: Option<String>) -> String {
    near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// A path as a policy writes it.
fn reference<'a>(first: &'a str, members: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = "input".to_owned();
    for member in std::iter::once(first).chain(members) {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        match member {
            ANY => text.push_str("[_]"),
            member if member.chars().all(plain) && !member.is_empty() => {
                text.push('.');
                text.push_str(member);
            }
            member => text.push_str(&format!("[{member:?}]")),
        }
    }
    text
}

#[cfg(test)]
mod tests;
