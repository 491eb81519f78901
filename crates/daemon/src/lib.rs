//! What every server does: configuration, TLS, serving, shutdown, telemetry, health, clock, audit log.
//!
//! A server's `main` reads top-down with this crate: [`init`], [`telemetry::init`], [`config::load`],
//! build the service, [`serve::serve`], wait for [`shutdown::Shutdown`].

pub mod aside;
pub mod audit;
pub mod budget;
pub mod build_info;
pub mod causes;
pub mod clock;
pub mod config;
mod files;
pub mod grpc;
pub mod health;
pub mod metrics;
pub mod serve;
pub mod shutdown;
pub mod strikes;
pub mod telemetry;
pub mod text;
pub mod tls;

pub use names::suggest;

/// Installs the process-wide defaults: `ring` as the provider of rustls, and as many open files as may be needed. Call
/// it first in `main`.
///
/// Calling it again does nothing, so tests may do so freely.
pub fn init() {
    // The only error is that a provider is there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    files::raise_limit();
}
