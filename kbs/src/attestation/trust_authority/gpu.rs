//! Evidence of NVIDIA's GPUs, as the service takes it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA512, digest};
use serde::{Deserialize, Serialize};

/// More than a machine holds.
const MAX_DEVICES: usize = 32;

/// The member `nvgpu`.
#[derive(Debug, Serialize)]
pub(super) struct GpuEvidence {
    /// 32 bytes in hex.
    gpu_nonce: String,
    arch: &'static str,
    evidence_list: Vec<Evidence>,
}

#[derive(Debug, Serialize)]
struct Evidence {
    /// Base64.
    evidence: String,
    /// Base64 of a PEM chain.
    certificate: String,
}

/// The evidence of `nvidia` is none that can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum GpuError {
    #[error("the evidence of `nvidia` is malformed")]
    Malformed,
    #[error("the evidence of `nvidia` is of more than {MAX_DEVICES} devices")]
    TooMany,
    #[error("the evidence of `nvidia` is of GPUs of different architectures, which one call cannot hold")]
    Mixed,
}

#[derive(Deserialize)]
struct Wire {
    device_evidence_list: Vec<WireDevice>,
}

#[derive(Deserialize)]
struct WireDevice {
    arch: String,
    /// Hex or base64.
    evidence: String,
    certificate: String,
}

impl GpuEvidence {
    /// The GPUs that the service appraises. Other devices, such as switches, are left out, as the existing
    /// implementation does: the token says nothing of them, so no policy can take them for appraised.
    pub(super) fn of(evidence: &str, runtime_data: &str) -> Result<Option<Self>, GpuError> {
        let wire: Wire = serde_json::from_str(evidence).map_err(|_| GpuError::Malformed)?;
        if wire.device_evidence_list.len() > MAX_DEVICES {
            return Err(GpuError::TooMany);
        }
        let mut found: Option<&'static str> = None;
        let mut evidence_list = Vec::new();
        for device in wire.device_evidence_list {
            let Some(arch) = architecture(&device.arch) else {
                tracing::info!("a device that Intel Trust Authority does not appraise is left out");
                continue;
            };
            if *found.get_or_insert(arch) != arch {
                return Err(GpuError::Mixed);
            }
            evidence_list.push(Evidence {
                evidence: in_base64(device.evidence)?,
                certificate: device.certificate,
            });
        }
        Ok(found.map(|arch| Self {
            gpu_nonce: nonce(runtime_data),
            arch,
            evidence_list,
        }))
    }
}

fn architecture(name: &str) -> Option<&'static str> {
    ["HOPPER", "BLACKWELL"]
        .into_iter()
        .find(|known| name.eq_ignore_ascii_case(known))
}

/// Guests bind a GPU by the first 32 bytes of their digest.
fn nonce(runtime_data: &str) -> String {
    let digest = digest(&SHA512, runtime_data.as_bytes());
    hex::encode(digest.as_ref().get(..32).unwrap_or_default())
}

fn in_base64(evidence: String) -> Result<String, GpuError> {
    if let Ok(bytes) = hex::decode(&evidence) {
        return Ok(STANDARD.encode(bytes));
    }
    match STANDARD.decode(&evidence) {
        Ok(_) => Ok(evidence),
        Err(_) => Err(GpuError::Malformed),
    }
}
