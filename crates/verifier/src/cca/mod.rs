//! Arm Confidential Compute Architecture.
//!
//! A CCA token holds two signed tokens: the platform's, by a key that the machine was made with (CPAK), and the
//! realm's, by a key that the platform token vouches for (RAK). They are described in Arm DEN0137, "Realm
//! Management Monitor specification" (section A7.2), and in draft-ffm-rats-cca-token. Nobody certifies CPAKs for
//! everybody, so which of them to trust is the operator's choice, and so is what software they may run.
//!
//! Modules in reading order: `evidence` (the wire form and the sequence of checks), `envelope` over `cbor` (the
//! signed messages), `platform` and `realm` (their claims), `key` and `hash`, `stores` (what the operator vouches
//! for), `appraisal` (the comparison with it), `claims` (what a policy gets to see).

mod appraisal;
mod cbor;
mod claims;
mod envelope;
mod error;
mod evidence;
mod hash;
mod key;
mod platform;
mod realm;
mod stores;
#[cfg(test)]
mod tests;

pub use error::{CcaError, CcaToken};
pub use stores::{CcaStoreError, CcaStores};

use crate::{EvidenceVerifier, ParsedEvidence, Tee, UnverifiedEvidence, VerifyError};

/// What the operator chose.
#[derive(Clone, Debug, Default)]
pub struct CcaOptions {
    /// Trust anchors and reference values. They may be replaced at any time.
    pub stores: CcaStores,
}

/// The verifier.
#[derive(Clone, Debug)]
pub struct CcaVerifier(CcaStores);

impl CcaVerifier {
    /// Over the stores that `options` has.
    pub fn new(options: CcaOptions) -> Self {
        Self(options.stores)
    }
}

impl EvidenceVerifier for CcaVerifier {
    fn tee(&self) -> Tee {
        Tee::Cca
    }

    fn parse(&self, evidence: UnverifiedEvidence<'_>) -> Result<Box<dyn ParsedEvidence>, VerifyError> {
        Ok(Box::new(evidence::CcaEvidence::parse(self.0.clone(), evidence)?))
    }
}
