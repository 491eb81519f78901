//! The server: from a configuration to a listening service.

use std::sync::Arc;

use daemon::{
    clock::Clock,
    serve::{Limits, Listener, ServeError, ServeOptions, Serving, serve},
    shutdown::Shutdown,
    tls::TlsError,
};

use crate::{Config, OpenError, Rvps, grpc};

/// Why the server does not start. The operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The storage cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The TLS settings cannot be used.
    #[error("tls: {0}")]
    Tls(#[from] TlsError),
    /// The address cannot be listened on.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Starts serving on `listener` and returns at once. It stops when `shutdown` says so.
///
/// # Errors
/// The storage, the TLS files or the address cannot be used.
pub async fn start(
    config: &Config,
    listener: Listener,
    clock: Arc<dyn Clock>,
    shutdown: Shutdown,
) -> Result<Serving, StartError> {
    if config
        .extractors
        .as_ref()
        .is_some_and(|extractors| extractors.swid_extractor.is_some())
    {
        tracing::warn!(
            "`extractors.swid_extractor` is set, but messages of the type swid are not read in this version"
        );
    }
    let tls = config.tls.as_ref().map(|tls| tls.load()).transpose()?;
    if config.tls.as_ref().is_none_or(|tls| tls.client_ca.is_none()) {
        tracing::warn!(
            "whoever reaches the address may register reference values: set `tls.client_ca` to ask for a certificate"
        );
    }
    let rvps = Rvps::open(&config.storage, clock).await?;
    let router = grpc::routes(rvps, shutdown.clone())
        .await
        .prepare()
        .into_axum_router();
    let options = ServeOptions {
        name: "rvps",
        listeners: vec![listener],
        tls,
        limits: Limits::default(),
    };
    Ok(serve(options, router, shutdown).await?)
}
