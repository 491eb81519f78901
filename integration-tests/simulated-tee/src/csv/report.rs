//! Reports of both versions.

use super::key::SigningKey;
use super::platform::Platform;
use serde_json::{Value, json};

/// The version of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Masked with a number.
    V1,
    /// With measurement registers.
    V2,
}

/// A report in the making. Begin with [`Platform::report`].
#[derive(Clone)]
pub struct ReportBuilder<'a> {
    key: &'a SigningKey,
    /// The version.
    pub version: Version,
    /// What the guest binds.
    pub report_data: [u8; 64],
    /// The launch measurement.
    pub measure: [u8; 32],
    /// The guest's policy.
    pub policy: u32,
    /// Whose key signs: 0x1002.
    pub sig_usage: u32,
    /// How: 4.
    pub sig_algo: u32,
    /// The mask of version 1.
    pub anonce: u32,
    /// Registers of version 2.
    pub rtmrs: [[u8; 32]; 5],
}

impl<'a> ReportBuilder<'a> {
    pub(super) fn new(key: &'a SigningKey, version: Version) -> Self {
        let mut rtmrs = [[0; 32]; 5];
        rtmrs[0] = Platform::MEASURE;
        Self {
            key,
            version,
            report_data: [0; 64],
            measure: Platform::MEASURE,
            policy: Platform::POLICY,
            sig_usage: 0x1002,
            sig_algo: 4,
            anonce: 0x7ed7_9335,
            rtmrs,
        }
    }

    /// The report data: padded with zeros, or cut.
    pub fn report_data(mut self, bytes: &[u8]) -> Self {
        for (place, byte) in self.report_data.iter_mut().zip(bytes) {
            *place = *byte;
        }
        self
    }

    /// The key that signs.
    pub fn key(mut self, key: &'a SigningKey) -> Self {
        self.key = key;
        self
    }

    /// The signed report, without what is behind it in the page.
    pub fn sign(&self) -> Vec<u8> {
        let mut bytes = vec![0xd1; 32];
        bytes.extend([0x11; 16]);
        bytes.extend([0x22; 16]);
        bytes.extend(self.report_data);
        bytes.extend([0x33; 16]);
        bytes.extend(self.measure);
        for number in [self.policy, self.sig_usage, self.sig_algo] {
            bytes.extend(number.to_le_bytes());
        }
        let signed = match self.version {
            Version::V1 => {
                let mask = self.anonce.to_le_bytes();
                for (byte, mask) in bytes.iter_mut().zip(mask.iter().cycle()) {
                    *byte ^= mask;
                }
                bytes.extend(mask);
                180
            }
            Version::V2 => {
                bytes.extend(2337_u32.to_le_bytes());
                bytes.extend(1_u16.to_le_bytes());
                bytes.extend([0; 14]);
                bytes.extend(self.rtmrs.concat());
                bytes.extend([0; 656]);
                bytes.len()
            }
        };
        let (message, _) = bytes.split_at(signed);
        let signature = self.key.sign(message);
        bytes.extend(signature);
        bytes
    }

    /// In its page of memory, as guests send it.
    pub fn wrapped(&self) -> Value {
        wrapped(self.version, self.sign())
    }
}

/// A report in its page of memory.
pub(super) fn wrapped(version: Version, mut page: Vec<u8>) -> Value {
    page.resize(4096, 0);
    match version {
        Version::V1 => json!({"magic": vec![0_u8; 16], "flags": 0, "data": page}),
        Version::V2 => json!({"magic": b"ATTESTATION_EXT\0", "flags": 1, "data": page}),
    }
}
