//! What became of reference values that a guest was held against: those that were deleted or revoked, or have expired.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::words::time;
use crate::admin::{AdminClient, ReferenceValueHistory, Registrar};
use crate::cli::reference_values::{because, who};
use crate::decisions::Decision;
use crate::error::printable;

/// How many reference values are looked up.
const MOST: usize = 8;

/// The ids of reference values that a condition asked for in vain, with what it saw instead.
type Asked = BTreeMap<String, Vec<Value>>;

/// What is known of those that are gone.
#[derive(Default)]
pub(super) struct Gone {
    /// As lines, for a terminal.
    pub(super) text: String,
    /// By id.
    pub(super) json: Map<String, Value>,
}

/// What took a value away.
struct Loss<'a> {
    event: &'static str,
    at: i64,
    by: Option<&'a Registrar>,
    reason: Option<&'a str>,
    /// The part of the value, where it is one.
    element: Option<&'a Value>,
}

/// Asks the KBS for the histories of the values that were missed. What it does not tell is left out: an administrator
/// may be allowed to see decisions, and no histories.
pub(super) async fn look_up(client: &AdminClient, decisions: &[&Decision]) -> Gone {
    let mut asked = Asked::new();
    let explanations = decisions
        .iter()
        .filter_map(|decision| decision.explanation.as_ref());
    explanations.for_each(|explanation| collect(explanation, &mut asked));
    // Values counted when the guest attested, before anything was released.
    let at = decisions
        .iter()
        .map(|decision| decision.at)
        .min()
        .unwrap_or_default();
    let mut gone = Gone::default();
    for (id, came) in asked.iter().take(MOST) {
        if let Ok(history) = client.reference_value_history(id).await
            && let Some(loss) = loss(&history, came, at)
        {
            gone.add(id, &loss, history.current.is_some());
        }
    }
    gone
}

/// Finds the failed conditions in an explanation, however deep.
fn collect(explanation: &Value, asked: &mut Asked) {
    match explanation {
        Value::Array(items) => items.iter().for_each(|item| collect(item, asked)),
        Value::Object(members) => {
            members.values().for_each(|member| collect(member, asked));
            // A condition that held has no advice.
            if !members.contains_key("advice") {
                return;
            }
            let values = |seen: &Value| seen.get("values").and_then(Value::as_array).cloned();
            let came = list(members.get("seen")).filter_map(values).flatten();
            let came: Vec<_> = came.collect();
            for allowed in list(members.get("allowed")) {
                if let Some(id) = allowed.get("reference_value").and_then(Value::as_str) {
                    asked
                        .entry(id.to_owned())
                        .or_default()
                        .extend(came.iter().cloned());
                }
            }
        }
        _ => {}
    }
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

/// What the guest showed may be revoked by itself; or there was no value `at` that time any more.
fn loss<'a>(history: &'a ReferenceValueHistory, came: &[Value], at: i64) -> Option<Loss<'a>> {
    if let Some(revoked) = history
        .revoked
        .iter()
        .find(|revoked| came.contains(&revoked.value))
    {
        return Some(Loss {
            event: "revoked",
            at: revoked.at,
            by: revoked.by.as_ref(),
            reason: revoked.reason.as_deref(),
            element: Some(&revoked.value),
        });
    }
    // The newest comes first.
    let then = history.versions.iter().find(|version| version.at <= at)?;
    let by = |event| Loss {
        event,
        at: then.at,
        by: then.by.as_ref(),
        reason: then.reason.as_deref(),
        element: None,
    };
    match (&then.value, then.event.as_str(), then.expires_at) {
        (None, "deleted", _) => Some(by("deleted")),
        (None, "revoked", _) => Some(by("revoked")),
        (Some(_), _, Some(end)) if end <= at => Some(Loss {
            event: "expired",
            at: end,
            by: None,
            reason: None,
            element: None,
        }),
        _ => None,
    }
}

impl Gone {
    fn add(&mut self, id: &str, loss: &Loss<'_>, is_back: bool) {
        let Loss {
            event,
            at,
            by,
            reason,
            element,
        } = loss;
        let what = element.map(|element| format!("{element} of "));
        let hand = by.map(|by| format!(" by {}", who(Some(by))));
        let next = match (element, is_back) {
            (Some(_), _) => ". No guest that shows it is let in; it cannot be registered again",
            (None, true) => ". There is a value again: let the guest attest again",
            (None, false) => "",
        };
        let line = format!(
            "{}`{id}` {} {event} at {}{}{}{next}.",
            what.unwrap_or_default(),
            if *event == "expired" { "had" } else { "was" },
            time(*at),
            hand.unwrap_or_default(),
            because(*reason),
        );
        // Writing to a text does not fail.
        let _ = writeln!(self.text, "  {}", printable(&line).replace('\n', " "));
        let mut told = json!({"event": event, "at": at});
        for (name, value) in [
            ("by", by.map(|by| json!(by))),
            ("reason", reason.map(Value::from)),
            ("value", element.cloned()),
        ] {
            if let Some(value) = value {
                told[name] = value;
            }
        }
        self.json.insert(id.to_owned(), told);
    }
}
