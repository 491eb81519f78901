//! The program `kbs`.

use anyhow::Context;
use clap::Parser;
use kbs::app::{Args, prepare, run};

fn main() -> anyhow::Result<()> {
    daemon::init();
    let config = prepare(&Args::parse())?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = config.http_server.worker_count {
        runtime.worker_threads(workers.clamp(1, 1024));
    }
    let runtime = runtime.enable_all().build().context("cannot start the runtime")?;
    runtime.block_on(run(config))?;
    Ok(())
}
