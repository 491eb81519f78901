//! `trustee-bench`: starts the release servers on one core, loads them from the other, and prints each
//! figure beside the floor that it must reach. See `make bench`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match integration_tests::bench::run() {
        Ok(report) => {
            println!("{report}");
            if report.all_reached() {
                return ExitCode::SUCCESS;
            }
            eprintln!("at least one figure is below its floor");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
