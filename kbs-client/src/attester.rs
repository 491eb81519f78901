//! What makes evidence.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

pub mod tsm;

#[cfg(feature = "simulated-tees")]
pub mod simulated;
#[cfg(feature = "simulated-tees")]
pub mod simulated_snp;

/// A source of evidence about the machine this runs on (RFC 9334: the Attester).
pub trait Attester: Send + Sync {
    /// The TEE's name on the wire, for example `snp`.
    fn tee(&self) -> &'static str;

    /// Evidence, as JSON in the TEE's wire form, that carries both digests.
    fn evidence(&self, binding: &EvidenceBinding<'_>) -> Result<Value, AttesterError>;
}

/// What evidence has to carry.
#[derive(Debug, Clone, Copy)]
pub struct EvidenceBinding<'a> {
    /// The digest of nonce and TEE key (and, beside devices, of their evidence), 32 to 64 bytes.
    pub report_data: &'a [u8],
    /// The digest of the init-data, if there is any.
    pub init_data: Option<&'a [u8]>,
}

/// No evidence could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AttesterError(pub String);

/// The `sample` TEE: evidence with no hardware behind it, which a sensible policy releases nothing to.
#[derive(Debug, Clone, Copy, Default)]
pub struct SampleAttester;

impl Attester for SampleAttester {
    fn tee(&self) -> &'static str {
        "sample"
    }

    fn evidence(&self, binding: &EvidenceBinding<'_>) -> Result<Value, AttesterError> {
        Ok(json!({"svn": "1", "report_data": STANDARD.encode(binding.report_data)}))
    }
}

/// The `sampledevice` device: evidence with no hardware behind it, beside that of a TEE.
#[derive(Debug, Clone, Copy, Default)]
pub struct SampleDeviceAttester;

impl Attester for SampleDeviceAttester {
    fn tee(&self) -> &'static str {
        "sampledevice"
    }

    fn evidence(&self, binding: &EvidenceBinding<'_>) -> Result<Value, AttesterError> {
        Ok(json!({"svn": "2", "report_data": STANDARD.encode(binding.report_data)}))
    }
}
