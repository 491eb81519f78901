//! `trustee-demo`: see `make demo`.

use std::process::ExitCode;

use clap::Parser;

/// Shows the whole path from evidence to secret, on real servers with a simulated guest.
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n    trustee-demo --tee tdx --keep")]
struct Arguments {
    /// The guest's TEE.
    #[arg(long, default_value = "snp", value_parser = simulated_tee::TEES)]
    tee: String,

    /// Leave the servers running until interrupted.
    #[arg(long)]
    keep: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match integration_tests::demo::run(&arguments.tee, arguments.keep) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
