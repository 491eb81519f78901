//! Hygon CSV (China Secure Virtualization).
//!
//! The report and the certificates have the layouts of Hygon's own library, the package `csv-rs` 0.1.0 (its
//! `api::guest`, `certs::ca` and `certs::csv`); signatures are SM2 over SM3 (GB/T 32918.2 and 32905;
//! draft-shen-sm2-ecdsa-02), with the signer's user id. The chain: HRK, Hygon's root; HSK, which it signs; CEK, the
//! chip's key; PEK, the platform's key, which signs reports.
//!
//! Modules in reading order: `evidence` (the wire form and the sequence of checks) over `wire` (its JSON), `report`,
//! `chain` over `certificate` and `sm2` (who vouches for the key), `roots`, `claims`.

mod certificate;
mod chain;
mod claims;
mod error;
mod evidence;
mod reader;
mod report;
mod roots;
mod signature;
#[cfg(test)]
mod tests;
mod wire;

pub use error::{CsvCertificate, CsvError};
pub use evidence::CsvChipId;
pub use roots::{CsvRoot, CsvRootError};

use crate::cache::Cache;
use crate::{EvidenceVerifier, ParsedEvidence, Tee, UnverifiedEvidence, VerifyError};
use signature::PublicKey;
use std::sync::Arc;

/// What the operator chose.
#[derive(Clone, Debug, Default)]
pub struct CsvOptions {
    /// Roots trusted beside Hygon's own. Whoever holds such a root's key can make any evidence.
    pub extra_roots: Vec<CsvRoot>,
}

/// The verifier. Clones share roots and cache.
#[derive(Clone)]
pub struct CsvVerifier(Arc<Shared>);

/// What all verifications have in common.
struct Shared {
    roots: Vec<CsvRoot>,
    /// Verified platform keys, by their chain.
    platforms: Cache<PublicKey>,
}

/// How many verified platform keys are remembered.
const CAPACITY: usize = 4096;

impl CsvVerifier {
    /// With Hygon's root and the extra ones.
    ///
    /// # Errors
    /// Hygon's key is not what it should be: never in practice.
    pub fn new(options: CsvOptions) -> Result<Self, CsvRootError> {
        let mut roots = vec![CsvRoot::hygon()?];
        roots.extend(options.extra_roots);
        Ok(Self(Arc::new(Shared {
            roots,
            platforms: Cache::new(CAPACITY),
        })))
    }
}

impl EvidenceVerifier for CsvVerifier {
    fn tee(&self) -> Tee {
        Tee::Csv
    }

    fn parse(&self, evidence: UnverifiedEvidence<'_>) -> Result<Box<dyn ParsedEvidence>, VerifyError> {
        Ok(Box::new(evidence::CsvEvidence::parse(
            Arc::clone(&self.0),
            evidence,
        )?))
    }
}
