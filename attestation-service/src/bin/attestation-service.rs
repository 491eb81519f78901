//! The Attestation Service as a program.

use clap::Parser;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    daemon::init();
    attestation_service::app::run(attestation_service::app::Args::parse()).await
}
