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
        let what = element.map(What::Element).or(self.number.map(What::Version));
        let client = Client::new(&self.connection)?;
        let left = client.revoke(&self.id, self.reason, what).await?;
        let id = printable(&self.id);
        Ok(match (self.connection.output, left) {
            (Format::Json, left) => json!({"revoked": self.id, "left": left}).to_string(),
            (Format::Text, None) => format!("Revoked. {id} has no value any more."),
            (Format::Text, Some(left)) => {
                format!("Revoked. {id} is now {}", printable(&left.to_string()))
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
