//! `trustee-bench`: starts the release servers on one core, loads them from the other, and prints each
//! figure beside the floor that it must reach. See `make bench`.

use std::process::ExitCode;

use clap::Parser;
use integration_tests::bench::Part;

/// Prints each figure of speed and memory beside the floor that it must reach.
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n    trustee-bench --only tees")]
struct Arguments {
    /// Measure this part alone.
    #[arg(long, value_enum)]
    only: Option<Part>,
}

fn main() -> ExitCode {
    match integration_tests::bench::run(Arguments::parse().only) {
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
