//! `rvps-tool`: registers reference values and shows them.
//!
//! Results go to the writer that [`run`] is given, errors come back from it; nothing is logged.

mod client;
mod error;
mod output;

#[cfg(test)]
mod tests;

use std::{io::Write, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use self::client::Client;
pub use self::error::ToolError;

const EXAMPLES: &str = "\
Examples:
  rvps-tool register --path message.json
  rvps-tool query --reference-value-id svn
  rvps-tool query --output json
  rvps-tool query --addr https://rvps:50003 --ca-cert ca.pem --client-cert me.pem --client-key me.key

A message to register is JSON: {\"version\": \"0.1.0\", \"type\": \"sample\", \"payload\": \"...\"}, where the
payload is the base64 of a JSON object from name to value, such as {\"svn\": [\"1\"]}.

Exit status: 0 done, also if a value is not registered; 1 failed or refused; 2 wrong usage; 6 the RVPS
cannot be reached.";

/// Registers reference values at an RVPS, and shows them.
#[derive(Debug, Parser)]
#[command(name = "rvps-tool", version = daemon::build_info::VERSION, propagate_version = true, after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Register the reference values in a message.
    Register {
        /// File with the message. It is sent as it is.
        #[arg(short, long, value_name = "FILE")]
        path: PathBuf,
        #[command(flatten)]
        connection: Connection,
    },
    /// Show one reference value, or all of them.
    Query {
        /// Name of the reference value. Without it, all are listed.
        #[arg(short, long, value_name = "ID")]
        reference_value_id: Option<String>,
        #[command(flatten)]
        connection: Connection,
    },
}

/// How to reach the RVPS, and how to show what it says.
#[derive(Debug, Args)]
struct Connection {
    /// Address of the RVPS. Without a scheme it is https if --ca-cert is given, else http.
    #[arg(short, long, value_name = "ADDRESS", default_value = "http://127.0.0.1:50003")]
    addr: String,

    /// PEM file with the authorities of the RVPS's certificate, for https.
    #[arg(long, value_name = "FILE")]
    ca_cert: Option<PathBuf>,

    /// PEM file with the certificate to present, where the RVPS asks for one.
    #[arg(long, value_name = "FILE", requires_all = ["client_key", "ca_cert"])]
    client_cert: Option<PathBuf>,

    /// PEM file with the private key of --client-cert.
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    client_key: Option<PathBuf>,

    /// What the result looks like.
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Does what the arguments say and writes the result to `out`.
///
/// # Errors
/// See [`ToolError`], which knows its exit status.
pub async fn run(arguments: Arguments, out: &mut impl Write) -> Result<(), ToolError> {
    let text = match arguments.command {
        Command::Register { path, connection } => {
            let message =
                std::fs::read_to_string(&path).map_err(|source| ToolError::File { path, source })?;
            Client::new(&connection)?.register(message).await?;
            output::registered(connection.output)
        }
        Command::Query {
            reference_value_id: Some(id),
            connection,
        } => {
            let value = Client::new(&connection)?.query(&id).await?;
            output::one(&id, value.as_ref(), connection.output)
        }
        Command::Query {
            reference_value_id: None,
            connection,
        } => {
            let values = Client::new(&connection)?.list().await?;
            output::all(&values, connection.output)
        }
    };
    writeln!(out, "{text}").map_err(ToolError::Output)
}
