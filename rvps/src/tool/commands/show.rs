//! Registering, and showing what is registered.

use std::path::PathBuf;

use clap::Args;

use super::{
    super::{ToolError, client::Client, connection::Connection, output},
    read_text,
};

#[derive(Debug, Args)]
pub(in crate::tool) struct Register {
    /// File with the message. It is sent as it is.
    #[arg(short, long, value_name = "FILE")]
    path: PathBuf,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
pub(in crate::tool) struct Query {
    /// Name of the reference value. Without it, all are listed.
    #[arg(short, long, value_name = "ID")]
    reference_value_id: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
pub(in crate::tool) struct List {
    /// Only names that begin with this.
    #[arg(value_name = "PREFIX", default_value = "")]
    prefix: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
pub(in crate::tool) struct Get {
    /// Name of the reference value.
    #[arg(value_name = "ID")]
    id: String,
    /// An older version of it.
    #[arg(long, value_name = "NUMBER")]
    number: Option<u64>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
pub(in crate::tool) struct History {
    /// Name of the reference value.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    connection: Connection,
}

impl Register {
    pub(in crate::tool) async fn run(self) -> Result<String, ToolError> {
        let message = read_text(&self.path)?;
        let replaced = Client::new(&self.connection)?.register(message).await?;
        Ok(output::registered_and_replaced(
            replaced.as_ref(),
            self.connection.output,
        ))
    }
}

impl Query {
    pub(in crate::tool) async fn run(self) -> Result<String, ToolError> {
        let client = Client::new(&self.connection)?;
        Ok(match &self.reference_value_id {
            Some(id) => output::one(id, client.query(id).await?.as_ref(), self.connection.output),
            None => output::all(&client.list().await?, self.connection.output),
        })
    }
}

impl List {
    pub(in crate::tool) async fn run(self) -> Result<String, ToolError> {
        let mut values = Client::new(&self.connection)?.list().await?;
        values.retain(|listed| listed.id.starts_with(&self.prefix));
        Ok(output::all(&values, self.connection.output))
    }
}

impl Get {
    pub(in crate::tool) async fn run(self) -> Result<String, ToolError> {
        let client = Client::new(&self.connection)?;
        let Some(history) = client.history(&self.id).await? else {
            return Err(client.not_found(&self.id).await);
        };
        output::provenance(&self.id, history, self.number, self.connection.output)
    }
}

impl History {
    pub(in crate::tool) async fn run(self) -> Result<String, ToolError> {
        let client = Client::new(&self.connection)?;
        let Some(history) = client.history(&self.id).await? else {
            return Err(client.not_found(&self.id).await);
        };
        output::history(&self.id, &history, self.connection.output)
    }
}
