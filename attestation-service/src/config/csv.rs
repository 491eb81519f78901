//! `verifier_config.csv_verifier`.

use std::path::PathBuf;

use serde::Deserialize;

/// Settings of the Hygon CSV verifier.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CsvVerifierConfig {
    /// Where the certificates of Hygon's signing key and of the chip come from that the evidence does not carry;
    /// tried in order.
    pub hsk_cek_sources: Vec<HskCekSource>,
    /// Files with HRK certificates to trust besides Hygon's. For simulated platforms: whoever holds such a key can
    /// forge evidence.
    pub insecure_extra_roots: Vec<PathBuf>,
}

impl Default for CsvVerifierConfig {
    fn default() -> Self {
        Self {
            hsk_cek_sources: vec![
                HskCekSource::OfflineStore(HygonFilesConfig::default()),
                HskCekSource::Hygon(HygonConfig::default()),
            ],
            insecure_extra_roots: Vec::new(),
        }
    }
}

/// One place these certificates may come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type")]
pub enum HskCekSource {
    /// A directory filled beforehand.
    OfflineStore(HygonFilesConfig),
    /// Hygon's service, or a cache that speaks as it does.
    Hygon(HygonConfig),
}

/// A directory of certificates.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HygonFilesConfig {
    /// Holds `hsk_cek/<serial number>/hsk_cek.cert`.
    pub path: PathBuf,
}

impl Default for HygonFilesConfig {
    fn default() -> Self {
        Self {
            path: PathBuf::from("/opt/hygon/csv"),
        }
    }
}

/// Hygon's service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HygonConfig {
    /// Scheme, host, and path up to `/hsk_cek`.
    pub base_url: String,
    /// For how long one request may take, in seconds.
    pub timeout_seconds: u32,
    /// PEM certificates to trust besides the system's, for a cache of one's own.
    pub ca: Option<PathBuf>,
}

impl Default for HygonConfig {
    fn default() -> Self {
        Self {
            base_url: "https://cert.hygon.cn".to_owned(),
            timeout_seconds: 10,
            ca: None,
        }
    }
}
