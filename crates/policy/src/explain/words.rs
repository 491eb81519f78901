//! What was expected, what came and what to do, in sentences: the part of an explanation that a person reads.

use regorus::Value;
use serde_json::Value as Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::nearest;
use crate::PolicyInput;
use crate::explanation::{Allowed, FailedCondition, RuleText, Seen};

/// Puts a condition that does not hold into words. `paths` are those of what was seen, where it has one.
pub(super) fn of(
    input: &PolicyInput,
    condition: RuleText,
    negated: bool,
    seen: Vec<Seen>,
    paths: &[Option<Vec<String>>],
    allowed: Vec<Allowed>,
) -> FailedCondition {
    let missing: Vec<Missing> = seen
        .iter()
        .zip(paths)
        .filter(|(seen, _)| seen.values.is_empty())
        .filter_map(|(_, path)| Missing::of(input, path.as_deref()?))
        .collect();
    FailedCondition {
        expected: expected(&condition, negated, &seen, &allowed),
        came: came(&seen, &missing),
        advice: match is_of_sample(paths) {
            true => SAMPLE.to_owned(),
            false => advice(&seen, &missing, &allowed),
        },
        is_misspelt: missing.iter().any(|missing| missing.nearest.is_some()),
        debug: missing.is_empty() && seen.iter().any(is_debug),
        of_another_tee: missing
            .iter()
            .any(|missing| missing.is_tee && missing.nearest.is_none()),
        also: Vec::new(),
        condition,
        seen,
        allowed,
    }
}

/// Puts a rule into words that says no itself.
pub(super) fn of_denial(rule: RuleText, seen: Vec<Seen>) -> FailedCondition {
    FailedCondition {
        expected: format!("that this does not decide: `{}`", rule.text),
        came: match seen.is_empty() {
            true => "it decides".to_owned(),
            false => came(&seen, &[]),
        },
        advice: "The policy says no to this by itself: change it if that is not what it is meant to say."
            .to_owned(),
        is_misspelt: false,
        debug: false,
        of_another_tee: false,
        also: Vec::new(),
        allowed: Vec::new(),
        condition: rule,
        seen,
    }
}

/// A member of `input` that is not there.
struct Missing {
    /// As far as it is not there: `input.snp`, if that is absent already.
    path: String,
    /// What is there and looks almost the same.
    nearest: Option<String>,
    /// It is the claims of a whole TEE.
    is_tee: bool,
}

impl Missing {
    fn of(input: &PolicyInput, path: &[String]) -> Option<Self> {
        let (root, members) = path.split_first()?;
        if root != "input" {
            return None;
        }
        let mut value = &input.0;
        for (depth, name) in members.iter().enumerate() {
            let Value::Object(object) = value else {
                return None;
            };
            match object.get(&Value::from(name.as_str())) {
                Some(next) => value = next,
                None => {
                    let names = object.keys().filter_map(|key| match key {
                        Value::String(name) => Some(&**name),
                        _ => None,
                    });
                    let there = members.get(..=depth).unwrap_or_default();
                    return Some(Self {
                        path: format!("{root}.{}", there.join(".")),
                        nearest: nearest::of(name, names),
                        is_tee: depth == 0,
                    });
                }
            }
        }
        None
    }
}

fn expected(condition: &RuleText, negated: bool, seen: &[Seen], allowed: &[Allowed]) -> String {
    if negated {
        return format!(
            "that this does not hold: `{}`",
            condition.text.trim_start_matches("not ")
        );
    }
    let what = seen.first().map_or("it", |seen| seen.what.as_str());
    let all: Vec<String> = allowed
        .iter()
        .map(|allowed| match allowed {
            Allowed::Reference {
                reference_value,
                registered: false,
                expired_at,
                removed,
                ..
            } => match (expired_at, removed) {
                (Some(at), _) => {
                    format!(
                        "a value registered as `{reference_value}`, but it expired at {}",
                        date(*at)
                    )
                }
                (None, true) => {
                    format!("a value registered as `{reference_value}`, but it was deleted or revoked")
                }
                (None, false) => {
                    format!("a value registered as `{reference_value}`, but there is none, or it has expired")
                }
            },
            Allowed::Reference {
                reference_value,
                values,
                more,
                ..
            } => format!(
                "the reference value `{reference_value}`: {}",
                listed(values, *more)
            ),
            Allowed::Value { is, value } => format!("`{what}` {is} {value}"),
        })
        .collect();
    match all.as_slice() {
        [] => format!("`{}`", condition.text),
        all => all.join("; "),
    }
}

fn came(seen: &[Seen], missing: &[Missing]) -> String {
    let all: Vec<String> = seen
        .iter()
        .map(|seen| match seen.values.as_slice() {
            [] => format!("`{}` is absent", seen.what),
            values => format!("`{}` is {}", seen.what, listed(values, seen.more)),
        })
        .chain(missing.iter().map(|missing| match missing.is_tee {
            true => format!("this evidence has no `{}`", missing.path),
            false => format!("there is no `{}`", missing.path),
        }))
        .collect();
    match all.as_slice() {
        [] => "it does not hold".to_owned(),
        all => all.join("; "),
    }
}

fn advice(seen: &[Seen], missing: &[Missing], allowed: &[Allowed]) -> String {
    if let Some(missing) = missing.first() {
        return match (&missing.nearest, missing.is_tee) {
            (Some(nearest), _) => format!("There is `{nearest}`: check the spelling in the policy."),
            (None, true) => {
                "This rule is for another kind of evidence: the policy needs rules for this one.".to_owned()
            }
            (None, false) => {
                "Check the name in the policy against what the verifier of this TEE gives (docs/tees)."
                    .to_owned()
            }
        };
    }
    if seen.iter().any(is_debug) {
        return DEBUG.to_owned();
    }
    if let Some(advice) = allowed.iter().find_map(|allowed| of_another_type(seen, allowed)) {
        return advice;
    }
    for allowed in allowed {
        match allowed {
            Allowed::Reference {
                reference_value,
                registered: false,
                nearest,
                is_nearest_registered,
                expired_at,
                removed,
                ..
            } => {
                return match nearest {
                    _ if expired_at.is_some() => format!(
                        "Register `{reference_value}` again, if the guest runs what it should: its validity \
                         is over, and nothing else is wrong with it."
                    ),
                    _ if *removed => format!(
                        "Find out who took `{reference_value}` away, and why (`config reference-value-history --id \
                         {reference_value}`), before you register another."
                    ),
                    Some(nearest) if !is_nearest_registered => format!(
                        "There is no value of this name, nor was there: `{nearest}` is one that the shipped policies ask for, or \
                         that was registered. Check the spelling in the policy, or of what was registered."
                    ),
                    Some(nearest) => format!(
                        "There is a reference value `{nearest}`: check the spelling in the policy, or of what was registered."
                    ),
                    None => format!(
                        "Register `{reference_value}`, and if you did, see whether it has expired or was deleted or revoked."
                    ),
                };
            }
            Allowed::Reference { reference_value, .. } => {
                return format!(
                    "If the guest runs what it should, register its value under `{reference_value}` too; if not, find \
                     out what changed in it."
                );
            }
            Allowed::Value { .. } => {}
        }
    }
    "Bring the guest to what the policy asks for, or change the policy if it asks for too much.".to_owned()
}

/// What is to be said where a value would have been right but for the way that it is written or asked for.
fn of_another_type(seen: &[Seen], allowed: &Allowed) -> Option<String> {
    let came = || seen.iter().flat_map(|seen| &seen.values);
    let looks_like = |value: &Json| came().find(|came| *came != value && plain(came) == plain(value));
    match allowed {
        Allowed::Reference {
            reference_value,
            values,
            ..
        } => {
            if let Some(came) = values.iter().find_map(looks_like) {
                let (right, wrong) = (
                    kind(came),
                    values.iter().find(|value| plain(value) == plain(came)),
                );
                let wrong = wrong.map_or("something else", kind);
                return Some(format!(
                    "The claim is {right}, and under `{reference_value}` the same is registered as {wrong}: register it as \
                     {right}."
                ));
            }
            values.iter().any(|value| came().any(|came| came == value)).then(|| {
                format!(
                    "The value is among those registered under `{reference_value}`, which are a list: ask with \
                     `matches_reference_value(claim, \"{reference_value}\")`, or with `in`."
                )
            })
        }
        Allowed::Value { is, value } => {
            let elements = value
                .as_array()
                .map_or(std::slice::from_ref(value), Vec::as_slice);
            if let Some(came) = elements.iter().find_map(looks_like) {
                return Some(format!(
                    "The claim is {}, and the policy names the same as another kind of value: write {came} there.",
                    kind(came)
                ));
            }
            let is_order = !matches!(*is, "equal to" | "anything but" | "one of");
            let other = came()
                .find(|came| kind(came) != kind(value))
                .filter(|_| is_order)?;
            Some(format!(
                "The policy compares {} with {}, and such have no order that means something: write {} there.",
                kind(other),
                kind(value),
                kind(other)
            ))
        }
    }
}

/// The text of a value, whatever kind it is.
fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

/// Whether it is about claims that anybody can make.
fn is_of_sample(paths: &[Option<Vec<String>>]) -> bool {
    let tee = |path: &Vec<String>| match path.as_slice() {
        [root, tee, ..] => root == "input" && (tee == "sample" || tee == "sampledevice"),
        _ => false,
    };
    paths.iter().flatten().any(tee)
}

const SAMPLE: &str = "The evidence is of no TEE: anybody can make it. Run the guest in a TEE, with its attester \
                      (`kbs-client --attester tsm`); register values of the sample only where nothing is to be protected.";

const DEBUG: &str = "The guest, or its platform, can be debugged: start it without that. Nothing makes a debug guest affirming \
                     under the shipped policies.";

/// Whether a claim says that somebody may look into the guest.
fn is_debug(seen: &Seen) -> bool {
    let name = seen.what.rsplit('.').next().unwrap_or_default();
    let said = |value: &Json| match value {
        Json::Bool(allowed) => *allowed,
        Json::String(text) => text == "true" || text == "enabled",
        _ => false,
    };
    (name.contains("debug") || name.contains("dbg")) && seen.values.iter().any(said)
}

/// `2026-11-22T08:19:01Z`
fn date(at: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(at).ok();
    time.and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{at} s after 1970"))
}

fn listed(values: &[Json], more: usize) -> String {
    let mut texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    match (more, texts.is_empty()) {
        (0, true) => return "an empty list".to_owned(),
        (0, false) => {}
        (more, _) => texts.push(format!("and {more} more")),
    }
    texts.join(", ")
}
