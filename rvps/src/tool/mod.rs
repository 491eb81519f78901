//! `rvps-tool`: registers reference values, shows and compares them, takes them out of service, and computes them.
//!
//! Results go to the writer that [`run`] is given, errors come back from it; nothing is logged.

mod client;
mod commands;
mod connection;
mod error;
mod output;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::Write;

use clap::{Parser, Subcommand, ValueEnum};
use serde_json::{Value, json};

use self::commands as command;
pub use self::error::ToolError;

const EXAMPLES: &str = "\
Examples:
  rvps-tool register --path message.json
  rvps-tool message --type sample values.json --key builder.key > message.json
  rvps-tool list
  rvps-tool get svn --output json
  rvps-tool history svn
  rvps-tool diff --path message.json
  rvps-tool diff svn --from 3
  rvps-tool revoke launch_digest --element '\"8d6f…\"' --reason 'debug build'
  rvps-tool import reference-values.json
  rvps-tool measure snp --ovmf OVMF.fd --kernel bzImage --initrd initrd.img --append 'console=ttyS0'
  rvps-tool list --addr https://rvps:50003 --ca-cert ca.pem --client-cert me.pem --client-key me.key

A message to register is JSON: {\"version\": \"0.1.0\", \"type\": \"sample\", \"payload\": \"...\"}, where the
payload is the base64 of a JSON object from name to value, such as {\"svn\": [\"1\"]}. docs/rvps.md tells of the
other types and of signatures.

Exit status: 0 done, also for `query` of a value that is not registered; 1 failed or refused, or there is nothing of
that name; 2 wrong usage; 6 the RVPS cannot be reached.";

/// Registers reference values at an RVPS, shows them, takes them out of service, and computes them.
#[derive(Debug, Parser)]
#[command(name = "rvps-tool", version = daemon::build_info::VERSION, propagate_version = true, after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Register the reference values in a message.
    #[command(
        after_help = "Examples:\n  rvps-tool register --path message.json\n  rvps-tool register --path message.json --addr https://rvps:50003 --ca-cert ca.pem --token-file token"
    )]
    Register(command::show::Register),
    /// Show one reference value, or all of them, as the existing tool does.
    #[command(after_help = "Examples:\n  rvps-tool query\n  rvps-tool query --reference-value-id svn")]
    Query(command::show::Query),
    /// List all reference values that are served.
    #[command(after_help = "Examples:\n  rvps-tool list\n  rvps-tool list team-a/ --output json")]
    List(command::show::List),
    /// Show one reference value with its provenance.
    #[command(after_help = "Examples:\n  rvps-tool get svn\n  rvps-tool get svn --number 3")]
    Get(command::show::Get),
    /// Show every version of a reference value that is remembered.
    #[command(after_help = "Example:\n  rvps-tool history svn")]
    History(command::show::History),
    /// Compare two versions of a value, or a message with what is registered.
    #[command(
        after_help = "Examples:\n  rvps-tool diff --path message.json\n  rvps-tool diff svn --from 3 --to 4"
    )]
    Diff(command::diff::Diff),
    /// Take a reference value out of service. Old messages do not bring it back.
    #[command(after_help = "Example:\n  rvps-tool delete svn --reason 'not used any more'")]
    Delete(command::remove::Delete),
    /// Revoke a reference value, or one element of it: it is never served again, whoever registers it.
    #[command(
        after_help = "Examples:\n  rvps-tool revoke launch_digest --element '\"8d6f\"' --reason 'debug build'\n  rvps-tool revoke launch_digest --number 3"
    )]
    Revoke(command::remove::Revoke),
    /// Register the entries of a `reference-values.json`.
    #[command(after_help = "Example:\n  rvps-tool import reference-values.json")]
    Import(command::import::Import),
    /// Make a register message of a file, signed or not, and print it.
    #[command(
        after_help = "Examples:\n  rvps-tool message values.json > message.json\n  rvps-tool message values.json --key builder.key --expires-in 30 > message.json"
    )]
    Message(command::message::Message),
    /// Compute reference values from firmware, kernel, initrd and command line.
    #[command(
        after_help = "Example:\n  rvps-tool measure snp --ovmf OVMF.fd --kernel bzImage --initrd initrd.img --append 'console=ttyS0'"
    )]
    Measure(command::measure::Measure),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Whether the arguments ask for JSON: those that make no sense as a whole may still say how they want to hear so.
pub fn asks_for_json(arguments: impl Iterator<Item = OsString>) -> bool {
    let mut after_flag = false;
    for argument in arguments {
        if ["--output=json", "-ojson", "-o=json"]
            .iter()
            .any(|flag| argument == *flag)
            || (after_flag && argument == "json")
        {
            return true;
        }
        after_flag = argument == "--output" || argument == "-o";
    }
    false
}

/// An error as `kbs-client` writes it: one JSON object.
pub fn error_json(message: &str, exit_code: u8) -> Value {
    json!({"error": {"exit_code": exit_code, "message": message}})
}

/// Does what the arguments say and writes the result to `out`.
///
/// # Errors
/// See [`ToolError`], which knows its exit status.
pub async fn run(arguments: Arguments, out: &mut impl Write) -> Result<(), ToolError> {
    let text = match arguments.command {
        Command::Register(command) => command.run().await?,
        Command::Query(command) => command.run().await?,
        Command::List(command) => command.run().await?,
        Command::Get(command) => command.run().await?,
        Command::History(command) => command.run().await?,
        Command::Diff(command) => command.run().await?,
        Command::Delete(command) => command.run().await?,
        Command::Revoke(command) => command.run().await?,
        Command::Import(command) => command.run().await?,
        Command::Message(command) => command.run()?,
        Command::Measure(command) => command.run().await?,
    };
    writeln!(out, "{text}").map_err(ToolError::Output)
}
