//! `trustee-tee-table`: see `make tee-table`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use integration_tests::tee_table::{Notes, Outcome};

/// Holds the table of what was proved of each TEE against what the last test run proved.
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n    trustee-tee-table --write docs/tees/README.md")]
struct Arguments {
    /// Write the table into the page.
    #[arg(long)]
    write: bool,

    /// The page with the table.
    page: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let path = &arguments.page;
    let page = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let notes = Notes::read()?;
    if arguments.write {
        std::fs::write(path, notes.write_into(&page)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    Ok(match notes.compare(&page)? {
        Outcome::Same => ExitCode::SUCCESS,
        Outcome::Incomparable => {
            println!(
                "{} was not checked: evidence of real machines is missing here",
                path.display()
            );
            ExitCode::SUCCESS
        }
        Outcome::Different => {
            eprintln!(
                "{} does not say what the tests proved. `make tee-table` after `make test` writes this:\n\n{}",
                path.display(),
                notes.table()
            );
            ExitCode::FAILURE
        }
    })
}
