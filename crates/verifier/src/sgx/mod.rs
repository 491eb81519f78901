//! Intel SGX: quotes of version 3.
//!
//! The quote is [`dcap`](crate::dcap)'s affair; here is what it is bound to, and the claims about the enclave.

mod claims;
mod evidence;
#[cfg(test)]
mod tests;

use crate::dcap::Dcap;
use crate::{EvidenceVerifier, ParsedEvidence, Tee, UnverifiedEvidence, VerifyError};
use std::sync::Arc;

/// The verifier. Clones share roots and caches.
#[derive(Clone)]
pub struct SgxVerifier(Arc<Dcap>);

impl SgxVerifier {
    pub(crate) fn new(dcap: Arc<Dcap>) -> Self {
        Self(dcap)
    }
}

impl EvidenceVerifier for SgxVerifier {
    fn tee(&self) -> Tee {
        Tee::Sgx
    }

    fn parse(&self, evidence: UnverifiedEvidence<'_>) -> Result<Box<dyn ParsedEvidence>, VerifyError> {
        Ok(Box::new(evidence::SgxEvidence::parse(&self.0, evidence)?))
    }
}
