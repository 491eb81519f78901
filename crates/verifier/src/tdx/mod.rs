//! Intel TDX: quotes of version 4 and 5, with bodies of TDX 1.0, 1.5 and 1.5 extended.
//!
//! The quote is [`dcap`](crate::dcap)'s affair; here is what it is bound to, the event log, and the claims about
//! the TD ("Intel TDX Module ABI Specification", 348551, for the names of its members).

pub(crate) mod claims;
mod error;
mod evidence;
#[cfg(test)]
mod tests;

pub use error::TdxError;

use crate::dcap::Dcap;
use crate::{EvidenceVerifier, ParsedEvidence, Tee, UnverifiedEvidence, VerifyError};
use std::sync::Arc;

/// The verifier. Clones share roots and caches.
#[derive(Clone)]
pub struct TdxVerifier(Arc<Dcap>);

impl TdxVerifier {
    pub(crate) fn new(dcap: Arc<Dcap>) -> Self {
        Self(dcap)
    }
}

impl EvidenceVerifier for TdxVerifier {
    fn tee(&self) -> Tee {
        Tee::Tdx
    }

    fn parse(&self, evidence: UnverifiedEvidence<'_>) -> Result<Box<dyn ParsedEvidence>, VerifyError> {
        Ok(Box::new(evidence::TdxEvidence::parse(&self.0, evidence)?))
    }
}
