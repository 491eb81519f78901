//! What the program does besides serving: `attestation-service endorsements …`.

mod export;
mod import;
mod list;
mod progress;
mod site;

use std::io::Write;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use daemon::clock::Clock;

use crate::config::Config;
use crate::endorsements::Persistent;

pub(crate) use self::site::configuration;

/// Something to do instead of serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Endorsements that are kept on the storage: look at them, or carry them to another site.
    #[command(subcommand, after_help = EXAMPLES)]
    Endorsements(EndorsementsCommand),
}

/// What to do with the endorsements on the storage.
#[derive(Debug, Subcommand)]
pub enum EndorsementsCommand {
    /// Write what is kept into a bundle: one JSON file.
    #[command(after_help = EXAMPLES)]
    Export(ExportArgs),
    /// Read a bundle and keep what it holds, unless something newer is kept already.
    #[command(after_help = EXAMPLES)]
    Import(ImportArgs),
    /// Show what is kept.
    #[command(after_help = EXAMPLES)]
    List(ListArgs),
}

const EXAMPLES: &str = "\
Examples:
  # On a site with a way out: everything that guests needed there
  attestation-service -c config.toml endorsements export --output bundle.json

  # Fetch what guests of a new site will need, and export it with the rest
  attestation-service -c config.toml endorsements export --output bundle.json \\
      --fetch dcap-tcb-info.tdx.00806F050000 --fetch dcap-qe-identity.tdx \\
      --fetch dcap-pck-crl.platform --fetch dcap-root-crl

  # On a site without one, with the service stopped or running
  attestation-service -c config.toml endorsements import bundle.json
  attestation-service -c config.toml endorsements import --from pccs platform_collaterals.json

  # The same for an Attestation Service that is built into a KBS: with the KBS's own file
  attestation-service -c kbs.toml endorsements import bundle.json

  # What is kept, for a person and for a program
  attestation-service -c config.toml endorsements list
  attestation-service -c config.toml endorsements list --output json";

/// How to export.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The file to write; `-` is standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: String,

    /// Fetch this endorsement from the configured sources first. Named as in `list` and `/status`; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub fetch: Vec<String>,
}

/// How to import.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The file to read.
    #[arg(value_name = "FILE")]
    pub file: std::path::PathBuf,

    /// What kind of file it is.
    #[arg(long, value_name = "KIND", default_value = "bundle")]
    pub from: FileKind,

    /// What to print.
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: OutputFormat,
}

/// How to list.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// What to print.
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: OutputFormat,
}

/// A kind of file that can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FileKind {
    /// What `export` wrote.
    Bundle,
    /// Collateral as the admin tool of Intel's PCCS writes it.
    Pccs,
}

/// What to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Does what the command says. What it finds goes to `out`, what it is doing to standard error.
///
/// # Errors
/// It could not be done, or not in full.
pub async fn run(
    command: &Command,
    config: &Config,
    clock: Arc<dyn Clock>,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    let Command::Endorsements(command) = command;
    match command {
        EndorsementsCommand::Export(args) => export::run(args, config, clock, out).await,
        EndorsementsCommand::Import(args) => import::run(args, config, &*clock, out).await,
        EndorsementsCommand::List(args) => list::run(args, config, &*clock, out).await,
    }
}

/// The storage that the service uses.
fn open(config: &Config) -> anyhow::Result<Persistent> {
    let persistent = Persistent::open(&config.storage_backend).context("cannot open the storage")?;
    if !persistent.is_there() {
        bail!(
            "`storage_backend` is Memory, which keeps nothing: name the service's configuration with -c, and another \
             storage in it"
        );
    }
    Ok(persistent)
}

#[cfg(test)]
mod tests;
