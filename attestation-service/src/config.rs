//! The configuration file: exactly what the operator wrote. `deploy/config` has every key with a comment.

mod cca;
mod csv;
mod nvidia;
mod upgrade;
mod verifiers;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use daemon::audit::AuditConfig;
use daemon::config::{ConfigError, Loaded};
use daemon::tls::{TlsClientConfig, TlsServerConfig};
use serde::Deserialize;
use storage::{StorageConfig, StorageType};

pub(crate) use self::cca::CcaFile;
pub use self::cca::CcaVerifierConfig;
pub use self::csv::{CsvVerifierConfig, HskCekSource, HygonConfig, HygonFilesConfig};
pub use self::nvidia::{NrasConfig, NvidiaLocalConfig, NvidiaVerifierConfig};
pub use self::upgrade::upgrade;
pub use self::verifiers::{
    CollateralServiceConfig, CrlMode, DcapVerifierConfig, EndorsementCacheConfig, KdsConfig,
    OfflineStoreConfig, SnpVerifierConfig, TcbUpdateType, TpmVerifierConfig, VcekSource, VerifierConfig,
};
pub use crate::policies::PolicyMapEntry;

/// Everything the service is told. Every key may be left out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where reference values come from.
    pub rvps_config: RvpsConfig,
    /// What the tokens say, and who signs them.
    pub attestation_token_broker: TokenConfig,
    /// Settings of single verifiers.
    pub verifier_config: VerifierConfig,
    /// Where policies (and, built in, reference values) are kept.
    pub storage_backend: StorageConfig,
    /// Which policy a guest is appraised under, by what it was measurably started with. The first entry that fits
    /// counts; without one, the policy that is asked for.
    pub policy_map: Vec<PolicyMapEntry>,
    /// Where it is written down what was appraised, and who has changed what. A service that is built into a KBS has
    /// that in the KBS's log.
    pub audit: AuditConfig,
    /// TLS of the listener; without it, plain HTTP.
    pub tls: Option<TlsServerConfig>,
    /// Where `/status` and `/metrics` are served, in plain HTTP; without it, nowhere.
    pub admin_socket: Option<SocketAddr>,
    /// How many MiB the requests that are under way may have together, from 16. Default: 128.
    pub request_memory_mib: Option<u32>,
}

impl Config {
    /// Reads a file in TOML, JSON or YAML.
    ///
    /// # Errors
    /// The file cannot be read, or does not say what this version understands.
    pub fn load(path: &Path) -> Result<Loaded<Self>, Box<ConfigError>> {
        daemon::config::load_upgraded(path, |file| upgrade(file, "")).map_err(Box::new)
    }
}

/// Where reference values come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
pub enum RvpsConfig {
    /// From an RVPS in this process.
    #[serde(alias = "built_in", alias = "builtin")]
    BuiltIn {
        /// Which extractors have settings.
        #[serde(default)]
        extractors: Option<rvps::ExtractorsConfig>,
        /// The kind of storage, if it is not that of `storage_backend`.
        #[serde(default)]
        storage_type: Option<StorageType>,
        /// Whose signatures on register messages count. With none, messages are taken unsigned.
        #[serde(default)]
        trust_anchors: Vec<rvps::TrustAnchorConfig>,
        /// Types of messages that are taken unsigned. Default: all without `trust_anchors`, none with them.
        #[serde(default, deserialize_with = "rvps::AllowUnsigned::said")]
        insecure_allow_unsigned: Option<rvps::AllowUnsigned>,
    },
    /// From an RVPS of its own, over gRPC.
    #[serde(alias = "grpc_remote")]
    GrpcRemote {
        /// With or without `http://` or `https://`.
        #[serde(default = "default_rvps_address")]
        address: String,
        /// What to trust, and what to show, over `https://`.
        #[serde(default)]
        tls: Option<TlsClientConfig>,
        /// For how long, in seconds, the values known are good enough while the RVPS cannot be reached.
        #[serde(default = "default_max_stale_seconds")]
        max_stale_seconds: u32,
        /// For how long, in seconds, the answer of an RVPS that only answers queries is remembered.
        #[serde(default = "default_remember_seconds")]
        remember_seconds: u32,
        /// Passes on what callers that nobody asked who they are want changed, where the RVPS knows this service by its
        /// certificate.
        #[serde(default)]
        insecure_forward_for_anyone: bool,
    },
}

impl Default for RvpsConfig {
    fn default() -> Self {
        Self::BuiltIn {
            extractors: None,
            storage_type: None,
            trust_anchors: Vec::new(),
            insecure_allow_unsigned: None,
        }
    }
}

fn default_rvps_address() -> String {
    "127.0.0.1:50003".to_owned()
}

fn default_remember_seconds() -> u32 {
    3
}

fn default_max_stale_seconds() -> u32 {
    30
}

/// What the tokens say, and who signs them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokenConfig {
    /// For how many minutes a token is good.
    pub duration_min: u32,
    /// `iss`.
    pub issuer_name: String,
    /// `aud`: the services that tokens are meant for. Empty: tokens do not say.
    pub audiences: Vec<String>,
    /// `ear.verifier-id`, `developer`.
    pub developer_name: String,
    /// `ear.verifier-id`, `build`.
    pub build_name: String,
    /// `eat_profile`.
    pub profile_name: String,
    /// Whether the runtime data claims repeat the evidence of the devices.
    pub verbose_token: bool,
    /// Without it, a P-256 key is made at every start.
    pub signer: Option<SignerConfig>,
}

impl Default for TokenConfig {
    fn default() -> Self {
        Self {
            duration_min: 5,
            issuer_name: "CoCo-Attestation-Service".to_owned(),
            audiences: Vec::new(),
            developer_name: "https://confidentialcontainers.org".to_owned(),
            build_name: "attestation-service 0.1.0".to_owned(),
            profile_name: "tag:github.com,2024:confidential-containers/Trustee".to_owned(),
            verbose_token: true,
            signer: None,
        }
    }
}

/// The key that signs tokens, and what vouches for it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignerConfig {
    /// PEM, EC P-256, PKCS#8 or SEC 1.
    pub key_path: PathBuf,
    /// `x5u` of the key.
    #[serde(default)]
    pub cert_url: Option<String>,
    /// PEM chain, leaf first: `x5c` of the key. The leaf must hold the key that signs.
    #[serde(default)]
    pub cert_path: Option<PathBuf>,
}

#[cfg(test)]
mod tests;
