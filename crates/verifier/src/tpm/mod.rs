//! TPM 2.0 quotes: the bare `tpm` TEE, and what Azure's two vTPM TEEs share with it.
//!
//! Sources: TCG, "Trusted Platform Module Library" (TPM 2.0), Part 2: Structures, revision 1.59, sections 10
//! and 11; TCG, "EK Credential Profile for TPM Family 2.0", for the purposes of certificates.
//!
//! Modules in reading order: `evidence` (the wire form of `tpm` and the sequence of checks), `quote` (the step
//! from an unverified to a verified quote) over `attest`, `signature`, `key` and `pcrs`, then `chain` over
//! `roots` (who vouches for the key).

mod attest;
mod chain;
mod error;
mod evidence;
mod key;
mod nonce;
mod pcrs;
mod quote;
mod reader;
mod roots;
mod signature;
#[cfg(test)]
mod tests;

pub use error::TpmError;
pub use roots::{TpmRootError, certificates_from_pem};

pub(crate) use key::AttestationKey;
pub(crate) use nonce::check_nonce;
pub(crate) use pcrs::Pcrs;
pub(crate) use quote::{UnverifiedQuote, VerifiedQuote};
pub(crate) use signature::Signature;

use crate::cache::Cache;
use crate::{EvidenceVerifier, ParsedEvidence, Tee, UnverifiedEvidence, VerifyError};
use roots::Roots;
use std::sync::Arc;

/// What the operator chose. By default nobody is trusted to vouch for an attestation key, which leaves it to
/// policy.
#[derive(Clone, Debug, Default)]
pub struct TpmOptions {
    /// Certificates (DER) of authorities whose certificates for attestation keys are believed: they made sure
    /// that the key is a restricted signing key inside a TPM that they know.
    pub ak_roots: Vec<Vec<u8>>,
    /// Certificates (DER) of makers of TPMs whose endorsement certificates are believed, for endorsement keys
    /// that sign quotes themselves.
    pub ek_roots: Vec<Vec<u8>>,
}

/// The verifier of `tpm`. Clones share roots and cache.
#[derive(Clone)]
pub struct TpmVerifier(Arc<Shared>);

/// What all verifications have in common.
pub(crate) struct Shared {
    roots: Roots,
    /// Chains that led to a root. Whether they still are in time is looked at each time.
    chains: Cache<chain::Vouched>,
}

/// One fleet of machines; an entry costs less than two hundred bytes.
const CHAINS: usize = 4096;

impl TpmVerifier {
    /// Reads the roots.
    ///
    /// # Errors
    /// A root that is no certificate of an authority.
    pub fn new(options: &TpmOptions) -> Result<Self, TpmRootError> {
        Ok(Self(Arc::new(Shared {
            roots: Roots::new(options)?,
            chains: Cache::new(CHAINS),
        })))
    }
}

impl EvidenceVerifier for TpmVerifier {
    fn tee(&self) -> Tee {
        Tee::Tpm
    }

    fn parse(&self, evidence: UnverifiedEvidence<'_>) -> Result<Box<dyn ParsedEvidence>, VerifyError> {
        Ok(Box::new(evidence::TpmEvidence::parse(
            Arc::clone(&self.0),
            evidence,
        )?))
    }
}
