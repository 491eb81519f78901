//! `trustee-bench`: starts the release servers on one core, loads them from the other, and prints each
//! figure beside the floor that it must reach. See `make bench`.

use std::process::ExitCode;

use clap::Parser;
use integration_tests::bench::{Part, Selection};

/// Prints each figure of speed and memory beside the floor that it must reach.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:\n    trustee-bench\n    trustee-bench --only tees --tee tdx")]
struct Arguments {
    /// Measure this part alone.
    #[arg(long, value_enum)]
    only: Option<Part>,

    /// Of the TEEs, measure this one alone.
    #[arg(long)]
    tee: Option<String>,
}

fn main() -> ExitCode {
    let Arguments { only, tee } = Arguments::parse();
    match integration_tests::bench::run(&Selection { only, tee }) {
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
