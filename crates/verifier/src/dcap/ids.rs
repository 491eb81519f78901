//! The names of Intel's collateral.

use std::fmt;

/// Which of the two TEEs a piece of collateral is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DcapTee {
    /// Software Guard Extensions.
    Sgx,
    /// Trust Domain Extensions.
    Tdx,
}

impl DcapTee {
    /// As Intel's URLs spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            DcapTee::Sgx => "sgx",
            DcapTee::Tdx => "tdx",
        }
    }
}

impl fmt::Display for DcapTee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Family, model, stepping, platform type and custom SKU: names a kind of platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fmspc(pub [u8; 6]);

impl fmt::Display for Fmspc {
    /// Twelve upper-case hex digits, as in Intel's URLs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// A CA that signs PCK certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PckCa {
    /// For platforms with one processor package.
    Processor,
    /// For platforms with several.
    Platform,
}

impl PckCa {
    /// As Intel's URLs spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            PckCa::Processor => "processor",
            PckCa::Platform => "platform",
        }
    }
}

impl fmt::Display for PckCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
