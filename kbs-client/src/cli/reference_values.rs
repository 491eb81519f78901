//! `config`: what is remembered of reference values, and how they are taken back.

use clap::Subcommand;
use serde_json::{Value, json};

use super::CliError;
use super::output::{Printer, time};
use crate::admin::{AdminClient, ReferenceValueHistory, Registrar, RevokeWhat, ValueVersion};
use crate::error::{ClientError, printable};

/// What can be done with a reference value that is registered.
#[derive(Debug, Subcommand)]
pub enum ReferenceValueCommand {
    /// Show the versions of a reference value: who brought them, when, by which message, and what is revoked.
    #[command(
        after_help = "Example:\n  kbs-client config reference-value-history --id snp_launch_measurement"
    )]
    ReferenceValueHistory {
        /// Its name.
        #[arg(long, value_name = "ID")]
        id: String,
    },
    /// Take a reference value out of service. Its history stays, so that an old message does not bring it back.
    #[command(
        after_help = "Example:\n  kbs-client config delete-reference-value --id snp_launch_measurement --reason 'image 1.4 is gone'"
    )]
    DeleteReferenceValue {
        /// Its name.
        #[arg(long, value_name = "ID")]
        id: String,
        /// Why, for the history.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Forget the history, too: then any message may register the name again. What is revoked stays so.
        #[arg(long)]
        forget: bool,
    },
    /// Revoke a reference value, or a part of it: it never counts again, whoever registers it.
    #[command(
        after_help = "Examples:\n  One measurement of several:\n    kbs-client config revoke-reference-value --id snp_launch_measurement --element '\"7a61…\"'\n\n  All that version 3 allowed:\n    kbs-client config revoke-reference-value --id snp_launch_measurement --version 3 --reason CVE-2026-1"
    )]
    RevokeReferenceValue {
        /// Its name.
        #[arg(long, value_name = "ID")]
        id: String,
        /// Revoke everything in the value that this version had, instead of the current one.
        #[arg(long, value_name = "NUMBER", conflicts_with = "element")]
        version: Option<u64>,
        /// Revoke one element only, or a value that nobody has registered yet. JSON, such as '"8d6f"'.
        #[arg(long, value_name = "JSON")]
        element: Option<String>,
        /// Why, for the history.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

pub(super) async fn run(
    client: &AdminClient,
    command: ReferenceValueCommand,
    printer: &mut Printer<'_>,
) -> Result<(), CliError> {
    use ReferenceValueCommand as C;
    match command {
        C::ReferenceValueHistory { id } => {
            let history = client.reference_value_history(&id).await?;
            printer.result(&text(&history), &json!(history))
        }
        C::DeleteReferenceValue { id, reason, forget } => {
            client
                .delete_reference_value(&id, reason.as_deref(), forget)
                .await?;
            printer.result(
                &format!("{} is deleted.", printable(&id)),
                &json!({"deleted": id}),
            )
        }
        C::RevokeReferenceValue {
            id,
            version,
            element,
            reason,
        } => {
            let what = match (version, element) {
                (_, Some(text)) => RevokeWhat::Element(parse(&text)?),
                (Some(number), None) => RevokeWhat::Version(number),
                (None, None) => RevokeWhat::Current,
            };
            let before = served(client, &id, &what).await;
            let left = client
                .revoke_reference_value(&id, &what, reason.as_deref())
                .await?;
            let was_served = before.map(|before| before != left);
            let text = revoked(&id, &what, left.as_ref(), was_served == Some(false));
            printer.result(
                &text,
                &json!({"revoked": id, "left": left, "was_served": was_served}),
            )
        }
    }
}

/// What counts before an element of it is revoked, only to say whether something goes. `None` if nobody knows: who may
/// revoke may not always read.
async fn served(client: &AdminClient, id: &str, what: &RevokeWhat) -> Option<Option<Value>> {
    let RevokeWhat::Element(_) = what else {
        return None;
    };
    match client.reference_value_history(id).await {
        Ok(history) => Some(history.current.map(|current| current.value)),
        Err(ClientError::NotFound(refusal)) if refusal.kind == "RvpsError" => Some(None),
        Err(_) => None,
    }
}

/// What a revocation has done. `ahead`: nothing that counted.
fn revoked(id: &str, what: &RevokeWhat, left: Option<&Value>, ahead: bool) -> String {
    let id = printable(id);
    let left = left.map(|left| printable(&left.to_string()));
    let element = match what {
        RevokeWhat::Element(element) if ahead => Some(printable(&element.to_string())),
        _ => None,
    };
    match (left, element) {
        (Some(left), None) => format!("Revoked. {id} is now {left}"),
        (None, None) => format!("Revoked. {id} has no value any more."),
        (Some(left), Some(element)) => format!(
            "Revoked for the future: nothing in {id} was {element}, and it never counts from now on. {id} stays {left}"
        ),
        (None, Some(element)) => {
            format!("Revoked for the future: {id} has no value, and {element} never counts from now on.")
        }
    }
}

fn parse(text: &str) -> Result<Value, CliError> {
    serde_json::from_str(text).map_err(|error| {
        CliError::Usage(format!(
            "--element is not JSON ({error}): a text needs its quotes, as in '\"8d6f\"'"
        ))
    })
}

fn text(history: &ReferenceValueHistory) -> String {
    let name = printable(&history.id);
    let mut lines = vec![match &history.current {
        Some(current) => format!(
            "{name} = {}, until {}",
            printable(&current.value.to_string()),
            time(current.expires_at)
        ),
        None => format!("{name} has no value{}", expired(history)),
    }];
    if history.current.is_some() && !history.current_is_newest {
        lines.push("  (the value that counts was put into the storage, not registered)".to_owned());
    }
    for version in &history.versions {
        lines.push(heading(version));
        match &version.value {
            Some(value) => {
                let until = version.expires_at.map(|at| format!(", until {}", time(at)));
                let value = printable(&value.to_string());
                lines.push(format!("      {value}{}", until.unwrap_or_default()));
            }
            None => lines.push("      no value".to_owned()),
        }
        lines.extend(version.message.as_ref().map(message));
    }
    for revoked in &history.revoked {
        lines.push(format!(
            "  never again {}: revoked {} by {}{}",
            printable(&revoked.value.to_string()),
            time(revoked.at),
            who(revoked.by.as_ref()),
            because(revoked.reason.as_deref()),
        ));
    }
    lines.join("\n")
}

/// What nobody took away and is not served any more has expired.
fn expired(history: &ReferenceValueHistory) -> String {
    let newest = history.versions.first();
    let newest = newest.filter(|version| version.event == "registered");
    let expired = newest.and_then(|version| Some((version.number, version.expires_at?)));
    expired.map_or_else(String::new, |(number, at)| {
        format!(" any more: that of version {number} expired at {}", time(at))
    })
}

fn heading(version: &ValueVersion) -> String {
    let again = version.renewed_at.map(|at| format!(", again {}", time(at)));
    format!(
        "  version {}: {} {} by {}{}{}",
        version.number,
        printable(&version.event),
        time(version.at),
        who(version.by.as_ref()),
        because(version.reason.as_deref()),
        again.unwrap_or_default(),
    )
}

fn message(message: &Value) -> String {
    let member = |name: &str| message.get(name).and_then(Value::as_str).map(printable);
    let short = |text: String| text.chars().take(16).collect::<String>();
    let signed = match member("anchor") {
        Some(anchor) => format!("signed by {anchor}"),
        None => "unsigned".to_owned(),
    };
    format!(
        "      from a {} message {}, {signed}",
        member("type").unwrap_or_default(),
        member("digest").map(short).unwrap_or_default()
    )
}

pub(super) fn who(by: Option<&Registrar>) -> String {
    let Some(by) = by else {
        return "unknown".to_owned();
    };
    let known = match by.name.as_str() {
        "" => printable(&by.how),
        name => format!("{} ({})", printable(name), printable(&by.how)),
    };
    match &by.on_behalf_of {
        Some(name) => format!("{known}, for {}", printable(name)),
        None => known,
    }
}

pub(super) fn because(reason: Option<&str>) -> String {
    reason
        .map(|reason| format!(": {}", printable(reason)))
        .unwrap_or_default()
}

/// The list `before` with what `more` has beside it.
pub(super) fn added(name: &str, before: Option<Value>, more: Value) -> Result<Value, CliError> {
    let (mut list, more) = match (before, more) {
        (None, more) => return Ok(more),
        (Some(Value::Array(list)), Value::Array(more)) => (list, more),
        (Some(single), _) => {
            return Err(CliError::Usage(format!(
                "{name} is {single}, which is no list to add something to: leave out --add to replace it"
            )));
        }
    };
    for value in more {
        if !list.contains(&value) {
            list.push(value);
        }
    }
    Ok(Value::Array(list))
}

/// Says what goes out of service with a new value: guests that it vouched for are locked out.
pub(super) fn warn_replaced(name: &str, before: Option<&Value>, after: &Value) {
    let elements = |value: &Value| match value {
        Value::Array(list) => list.clone(),
        single => vec![single.clone()],
    };
    let kept = elements(after);
    let gone = before.map(elements).unwrap_or_default().into_iter();
    let gone: Vec<_> = gone
        .filter(|value| !kept.contains(value))
        .map(|value| value.to_string())
        .collect();
    if !gone.is_empty() {
        tracing::warn!(
            "{name} does not vouch for {} any more: to keep what is registered, use --add",
            printable(&gone.join(", "))
        );
    }
}

#[cfg(test)]
mod tests;
