//! The older `reference-values.json`.

use std::path::PathBuf;

use clap::Args;
use daemon::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    super::{
        Format, ToolError,
        client::{Client, Replaced},
        connection::Connection,
        output::{and_replaced, printable, with_replaced},
    },
    message::unsigned,
    read_text,
};

#[derive(Debug, Args)]
pub(in crate::tool) struct Import {
    /// The file: a JSON array of {"name", "expiration", "hash-value": [{"alg", "value"}]}, or with "value" instead.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print the message instead of registering it.
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Import {
    pub(in crate::tool) async fn run(self) -> Result<String, ToolError> {
        let text = read_text(&self.file)?;
        let entries: Vec<Value> = serde_json::from_str(&text)
            .map_err(|error| ToolError::Message(format!("{}: {error}", self.file.display())))?;
        let now = SystemClock.now();
        let (expired, entries): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| has_expired(entry, now));
        let skipped: Vec<String> = expired.iter().map(name).collect();
        let count = entries.len();
        let message = unsigned("list", Value::from(entries).to_string().as_bytes())?;
        // What is wrong with the file is said here, also where nothing is sent.
        crate::message::contents(&message).map_err(|error| ToolError::Message(error.to_string()))?;
        if self.print {
            return Ok(message);
        }
        let replaced = match count {
            0 => Some(Replaced::default()),
            _ => Client::new(&self.connection)?.register(message).await?,
        };
        let done = match self.connection.output {
            Format::Json => {
                let done = json!({"registered": count, "expired": skipped});
                return Ok(with_replaced(done, replaced.as_ref()).to_string());
            }
            Format::Text if skipped.is_empty() => format!("Registered {count} reference values."),
            Format::Text => {
                let names: Vec<String> = skipped.iter().map(|name| printable(name)).collect();
                format!(
                    "Registered {count} reference values. Left out, for they have expired: {}",
                    names.join(", ")
                )
            }
        };
        Ok(and_replaced(done, replaced.as_ref()))
    }
}

fn has_expired(entry: &Value, now: i64) -> bool {
    let expiration = entry.get("expiration").and_then(Value::as_str);
    let expiration = expiration.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    expiration.is_some_and(|time| time.unix_timestamp() <= now)
}

fn name(entry: &Value) -> String {
    entry
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
