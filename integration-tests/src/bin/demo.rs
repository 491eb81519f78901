//! `trustee-demo`: see `make demo`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match integration_tests::demo::run(std::env::args().any(|argument| argument == "--keep")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
