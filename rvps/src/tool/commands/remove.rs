//! Taking values out of service.

use clap::Args;
use protos::reference::reference_value_revoke_request::What;
use serde_json::{Value, json};

use super::super::{Format, ToolError, client::Client, connection::Connection, output::printable};

#[derive(Debug, Args)]
pub(in crate::tool) struct Delete {
    /// Name of the reference value.
    #[arg(value_name = "ID")]
    id: String,
    /// Why, for the history.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Forget the history, too: then any message may register the name, also an old one. What is revoked stays so.
    #[arg(long)]
    forget: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
pub(in crate::tool) struct Revoke {
    /// Name of the reference value.
    #[arg(value_name = "ID")]
    id: String,
    /// Revoke everything in the value that this version had, instead of the current one.
    #[arg(long, value_name = "NUMBER", conflicts_with = "element")]
    number: Option<u64>,
    /// Revoke one element only, or a value that nobody has registered yet. JSON, such as '"8d6f"'.
    #[arg(long, value_name = "JSON")]
    element: Option<String>,
    /// Why, for the history.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

impl Delete {
    pub(in crate::tool) async fn run(self) -> Result<String, ToolError> {
        Client::new(&self.connection)?
            .delete(&self.id, self.reason, self.forget)
            .await?;
        Ok(match self.connection.output {
            Format::Json => json!({"deleted": self.id}).to_string(),
            Format::Text => format!("{} is deleted.", printable(&self.id)),
        })
    }
}

impl Revoke {
    pub(in crate::tool) async fn run(self) -> Result<String, ToolError> {
        let element = self.element.as_deref().map(element).transpose()?;
        let client = Client::new(&self.connection)?;
        // What is served before: only to say whether something of it goes. Who may revoke may not always read.
        let before = match &element {
            Some(_) => client.query(&self.id).await.ok(),
            None => None,
        };
        let what = element.clone().map(What::Element);
        let what = what.or(self.number.map(What::Version));
        let left = client.revoke(&self.id, self.reason, what).await?;
        let was_served = before.map(|before| before != left);
        if self.connection.output == Format::Json {
            return Ok(json!({"revoked": self.id, "left": left, "was_served": was_served}).to_string());
        }
        let ahead = was_served == Some(false);
        let id = printable(&self.id);
        let element = printable(&element.unwrap_or_default());
        let left = left.map(|left| printable(&left.to_string()));
        Ok(match (left, ahead) {
            (Some(left), false) => format!("Revoked. {id} is now {left}"),
            (None, false) => format!("Revoked. {id} has no value any more."),
            (Some(left), true) => format!(
                "Revoked for the future: nothing in {id} was {element}, and it never counts from now on. {id} stays {left}"
            ),
            (None, true) => {
                format!("Revoked for the future: {id} has no value, and {element} never counts from now on.")
            }
        })
    }
}

fn element(text: &str) -> Result<String, ToolError> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        ToolError::Usage(format!(
            "--element is not JSON ({error}): a text needs its quotes, as in '\"8d6f\"'"
        ))
    })?;
    Ok(value.to_string())
}
