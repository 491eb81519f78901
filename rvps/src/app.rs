//! The server: from a configuration to a listening service.

use std::sync::Arc;

use daemon::{
    audit::{AdminLine, Audit, AuditSetupError},
    clock::Clock,
    serve::{Limits, Listener, ServeError, ServeOptions, Serving, serve},
    shutdown::Shutdown,
    tls::TlsError,
};

use crate::{Config, OpenError, Rules, Rvps, auth::Authenticator, grpc};

/// What requests may take up together, in bytes: many of the largest, of 4 MiB.
const REQUEST_MEMORY: usize = 64 << 20;

/// How many clients may be sent all values at once: each costs a copy of them.
const LISTS: usize = 4;

/// Why the server does not start. The operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The storage, a trust anchor or a registrar cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The TLS settings cannot be used.
    #[error("tls: {0}")]
    Tls(#[from] TlsError),
    /// The audit log cannot be opened, continued or written.
    #[error("audit: {0}")]
    Audit(#[from] AuditSetupError),
    /// The address cannot be listened on.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// A server that runs.
pub struct Running {
    /// The gRPC listener.
    pub main: Serving,
    audit: Arc<Audit<AdminLine>>,
}

impl Running {
    /// Returns when all calls under way are finished after a stop was asked for, and are written down.
    ///
    /// # Errors
    /// The socket failed.
    pub async fn finished(self) -> Result<(), ServeError> {
        let finished = self.main.finished().await;
        self.audit.finish().await;
        finished
    }
}

/// Starts serving on `listener` and returns at once. It stops when `shutdown` says so.
///
/// # Errors
/// The storage, a file that the configuration names, or the address cannot be used.
pub async fn start(
    config: &Config,
    listener: Listener,
    clock: Arc<dyn Clock>,
    shutdown: Shutdown,
) -> Result<Running, StartError> {
    let tls = config.tls.as_ref().map(|tls| tls.load()).transpose()?;
    let authenticator = Authenticator::new(config).map_err(OpenError::from)?;
    let rules = Rules::new(config).map_err(OpenError::from)?;
    if let Some(danger) = rules.danger(authenticator.is_open()) {
        tracing::warn!("{danger}");
    }
    if !authenticator.is_open() && tls.is_none() {
        tracing::warn!("insecure: bearer tokens come over plain HTTP/2; set `tls`");
    }
    let audit = Arc::new(Audit::open(&config.audit, Arc::clone(&clock), None).await?);
    let rvps = Rvps::open(&config.storage, rules, clock).await?;
    let router = grpc::routes(rvps, authenticator, Arc::clone(&audit), shutdown.clone())
        .await
        .prepare()
        .into_axum_router();
    let router = daemon::grpc::bounded(router, REQUEST_MEMORY);
    let router = daemon::grpc::few_at_once(router, "ListReferenceValues", LISTS);
    let options = ServeOptions {
        name: "rvps",
        listeners: vec![listener],
        tls,
        limits: Limits::default(),
    };
    let main = serve(options, router, shutdown).await?;
    Ok(Running { main, audit })
}
