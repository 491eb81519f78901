//! `rvps-tool`: registers reference values at an RVPS, and shows them.

use std::{io, process::ExitCode};

use clap::Parser;
use rvps::tool::{Arguments, ToolError, asks_for_json, error_json, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let as_json = asks_for_json(std::env::args_os());
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if as_json && error.use_stderr() => {
            let text = error.render().to_string();
            return failed(true, text.trim_end(), USAGE);
        }
        Err(error) => error.exit(),
    };
    daemon::init();
    match run(arguments, &mut io::stdout()).await {
        Ok(()) => ExitCode::SUCCESS,
        // Who reads the result has read enough of it, as `head` does.
        Err(ToolError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => failed(as_json, &error.to_string(), error.exit_status()),
    }
}

/// Says on standard error what went wrong, in the form that was asked for.
fn failed(as_json: bool, message: &str, status: u8) -> ExitCode {
    match as_json {
        true => eprintln!("{}", error_json(message, status)),
        false => eprintln!("Error: {message}"),
    }
    ExitCode::from(status)
}

/// The exit status of wrong arguments.
const USAGE: u8 = 2;
