//! From what the operator wrote to the parts of the service.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use daemon::clock::Clock;
use daemon::config::ConfigError;
use daemon::grpc::{GrpcClientConfig, GrpcClientError};
use daemon::serve::ServeError;
use daemon::telemetry::TelemetryError;
use daemon::tls::TlsError;
use jose::JwkSet;
use ring::rand::SystemRandom;
use storage::{StorageError, StorageType};

use super::trust_authority;
use crate::admin::{Admin, AdminConfig, AdminSetupError};
use crate::attestation::AttestationClient;
use crate::attestation::built_in::{self, BuiltInAttestation};
use crate::attestation::grpc::GrpcAttestation;
use crate::attestation::none::NoAttestation;
use crate::attestation::trust_authority::TrustAuthoritySetupError;
use crate::audit::{Audit, AuditSetupError};
use crate::backends::USUAL_RESOURCE_LIMIT;
use crate::body::Bodies;
use crate::config::{AttestationServiceType, HttpServerConfig, KbsConfig};
use crate::decisions::Decisions;
use crate::metrics::Metrics;
use crate::plugins::{PluginSetupError, Plugins};
use crate::resource::{PolicyStore, PolicyStoreError};
use crate::session::{SessionLimits, SessionStore};
use crate::state::Kbs;
use crate::token::{TokenSetupError, TokenVerifier};

/// Why the service does not start, or stops by itself. All of it is the operator's to mend.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each variant names the part that cannot be had")]
pub enum StartError {
    #[error("{0} (every key: docs/config.md)")]
    Config(#[from] Box<ConfigError>),
    #[error(
        "Missing certificate: set `http_server.certificate`, or `insecure_http = true` to do without TLS"
    )]
    MissingCertificate,
    #[error(
        "Missing private key: set `http_server.private_key`, or `insecure_http = true` to do without TLS"
    )]
    MissingPrivateKey,
    #[error("`attestation_service.{key}` belongs to type `{belongs_to}`, but the type is `{kind}`")]
    ForeignKey {
        key: &'static str,
        belongs_to: &'static str,
        kind: &'static str,
    },
    #[error("`{key}` must be from {min} to {max}")]
    OutOfRange { key: &'static str, min: u64, max: u64 },
    #[error("[attestation_service], Intel Trust Authority")]
    TrustAuthority(#[from] TrustAuthoritySetupError),
    #[error("cannot read `resource_policy.initial_file` {}", path.display())]
    InitialPolicy { path: PathBuf, source: io::Error },
    #[error("`resource_policy.initial_file` {} cannot be used", path.display())]
    BadInitialPolicy {
        path: PathBuf,
        source: policy::PolicyError,
    },
    #[error("the built-in attestation service cannot start")]
    BuiltIn(#[from] built_in::StartError),
    #[error("the key of the built-in attestation service cannot be used")]
    BuiltInKey(#[source] jose::KeyError),
    #[error("`attestation_service`")]
    Grpc(#[from] GrpcClientError),
    #[error("[attestation_token]")]
    Token(#[from] TokenSetupError),
    #[error("[admin]")]
    Admin(#[from] AdminSetupError),
    #[error("[audit]")]
    Audit(#[from] AuditSetupError),
    #[error("[[plugins]]")]
    Plugins(#[from] PluginSetupError),
    #[error("[storage_backend]")]
    Storage(#[from] StorageError),
    #[error("the resource policy cannot be had")]
    Policy(#[from] PolicyStoreError),
    #[error("[http_server]")]
    Tls(#[from] TlsError),
    #[error("metrics")]
    Metrics(#[from] prometheus::Error),
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("the operating system refuses")]
    System(#[from] io::Error),
}

const DEFAULT_AS_ADDRESS: &str = "http://127.0.0.1:50004";
const DEFAULT_POOL_SIZE: usize = 100;
const DEFAULT_REQUEST_TIMEOUT: u64 = 300;
/// In MiB.
const DEFAULT_REQUEST_MEMORY: u32 = 64;
const DEFAULT_CONNECT_TIMEOUT: u64 = 5;

/// The namespace of the storage that holds the resource policy, and its key there.
const POLICY_NAMESPACE: &str = "kbs";
pub(crate) const POLICY_KEY: &str = "resource-policy.rego";

/// The namespace of the storage that holds the records of decisions.
const DECISIONS_NAMESPACE: &str = "kbs_decisions";

impl Kbs {
    /// Makes every part that `config` names.
    ///
    /// # Errors
    /// A setting, or something that it names, cannot be used.
    pub async fn start(config: &KbsConfig, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let session = &config.attestation_service;
        let minutes = in_range("attestation_service.timeout", session.timeout.into(), 1, 24 * 60)?;
        let max_sessions = session.max_sessions as u64;
        in_range("attestation_service.max_sessions", max_sessions, 1, 10_000_000)?;
        let session_memory = mebibytes(
            "attestation_service.session_memory_mib",
            session.session_memory_mib,
            16,
            65_536,
        )?;
        let bodies = bodies(&config.http_server)?;
        if let Some(warning) = not_shared(config) {
            tracing::warn!("{warning}");
        }

        let metrics = Arc::new(Metrics::new()?);
        let store = config.storage_backend.open(POLICY_NAMESPACE)?;
        let initial = initial_policy(config).await?;
        let policy = PolicyStore::open(Arc::clone(&store), initial.as_deref(), clock.now()).await?;
        let (attestation, built_in) = attestation(config, &clock).await?;
        // Whatever an administrator may send can be stored and served.
        let resource_limit = bodies.limit().max(USUAL_RESOURCE_LIMIT);
        let plugins = Plugins::open(&config.plugins, &config.storage_backend, resource_limit, &metrics)?;
        match plugins.names()[..] {
            [] => tracing::warn!("no [[plugins]] table: no resource can be stored or read"),
            ref names => tracing::info!(plugins = names.join(","), "plugins"),
        }
        let lost = Some(metrics.audit_lost.clone());
        let audit = Audit::open(&config.audit, Arc::clone(&clock), lost).await?;
        let decisions = decisions(config, &clock, &metrics).await?;
        Ok(Self {
            clock,
            random: SystemRandom::new(),
            sessions: SessionStore::new(SessionLimits::new(session.max_sessions, session_memory)),
            session_life: minutes * 60,
            client_policy_ids: session.client_policy_ids.clone().unwrap_or_default(),
            bodies,
            attestation,
            tokens: TokenVerifier::new(&trust_authority::tokens(config), built_in).await?,
            admin: admin(&config.admin).await?,
            policy,
            store,
            plugins,
            decisions,
            audit,
            metrics,
        })
    }

    /// What has to be done now and then, whether anybody asks or not.
    pub(crate) async fn housekeeping(&self) {
        self.sessions.expire(self.clock.now());
        self.decisions.trim();
        let (challenged, attested) = self.sessions.counts();
        self.metrics
            .sessions_challenged
            .set(i64::try_from(challenged).unwrap_or(i64::MAX));
        self.metrics
            .sessions_attested
            .set(i64::try_from(attested).unwrap_or(i64::MAX));
        if let Err(error) = self.policy.reload(self.clock.now()).await {
            tracing::warn!(%error, "the resource policies cannot be read again: the last ones stay in force");
        }
    }
}

/// The Attestation Service, and the keys of its tokens if it is in this process.
async fn attestation(
    config: &KbsConfig,
    clock: &Arc<dyn Clock>,
) -> Result<(Arc<dyn AttestationClient>, Vec<JwkSet>), StartError> {
    let service = &config.attestation_service;
    if let Some((key, belongs_to)) = service.foreign_key() {
        let kind = service.kind.as_str();
        return Err(StartError::ForeignKey {
            key,
            belongs_to,
            kind,
        });
    }
    match service.kind {
        AttestationServiceType::BuiltIn => {
            let storage = &config.storage_backend;
            let built_in = built_in::Config {
                rvps_config: service.rvps_config.clone().unwrap_or_default(),
                policy_map: service.policy_map.clone().unwrap_or_default(),
                attestation_token_broker: service.attestation_token_broker.clone().unwrap_or_default(),
                verifier_config: service.verifier_config.clone().unwrap_or_default(),
                storage_backend: service
                    .storage_type
                    .map_or_else(|| storage.clone(), |kind| storage.with_type(kind)),
                ..built_in::Config::default()
            };
            let service = BuiltInAttestation::start(&built_in, Arc::clone(clock)).await?;
            let keys = JwkSet::from_json(service.jwks().as_bytes()).map_err(StartError::BuiltInKey)?;
            tracing::info!("attestation service: built in");
            Ok((Arc::new(service), vec![keys]))
        }
        AttestationServiceType::Grpc => {
            let address = service.as_addr.as_deref().unwrap_or(DEFAULT_AS_ADDRESS);
            let timeout = service.request_timeout.unwrap_or(DEFAULT_REQUEST_TIMEOUT);
            let connect_timeout = service.connect_timeout.unwrap_or(DEFAULT_CONNECT_TIMEOUT);
            in_range("attestation_service.request_timeout", timeout, 1, 300)?;
            in_range("attestation_service.connect_timeout", connect_timeout, 1, 300)?;
            let client = GrpcClientConfig {
                address: address.to_owned(),
                tls: service.tls.clone(),
                timeout: Duration::from_secs(timeout),
                connect_timeout: Duration::from_secs(connect_timeout),
            };
            let calls = service.pool_size.unwrap_or(DEFAULT_POOL_SIZE);
            tracing::info!(
                address,
                tls = service.tls.is_some(),
                "attestation service: over gRPC"
            );
            Ok((Arc::new(GrpcAttestation::new(&client, calls)?), Vec::new()))
        }
        AttestationServiceType::None => {
            tracing::info!("attestation service: none, only tokens of others are believed");
            Ok((Arc::new(NoAttestation), Vec::new()))
        }
        AttestationServiceType::IntelTa => {
            let service = trust_authority::start(config, Arc::clone(clock)).await?;
            Ok((Arc::new(service), Vec::new()))
        }
    }
}

/// The records of decisions. What is kept in memory alone is not written a second time there.
async fn decisions(
    config: &KbsConfig,
    clock: &Arc<dyn Clock>,
    metrics: &Metrics,
) -> Result<Decisions, StartError> {
    let settings = &config.decisions;
    in_range("decisions.max_count", settings.max_count.into(), 1, 1_000_000)?;
    in_range(
        "decisions.max_age_hours",
        settings.max_age_hours.into(),
        1,
        24 * 3660,
    )?;
    in_range(
        "decisions.max_claims_mib",
        settings.max_claims_mib.into(),
        0,
        4096,
    )?;
    let storage = &config.storage_backend;
    let store = match storage.storage_type {
        StorageType::Memory => None,
        _ => Some(storage.open(DECISIONS_NAMESPACE)?),
    };
    let lost = metrics.decisions_lost.clone();
    Ok(Decisions::start(settings, store, Arc::clone(clock), lost).await?)
}

/// Who may administer, with a line in the log that says how that is decided.
async fn admin(config: &AdminConfig) -> Result<Admin, StartError> {
    let mode = match (&config.auth_public_key, config.authorization_mode) {
        (Some(_), _) => "the holder of auth_public_key".to_owned(),
        (None, Some(mode)) => format!("{mode:?}"),
        (None, None) => "DenyAll (there is no authorization_mode in [admin])".to_owned(),
    };
    tracing::info!(mode, "administration");
    Ok(Admin::new(config).await?)
}

/// The configured policy to begin with.
async fn initial_policy(config: &KbsConfig) -> Result<Option<String>, StartError> {
    let Some(path) = config.resource_policy.initial_file.clone() else {
        return Ok(None);
    };
    let rego = match tokio::fs::read_to_string(&path).await {
        Ok(rego) => rego,
        Err(source) => return Err(StartError::InitialPolicy { path, source }),
    };
    if let Err(source) = policy::ReleasePolicy::compile(&rego) {
        return Err(StartError::BadInitialPolicy { path, source });
    }
    Ok(Some(rego))
}

/// What the bodies of requests may take up.
fn bodies(config: &HttpServerConfig) -> Result<Bodies, StartError> {
    let limit = config.payload_request_size;
    in_range("http_server.payload_request_size", limit.into(), 1, 1024)?;
    // Room for the largest, beside others.
    let least = limit.saturating_mul(2);
    let budget = config
        .request_memory_mib
        .unwrap_or(DEFAULT_REQUEST_MEMORY.max(least));
    let budget = mebibytes("http_server.request_memory_mib", budget, least.into(), 65_536)?;
    Ok(Bodies::new(limit, budget))
}

/// What to say to who asks for sessions that replicas share.
pub(super) fn not_shared(config: &KbsConfig) -> Option<&'static str> {
    match config.session_storage_type {
        None | Some(StorageType::Memory) => None,
        Some(_) => Some(
            "session_storage_type: sessions are kept in memory all the same, and replicas do not share them. With more \
             than one replica, have the load balancer keep each guest on one (by its address, or by a cookie of the \
             balancer), or guests are refused with 401 at random; with one, set it to \"Memory\"",
        ),
    }
}

/// A setting in MiB, as bytes.
fn mebibytes(key: &'static str, value: u32, min: u64, max: u64) -> Result<usize, StartError> {
    let bytes = in_range(key, value.into(), min, max)? << 20;
    usize::try_from(bytes).map_err(|_| StartError::OutOfRange { key, min, max })
}

pub(super) fn in_range(key: &'static str, value: u64, min: u64, max: u64) -> Result<i64, StartError> {
    match i64::try_from(value) {
        Ok(known) if (min..=max).contains(&value) => Ok(known),
        _ => Err(StartError::OutOfRange { key, min, max }),
    }
}
