//! `rvps-tool`: registers reference values at an RVPS, and shows them.

use std::{io, process::ExitCode};

use clap::Parser;
use rvps::tool::{Arguments, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    daemon::init();
    match run(arguments, &mut io::stdout()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::from(error.exit_status())
        }
    }
}
