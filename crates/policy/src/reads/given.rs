//! The trust claims that a policy gives, and the values that it gives them where those are written out.

use serde_json::Value as Json;

use super::expr::{self, Expr, Step};
use super::flow::{Flow, Found, Place};
use super::{Given, Reads};

/// The rule that gives them.
const RULE: &str = "trust_claims";

pub(super) fn trust_claims(flow: &Flow<'_>, reads: &mut Reads) {
    for (rule, head) in flow.heads(RULE) {
        let place = |at: usize| Place { rule, at };
        let values = head.values.iter().map(|at| place(*at));
        match head.steps.as_slice() {
            [] => values.for_each(|value| object(flow, value, reads)),
            [Step::Named(claim)] => {
                for value in values {
                    given(flow, claim, place(head.at), value, reads);
                }
            }
            [Step::At(at)] => {
                let claims = flow.texts(place(*at)).unwrap_or_default();
                for value in values {
                    claims
                        .iter()
                        .for_each(|claim| given(flow, claim, place(*at), value, reads));
                }
            }
            _ => {}
        }
    }
}

/// `{"hardware": 2, …}`, wherever it is written.
fn object(flow: &Flow<'_>, place: Place, reads: &mut Reads) {
    for found in flow.values(place) {
        match found {
            Found::Object(fields) => {
                for (name, value) in fields {
                    if let Some(claim) = text(flow, name) {
                        given(flow, &claim, name, value, reads);
                    }
                }
            }
            Found::Member(claim, value) => given(flow, &claim, value, value, reads),
            _ => {}
        }
    }
}

fn text(flow: &Flow<'_>, place: Place) -> Option<String> {
    match expr::expr(flow.rule(place)?, place.at) {
        Expr::Scalar(Json::String(text)) => Some(text),
        _ => None,
    }
}

fn given(flow: &Flow<'_>, claim: &str, name: Place, value: Place, reads: &mut Reads) {
    if let Some(rule) = flow.rule(name) {
        reads.trust_claims.push(rule.mention(name.at, claim.to_owned()));
    }
    for found in flow.values(value) {
        let (place, value) = match found {
            Found::Scalar(place, value) => (place, value),
            Found::List(place) => (place, Json::Array(Vec::new())),
            Found::Object(_) | Found::Member(..) => (value, Json::Object(serde_json::Map::new())),
            Found::Unknown(_) | Found::Anything => continue,
        };
        if let Some(rule) = flow.rule(place) {
            let given = Given {
                claim: claim.to_owned(),
                value,
                text: expr::text(rule, place.at),
            };
            reads.trust_values.push(rule.mention(place.at, given));
        }
    }
}
