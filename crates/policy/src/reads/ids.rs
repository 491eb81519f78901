//! The ids of reference values that a policy asks for.

use serde_json::Value as Json;

use super::Reads;
use super::expr::{self, Step};
use super::flow::{Flow, Found, Place};
use super::paths::Path;
use crate::engine::{MATCHES, QUERY};

/// The document with all reference values.
pub(super) const DOCUMENT: &str = "reference";

/// What is given to the built-ins that ask for reference values, and at which place they take the id.
pub(super) fn asked_for(flow: &Flow<'_>, reads: &mut Reads) {
    for (function, place) in [(QUERY, 0), (MATCHES, 1)] {
        for (rule, arguments) in flow.calls(function) {
            if let Some(at) = arguments.get(place) {
                id(flow, Place { rule: *rule, at: *at }, reads);
            }
        }
    }
}

/// `data.reference.id`, `data.reference[id]`.
pub(super) fn of_path(flow: &Flow<'_>, number: usize, path: &Path, reads: &mut Reads) {
    let [Step::Named(data), Step::Named(document), member, ..] = path.steps.as_slice() else {
        return;
    };
    if data != "data" || document != DOCUMENT {
        return;
    }
    match (member, flow.rules.get(number)) {
        (Step::Named(name), Some(rule)) if name != super::ANY => {
            reads.reference_ids.push(rule.mention(path.start, name.clone()));
        }
        (Step::At(at), _) => id(
            flow,
            Place {
                rule: number,
                at: *at,
            },
            reads,
        ),
        _ => {}
    }
}

fn id(flow: &Flow<'_>, place: Place, reads: &mut Reads) {
    for found in flow.values(place) {
        match found {
            Found::Scalar(place, Json::String(id)) => {
                if let Some(rule) = flow.rule(place) {
                    reads.reference_ids.push(rule.mention(place.at, id));
                }
            }
            // Whatever is registered.
            Found::Anything => {}
            Found::Unknown(place)
            | Found::Scalar(place, _)
            | Found::List(place)
            | Found::Member(_, place) => computed(flow, place, reads),
            Found::Object(_) => computed(flow, place, reads),
        }
    }
}

fn computed(flow: &Flow<'_>, place: Place, reads: &mut Reads) {
    if let Some(rule) = flow.rule(place) {
        let mention = rule.mention(place.at, expr::text(rule, place.at));
        reads.computed_ids.push(mention);
    }
}
