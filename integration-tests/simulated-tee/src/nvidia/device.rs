//! Devices, and their evidence in the wire form.

use super::authority::Key;
use super::chain::ChainSpec;
use super::report::ReportBuilder;
use crate::{SimulatedGuest, SimulationError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};

/// The chips that can be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chip {
    /// A Hopper GPU.
    Hopper,
    /// A Blackwell GPU.
    Blackwell,
    /// An NVSwitch.
    LS10,
}

impl Chip {
    /// As evidence spells its architecture.
    pub fn arch(self) -> &'static str {
        match self {
            Chip::Hopper => "HOPPER",
            Chip::Blackwell => "BLACKWELL",
            Chip::LS10 => "LS10",
        }
    }

    /// As certificates name it.
    fn name(self) -> &'static str {
        match self {
            Chip::Hopper => "GH100",
            Chip::Blackwell => "GB100",
            Chip::LS10 => "LS10",
        }
    }
}

/// A device with its key and its chain.
pub struct Device {
    chip: Chip,
    key: Key,
    fwid: [u8; 48],
    uuid: String,
    chain: String,
}

impl Device {
    /// A new one with a good chain.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn new(chip: Chip) -> Result<Self, SimulationError> {
        let spec = ChainSpec {
            chip: chip.name().to_owned(),
            ..ChainSpec::default()
        };
        Self::with_chain(chip, &spec)
    }

    /// A new one whose chain is as `spec` says.
    ///
    /// # Errors
    /// There is no randomness, or the chain cannot be written.
    pub fn with_chain(chip: Chip, spec: &ChainSpec) -> Result<Self, SimulationError> {
        let (key, mut fwid, mut id) = (Key::generate()?, [0; 48], [0; 16]);
        SystemRandom::new().fill(&mut fwid)?;
        SystemRandom::new().fill(&mut id)?;
        Ok(Self {
            chip,
            chain: spec.issue(&key, &fwid)?,
            key,
            fwid,
            uuid: format!("GPU-{}", hex::encode(id)),
        })
    }

    /// Its chip.
    pub fn chip(&self) -> Chip {
        self.chip
    }

    /// The digest of the firmware that holds its key.
    pub fn fwid(&self) -> [u8; 48] {
        self.fwid
    }

    /// The name under which its guest knows it.
    pub fn uuid(&self) -> &str {
        &self.uuid
    }

    /// Its certificate chain, PEM, leaf first.
    pub fn chain_pem(&self) -> &str {
        &self.chain
    }

    /// A report to be changed and signed.
    pub fn report(&self) -> ReportBuilder<'_> {
        ReportBuilder::new(self)
    }

    /// Its evidence in the wire form, with this report.
    pub fn entry(&self, report: &[u8]) -> Value {
        json!({
            "arch": self.chip.arch(),
            "uuid": self.uuid,
            "evidence": STANDARD.encode(report),
            "certificate": STANDARD.encode(&self.chain),
        })
    }

    /// r and s, big-endian.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(message)
    }
}

/// The evidence of some devices in the wire form.
pub fn evidence(entries: &[Value]) -> Value {
    json!({ "device_evidence_list": entries })
}

/// The GPUs and switches of one guest.
pub struct Gpus(Vec<Device>);

impl Gpus {
    /// These devices.
    pub fn new(devices: Vec<Device>) -> Self {
        Self(devices)
    }

    /// So many Hopper GPUs.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn hopper(count: usize) -> Result<Self, SimulationError> {
        let devices = (0..count).map(|_| Device::new(Chip::Hopper));
        Ok(Self(devices.collect::<Result<_, _>>()?))
    }
}

impl SimulatedGuest for Gpus {
    fn tee(&self) -> &'static str {
        "nvidia"
    }

    /// Devices have nowhere to put init-data.
    fn evidence(&self, report_data: &[u8], _init_data: Option<&[u8]>) -> Result<Value, SimulationError> {
        let entries = self.0.iter();
        let entries = entries.map(|device| device.entry(&device.report().report_data(report_data).sign()));
        Ok(evidence(&entries.collect::<Vec<_>>()))
    }
}
