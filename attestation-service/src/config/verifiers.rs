//! `verifier_config`: settings of single verifiers, and where their endorsements come from.

use std::path::PathBuf;

use serde::Deserialize;

use super::nvidia::NvidiaVerifierConfig;
use super::{CcaVerifierConfig, CsvVerifierConfig};

/// Settings of single verifiers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VerifierConfig {
    /// Arm CCA. Without it, what the file says that the variable `CCA_CONFIG_FILE` names.
    pub cca_verifier: Option<CcaVerifierConfig>,
    /// Hygon CSV.
    pub csv_verifier: CsvVerifierConfig,
    /// SEV-SNP.
    pub snp_verifier: SnpVerifierConfig,
    /// Intel's quotes: TDX, SGX, TDX on Azure.
    pub dcap_verifier: DcapVerifierConfig,
    /// NVIDIA's GPUs and switches.
    pub nvidia_verifier: NvidiaVerifierConfig,
    /// NVIDIA's DPUs. Of no effect in this version.
    pub nvidia_dpu_verifier: Option<serde_json::Value>,
    /// Bare TPMs.
    pub tpm_verifier: TpmVerifierConfig,
    /// What is remembered of the endorsements of all of them.
    pub endorsement_cache: EndorsementCacheConfig,
}

impl VerifierConfig {
    /// The settings that are there and have no effect.
    pub(crate) fn unused(&self) -> impl Iterator<Item = &'static str> {
        let later = [("nvidia_dpu_verifier", self.nvidia_dpu_verifier.is_some())];
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
    /// No network is asked for one. One that is at hand counts.
    #[default]
    Off,
    /// Evidence is refused for as long as none can be had.
    Require,
}

/// Settings of the verifier of bare TPMs. Without roots, nobody but a policy vouches for an attestation key.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TpmVerifierConfig {
    /// PEM files with certificates of authorities whose certificates for attestation keys are believed.
    pub ak_roots: Vec<PathBuf>,
    /// PEM files with certificates of makers of TPMs, for endorsement keys that sign quotes themselves.
    pub ek_roots: Vec<PathBuf>,
    /// Of no effect: name trusted keys in the reference value `trusted_aks`.
    pub trusted_ak_keys_dir: Option<PathBuf>,
    /// Of no effect, as `trusted_ak_keys_dir`.
    pub max_trusted_ak_keys: Option<u64>,
}

/// Settings of the verifiers of Intel's quotes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DcapVerifierConfig {
    /// Where collateral comes from: Intel's PCS or a PCCS, of whose URL only scheme, host and port count, or
    /// `file:///` and the path of a file of the PCCS admin tool.
    pub collateral_service: Option<String>,
    /// Several of them, tried in order, instead of `collateral_service`. An empty list: nowhere but the cache and
    /// what was imported.
    pub collateral_services: Option<Vec<CollateralServiceConfig>>,
    /// Of no effect: a service's certificate is always verified. Name the authority of your own with `ca`.
    pub use_secure_cert: Option<bool>,
    /// Which of Intel's TCB levels count.
    pub tcb_update_type: TcbUpdateType,
    /// Files, PEM or DER, with roots to trust besides Intel's, for SGX, TDX and TDX on Azure. For simulated
    /// platforms: whoever holds such a key can forge evidence.
    pub insecure_extra_roots: Vec<PathBuf>,
}

/// One place collateral may come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollateralServiceConfig {
    /// As `collateral_service`.
    pub url: String,
    /// For how long one request may take, in seconds.
    #[serde(default = "default_timeout_seconds")]
    pub timeout_seconds: u32,
    /// PEM certificates to trust besides the system's, for a PCCS of one's own.
    #[serde(default)]
    pub ca: Option<PathBuf>,
}

impl CollateralServiceConfig {
    /// A service at `url` with the usual time limit and the system's authorities.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            timeout_seconds: default_timeout_seconds(),
            ca: None,
        }
    }
}

fn default_timeout_seconds() -> u32 {
    10
}

/// Which of Intel's TCB levels count after a TCB recovery: the newest, or for a time those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TcbUpdateType {
    /// As soon as Intel publishes them; where a source has no such, the standard ones.
    #[default]
    Early,
    /// From the date on at which Intel enforces them.
    Standard,
}

impl TcbUpdateType {
    /// As Intel's URLs spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            TcbUpdateType::Early => "early",
            TcbUpdateType::Standard => "standard",
        }
    }
}

/// What is remembered of endorsements.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EndorsementCacheConfig {
    /// How many, at most.
    pub max_entries: u32,
    /// How much room they take, at most, in MiB.
    pub max_mib: u32,
    /// Whether those that proved to hold are kept in the namespace `endorsements` of `storage_backend`.
    pub persistent: bool,
    /// For how many seconds Intel's collateral is used after its time if no newer one can be had. Policy sees it in
    /// `collateral_expiration_status`. Other endorsements are never used after their time.
    pub stale_seconds: u32,
}

impl Default for EndorsementCacheConfig {
    fn default() -> Self {
        Self {
            max_entries: 8192,
            max_mib: 64,
            persistent: true,
            stale_seconds: 0,
        }
    }
}
