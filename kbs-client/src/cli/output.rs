//! How results and errors are written.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

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

/// Writes what is wrong with the arguments in the form that they ask for, or the help that they ask for.
pub(super) fn usage(error: &clap::Error, arguments: impl Iterator<Item = OsString>) -> ExitCode {
    if error.use_stderr() && asks_for_json(arguments) {
        let (exit_code, message) = (error.exit_code(), error.render().to_string());
        let object = json!({"class": "usage", "exit_code": exit_code, "message": message.trim_end()});
        eprintln!("{}", json!({"error": object}));
    } else {
        // A closed pipe is nothing to tell anybody about.
        let _ = error.print();
    }
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Arguments that make no sense as a whole may still say how they want to hear so.
fn asks_for_json(arguments: impl Iterator<Item = OsString>) -> bool {
    let mut after_flag = false;
    for argument in arguments {
        if argument == "--output=json" || (after_flag && argument == "json") {
            return true;
        }
        after_flag = argument == "--output";
    }
    false
}

fn text(error: &CliError) -> String {
    match hint(error) {
        Some(hint) => format!("Error: {error}\n{hint}"),
        None => format!("Error: {error}"),
    }
}

fn json(error: &CliError) -> Value {
    let refusal = match error {
        CliError::Client(error) | CliError::SampleDenied(error) => error.refusal(),
        _ => None,
    };
    let (exit_code, class) = error.class();
    let mut object = json!({"class": class, "exit_code": exit_code, "message": error.to_string()});
    // What is wrong with a policy, one thing a line behind the first.
    let details = refusal.map(|refusal| refusal.detail.lines().skip(1).map(str::trim).collect::<Vec<_>>());
    let more = [
        (
            "details",
            details.filter(|details| !details.is_empty()).map(Value::from),
        ),
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
        CliError::SampleDenied(_) => Some(
            "The evidence was that of the sample attester, which anybody can make, and the default resource policy gives \
             nothing to it. In a confidential guest, `--attester tsm` makes the real one; to try things out, an \
             administrator can allow everything with `config set-resource-policy --allow-all`.",
        ),
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
        assert!(value["error"].get("details").is_none());
    }

    #[test]
    fn what_is_wrong_with_a_policy_is_a_list_for_programs() {
        let body =
            br#"{"type":"https://x/PolicyEngineError","detail":"it is not set:\n  line 3: x\n  line 7: y"}"#;
        let error = CliError::Client(Refusal::read(400, body, None).into_error(Caller::Admin));
        assert_eq!(
            json(&error)["error"]["details"],
            json!(["line 3: x", "line 7: y"])
        );
    }

    #[test]
    fn wrong_arguments_say_how_they_want_to_hear_so() {
        let asks = |line: &str| asks_for_json(line.split(' ').map(OsString::from));
        assert!(asks("kbs-client --output json get-resource --no-such-flag"));
        assert!(asks("kbs-client attest --x --output=json"));
        assert!(!asks("kbs-client get-resource --path json"));
        assert!(!asks("kbs-client --output text get-resource json"));
    }

    #[test]
    fn a_denial_of_the_sample_attester_says_that_it_is_one() {
        let body = br#"{"type":"https://x/PolicyDeny","detail":"Access denied by policy","request_id":"r1"}"#;
        let error = CliError::SampleDenied(Refusal::read(403, body, None).into_error(Caller::Guest));
        assert!(text(&error).contains("--attester tsm"), "{}", text(&error));
        let value = json(&error);
        assert_eq!(
            (&value["error"]["exit_code"], &value["error"]["status"]),
            (&json!(3), &json!(403))
        );
    }
}
