//! The program: configuration, parts, listeners. The only place that chooses adapters.

mod parts;
mod trust_authority;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use daemon::clock::{Clock, SystemClock};
use daemon::serve::{Limits, Listener, ServeOptions, Serving, serve};
use daemon::shutdown::{DEFAULT_GRACE, Shutdown};
use daemon::telemetry::{self, LogFormat, TelemetryOptions};
use daemon::tls::{ServerTls, TlsServerConfig};

pub(crate) use parts::POLICY_KEY;
pub use parts::StartError;

use crate::config::{HttpServerConfig, KbsConfig};
use crate::router::{operators, router};
use crate::state::Kbs;

/// Hands secrets to confidential guests that have shown what they are.
#[derive(Debug, Parser)]
#[command(name = "kbs", version = daemon::build_info::version())]
pub struct Args {
    /// Configuration file: TOML, JSON or YAML.
    #[arg(short, long, value_name = "PATH", env = "KBS_CONFIG_FILE")]
    pub config_file: PathBuf,

    /// What log lines look like: text or json.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

const LOG_FILTER: &str =
    "warn,kbs=info,attestation_service=info,daemon=info,policy=info,rvps=info,storage=info,verifier=info";

/// How often expired sessions are dropped, and what others changed in the storage is looked at.
const HOUSEKEEPING: Duration = Duration::from_secs(10);

/// Starts logging and reads the configuration.
///
/// # Errors
/// The log filter or the configuration cannot be used.
pub fn prepare(args: &Args) -> Result<KbsConfig, StartError> {
    telemetry::init(&TelemetryOptions {
        default_filter: LOG_FILTER,
        format: args.log_format,
    })?;
    tracing::info!(version = daemon::build_info::version(), "kbs");
    load(&args.config_file)
}

fn load(path: &Path) -> Result<KbsConfig, StartError> {
    let loaded = KbsConfig::load(path)?;
    for warning in loaded.warnings {
        tracing::warn!("{warning}");
    }
    Ok(loaded.config)
}

/// Runs the service until it is told to stop.
///
/// # Errors
/// It cannot start, or a socket fails.
pub async fn run(config: KbsConfig) -> Result<(), StartError> {
    let shutdown = Shutdown::on_signals(DEFAULT_GRACE)?;
    start(config, Arc::new(SystemClock), shutdown)
        .await?
        .finished()
        .await
}

/// A service that runs.
pub struct Running {
    /// The service's own listeners.
    pub main: Serving,
    /// The listener of `/metrics` and `/status`, if there is one of its own.
    pub metrics: Option<Serving>,
    kbs: Arc<Kbs>,
}

impl Running {
    /// Returns when all requests under way are finished after a stop was asked for.
    ///
    /// # Errors
    /// A socket failed.
    pub async fn finished(self) -> Result<(), StartError> {
        self.main.finished().await?;
        if let Some(metrics) = self.metrics {
            metrics.finished().await?;
        }
        self.kbs.decisions.finish().await;
        self.kbs.audit.finish().await;
        Ok(())
    }
}

/// Starts the service and returns once it listens.
///
/// # Errors
/// A setting cannot be used, or an address not be bound.
pub async fn start(
    config: KbsConfig,
    clock: Arc<dyn Clock>,
    shutdown: Shutdown,
) -> Result<Running, StartError> {
    let tls = tls(&config.http_server)?;
    let kbs = Arc::new(Kbs::start(&config, clock).await?);
    tokio::spawn(keep_house(Arc::clone(&kbs), shutdown.clone()));

    let mut app = router(Arc::clone(&kbs));
    let mut metrics = None;
    match config.metrics.socket {
        Some(socket) => {
            let options = options("kbs-metrics", vec![Listener::Address(socket)], None);
            metrics = Some(serve(options, operators(Arc::clone(&kbs)), shutdown.clone()).await?);
        }
        None => app = app.merge(kbs.metrics().registry().router()),
    }
    let listeners = config.http_server.sockets.iter().copied().map(Listener::Address);
    let options = options("kbs", listeners.collect(), tls);
    let main = serve(options, app, shutdown).await?;
    Ok(Running { main, metrics, kbs })
}

fn options(name: &'static str, listeners: Vec<Listener>, tls: Option<ServerTls>) -> ServeOptions {
    ServeOptions {
        name,
        listeners,
        tls,
        limits: Limits {
            // An appraisal may have to fetch endorsements; its own limits are below this one.
            request_timeout: Duration::from_secs(310),
            // A bearer token may hold the evidence of many devices; the existing implementation takes as much.
            max_header_bytes: 128 * 1024,
            ..Limits::default()
        },
    }
}

fn tls(config: &HttpServerConfig) -> Result<Option<ServerTls>, StartError> {
    if config.insecure_http {
        tracing::warn!("[http_server] insecure_http: admin tokens and sessions travel in the clear");
        return Ok(None);
    }
    let certificate = config.certificate.clone().ok_or(StartError::MissingCertificate)?;
    let private_key = config.private_key.clone().ok_or(StartError::MissingPrivateKey)?;
    let tls = TlsServerConfig {
        profile: config.tls_profile,
        min_version: config.tls_min_version,
        max_version: config.tls_max_version,
        ciphers: config.tls_ciphers.clone(),
        groups: config.tls_groups.clone(),
        ..TlsServerConfig::new(certificate, private_key)
    };
    Ok(Some(tls.load()?))
}

/// Drops what has expired while nobody asks, and takes up a policy that another replica has set.
async fn keep_house(kbs: Arc<Kbs>, shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(HOUSEKEEPING) => {}
        }
        kbs.housekeeping().await;
    }
}

#[cfg(test)]
mod tests;
