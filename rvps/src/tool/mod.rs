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

use std::io::Write;

use clap::{Parser, Subcommand, ValueEnum};

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

Exit status: 0 done, also if a value is not registered; 1 failed or refused; 2 wrong usage; 6 the RVPS
cannot be reached.";

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
    Register(command::show::Register),
    /// Show one reference value, or all of them, as the existing tool does.
    Query(command::show::Query),
    /// List all reference values that are served.
    List(command::show::List),
    /// Show one reference value with its provenance.
    Get(command::show::Get),
    /// Show every version of a reference value that is remembered.
    History(command::show::History),
    /// Compare two versions of a value, or a message with what is registered.
    Diff(command::diff::Diff),
    /// Take a reference value out of service. Old messages do not bring it back.
    Delete(command::remove::Delete),
    /// Revoke a reference value, or one element of it: it is never served again, whoever registers it.
    Revoke(command::remove::Revoke),
    /// Register the entries of a `reference-values.json`.
    Import(command::import::Import),
    /// Make a register message of a file, signed or not, and print it.
    Message(command::message::Message),
    /// Compute reference values from firmware, kernel, initrd and command line.
    Measure(command::measure::Measure),
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
