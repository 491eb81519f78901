//! Attestation reports with any field set.

use super::platform::Platform;
use super::{AttestationReport, Generation, GuestPolicy, KeyInfo, PlatformInfo, SimulationError};
use sev::parser::ByteParser;

/// Bytes that the signature covers.
const SIGNED_LENGTH: usize = 0x2a0;
/// Where the chip id is.
const CHIP_ID: std::ops::Range<usize> = 0x1a0..0x1e0;

/// The key that signs a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningKey {
    /// The chip's own.
    Vcek,
    /// The cloud provider's.
    Vlek,
}

/// Makes a report. What has no method here is set through [`fields`](Self::fields).
pub struct ReportBuilder<'a> {
    platform: &'a Platform,
    signing_key: SigningKey,
    /// Every field, before signing.
    pub fields: AttestationReport,
}

impl<'a> ReportBuilder<'a> {
    /// A report of version 3 by the VCEK: a guest without debugging or migration, on an up-to-date platform.
    pub(super) fn new(platform: &'a Platform) -> Self {
        let tcb = platform.tcb();
        let mut policy = GuestPolicy::from(1 << 17);
        policy.set_smt_allowed(true);
        let fields = AttestationReport {
            sig_algo: 1,
            policy,
            // SMT enabled, alias check complete.
            plat_info: PlatformInfo::from(0b10_0001),
            current_tcb: tcb,
            reported_tcb: tcb,
            committed_tcb: tcb,
            launch_tcb: tcb,
            chip_id: platform.chip_id(),
            measurement: [0x5a; 48],
            report_id: [0x11; 32],
            report_id_ma: [0xff; 32],
            current: super::Version::new(1, 55, 21),
            committed: super::Version::new(1, 55, 21),
            ..AttestationReport::default()
        };
        Self {
            platform,
            signing_key: SigningKey::Vcek,
            fields,
        }
        .version(3)
    }

    /// The version, with the fields that come with it and without those that do not.
    pub fn version(mut self, version: u32) -> Self {
        self.fields.version = version;
        let (family, model, stepping) = self.platform.generation().cpuid();
        let with_cpuid = version >= 3;
        self.fields.cpuid_fam_id = with_cpuid.then_some(family);
        self.fields.cpuid_mod_id = with_cpuid.then_some(model);
        self.fields.cpuid_step = with_cpuid.then_some(stepping);
        self.fields.launch_mit_vector = (version >= 5).then_some(1);
        self.fields.current_mit_vector = (version >= 5).then_some(3);
        self
    }

    /// Padded with zeros on the right; what is longer than 64 bytes is cut.
    pub fn report_data(mut self, data: &[u8]) -> Self {
        self.fields.report_data = padded(data);
        self
    }

    /// Padded with zeros on the right; what is longer than 32 bytes is cut, as guests do with a longer digest.
    pub fn host_data(mut self, data: &[u8]) -> Self {
        self.fields.host_data = padded(data);
        self
    }

    /// The launch measurement.
    pub fn measurement(mut self, measurement: [u8; 48]) -> Self {
        self.fields.measurement = measurement;
        self
    }

    /// Signed by this key, and says so.
    pub fn signing_key(mut self, key: SigningKey) -> Self {
        self.signing_key = key;
        let bits = match key {
            SigningKey::Vcek => 0,
            SigningKey::Vlek => 1,
        };
        let rest = u32::from(self.fields.key_info) & !(0b111 << 2);
        self.fields.key_info = KeyInfo::from(rest | bits << 2);
        self
    }

    /// Any change at all.
    pub fn with(mut self, change: impl FnOnce(&mut AttestationReport)) -> Self {
        change(&mut self.fields);
        self
    }

    /// Signs it.
    ///
    /// # Errors
    /// The fields are not of a report that a processor could make, such as one of an unknown family.
    pub fn sign(mut self) -> Result<AttestationReport, SimulationError> {
        let message = signed_bytes(&self.fields, self.platform.generation())?;
        self.fields.signature = self.platform.sign(self.signing_key, &message)?;
        Ok(self.fields)
    }
}

fn signed_bytes(fields: &AttestationReport, generation: Generation) -> Result<Vec<u8>, SimulationError> {
    // The encoder takes the layout from the chip id where there is no CPUID, and refuses a masked one.
    let mut encodable = *fields;
    encodable.chip_id = [0; 64];
    encodable
        .chip_id
        .iter_mut()
        .take(generation.hwid_length())
        .for_each(|byte| *byte = 1);
    let bytes = encodable
        .to_bytes()
        .map_err(|error| SimulationError::Encoding(error.to_string()))?;
    let mut signed = bytes.get(..SIGNED_LENGTH).unwrap_or_default().to_vec();
    if let Some(chip_id) = signed.get_mut(CHIP_ID) {
        chip_id.copy_from_slice(&fields.chip_id);
    }
    Ok(signed)
}

fn padded<const N: usize>(data: &[u8]) -> [u8; N] {
    let mut field = [0; N];
    field.iter_mut().zip(data).for_each(|(to, from)| *to = *from);
    field
}
