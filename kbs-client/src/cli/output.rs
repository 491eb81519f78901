//! How results and errors are written.

use std::io::Write;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::args::OutputFormat;
use super::{CliError, ClientError};

/// Writes one result in the form that was asked for.
pub(super) struct Printer<'a> {
    format: OutputFormat,
    out: &'a mut (dyn Write + Send),
}

impl<'a> Printer<'a> {
    pub(super) fn new(format: OutputFormat, out: &'a mut (dyn Write + Send)) -> Self {
        Self { format, out }
    }

    /// Writes `text`, or `value`.
    pub(super) fn result(&mut self, text: &str, value: &Value) -> Result<(), CliError> {
        match self.format {
            OutputFormat::Text => writeln!(self.out, "{text}")?,
            OutputFormat::Json => writeln!(self.out, "{value}")?,
        }
        Ok(self.out.flush()?)
    }
}

/// Seconds since the Unix epoch as `2027-01-15T08:00:00Z`.
pub(super) fn time(seconds: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(seconds).ok();
    let text = time.and_then(|time| time.format(&Rfc3339).ok());
    text.unwrap_or_else(|| seconds.to_string())
}

/// Writes an error to stderr.
pub(super) fn report(format: OutputFormat, error: &CliError) {
    match format {
        OutputFormat::Text => eprintln!("{}", text(error)),
        OutputFormat::Json => eprintln!("{}", json(error)),
    }
}

fn text(error: &CliError) -> String {
    match hint(error) {
        Some(hint) => format!("Error: {error}\n{hint}"),
        None => format!("Error: {error}"),
    }
}

fn json(error: &CliError) -> Value {
    let refusal = match error {
        CliError::Client(error) => error.refusal(),
        _ => None,
    };
    let (exit_code, class) = error.class();
    let mut object = json!({"class": class, "exit_code": exit_code, "message": error.to_string()});
    let more = [
        ("hint", hint(error).map(Value::from)),
        ("status", refusal.map(|refusal| refusal.status.into())),
        (
            "request_id",
            refusal
                .and_then(|refusal| refusal.request_id.clone())
                .map(Value::from),
        ),
        (
            "decision",
            refusal
                .and_then(|refusal| refusal.decision.clone())
                .map(|id| Value::from(&*id)),
        ),
    ];
    if let Some(members) = object.as_object_mut() {
        members.extend(
            more.into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?))),
        );
    }
    json!({"error": object})
}

fn hint(error: &CliError) -> Option<&'static str> {
    match error {
        CliError::Client(error) => ClientError::hint(error),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Caller, Refusal};

    #[test]
    fn an_error_says_what_happened_and_what_to_do_in_both_forms() {
        let body = br#"{"type":"https://x/PolicyDeny","detail":"Access denied by policy","request_id":"r1"}"#;
        let error = CliError::Client(Refusal::read(403, body, None).into_error(Caller::Guest));
        let text = text(&error);
        assert!(
            text.starts_with("Error: the KBS's resource policy does not release this"),
            "{text}"
        );
        assert!(
            text.contains("request id r1") && text.contains("get-resource-policy"),
            "{text}"
        );
        let value = json(&error);
        assert_eq!(value["error"]["class"], "denied-by-policy");
        assert_eq!(
            (&value["error"]["exit_code"], &value["error"]["status"]),
            (&json!(3), &json!(403))
        );
        assert_eq!(value["error"]["request_id"], "r1");
    }
}
