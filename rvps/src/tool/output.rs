//! What results look like.

mod provenance;

use serde_json::{Map, Value, json};

pub(super) use self::provenance::{history, provenance};
use super::{
    Format,
    client::{Listed, Replaced},
};
use crate::reference_value::format_time;

pub(super) fn registered(format: Format) -> String {
    match format {
        Format::Text => "Register provenance succeeded.".to_owned(),
        Format::Json => json!({ "registered": true }).to_string(),
    }
}

/// The same, with what was served before.
pub(super) fn registered_and_replaced(replaced: Option<&Replaced>, format: Format) -> String {
    match format {
        Format::Text => and_replaced(registered(format), replaced),
        Format::Json => with_replaced(json!({ "registered": true }), replaced).to_string(),
    }
}

/// A text about a registration, with what it replaces behind it.
pub(super) fn and_replaced(done: String, replaced: Option<&Replaced>) -> String {
    let Some(replaced) = replaced.filter(|replaced| !replaced.values.is_empty() || replaced.more > 0) else {
        return done;
    };
    let mut lines = vec![done];
    if !replaced.values.is_empty() {
        lines.push("Replaced:".to_owned());
        lines.push(differences(&replaced.values, Format::Text));
    }
    if replaced.more > 0 {
        lines.push(format!(
            "{} more values are replaced: see `rvps-tool history` of their names",
            replaced.more
        ));
    }
    lines.join("\n")
}

/// The same in JSON: `replaced` is an object from name to `from` and `to`. Nothing is added where the RVPS does not
/// tell.
pub(super) fn with_replaced(mut done: Value, replaced: Option<&Replaced>) -> Value {
    if let (Value::Object(done), Some(replaced)) = (&mut done, replaced) {
        done.insert("replaced".to_owned(), changes(&replaced.values));
        if replaced.more > 0 {
            done.insert("more_replaced".to_owned(), replaced.more.into());
        }
    }
    done
}

/// The same, with what is not served any more: guests that it vouched for are locked out.
pub(super) fn registered_in_place_of(gone: &Map<String, Value>, format: Format) -> String {
    if format == Format::Json {
        return json!({ "registered": true, "gone": gone }).to_string();
    }
    let mut lines = vec![registered(format)];
    for (name, values) in gone {
        let values: Vec<_> = values.as_array().into_iter().flatten().collect();
        let values: Vec<_> = values.iter().map(|value| printable(&value.to_string())).collect();
        lines.push(format!(
            "{} does not vouch for {} any more: to keep what is registered, use --add.",
            printable(name),
            values.join(", ")
        ));
    }
    lines.join("\n")
}

/// One value. In JSON, `null` where there is none.
pub(super) fn one(id: &str, value: Option<&Value>, format: Format) -> String {
    match (format, value) {
        (Format::Json, None) => Value::Null.to_string(),
        (Format::Json, Some(value)) => json!({ "id": id, "value": value }).to_string(),
        (Format::Text, None) => "No reference values found for the given id".to_owned(),
        (Format::Text, Some(value)) => {
            format!(
                "Get reference values succeeded:\n {}",
                printable(&value.to_string())
            )
        }
    }
}

/// All values, one a line; or a JSON array.
pub(super) fn all(values: &[Listed], format: Format) -> String {
    match format {
        Format::Json => values.iter().map(entry).collect::<Value>().to_string(),
        Format::Text if values.is_empty() => "No reference values are registered.".to_owned(),
        Format::Text => {
            let ids: Vec<String> = values.iter().map(|listed| printable(&listed.id)).collect();
            let width = ids.iter().map(|id| id.chars().count()).max().unwrap_or_default();
            let line = |(id, listed): (&String, &Listed)| {
                let value = printable(&listed.value.to_string());
                format!("{id:width$}  {value}  (expires {})", time(listed.expires_at))
            };
            ids.iter().zip(values).map(line).collect::<Vec<_>>().join("\n")
        }
    }
}

/// A value that may be different.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    pub(super) name: String,
    pub(super) from: Option<Value>,
    pub(super) to: Option<Value>,
}

/// What is different, one value a line: `+` comes, `-` goes, `~` changes. In JSON, an object from name to `from` and
/// `to`.
pub(super) fn differences(differences: &[Difference], format: Format) -> String {
    if format == Format::Json {
        return changes(differences).to_string();
    }
    let lines: Vec<String> = differences
        .iter()
        .filter(|difference| difference.from != difference.to)
        .map(|Difference { name, from, to }| {
            let name = printable(name);
            match (from, to) {
                (None, Some(to)) => format!("+ {name}  {}", printable(&to.to_string())),
                (Some(from), None) => format!("- {name}  {}", printable(&from.to_string())),
                (Some(Value::Array(from)), Some(Value::Array(to))) => {
                    format!("~ {name}{}", elements(from, to))
                }
                (from, to) => format!("~ {name}  {}  ->  {}", shown(from.as_ref()), shown(to.as_ref())),
            }
        })
        .collect();
    if lines.is_empty() {
        return "Nothing is different.".to_owned();
    }
    lines.join("\n")
}

fn changes(differences: &[Difference]) -> Value {
    let different = differences
        .iter()
        .filter(|difference| difference.from != difference.to);
    let entries =
        different.map(|Difference { name, from, to }| (name.clone(), json!({"from": from, "to": to})));
    Value::Object(entries.collect())
}

/// The elements that go and come.
fn elements(from: &[Value], to: &[Value]) -> String {
    let gone = from
        .iter()
        .filter(|element| !to.contains(element))
        .map(|element| ("-", element));
    let come = to
        .iter()
        .filter(|element| !from.contains(element))
        .map(|element| ("+", element));
    let changes: Vec<String> = gone
        .chain(come)
        .map(|(sign, element)| format!("\n    {sign} {}", printable(&element.to_string())))
        .collect();
    if changes.is_empty() {
        "  (another order)".to_owned()
    } else {
        changes.concat()
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| printable(&value.to_string()))
}

fn entry(listed: &Listed) -> Value {
    json!({ "id": listed.id, "value": listed.value, "expires_at": time(listed.expires_at) })
}

pub(super) fn time(seconds: i64) -> String {
    format_time(seconds).unwrap_or_else(|| seconds.to_string())
}

/// Escapes control characters: what a server says does not steer a terminal.
pub(super) fn printable(text: &str) -> String {
    let escaped = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(escaped).collect()
}
