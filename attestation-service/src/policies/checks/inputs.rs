//! Claims that a policy reads and no verifier gives, and members of `data` that are not there.

use daemon::suggest::nearest;
use policy::reads::{ANY, Mention};
use verifier::{Tee, claim_paths};

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
        path_of("data", [first.as_str()])
    ))
}

fn suggestion(near: Option<String>) -> String {
    near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// A path as a policy writes it.
fn reference<'a>(first: &'a str, members: impl IntoIterator<Item = &'a str>) -> String {
    path_of("input", std::iter::once(first).chain(members))
}

fn path_of<'a>(root: &str, members: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = root.to_owned();
    for member in members {
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
