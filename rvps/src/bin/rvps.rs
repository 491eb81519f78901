//! `rvps`: the Reference Value Provider Service.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};

use clap::Parser;
use daemon::{
    clock::SystemClock,
    shutdown::{DEFAULT_GRACE, Shutdown},
    telemetry::{LogFormat, TelemetryOptions},
};
use rvps::Config;

/// Keeps reference values, and serves them over gRPC.
#[derive(Parser)]
#[command(version = daemon::build_info::VERSION)]
struct Arguments {
    /// Configuration file: JSON, TOML or YAML, by its extension. `{}` in a JSON file is the default
    /// configuration.
    #[arg(short, long, value_name = "FILE", default_value = "/etc/rvps.json")]
    config: PathBuf,

    /// Address to listen on. Port 0 is any free port; the log says which.
    #[arg(short, long, value_name = "IP:PORT", default_value = "127.0.0.1:50003")]
    address: SocketAddr,

    /// What a log line looks like: text or json. RUST_LOG chooses what is logged.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {}", daemon::causes::causes(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    daemon::init();
    daemon::telemetry::init(&TelemetryOptions {
        default_filter: "info",
        format: arguments.log_format,
    })?;
    tracing::info!(version = daemon::build_info::version(), "rvps");
    let loaded = daemon::config::load_upgraded::<Config>(&arguments.config, rvps::upgrade)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let shutdown = Shutdown::on_signals(DEFAULT_GRACE)?;
    let address = arguments.address.into();
    let serving = rvps::app::start(&loaded.config, address, Arc::new(SystemClock), shutdown).await?;
    Ok(serving.finished().await?)
}
