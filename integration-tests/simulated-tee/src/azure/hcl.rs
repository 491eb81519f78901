//! HCL reports with any field set.

use crate::SimulationError;
use crate::tpm::Tpm;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde_json::json;

/// Bytes that the processor's report may have.
const REPORT: usize = 1184;
/// Bytes of the vTPM's memory for the whole.
const MEMORY: usize = 2600;
/// Bytes of the user data.
const USER_DATA: usize = 64;

/// The JSON by the paravisor, before the processor's report is made about it.
#[derive(Clone, Debug)]
pub struct RuntimeData(pub String);

impl RuntimeData {
    /// With the TPM's attestation key, and `user_data` padded with zeros to 64 bytes; what is longer is cut.
    ///
    /// # Errors
    /// The TPM's key is not RSA.
    pub fn new(tpm: &Tpm, user_data: &[u8]) -> Result<Self, SimulationError> {
        let (n, e) = tpm
            .ak_rsa()
            .ok_or_else(|| SimulationError::Key("Azure's attestation keys are RSA".to_owned()))?;
        let key = |kid: &str, operation: &str| {
            json!({
                "kid": kid, "key_ops": [operation], "kty": "RSA",
                "e": URL_SAFE_NO_PAD.encode(e), "n": URL_SAFE_NO_PAD.encode(n),
            })
        };
        let mut user_data = user_data.to_vec();
        user_data.resize(USER_DATA, 0);
        let data = json!({
            "keys": [key("HCLAkPub", "sign"), key("HCLEkPub", "encrypt")],
            "vm-configuration": {
                "console-enabled": false, "secure-boot": true, "tpm-enabled": true,
                "vmUniqueId": "00000000-0000-4000-8000-000000000000",
            },
            "user-data": hex::encode_upper(user_data),
        });
        Ok(Self(data.to_string()))
    }

    /// What the processor's report has to carry: its SHA-256, with zeros behind it.
    pub fn report_data(&self) -> [u8; 64] {
        let mut report_data = [0; 64];
        let digest = digest(&SHA256, self.0.as_bytes());
        report_data
            .iter_mut()
            .zip(digest.as_ref())
            .for_each(|(to, from)| *to = *from);
        report_data
    }
}

/// A whole HCL report. Change a field and write it out.
#[derive(Clone, Debug)]
pub struct HclReport {
    /// `HCLA`.
    pub magic: [u8; 4],
    /// The header's version.
    pub version: u32,
    /// Length of all but the zeros at the end, if it is not the right one.
    pub whole_length: Option<u32>,
    /// The processor's report.
    pub report: Vec<u8>,
    /// Length from the length itself to the end of the runtime data, if it is not the right one.
    pub data_length: Option<u32>,
    /// The version of what surrounds the runtime data.
    pub data_version: u32,
    /// 2: AMD SEV-SNP. 4: Intel TDX.
    pub report_type: u32,
    /// 1: SHA-256.
    pub digest_type: u32,
    /// Length of the runtime data, if it is not the right one.
    pub runtime_length: Option<u32>,
    /// The runtime data.
    pub runtime_data: RuntimeData,
    /// What follows it.
    pub trailing: Vec<u8>,
}

impl HclReport {
    pub(super) fn new(report_type: u32, report: Vec<u8>, runtime_data: RuntimeData) -> Self {
        let used = 32 + REPORT + 20 + runtime_data.0.len();
        Self {
            magic: *b"HCLA",
            version: 1,
            whole_length: None,
            report,
            data_length: None,
            data_version: 1,
            report_type,
            digest_type: 1,
            runtime_length: None,
            runtime_data,
            trailing: vec![0; MEMORY.saturating_sub(used)],
        }
    }

    /// The bytes in the vTPM's memory.
    ///
    /// # Errors
    /// The runtime data is longer than its length can say.
    pub fn to_bytes(&self) -> Result<Vec<u8>, SimulationError> {
        let json = self.runtime_data.0.as_bytes();
        let length =
            u32::try_from(json.len()).map_err(|error| SimulationError::Encoding(error.to_string()))?;
        let data_length = self.data_length.unwrap_or(20 + length);
        let whole_length = self.whole_length.unwrap_or(32 + 1184 + 20 + length);
        let mut bytes = self.magic.to_vec();
        for number in [self.version, whole_length, 2, 0, 0, 0, 0] {
            bytes.extend(number.to_le_bytes());
        }
        let mut report = self.report.clone();
        report.resize(REPORT, 0);
        bytes.extend(report);
        let runtime_length = self.runtime_length.unwrap_or(length);
        for number in [
            data_length,
            self.data_version,
            self.report_type,
            self.digest_type,
            runtime_length,
        ] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(json);
        bytes.extend(&self.trailing);
        Ok(bytes)
    }
}
