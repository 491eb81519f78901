//! AMD SEV-SNP.
//!
//! The report is described in AMD 56860, "SEV Secure Nested Paging Firmware ABI Specification" (revision 1.58),
//! table 23 and its neighbours; the certificates in AMD 57230, "Versioned Chip Endorsement Key (VCEK)
//! Certificate and KDS Interface Specification" (revision 1.00).
//!
//! Modules in reading order: `evidence` (the wire form and the sequence of checks), `report` (the signed bytes),
//! `chain` over `roots` (who vouches for the key), `signature`, `revocation`,
//! `claims` (what a policy gets to see).

mod chain;
mod claims;
mod error;
mod evidence;
mod product;
mod report;
mod revocation;
mod roots;
mod signature;
mod tcb;
#[cfg(test)]
mod tests;

pub use error::SnpError;
pub(crate) use evidence::SnpEvidence;
pub use product::SnpProduct;
pub(crate) use report::REPORT_LENGTH;
pub use roots::{SnpRoot, SnpRootError};
pub use tcb::{HwId, SnpTcb};

use crate::cache::Cache;
use crate::x509::Scheme;
use crate::{EvidenceVerifier, ParsedEvidence, Tee, UnverifiedEvidence, VerifyError};
use chain::VerifiedVek;
use revocation::RevocationList;
use roots::Roots;
use std::sync::Arc;

/// What the operator chose.
#[derive(Clone, Debug, Default)]
pub struct SnpOptions {
    /// Roots trusted beside AMD's own. Whoever holds such a root's key can make any evidence.
    pub extra_roots: Vec<SnpRoot>,
    /// Whether a revocation list that is expired or no list of a trusted root counts as none, instead of failing the
    /// verification. What a list names is refused either way; the claim `revocation_list` says how it was.
    pub lists_are_optional: bool,
}

/// The verifier. Clones share roots and caches.
#[derive(Clone)]
pub struct SnpVerifier(Arc<Shared>);

/// How AMD signs its certificates and lists (AMD 57230, chapter 3).
const SCHEME: Scheme = Scheme::RsaPssSha384;

/// One fleet of machines; a certificate costs less than a kilobyte.
const CERTIFICATES: usize = 4096;
/// Two lists for each product line, the old and the new.
const LISTS: usize = 16;

/// What was verified before.
struct Caches {
    veks: Cache<VerifiedVek>,
    lists: Cache<RevocationList>,
}

/// What all verifications have in common.
pub(crate) struct Shared {
    roots: Roots,
    caches: Caches,
    lists_are_optional: bool,
}

impl SnpVerifier {
    /// Reads AMD's roots and the extra ones.
    ///
    /// # Errors
    /// An extra root that is no self-signed root, or that did not sign what comes with it.
    pub fn new(options: SnpOptions) -> Result<Self, SnpRootError> {
        let roots = Roots::new(&options.extra_roots)?;
        Ok(Self(Arc::new(Shared {
            roots,
            caches: Caches {
                veks: Cache::new(CERTIFICATES),
                lists: Cache::new(LISTS),
            },
            lists_are_optional: options.lists_are_optional,
        })))
    }
}

impl EvidenceVerifier for SnpVerifier {
    fn tee(&self) -> Tee {
        Tee::Snp
    }

    fn parse(&self, evidence: UnverifiedEvidence<'_>) -> Result<Box<dyn ParsedEvidence>, VerifyError> {
        Ok(Box::new(evidence::SnpEvidence::parse(
            Arc::clone(&self.0),
            evidence,
        )?))
    }
}
