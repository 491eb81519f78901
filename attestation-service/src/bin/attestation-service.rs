//! The Attestation Service as a program.

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    daemon::init();
    match attestation_service::app::run(attestation_service::app::Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {}", daemon::causes::causes(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}
