//! A trial as a person wants to read it: was, would be, why.

use std::fmt::Write;

use serde_json::Value;

/// The report of the KBS in lines. Guests for whom nothing changes are counted.
pub(super) fn report(report: &Value) -> String {
    let count = |name: &str| report.get(name).and_then(Value::as_u64).unwrap_or_default();
    let mut text = String::new();
    for guest in list(report, "guests").filter(|guest| guest.get("changed") == Some(&Value::Bool(true))) {
        let _ = write!(text, "{}", text_of(guest, "name"));
        if let Some(tee) = guest.get("tee").and_then(Value::as_str) {
            let _ = write!(text, " ({tee})");
        }
        text.push('\n');
        devices(&mut text, guest);
        resources(&mut text, guest);
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

fn devices(text: &mut String, guest: &Value) {
    let devices = guest.get("devices").and_then(Value::as_object);
    for (name, device) in devices.into_iter().flatten() {
        let (was, would_be) = (side(device.get("was")), side(device.get("would_be")));
        if device.get("was") == device.get("would_be") {
            continue;
        }
        let _ = writeln!(text, "  {name}: was {was}, would be {would_be}");
        let claims = device.get("why").map(|why| list(why, "claims"));
        for claim in claims.into_iter().flatten() {
            for better in list(claim, "better").take(1) {
                for failed in list(better, "failed") {
                    let _ = writeln!(
                        text,
                        "    {} {}:",
                        text_of(claim, "claim"),
                        claim.get("value").unwrap_or(&Value::Null)
                    );
                    condition(text, failed);
                }
            }
        }
    }
}

fn resources(text: &mut String, guest: &Value) {
    for resource in list(guest, "resources") {
        let would_be = resource.get("would_be") == Some(&Value::Bool(true));
        if (resource.get("was") == Some(&Value::Bool(true))) == would_be {
            continue;
        }
        let verb = if would_be { "would gain" } else { "would lose" };
        let _ = writeln!(text, "  {verb} {}", text_of(resource, "resource"));
        if let Some(error) = resource.get("error").and_then(Value::as_str) {
            let _ = writeln!(text, "    the policy cannot be asked: {error}");
        }
        for failed in list(resource, "why") {
            condition(text, failed);
        }
    }
}

/// A condition that would not hold.
fn condition(text: &mut String, failed: &Value) {
    let place = failed.get("condition");
    let line = place.and_then(|place| place.get("line")).and_then(Value::as_u64);
    let rule = place.map(|place| text_of(place, "name")).unwrap_or_default();
    let _ = writeln!(text, "      expected: {}", text_of(failed, "expected"));
    let _ = writeln!(text, "      came:     {}", text_of(failed, "came"));
    let _ = writeln!(
        text,
        "      where:    rule {rule}, line {}",
        line.unwrap_or_default()
    );
    let _ = writeln!(text, "      what to do: {}", text_of(failed, "advice"));
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
    let text = value.get(name).and_then(Value::as_str).unwrap_or_default();
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}
