//! Evidence of a TDX machine on Azure: a TD quote, and the paravisor's report whose variable data it is bound to.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::Deserialize;

/// The report of the paravisor ("HCL"): a header of 32 bytes, 1184 for the hardware's own report, five numbers of
/// four bytes of which the last is the length of what follows, the variable data (Microsoft, "Azure confidential VMs:
/// guest attestation", runtime data).
const LENGTH_AT: usize = 32 + 1184 + 16;
const SIGNATURE: &[u8; 4] = b"HCLA";

/// What the service takes of the evidence.
#[derive(Debug)]
pub(super) struct AzureParts {
    pub(super) td_quote: Vec<u8>,
    /// JSON text; the quote's report data begins with its hash.
    pub(super) variable_data: Vec<u8>,
}

/// The evidence of `az-tdx-vtpm` is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum AzureError {
    #[error("the evidence of `az-tdx-vtpm` is malformed")]
    Malformed,
    #[error("the paravisor's report in the evidence of `az-tdx-vtpm` is malformed")]
    Report,
}

/// Version 0 of the evidence has arrays of bytes, the later ones text. What else there is, the TPM's quote, the
/// service does not look at.
#[derive(Deserialize)]
struct Wire {
    #[serde(alias = "report")]
    hcl_report: Bytes,
    td_quote: Bytes,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Bytes {
    Text(String),
    Numbers(Vec<u8>),
}

pub(super) fn parse(evidence: &str) -> Result<AzureParts, AzureError> {
    let wire: Wire = serde_json::from_str(evidence).map_err(|_| AzureError::Malformed)?;
    let report = wire.hcl_report.decode()?;
    Ok(AzureParts {
        td_quote: wire.td_quote.decode()?,
        variable_data: variable_data(&report).ok_or(AzureError::Report)?.to_vec(),
    })
}

impl Bytes {
    fn decode(self) -> Result<Vec<u8>, AzureError> {
        let bytes = match self {
            Self::Numbers(bytes) => bytes,
            Self::Text(text) => URL_SAFE
                .decode(&text)
                .or_else(|_| STANDARD.decode(&text))
                .map_err(|_| AzureError::Malformed)?,
        };
        match bytes.is_empty() {
            true => Err(AzureError::Malformed),
            false => Ok(bytes),
        }
    }
}

fn variable_data(report: &[u8]) -> Option<&[u8]> {
    if !report.starts_with(SIGNATURE) {
        return None;
    }
    let (length, data) = report.get(LENGTH_AT..)?.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    data.get(..length).filter(|data| !data.is_empty())
}
