//! Simulated confidential virtual machines of Azure: a simulated processor, and a vTPM whose key the processor's
//! report vouches for.
//!
//! [`SnpVm`] is one with an AMD processor, [`TdxVm`] one with an Intel processor. [`HclReport`] is what the guest reads from the vTPM, right or deliberately
//! wrong.

mod hcl;
mod snp;
mod tdx;

pub use hcl::{HclReport, RuntimeData};
pub use snp::SnpVm;
pub use tdx::TdxVm;

use crate::tpm::Quote;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::{Value, json};

/// The wire forms of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Bytes as lists of numbers, no version number.
    V0,
    /// Bytes as text.
    V1,
    /// As 1, and the runtime data carries the report data.
    V2,
}

impl Version {
    /// All of them.
    pub const ALL: [Version; 3] = [Version::V0, Version::V1, Version::V2];

    fn number(self) -> u8 {
        match self {
            Version::V0 => 0,
            Version::V1 => 1,
            Version::V2 => 2,
        }
    }
}

/// The quote from version 1 on.
fn text_quote(quote: &Quote) -> Value {
    json!({
        "signature": hex::encode(&quote.signature),
        "message": hex::encode(&quote.message),
        "pcrs": quote.pcrs.iter().map(hex::encode).collect::<Vec<_>>(),
    })
}

/// The quote of version 0.
fn byte_quote(quote: &Quote) -> Value {
    json!({"signature": quote.signature, "message": quote.message, "pcrs": quote.pcrs})
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE.encode(bytes)
}
