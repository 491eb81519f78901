//! The wire form of the evidence, and who judges it.

use super::device::Device;
use super::nras::{self, RemoteDevice};
use super::{NrasDevice, NvidiaError, NvidiaMode, Shared};
use crate::{ParsedEvidence, Tee, UnverifiedEvidence, VerifyError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::sync::Arc;

/// More than a machine holds: eight GPUs and four switches are the largest system.
const MAX_DEVICES: usize = 32;
/// Reports have four to five kilobytes.
const MAX_REPORT: usize = 64 * 1024;
/// Chains have five certificates of less than a kilobyte.
const MAX_CHAIN: usize = 64 * 1024;
/// A UUID has 36 characters, `GPU-` before it 4.
const MAX_UUID: usize = 128;

/// `{"device_evidence_list": […]}`
#[derive(Deserialize)]
struct WireEvidence {
    device_evidence_list: Vec<WireDevice>,
}

#[derive(Deserialize)]
struct WireDevice {
    arch: Architecture,
    #[serde(default = "unknown")]
    uuid: String,
    /// Hex or base64.
    evidence: String,
    /// Base64 of PEM, leaf first.
    certificate: String,
}

/// What the guest says a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Architecture {
    #[serde(alias = "BLACKWELL")]
    Blackwell,
    #[serde(alias = "HOPPER")]
    Hopper,
    /// NVSwitch of the third generation.
    LS10,
}

impl Architecture {
    /// As claims spell it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Architecture::Blackwell => "Blackwell",
            Architecture::Hopper => "Hopper",
            Architecture::LS10 => "LS10",
        }
    }

    pub(super) fn kind(self) -> NrasDevice {
        match self {
            Architecture::Blackwell | Architecture::Hopper => NrasDevice::Gpu,
            Architecture::LS10 => NrasDevice::Switch,
        }
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

/// One device's evidence with its encodings undone.
pub(super) struct Submitted {
    pub(super) arch: Architecture,
    /// By the guest's word; nothing vouches for it.
    pub(super) uuid: String,
    pub(super) report: Vec<u8>,
    /// PEM, leaf first.
    pub(super) chain: Vec<u8>,
    /// The same as it came, base64.
    pub(super) chain_text: String,
}

impl WireDevice {
    fn decode(self) -> Result<Submitted, VerifyError> {
        if self.uuid.len() > MAX_UUID {
            return Err(malformed("a UUID is too long"));
        }
        // Twice the report for hex, four thirds of it for base64.
        if self.evidence.len() > 2 * MAX_REPORT {
            return Err(malformed("a report is too long"));
        }
        if self.certificate.len() > MAX_CHAIN {
            return Err(malformed("a certificate chain is too long"));
        }
        let hex = hex::decode(&self.evidence).ok();
        let report = hex.or_else(|| STANDARD.decode(&self.evidence).ok());
        let report = report.ok_or_else(|| malformed("a report is neither hex nor base64"))?;
        if report.len() > MAX_REPORT {
            return Err(malformed("a report is too long"));
        }
        let chain = STANDARD.decode(&self.certificate);
        Ok(Submitted {
            arch: self.arch,
            uuid: self.uuid,
            report,
            chain: chain.map_err(|_| malformed("a certificate chain is not base64"))?,
            chain_text: self.certificate,
        })
    }
}

/// Brings the evidence into form.
pub(super) fn parse(
    shared: &Arc<Shared>,
    evidence: UnverifiedEvidence<'_>,
) -> Result<Box<dyn ParsedEvidence>, VerifyError> {
    let wire: WireEvidence = evidence.parse(Tee::Nvidia)?;
    match wire.device_evidence_list.len() {
        0 => return Err(malformed("there is no device")),
        1..=MAX_DEVICES => {}
        _ => return Err(malformed("there are too many devices")),
    }
    let devices = wire.device_evidence_list.into_iter().map(WireDevice::decode);
    match &shared.mode {
        NvidiaMode::Local => {
            let devices = devices.map(|device| Ok(Device::parse(device?)?));
            let devices: Vec<Device> = devices.collect::<Result<_, VerifyError>>()?;
            Ok(Box::new(super::device::LocalEvidence::new(
                Arc::clone(shared),
                devices,
            )))
        }
        NvidiaMode::Remote { issuers } => {
            let devices = devices.map(|device| Ok(RemoteDevice::parse(device?)?));
            let devices: Vec<RemoteDevice> = devices.collect::<Result<_, VerifyError>>()?;
            Ok(Box::new(nras::RemoteEvidence::new(issuers.clone(), devices)))
        }
    }
}

fn malformed(reason: &str) -> VerifyError {
    VerifyError::Format {
        tee: Tee::Nvidia,
        reason: reason.to_owned(),
    }
}

/// The nonce that a device was asked with: the first 32 bytes of the report data, which a shorter one fills up with
/// zeros. There must be one.
pub(super) fn expected_nonce(report_data: Option<&[u8]>) -> Result<[u8; 32], VerifyError> {
    let data = report_data.ok_or(NvidiaError::NoNonce)?;
    if data.is_empty() || data.len() > MAX_REPORT_DATA {
        return Err(VerifyError::BindingLength {
            field: "report data",
            length: data.len(),
        });
    }
    let mut nonce = [0; 32];
    for (to, from) in nonce.iter_mut().zip(data) {
        *to = *from;
    }
    Ok(nonce)
}

/// The longest digest that report data can be.
const MAX_REPORT_DATA: usize = 64;
