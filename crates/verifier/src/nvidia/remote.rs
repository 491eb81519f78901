//! What NVIDIA's Remote Attestation Service (NRAS) is asked.

use std::fmt;

/// The kind of device, which is also the last segment of the service's URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NrasDevice {
    /// A graphics processor.
    Gpu,
    /// A switch between graphics processors.
    Switch,
}

impl NrasDevice {
    /// As the service's URL spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            NrasDevice::Gpu => "gpu",
            NrasDevice::Switch => "switch",
        }
    }
}

impl fmt::Display for NrasDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One device's evidence, for the service to judge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NrasRequest {
    /// The kind of device.
    pub kind: NrasDevice,
    /// Upper case: `HOPPER`, `BLACKWELL`, `LS10`.
    pub arch: String,
    /// The nonce that the evidence says it is for.
    pub nonce: [u8; 32],
    /// The device's report.
    pub evidence: Vec<u8>,
    /// The device's certificate chain as the guest sent it: base64 of PEM.
    pub certificate: String,
}
