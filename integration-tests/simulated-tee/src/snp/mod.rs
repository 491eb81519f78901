//! A simulated AMD SEV-SNP platform.
//!
//! [`Platform`] has a chip, its keys and its certificates, under roots of its own with the names, algorithms and
//! extensions of AMD's. [`ReportBuilder`] makes attestation reports of any version with any field set, signed by
//! the platform's VCEK or VLEK. [`VekSpec`] makes certificates with deliberate faults, [`CrlSpec`] revocation
//! lists.

mod authority;
mod crl;
mod platform;
mod report;
mod vek;

pub use crate::SimulationError;
pub use authority::Role;
pub use crl::{CrlSpec, Issuer, Revoked};
pub use platform::{Platform, TableEntry, evidence};
pub use report::{ReportBuilder, SigningKey};
pub use sev::firmware::guest::{AttestationReport, GuestPolicy, KeyInfo, PlatformInfo, Version};
pub use sev::firmware::host::TcbVersion;
pub use vek::VekSpec;

/// The generations of EPYC that can attest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Generation {
    /// Third.
    Milan,
    /// Fourth.
    Genoa,
    /// Fifth.
    Turin,
}

impl Generation {
    /// All of them.
    pub const ALL: [Generation; 3] = [Generation::Milan, Generation::Genoa, Generation::Turin];

    /// The product line's name in certificates.
    pub fn as_str(self) -> &'static str {
        match self {
            Generation::Milan => "Milan",
            Generation::Genoa => "Genoa",
            Generation::Turin => "Turin",
        }
    }

    /// CPUID family, model and stepping of one of its processors.
    pub fn cpuid(self) -> (u8, u8, u8) {
        match self {
            Generation::Milan => (0x19, 0x01, 0x01),
            Generation::Genoa => (0x19, 0x11, 0x01),
            Generation::Turin => (0x1a, 0x02, 0x01),
        }
    }

    /// Bytes of a chip id in the VCEK's certificate.
    pub fn hwid_length(self) -> usize {
        if self == Generation::Turin { 8 } else { 64 }
    }
}
