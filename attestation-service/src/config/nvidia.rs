//! `verifier_config.nvidia_verifier`.

use std::path::PathBuf;

use serde::Deserialize;

/// Who judges NVIDIA's GPUs and switches.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type")]
pub enum NvidiaVerifierConfig {
    /// This service. Hopper GPUs only.
    #[serde(alias = "local")]
    Local(NvidiaLocalConfig),
    /// NVIDIA's Remote Attestation Service.
    #[serde(alias = "remote")]
    Remote(NrasConfig),
}

impl Default for NvidiaVerifierConfig {
    fn default() -> Self {
        Self::Local(NvidiaLocalConfig::default())
    }
}

/// NVIDIA's GPUs, judged by this service.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NvidiaLocalConfig {
    /// PEM files with device identity roots to trust besides NVIDIA's. For simulated devices: whoever holds such a
    /// key can forge evidence.
    pub insecure_extra_roots: Vec<PathBuf>,
}

/// NVIDIA's Remote Attestation Service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NrasConfig {
    /// Scheme, host, and path up to `/gpu` and `/switch`.
    pub verifier_url: String,
    /// Where the keys are that its verdicts are verified with: `https://`, or `http://` on this machine.
    pub jwks_url: String,
    /// `iss` of its verdicts.
    pub issuer: String,
    /// For how long one request may take, in seconds.
    pub timeout_seconds: u32,
    /// PEM certificates to trust besides the system's, for a proxy of one's own.
    pub ca: Option<PathBuf>,
}

impl Default for NrasConfig {
    fn default() -> Self {
        Self {
            verifier_url: "https://nras.attestation.nvidia.com/v4/attest".to_owned(),
            jwks_url: "https://nras.attestation.nvidia.com/.well-known/jwks.json".to_owned(),
            issuer: verifier::nvidia::NRAS_ISSUER.to_owned(),
            timeout_seconds: 30,
            ca: None,
        }
    }
}
