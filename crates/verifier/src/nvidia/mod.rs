//! NVIDIA GPUs and switches.
//!
//! The evidence of a device is an SPDM exchange, GET_MEASUREMENTS and its answer (DMTF DSP0274, "Security Protocol
//! and Data Model", version 1.1.1, 10.11), with the certificate chain of the key that signed it. It is judged in one of
//! two ways, which the operator chooses: here (Hopper), or by NVIDIA's Remote Attestation Service (NRAS), whose
//! signed verdict is an endorsement.
//!
//! Modules in reading order: `evidence` (the wire form and the two ways), then the first way: `device` (the
//! sequence of checks), `spdm` over `opaque` (the report), `chain` over `roots` (who vouches for the key), `claims`;
//! then the second: `remote` (what the service is asked), `nras` (what it answers), `ppcie` (twelve devices that
//! are one system).

mod chain;
mod claims;
mod device;
mod error;
mod evidence;
mod nras;
mod opaque;
mod ppcie;
mod remote;
mod roots;
mod spdm;
#[cfg(test)]
mod tests;

pub use error::NvidiaError;
pub use remote::{NrasDevice, NrasRequest};
pub use roots::{NvidiaRoot, NvidiaRootError};

use crate::cache::Cache;
use crate::x509::Scheme;
use crate::{EvidenceVerifier, ParsedEvidence, Tee, UnverifiedEvidence, VerifyError};
use chain::VerifiedDevice;
use roots::Roots;
use std::sync::Arc;

/// How NVIDIA signs its certificates.
const SCHEME: Scheme = Scheme::EcdsaP384Sha384;

/// The issuer of NRAS's tokens in production.
pub const NRAS_ISSUER: &str = "https://nras.attestation.nvidia.com";

/// What the operator chose.
#[derive(Clone, Debug, Default)]
pub struct NvidiaOptions {
    /// Who judges a device.
    pub mode: NvidiaMode,
    /// Device identity roots trusted beside NVIDIA's own, in [`NvidiaMode::Local`]. Whoever holds such a root's key
    /// can make any evidence.
    pub extra_roots: Vec<NvidiaRoot>,
}

/// Who judges a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NvidiaMode {
    /// This verifier. Hopper GPUs only.
    #[default]
    Local,
    /// NVIDIA's Remote Attestation Service.
    Remote {
        /// The issuers (`iss`) whose tokens count.
        issuers: Vec<String>,
    },
}

/// The verifier. Clones share roots and caches.
#[derive(Clone)]
pub struct NvidiaVerifier(Arc<Shared>);

/// What all verifications have in common.
pub(crate) struct Shared {
    mode: NvidiaMode,
    roots: Roots,
    devices: Cache<VerifiedDevice>,
}

/// One fleet of GPUs; an entry costs less than a kilobyte.
const DEVICES: usize = 4096;

impl NvidiaVerifier {
    /// Takes the roots.
    pub fn new(options: NvidiaOptions) -> Self {
        Self(Arc::new(Shared {
            mode: options.mode,
            roots: Roots::new(&options.extra_roots),
            devices: Cache::new(DEVICES),
        }))
    }
}

impl EvidenceVerifier for NvidiaVerifier {
    fn tee(&self) -> Tee {
        Tee::Nvidia
    }

    fn parse(&self, evidence: UnverifiedEvidence<'_>) -> Result<Box<dyn ParsedEvidence>, VerifyError> {
        evidence::parse(&self.0, evidence)
    }
}
