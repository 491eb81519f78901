//! The command line. Results go to stdout, everything else to stderr.

pub mod args;

mod admin;
mod audit;
mod credential;
mod decisions;
mod examples;
mod guest;
pub mod history;
mod init_data;
mod output;
mod policy;
mod reference_values;
mod resource_policies;

use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::error::ClientError;
use args::{Cli, Command};
use output::Printer;

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return output::usage(&error, std::env::args_os()),
    };
    init_logging();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("Error: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let format = cli.output;
    let result = runtime.block_on(run(cli, &mut std::io::stdout()));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Who reads the result has read enough of it, as `head` does.
        Err(CliError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            output::report(format, &error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// Runs one command, writing its result to `out`.
pub async fn run(cli: Cli, out: &mut (dyn Write + Send)) -> Result<(), CliError> {
    let roots = cli.cert_file.as_deref().map(read_file).transpose()?;
    let target = Target {
        url: cli.url,
        roots: roots.into_iter().collect(),
    };
    let mut printer = Printer::new(cli.output, out);
    match cli.command {
        Command::Attest(arguments) => guest::attest(&target, arguments, &cli.attester, &mut printer).await,
        Command::GetResource(arguments) => {
            guest::get_resource(&target, arguments, &cli.attester, &mut printer).await
        }
        Command::InitData(arguments) => init_data::init_data(arguments, &mut printer),
        Command::Policy(arguments) => policy::policy(&target, arguments, &mut printer).await,
        Command::Audit(arguments) => audit::audit(arguments, &mut printer),
        Command::Decisions(arguments) => decisions::decisions(&target, arguments, &mut printer).await,
        Command::Config(arguments) => admin::config(&target, arguments, &mut printer).await,
    }
}

/// Which KBS to talk to.
struct Target {
    url: String,
    roots: Vec<Vec<u8>>,
}

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The arguments contradict each other, or lack something.
    #[error("{0}")]
    Usage(String),
    /// A trial showed changes, and they were to be an error.
    #[error("{0} guests would be treated otherwise, and --fail-on-change is given")]
    Changed(u64),
    /// A trial showed nothing, and changes were to be an error.
    #[error(
        "policy `{0}` judges none of these guests, so nothing was found out of it, and --fail-on-change is given: see \
         `--id`, or try it on other guests"
    )]
    JudgesNobody(String),
    /// The same of a resource policy with a scope.
    #[error(
        "nothing that these guests asked for is in the scope of policy `{0}`, so nothing was found out of it, and \
         --fail-on-change is given: ask for something with `--resource`, or try it on other guests"
    )]
    CoversNothing(String),
    /// The same of reference values.
    #[error(
        "no policy that these guests are judged by asks for reference value `{0}`{1}, so nothing was found out of it, and \
         --fail-on-change is given"
    )]
    AskedByNobody(String, String),
    /// There was no guest.
    #[error(
        "there was no guest to try it on, so nothing was found out, and --fail-on-change is given: give `--last`, \
         `--claims` or `--evidence`"
    )]
    NobodyTried,
    /// A file cannot be read.
    #[error("Failed to read: {path}: {cause}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A file cannot be written.
    #[error("Failed to write: {path}: {cause}")]
    NotSaved {
        /// The file.
        path: String,
        /// What the system says.
        cause: std::io::Error,
    },
    /// An audit log is not whole.
    #[error("the audit log is not whole: {0}")]
    NotWhole(String),
    /// The KBS, or what leads to it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The resource policy said no to the evidence of the sample attester.
    #[error(transparent)]
    SampleDenied(ClientError),
    /// The result cannot be written.
    #[error("the result cannot be written: {0}")]
    Output(#[from] std::io::Error),
}

impl CliError {
    /// The exit code: 1 other, 2 usage, 3 denied by policy, 4 not found, 5 not authorised, 6 unreachable or
    /// unavailable, 7 attestation refused,
    /// 8 an audit log that is not whole.
    pub fn exit_code(&self) -> u8 {
        self.class().0
    }

    /// The exit code and its name in JSON output.
    fn class(&self) -> (u8, &'static str) {
        use ClientError as E;
        match self {
            Self::Usage(_) | Self::Client(E::Uri(_) | E::InitData(_)) => (2, "usage"),
            Self::Client(E::Denied(_)) | Self::SampleDenied(_) => (3, "denied-by-policy"),
            Self::Client(E::NotFound(_)) => (4, "not-found"),
            Self::Client(E::Unauthorized(_)) => (5, "not-authorized"),
            Self::Client(E::Unavailable(_) | E::Unreachable { .. }) => (6, "unreachable"),
            Self::Client(E::AttestationRefused(_)) => (7, "attestation-refused"),
            Self::NotWhole(_) => (8, "not-whole"),
            _ => (1, "failed"),
        }
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|cause| CliError::File {
        path: path.display().to_string(),
        cause,
    })
}

fn read_text(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path).map_err(|cause| CliError::File {
        path: path.display().to_string(),
        cause,
    })
}

#[allow(clippy::disallowed_methods, reason = "the environment of the command line")]
fn init_logging() {
    let asked = std::env::var("RUST_LOG").unwrap_or_default();
    let filter = EnvFilter::try_new(if asked.is_empty() { "info" } else { &asked });
    let wrong = filter.as_ref().err().map(ToString::to_string);
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| EnvFilter::new("info")))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    if let Some(error) = wrong {
        tracing::warn!(%error, "RUST_LOG is not a filter, using info");
    }
}

#[cfg(test)]
mod tests;
