//! Tests of the whole CSV verifier: simulated platforms, then a published report, then hostile input.

mod chain;
mod hostile;
mod log;
mod real;
mod reports;

use super::{CsvCertificate, CsvError, CsvOptions, CsvRoot, CsvVerifier};
use crate::{
    EndorsementId, Endorsements, EvidenceVerifier, ExpectedBinding, UnverifiedEvidence, VerifiedClaims,
    VerifyError,
};
use serde_json::{Value, json};
use simulated_tee::csv::{Evidence, Platform, Version};
use std::sync::LazyLock;

const REPORT_DATA: [u8; 48] = [0xa7; 48];

static MACHINE: LazyLock<Platform> = LazyLock::new(|| Platform::new().unwrap());

/// Trusts Hygon and the simulated root.
static VERIFIER: LazyLock<CsvVerifier> = LazyLock::new(|| {
    let root = CsvRoot::from_bytes(&MACHINE.hrk_certificate()).unwrap();
    CsvVerifier::new(CsvOptions {
        extra_roots: vec![root],
    })
    .unwrap()
});

const VERSIONS: [Version; 2] = [Version::V1, Version::V2];

/// Good evidence with the whole chain, bound to [`REPORT_DATA`].
fn good(version: Version) -> Evidence {
    MACHINE.evidence(&MACHINE.report(version).report_data(&REPORT_DATA))
}

/// Verifies with every choice open.
struct Attempt<'a> {
    verifier: CsvVerifier,
    report_data: Option<Vec<u8>>,
    endorsements: Endorsements,
    evidence: &'a Value,
}

impl<'a> Attempt<'a> {
    fn new(evidence: &'a Value) -> Self {
        Self {
            verifier: VERIFIER.clone(),
            report_data: Some(REPORT_DATA.to_vec()),
            endorsements: Endorsements::new(),
            evidence,
        }
    }

    fn run(&self) -> Result<VerifiedClaims, VerifyError> {
        let text = self.evidence.to_string();
        let parsed = self.verifier.parse(UnverifiedEvidence::new(text.as_bytes()))?;
        let expected = ExpectedBinding {
            report_data: self.report_data.clone(),
            init_data: Some(vec![1; 32]),
        };
        Ok(parsed.verify(&expected, &self.endorsements, 0)?.remove(0))
    }

    fn wanted(&self) -> Vec<EndorsementId> {
        let text = self.evidence.to_string();
        let parsed = self.verifier.parse(UnverifiedEvidence::new(text.as_bytes()));
        parsed.unwrap().endorsements_for()
    }
}

fn verify(evidence: &Evidence) -> Result<VerifiedClaims, VerifyError> {
    Attempt::new(&evidence.to_json()).run()
}

fn refused(error: CsvError) -> Result<VerifiedClaims, VerifyError> {
    Err(VerifyError::Csv(error))
}
