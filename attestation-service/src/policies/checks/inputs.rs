//! Claims that a policy reads and no verifier gives, and members of `data` that are not there.

use daemon::suggest::nearest;
use names::claims;
use policy::reads::{ANY, Mention, written};

use crate::init_data;

/// Members of `input` that are no TEE's.
const COMMON_INPUTS: [&str; 4] = [
    "init_data",
    "init_data_claims",
    "report_data",
    "runtime_data_claims",
];

/// Members of `data`: the reference values, and the policy itself.
const DOCUMENTS: [&str; 2] = ["reference", "policy"];

/// What is said of a path below `input`.
pub(super) fn unknown_input(read: &Mention<Vec<String>>) -> Option<String> {
    let (first, rest) = read.name.split_first()?;
    if first == ANY {
        return None;
    }
    let line = read.line;
    if COMMON_INPUTS.contains(&first.as_str()) {
        return unknown_common(line, first, rest);
    }
    let Some(known) = claims::of(first) else {
        let all = claims::tees().chain(COMMON_INPUTS);
        // `sevsnp` and `snp` are far apart, letter by letter.
        let within = || claims::tees().filter(|tee| first.contains(tee)).last();
        let advice = suggestion(nearest(first, all).or_else(within).map(str::to_owned));
        return Some(format!(
            "line {line}: no verifier gives the claim `input.{first}`: it is always undefined{advice}"
        ));
    };
    let wrong = known.wrong(rest)?;
    let near = wrong.near.as_ref();
    let advice = suggestion(near.map(|near| reference(first, near.iter().map(String::as_str))));
    let path = reference(first, rest.iter().map(String::as_str));
    Some(match wrong.is_open {
        true => format!("line {line}: no verifier is known to give the claim `{path}`{advice}"),
        false => format!("line {line}: no verifier gives the claim `{path}`: it is always undefined{advice}"),
    })
}

/// What is said of TEEs whose claims are read and whose evidence is not verified here, each once.
pub(super) fn verified_elsewhere(reads: &[Mention<Vec<String>>]) -> Vec<String> {
    let mut told: Vec<&str> = Vec::new();
    let mut notes = Vec::new();
    for read in reads {
        let Some(tee) = read.name.first().filter(|tee| !told.contains(&tee.as_str())) else {
            continue;
        };
        let Some(called) = claims::of(tee).and_then(|paths| paths.elsewhere) else {
            continue;
        };
        told.push(tee);
        notes.push(format!(
            "line {}: no verifier of this Attestation Service gives `{}`, the claims of {called}: here it is always \
             undefined (docs/tees/{tee}.md)",
            read.line,
            written("input", [tee.as_str()])
        ));
    }
    notes
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

/// What is said of a path below `data`.
pub(super) fn unknown_document(read: &Mention<Vec<String>>) -> Option<String> {
    let first = read.name.first().filter(|first| *first != ANY)?;
    if DOCUMENTS.contains(&first.as_str()) {
        return None;
    }
    let advice = match nearest(first, DOCUMENTS) {
        Some(near) => format!("did you mean `data.{near}`?"),
        None => "reference values are in `data.reference`, and nothing else is there".to_owned(),
    };
    let line = read.line;
    Some(format!(
        "line {line}: there is nothing at `{}`: it is always undefined; {advice}",
        written("data", [first.as_str()])
    ))
}

fn suggestion(near: Option<String>) -> String {
    near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// A path as a policy writes it.
fn reference<'a>(first: &'a str, members: impl IntoIterator<Item = &'a str>) -> String {
    written("input", std::iter::once(first).chain(members))
}
