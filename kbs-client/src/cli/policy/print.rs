//! A trial as a person wants to read it: was, would be, why.

use std::collections::HashMap;
use std::fmt::Write;

use serde_json::Value;

/// The report of the KBS in lines. Guests for whom nothing changes are counted, unless all should be explained; those for
/// whom the same changes, for the same reasons, are told together.
pub(super) fn report(report: &Value, explain: bool) -> String {
    let count = |name: &str| report.get(name).and_then(Value::as_u64).unwrap_or_default();
    let mut text = String::new();
    let shown = |guest: &&Value| explain || guest.get("changed") == Some(&Value::Bool(true));
    let mut groups: Vec<Group> = Vec::new();
    let mut places = HashMap::new();
    for guest in list(report, "guests").filter(shown) {
        let mut said = String::new();
        if let Some(tee) = guest.get("tee").and_then(Value::as_str) {
            let _ = write!(said, " ({})", printable(tee));
        }
        said.push('\n');
        devices(&mut said, guest, explain);
        resources(&mut said, guest);
        let place = *places.entry(said.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.others += 1,
            None => groups.push(Group {
                first: text_of(guest, "name"),
                others: 0,
                said,
            }),
        }
    }
    for Group { first, others, said } in groups {
        let _ = match others {
            0 => write!(text, "{first}{said}"),
            1 => write!(text, "{first} and 1 other{said}"),
            _ => write!(text, "{first} and {others} others{said}"),
        };
    }
    for id in list(report, "judges_nobody").filter_map(Value::as_str) {
        let _ = writeln!(
            text,
            "Nothing was found out of policy `{}`: none of these guests is judged by a policy of that id.",
            printable(id)
        );
    }
    for id in list(report, "covers_nothing").filter_map(Value::as_str) {
        let _ = writeln!(
            text,
            "Nothing was found out of policy `{}`: nothing that these guests asked for is in its scope. Ask for \
             something with --resource.",
            printable(id)
        );
    }
    for unasked in list(report, "asked_by_nobody") {
        let meant = match unasked.get("nearest") {
            Some(_) => format!(" Did you mean `{}`?", text_of(unasked, "nearest")),
            None => String::new(),
        };
        let _ = writeln!(
            text,
            "Nothing was found out of reference value `{}`: no policy that these guests are judged by asks for it.{meant}",
            text_of(unasked, "id")
        );
    }
    if report.get("as_recorded") == Some(&Value::Bool(true)) {
        text.push_str(
            "The guests are taken as they were appraised: this Attestation Service does not appraise them anew.\n",
        );
    }
    let (tried, changed) = (count("tried"), count("changed"));
    let _ = match (tried, changed) {
        (0, _) => write!(text, "No guest to try it on: none was recorded, and none given."),
        (_, 0) => write!(text, "{tried} guests tried: nothing would change."),
        _ => write!(
            text,
            "{tried} guests tried: {changed} would change, {} secrets gained, {} lost.",
            count("gained"),
            count("lost")
        ),
    };
    text
}

/// Guests about whom there is the same to say.
struct Group {
    /// The name of the first.
    first: String,
    others: usize,
    said: String,
}

fn devices(text: &mut String, guest: &Value, explain: bool) {
    let devices = guest.get("devices").and_then(Value::as_object);
    for (name, device) in devices.into_iter().flatten() {
        let (was, would_be) = (side(device.get("was")), side(device.get("would_be")));
        let _ = match device.get("was") == device.get("would_be") {
            true if explain => writeln!(text, "  {name}: {would_be}"),
            true => continue,
            false => writeln!(text, "  {name}: was {was}, would be {would_be}"),
        };
        let claims = device.get("why").map(|why| list(why, "claims"));
        for claim in claims.into_iter().flatten() {
            self::claim(text, claim);
        }
        incomplete(text, device);
    }
}

/// Why not all is said of a device.
pub(in crate::cli) fn incomplete(text: &mut String, device: &Value) {
    if let Some(why) = device.pointer("/why/incomplete").and_then(Value::as_str) {
        let _ = writeln!(text, "    not all could be looked into: {}", printable(why));
    }
}

/// Why a trust claim has its value. Nothing if that is not known.
pub(in crate::cli) fn claim(text: &mut String, claim: &Value) {
    let heading = format!(
        "    {} {}:",
        text_of(claim, "claim"),
        claim.get("value").unwrap_or(&Value::Null)
    );
    let failed = list(claim, "better")
        .take(1)
        .flat_map(|better| list(better, "failed"));
    for failed in failed {
        let _ = writeln!(text, "{heading}");
        condition(text, failed);
    }
    let Some(rule) = claim
        .get("rule")
        .filter(|_| list(claim, "better").next().is_none())
    else {
        return;
    };
    let _ = writeln!(text, "{heading}");
    let _ = writeln!(text, "      by:       {}", place(rule));
    for held in list(claim, "held") {
        let condition = held.get("condition").map(|place| text_of(place, "text"));
        let _ = writeln!(text, "      held:     {}", condition.unwrap_or_default());
        for seen in list(held, "seen") {
            let values = seen.get("values").map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(
                text,
                "        saw:    {} = {}",
                text_of(seen, "what"),
                printable(&values)
            );
        }
        for allowed in list(held, "allowed") {
            let _ = writeln!(text, "        allows: {}", self::allowed(allowed));
        }
    }
}

/// `reference value `x`: ["a"]`, or `at least 3`.
fn allowed(allowed: &Value) -> String {
    match allowed.get("reference_value") {
        Some(_) => {
            let values = allowed.get("values").map(ToString::to_string).unwrap_or_default();
            let id = text_of(allowed, "reference_value");
            format!("reference value `{id}`: {}", printable(&values))
        }
        None => {
            let value = allowed.get("value").map(ToString::to_string).unwrap_or_default();
            format!("{} {}", text_of(allowed, "is"), printable(&value))
        }
    }
}

/// `rule x, line 7`
fn place(rule: &Value) -> String {
    let line = rule.get("line").and_then(Value::as_u64).unwrap_or_default();
    format!("rule {}, line {line}", text_of(rule, "name"))
}

fn resources(text: &mut String, guest: &Value) {
    for resource in list(guest, "resources") {
        let would_be = resource.get("would_be") == Some(&Value::Bool(true));
        let was = resource.get("was") == Some(&Value::Bool(true));
        let verb = match (was, would_be, resource.get("error"), resource.get("was_error")) {
            (false, true, ..) => "would gain",
            (true, false, ..) => "would lose",
            (_, _, Some(_), None) => "would still not get, now for an error,",
            (_, _, None, Some(_)) => "would still not get, and no longer for an error,",
            _ => continue,
        };
        let _ = writeln!(text, "  {verb} {}", text_of(resource, "resource"));
        if let Some(error) = resource.get("error").and_then(Value::as_str) {
            let _ = writeln!(text, "    the policy cannot be asked: {error}");
        }
        for failed in list(resource, "why") {
            condition(text, failed);
        }
    }
}

/// A condition that would not hold, and those of its rule that would not either.
fn condition(text: &mut String, failed: &Value) {
    let _ = writeln!(text, "      expected: {}", text_of(failed, "expected"));
    let _ = writeln!(text, "      came:     {}", text_of(failed, "came"));
    let place = failed.get("condition").map(place).unwrap_or_default();
    let _ = writeln!(text, "      where:    {place}");
    let _ = writeln!(text, "      what to do: {}", text_of(failed, "advice"));
    for also in list(failed, "also") {
        let _ = writeln!(text, "      and also");
        condition(text, also);
    }
}

/// `warning (executables 33, hardware 2)`, or why there would be no token.
fn side(side: Option<&Value>) -> String {
    let Some(side) = side else {
        return "unknown".to_owned();
    };
    if let Some(error) = side.get("error").and_then(Value::as_str) {
        return format!("without a token: {error}");
    }
    let vector = side.get("vector").and_then(Value::as_object);
    let claims: Vec<String> = vector
        .into_iter()
        .flatten()
        .filter(|(_, value)| value.as_i64() != Some(0))
        .map(|(claim, value)| format!("{claim} {value}"))
        .collect();
    match claims.is_empty() {
        true => text_of(side, "status"),
        false => format!("{} ({})", text_of(side, "status"), claims.join(", ")),
    }
}

/// What the KBS says may hold anything: nothing that moves the cursor is printed.
fn text_of(value: &Value, name: &str) -> String {
    printable(value.get(name).and_then(Value::as_str).unwrap_or_default())
}

pub(super) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}
