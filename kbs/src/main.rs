//! The program `kbs`.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use kbs::app::{Args, prepare, run};

fn main() -> ExitCode {
    match start(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {}", daemon::causes::causes(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn start(args: &Args) -> anyhow::Result<()> {
    daemon::init();
    let config = prepare(args)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = config.http_server.worker_count {
        runtime.worker_threads(workers.clamp(1, 1024));
    }
    let runtime = runtime.enable_all().build().context("cannot start the runtime")?;
    runtime.block_on(run(config))?;
    Ok(())
}
