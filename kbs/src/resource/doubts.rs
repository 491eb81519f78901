//! What a release policy reads that no token has, found when it is set: mostly a name with a slip of the pen in it,
//! which would make the policy deny for ever without saying why.
//!
//! A token may come from an issuer that this service knows nothing of, and a policy may name members of its own in
//! it. So only what stands in a known place and is not known there is told, or what is nearly a known name. A TEE's
//! claims are such a place: what our verifiers give is known, and that another's may give more is said.

use daemon::suggest::nearest;
use names::claims;
use policy::ar4si::{TrustClaim, TrustTier};
use policy::reads::{ANY, Comparison, Mention, Reads, written};
use policy::{Limits, PolicyError, ReleasePolicy};
use serde_json::Value;

const STATUS: &str = "ear.status";
const VECTOR: &str = "ear.trustworthiness-vector";
const EVIDENCE: &str = "ear.veraison.annotated-evidence";

/// Members of a token (wire: as-grpc, section 7).
const TOKEN: [&str; 3] = ["submods", "eat_profile", "ear.verifier-id"];
/// Members of a submodule.
const SUBMODULE: [&str; 5] = [
    STATUS,
    VECTOR,
    EVIDENCE,
    "ear.appraisal-policy-id",
    "ear.trustee.identifiers",
];
/// Members of annotated evidence that are no TEE's.
const COMMON: [&str; 4] = [
    "init_data",
    "init_data_claims",
    "report_data",
    "runtime_data_claims",
];
/// What a submodule is called, before its number.
const CLASSES: [&str; 6] = ["cpu", "gpu", "switch", "ppcie", "dcu", "nvidia-dpu"];
/// The documents that stand beside the token.
const DOCUMENTS: [&str; 3] = ["plugin", "resource-path", "query"];
/// What is doubtful about a policy, each in a sentence.
pub(super) fn doubts(rego: &str, policy: &ReleasePolicy, limits: &Limits) -> Vec<String> {
    let reads = Reads::of(rego);
    let mut doubts: Vec<String> = odd_answer(policy, limits).into_iter().collect();
    doubts.extend(reads.inputs.iter().filter_map(unknown_claim));
    doubts.extend(reads.comparisons.iter().filter_map(wrong_value));
    doubts.extend(reads.documents.iter().filter_map(unknown_document));
    doubts
}

fn odd_answer(policy: &ReleasePolicy, limits: &Limits) -> Option<String> {
    let rule = policy.dialect().rule.as_str();
    match policy.odd_answer(limits) {
        Ok(None) => None,
        Ok(Some(kind)) => Some(format!(
            "its rule `{rule}` gives {kind}, and only `true` is yes: nothing will be released by it"
        )),
        Err(error @ PolicyError::Limit(_)) => Some(format!(
            "it takes too long for a guest that claims nothing: {error}"
        )),
        // An error that another guest may not meet.
        Err(_) => None,
    }
}

fn unknown_claim(read: &Mention<Vec<String>>) -> Option<String> {
    let members: Vec<&str> = read.name.iter().map(String::as_str).collect();
    let (place, unknown, near) = match members.as_slice() {
        ["submods", submodule, ..] if !is_submodule(submodule) => {
            let near = CLASSES.into_iter().find(|class| submodule.starts_with(class));
            let near = near.or_else(|| nearest(submodule, CLASSES));
            ("input.submods", submodule, near.map(|class| format!("{class}0")))
        }
        ["submods", _, VECTOR, claim, ..]
            if !is_one_of(claim, |name| TrustClaim::from_name(name).is_some()) =>
        {
            let near = nearest(claim, TrustClaim::ALL.map(TrustClaim::as_str));
            (VECTOR, claim, near.map(str::to_owned))
        }
        ["submods", _, EVIDENCE, tee, ..] if !is_one_of(tee, is_evidence) => {
            let near = nearest(tee, claims::tees().chain(COMMON));
            (EVIDENCE, tee, near.map(str::to_owned))
        }
        ["submods", _, EVIDENCE, tee, rest @ ..] if claims::of(tee).is_some() => {
            return unknown_below(read.line, tee, rest);
        }
        // A policy of the operator's own may add members: only what is nearly a known one is told.
        ["submods", _, member, ..] => ("a submodule", member, Some(slip(member, &SUBMODULE)?)),
        [member, ..] => ("the token", member, Some(slip(member, &TOKEN)?)),
        [] => return None,
    };
    let line = read.line;
    let advice = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    Some(format!(
        "line {line}: there is no `{unknown}` in {place}: it is always undefined{advice}"
    ))
}

/// What is below the claims of a TEE. Another Attestation Service may give more of them than ours does.
fn unknown_below(line: usize, tee: &str, rest: &[&str]) -> Option<String> {
    let wrong = claims::of(tee)?.wrong(rest)?;
    let path = below_evidence(tee, rest.iter().copied());
    let near = wrong.near.iter();
    let near = near.map(|near| below_evidence(tee, near.iter().map(String::as_str)));
    let advice: String = near.map(|near| format!("; did you mean `{near}`?")).collect();
    Some(match wrong.is_open {
        true => format!("line {line}: no verifier is known to give `{path}` in {EVIDENCE}{advice}"),
        false => format!(
            "line {line}: no verifier gives `{path}` in {EVIDENCE}: it is undefined, unless another Attestation Service \
             adds it{advice}"
        ),
    })
}

fn below_evidence<'a>(tee: &'a str, members: impl Iterator<Item = &'a str>) -> String {
    let path = written("", std::iter::once(tee).chain(members));
    path.trim_start_matches('.').to_owned()
}

/// What can never be, or says nothing.
fn wrong_value(read: &Mention<Comparison>) -> Option<String> {
    let Comparison {
        claim, value, text, ..
    } = &read.name;
    let members: Vec<&str> = claim.iter().map(String::as_str).collect();
    let said = match (members.as_slice(), value) {
        (["submods", _, STATUS], value) => {
            let known = TrustTier::ALL.map(TrustTier::as_str);
            let status = value.as_str().unwrap_or_default();
            if known.contains(&status) {
                return None;
            }
            match nearest(status, known) {
                Some(near) => format!("`{text}`: {STATUS} is never {value}; did you mean \"{near}\"?"),
                None => format!(
                    "`{text}`: {STATUS} is never {value}: there are {}",
                    known.join(", ")
                ),
            }
        }
        (["submods", _, VECTOR, _], Value::String(_)) => {
            format!("`{text}`: trust claims are numbers, and never {value}: write it without quotes")
        }
        _ => read.name.of_no_order()?,
    };
    Some(format!("line {}: {said}", read.line))
}

fn unknown_document(read: &Mention<Vec<String>>) -> Option<String> {
    let first = read.name.first()?;
    if is_one_of(first, |name| DOCUMENTS.contains(&name) || name == "policy") {
        return None;
    }
    let advice = match nearest(first, DOCUMENTS) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", DOCUMENTS.join(", ")),
    };
    let line = read.line;
    Some(format!(
        "line {line}: there is no `{first}` in data: it is always undefined; {advice}"
    ))
}

fn is_one_of(name: &str, known: impl Fn(&str) -> bool) -> bool {
    name == ANY || known(name)
}

/// `cpu0`, `gpu12`, and `cpu` of older policies.
fn is_submodule(name: &str) -> bool {
    let class = name.trim_end_matches(|c: char| c.is_ascii_digit());
    is_one_of(name, |name| {
        name == "cpu" || (class != name && CLASSES.contains(&class))
    })
}

fn is_evidence(name: &str) -> bool {
    COMMON.contains(&name) || claims::of(name).is_some()
}

/// The known name that this one was probably meant to be.
fn slip(name: &str, known: &[&str]) -> Option<String> {
    // `ear.status.executables` is what older policies read.
    if known.contains(&name) || name == ANY || name.starts_with("ear.status.") {
        return None;
    }
    let near = nearest(name, known.iter().copied())?;
    // One that is a part of the other is another name.
    let alike = name.chars().count().abs_diff(near.chars().count()) <= 2;
    alike.then(|| near.to_owned())
}

#[cfg(test)]
mod tests;
