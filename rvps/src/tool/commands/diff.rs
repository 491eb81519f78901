//! What is different: between two versions of a value, or between a message and what is registered.

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;
use serde_json::Value;

use super::{
    super::{
        ToolError,
        client::{Client, parse},
        connection::Connection,
        output::{self, Difference},
    },
    read_text,
};
use crate::message;

#[derive(Debug, Args)]
pub(in crate::tool) struct Diff {
    /// Name of the reference value whose versions are compared.
    #[arg(value_name = "ID", required_unless_present = "path", requires = "from")]
    id: Option<String>,
    /// The older version.
    #[arg(long, value_name = "NUMBER", requires = "id")]
    from: Option<u64>,
    /// The newer version. Default: the value that is served.
    #[arg(long, value_name = "NUMBER", requires = "id")]
    to: Option<u64>,
    /// File with a message: shows what registering it would change. Its signature is not verified here.
    #[arg(short, long, value_name = "FILE", conflicts_with = "id")]
    path: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

impl Diff {
    pub(in crate::tool) async fn run(self) -> Result<String, ToolError> {
        let client = Client::new(&self.connection)?;
        let differences = match (&self.path, &self.id) {
            (Some(path), _) => {
                let message = read_text(path)?;
                let values =
                    message::contents(&message).map_err(|error| ToolError::Message(error.to_string()))?;
                let registered = client.list().await?;
                let registered: BTreeMap<_, _> = registered
                    .into_iter()
                    .map(|listed| (listed.id, listed.value))
                    .collect();
                let difference = |(name, value): (String, Value)| Difference {
                    from: registered.get(&name).cloned(),
                    to: Some(value),
                    name,
                };
                values.into_iter().map(difference).collect::<Vec<_>>()
            }
            (None, Some(id)) => vec![self.versions(&client, id).await?],
            (None, None) => Vec::new(),
        };
        Ok(output::differences(&differences, self.connection.output))
    }

    async fn versions(&self, client: &Client, id: &str) -> Result<Difference, ToolError> {
        let Some(history) = client.history(id).await? else {
            return Err(client.not_found(id).await);
        };
        let version = |number: u64| {
            let version = history.versions.iter().find(|version| version.number == number);
            let version = version.ok_or_else(|| ToolError::NoVersion {
                id: id.to_owned(),
                number,
            })?;
            version.value.as_deref().map(parse).transpose()
        };
        let current = history.current.as_ref().map(|current| parse(&current.value));
        Ok(Difference {
            name: id.to_owned(),
            from: self.from.map(version).transpose()?.flatten(),
            to: match self.to {
                Some(number) => version(number)?,
                None => current.transpose()?,
            },
        })
    }
}
