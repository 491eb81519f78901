//! The program: arguments, configuration, service, listener.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Parser;
use daemon::clock::{Clock, SystemClock};
use daemon::config::Loaded;
use daemon::serve::{Limits, Listener, ServeOptions, Serving, serve};
use daemon::shutdown::{DEFAULT_GRACE, Shutdown};
use daemon::telemetry::{self, LogFormat, TelemetryOptions};
use daemon::tls::{ServerTls, TlsServerConfig};

use crate::commands::{self, Command};
use crate::config::Config;
use crate::{AttestationService, admin, api};

/// Appraises the evidence of confidential guests and attests to the result.
#[derive(Debug, Parser)]
#[command(name = "attestation-service", version = daemon::build_info::VERSION)]
pub struct Args {
    /// Configuration file: JSON, TOML or YAML. Without it, everything has its default.
    #[arg(short, long, value_name = "PATH", global = true)]
    pub config_file: Option<PathBuf>,

    /// Where to listen.
    #[arg(short, long, value_name = "IP:PORT", default_value = "127.0.0.1:3000")]
    pub socket: SocketAddr,

    /// PEM certificate chain, to serve over TLS.
    #[arg(short = 't', long, value_name = "PATH")]
    pub https_pubkey_cert: Option<PathBuf>,

    /// PEM private key of that certificate.
    #[arg(short = 'k', long, value_name = "PATH")]
    pub https_prikey: Option<PathBuf>,

    /// PEM certificates of the authorities whose clients may connect. With it, others may not.
    #[arg(long, value_name = "PATH")]
    pub client_ca: Option<PathBuf>,

    /// Where to serve /status and /metrics, in plain HTTP. Without it, nowhere.
    #[arg(long, value_name = "IP:PORT")]
    pub admin_socket: Option<SocketAddr>,

    /// What log lines look like: text or json.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,

    /// Something to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// A service that runs.
pub struct Running {
    /// The listener of gRPC and of the token key.
    pub main: Serving,
    /// The listener of `/status` and `/metrics`, if there is one.
    pub admin: Option<Serving>,
    service: Arc<AttestationService>,
}

impl Running {
    /// Returns when all requests under way are finished or given up after the stop was asked for.
    ///
    /// # Errors
    /// A socket failed.
    pub async fn finished(self) -> anyhow::Result<()> {
        self.main.finished().await?;
        if let Some(admin) = self.admin {
            admin.finished().await?;
        }
        self.service.audit().finish().await;
        Ok(())
    }
}

const LOG_FILTER: &str =
    "warn,attestation_service=info,daemon=info,policy=info,rvps=info,storage=info,verifier=info";

/// Runs the service until it is told to stop.
///
/// # Errors
/// It cannot start, or its socket fails.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let options = |default_filter| TelemetryOptions {
        default_filter,
        format: args.log_format,
    };
    match args.command {
        Some(_) => telemetry::init_to_stderr(&options("warn"))?,
        None => {
            telemetry::init(&options(LOG_FILTER))?;
            tracing::info!(version = daemon::build_info::version(), "attestation-service");
        }
    }

    let Loaded { mut config, warnings } = match (&args.config_file, &args.command) {
        (Some(path), None) => Config::load(path)?,
        (Some(path), Some(_)) => commands::configuration(path)?,
        (None, _) => Loaded {
            config: Config::default(),
            warnings: Vec::new(),
        },
    };
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    if let Some(command) = &args.command {
        return commands::run(command, &config, Arc::new(SystemClock), &mut std::io::stdout()).await;
    }
    config.tls = tls(&args, &config)?;
    config.admin_socket = args.admin_socket.or(config.admin_socket);
    let shutdown = Shutdown::on_signals(DEFAULT_GRACE)?;
    let listener = Listener::Address(args.socket);
    let running = start(&config, listener, Arc::new(SystemClock), shutdown).await?;
    running.finished().await
}

/// Starts serving on `listener` and returns at once. It stops when `shutdown` says so.
///
/// # Errors
/// A setting, or something that it names, cannot be used, or the address is taken.
pub async fn start(
    config: &Config,
    listener: Listener,
    clock: Arc<dyn Clock>,
    shutdown: Shutdown,
) -> anyhow::Result<Running> {
    let tls = config.tls.as_ref().map(TlsServerConfig::load).transpose();
    let tls = tls.context("cannot set up TLS")?;
    if config.tls.as_ref().is_none_or(|tls| tls.client_ca.is_none()) {
        tracing::warn!(
            "insecure: whoever reaches the port may set policies and reference values: set `tls.client_ca` to ask for a \
             certificate"
        );
    }
    let service = AttestationService::start_with_audit(config, clock).await?;
    let mut running_admin = None;
    if let Some(socket) = config.admin_socket {
        let options = options("attestation-service-admin", socket.into(), None);
        running_admin = Some(serve(options, admin::router(Arc::clone(&service)), shutdown.clone()).await?);
    }
    let options = options("attestation-service", listener, tls);
    let services = daemon::grpc::bounded(api::router(Arc::clone(&service)), request_memory(config)?);
    let services = daemon::grpc::few_at_once(services, "ListReferenceValues", LISTS);
    let main = serve(options, services, shutdown).await?;
    Ok(Running {
        main,
        admin: running_admin,
        service,
    })
}

/// What requests may take up together, in bytes.
fn request_memory(config: &Config) -> anyhow::Result<usize> {
    let mib = config.request_memory_mib.unwrap_or(DEFAULT_REQUEST_MEMORY_MIB);
    // Room for the largest, beside others.
    if !(LEAST_REQUEST_MEMORY_MIB..=65_536).contains(&mib) {
        bail!("`request_memory_mib` must be from {LEAST_REQUEST_MEMORY_MIB} to 65536, not {mib}");
    }
    Ok(usize::try_from(u64::from(mib) << 20)?)
}

/// How many clients may be sent all reference values at once: each costs a copy of them.
const LISTS: usize = 4;

pub(crate) const DEFAULT_REQUEST_MEMORY_MIB: u32 = 128;
const LEAST_REQUEST_MEMORY_MIB: u32 = 16;

fn options(name: &'static str, listener: Listener, tls: Option<ServerTls>) -> ServeOptions {
    ServeOptions {
        name,
        listeners: vec![listener],
        tls,
        limits: Limits {
            request_timeout: REQUEST_TIMEOUT,
            ..Limits::default()
        },
    }
}

/// Longer than any caller waits: a KBS may wait 300 seconds, and should hear what a source of endorsements, each with a
/// limit of its own, had to say.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(310);

/// The flags, or else the `tls` table. A flag without its other half is an error, as it always was.
fn tls(args: &Args, config: &Config) -> anyhow::Result<Option<TlsServerConfig>> {
    let from_flags = match (&args.https_pubkey_cert, &args.https_prikey) {
        (Some(certificate), Some(key)) => Some(TlsServerConfig::new(certificate.clone(), key.clone())),
        (None, None) => None,
        _ => bail!("HTTPS public key cert and private key must be provided to enable HTTPS."),
    };
    let mut tls = from_flags.or_else(|| config.tls.clone());
    if let Some(client_ca) = &args.client_ca {
        let Some(tls) = &mut tls else {
            bail!("--client-ca needs TLS: a certificate and its private key")
        };
        tls.client_ca = Some(client_ca.clone());
    }
    Ok(tls)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> Args {
        Args::try_parse_from(std::iter::once("attestation-service").chain(text.split_whitespace())).unwrap()
    }

    #[test]
    fn the_flags_are_those_of_grpc_as() {
        let short = args("-c c.json -s 0.0.0.0:50004 -t cert.pem -k key.pem");
        let long = args(
            "--config-file c.json --socket 0.0.0.0:50004 --https-pubkey-cert cert.pem --https-prikey key.pem",
        );
        for args in [short, long] {
            assert_eq!(args.config_file, Some("c.json".into()));
            assert_eq!(args.socket, "0.0.0.0:50004".parse().unwrap());
            let tls = tls(&args, &Config::default()).unwrap().unwrap();
            assert_eq!(
                (tls.certificate, tls.private_key),
                ("cert.pem".into(), "key.pem".into())
            );
            assert_eq!(tls.client_ca, None);
        }
        assert_eq!(args("").socket, "127.0.0.1:3000".parse().unwrap());
    }

    #[test]
    fn a_command_takes_the_configuration_before_and_after_its_name() {
        for text in ["-c c.json endorsements list", "endorsements list -c c.json"] {
            let args = args(text);
            assert_eq!(args.config_file, Some("c.json".into()), "{text}");
            assert!(args.command.is_some(), "{text}");
        }
        assert_eq!(
            args("--admin-socket 127.0.0.1:9").admin_socket,
            "127.0.0.1:9".parse().ok()
        );
    }

    #[test]
    fn time_limits_fit_into_each_other_from_the_source_to_the_guest() {
        let guest = 60;
        let longest_call_of_a_kbs = 300;
        let verifiers = crate::config::VerifierConfig::default();
        let nras = crate::config::NrasConfig::default().timeout_seconds;
        let kds = crate::config::KdsConfig::default().timeout_seconds;
        assert!(verifiers.snp_verifier.vcek_sources.len() == 1 && kds + nras < guest);
        let options = options("test", Listener::Address(args("").socket), None);
        assert!(options.limits.request_timeout > Duration::from_secs(longest_call_of_a_kbs));
    }

    #[test]
    fn the_memory_for_requests_holds_more_than_one() {
        let memory = |request_memory_mib| {
            let config = Config {
                request_memory_mib,
                ..Config::default()
            };
            request_memory(&config)
        };
        assert_eq!(memory(None).unwrap(), 128 << 20);
        assert_eq!(memory(Some(16)).unwrap(), 16 << 20);
        let error = memory(Some(15)).unwrap_err().to_string();
        assert!(error.contains("must be from 16 to 65536, not 15"), "{error}");
    }

    #[test]
    fn half_of_the_tls_flags_is_an_error() {
        for text in ["-t cert.pem", "-k key.pem"] {
            let error = tls(&args(text), &Config::default()).unwrap_err();
            assert_eq!(
                error.to_string(),
                "HTTPS public key cert and private key must be provided to enable HTTPS."
            );
        }
    }

    #[test]
    fn a_client_authority_without_tls_is_an_error_and_not_ignored() {
        assert!(tls(&args("--client-ca ca.pem"), &Config::default()).is_err());
        let tls = tls(&args("-t c -k k --client-ca ca.pem"), &Config::default())
            .unwrap()
            .unwrap();
        assert_eq!(tls.client_ca, Some("ca.pem".into()));
    }
}
