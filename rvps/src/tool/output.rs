//! What results look like.

use serde_json::{Value, json};

use super::{Format, client::Listed};
use crate::reference_value::format_time;

pub(super) fn registered(format: Format) -> String {
    match format {
        Format::Text => "Register provenance succeeded.".to_owned(),
        Format::Json => json!({ "registered": true }).to_string(),
    }
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

fn entry(listed: &Listed) -> Value {
    json!({ "id": listed.id, "value": listed.value, "expires_at": time(listed.expires_at) })
}

fn time(seconds: i64) -> String {
    format_time(seconds).unwrap_or_else(|| seconds.to_string())
}

/// Escapes control characters: what a server says does not steer a terminal.
fn printable(text: &str) -> String {
    let escaped = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(escaped).collect()
}
