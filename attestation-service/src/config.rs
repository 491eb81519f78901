//! The configuration file: exactly what the operator wrote. `deploy/config` has every key with a comment.

use std::path::PathBuf;

use daemon::config::Retired;
use daemon::tls::{TlsClientConfig, TlsServerConfig};
use serde::Deserialize;
use storage::{StorageConfig, StorageType};

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
    /// TLS of the listener; without it, plain HTTP.
    pub tls: Option<TlsServerConfig>,
}

/// Keys of earlier versions, which mean nothing any more.
pub const RETIRED: &[Retired] = &[
    Retired {
        path: "work_dir",
        note: "use `storage_backend`",
    },
    Retired {
        path: "policy_engine",
        note: "there is one policy engine",
    },
    Retired {
        path: "attestation_token_config",
        note: "use `attestation_token_broker`",
    },
    Retired {
        path: "attestation_token_broker.type",
        note: "every token is an EAR",
    },
    Retired {
        path: "attestation_token_broker.policy_dir",
        note: "policies are in `storage_backend`",
    },
    Retired {
        path: "rvps_config.storage",
        note: "use `storage_backend` and `rvps_config.storage_type`",
    },
    Retired {
        path: "rvps_config.store_type",
        note: "use `rvps_config.storage_type`",
    },
    Retired {
        path: "rvps_config.store_config",
        note: "use `storage_backend`",
    },
];

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
    },
}

impl Default for RvpsConfig {
    fn default() -> Self {
        Self::BuiltIn {
            extractors: None,
            storage_type: None,
        }
    }
}

fn default_rvps_address() -> String {
    "127.0.0.1:50003".to_owned()
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

/// Settings of single verifiers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VerifierConfig {
    /// SEV-SNP.
    pub snp_verifier: SnpVerifierConfig,
    /// Intel's quotes. Of no effect in this version.
    pub dcap_verifier: Option<serde_json::Value>,
    /// NVIDIA's GPUs. Of no effect in this version.
    pub nvidia_verifier: Option<serde_json::Value>,
    /// NVIDIA's DPUs. Of no effect in this version.
    pub nvidia_dpu_verifier: Option<serde_json::Value>,
    /// Bare TPMs. Of no effect in this version.
    pub tpm_verifier: Option<serde_json::Value>,
}

impl VerifierConfig {
    /// The settings that are there and have no effect.
    pub(crate) fn unused(&self) -> impl Iterator<Item = &'static str> {
        let later = [
            ("dcap_verifier", self.dcap_verifier.is_some()),
            ("nvidia_verifier", self.nvidia_verifier.is_some()),
            ("nvidia_dpu_verifier", self.nvidia_dpu_verifier.is_some()),
            ("tpm_verifier", self.tpm_verifier.is_some()),
        ];
        later
            .into_iter()
            .filter_map(|(name, is_set)| is_set.then_some(name))
    }
}

/// Settings of the SEV-SNP verifier.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SnpVerifierConfig {
    /// Where a VCEK comes from that the evidence does not carry; tried in order.
    pub vcek_sources: Vec<VcekSource>,
    /// Whether a certificate revocation list must be had.
    pub crl: CrlMode,
    /// PEM files with roots to trust besides AMD's, and what they signed: `ARK-Milan`, `SEV-Milan`,
    /// `SEV-VLEK-Milan`, by their common names. For simulated platforms: whoever holds such a key can forge
    /// evidence.
    pub insecure_extra_roots: Vec<PathBuf>,
}

impl Default for SnpVerifierConfig {
    fn default() -> Self {
        Self {
            vcek_sources: vec![VcekSource::Kds(KdsConfig::default())],
            crl: CrlMode::Off,
            insecure_extra_roots: Vec::new(),
        }
    }
}

/// One place a VCEK may come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type")]
pub enum VcekSource {
    /// AMD's Key Distribution Service, or a cache that speaks as it does.
    #[serde(rename = "KDS")]
    Kds(KdsConfig),
    /// A directory filled beforehand.
    OfflineStore(OfflineStoreConfig),
}

/// AMD's Key Distribution Service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KdsConfig {
    /// Scheme, host, and path up to `/vcek`.
    pub base_url: String,
    /// For how long one request may take, in seconds.
    pub timeout_seconds: u32,
    /// PEM certificates to trust besides the system's, for a cache of one's own.
    pub ca: Option<PathBuf>,
}

impl Default for KdsConfig {
    fn default() -> Self {
        Self {
            base_url: "https://kdsintf.amd.com".to_owned(),
            timeout_seconds: 10,
            ca: None,
        }
    }
}

/// A directory of VCEKs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OfflineStoreConfig {
    /// Holds `vcek/<hwid>/…_vcek.der`.
    pub path: PathBuf,
}

impl Default for OfflineStoreConfig {
    fn default() -> Self {
        Self {
            path: PathBuf::from("/opt/confidential-containers/attestation-service/kds-store"),
        }
    }
}

/// Whether a certificate revocation list must be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CrlMode {
    /// None is asked for.
    #[default]
    Off,
    /// Evidence is refused for as long as none can be had.
    Require,
}

#[cfg(test)]
mod tests;
