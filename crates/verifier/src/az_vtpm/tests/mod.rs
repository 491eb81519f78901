//! Tests of Azure's TEEs: simulated machines, then evidence of real ones, then hostile input.

mod binding;
mod hcl_reports;
mod hostile;
mod real;
mod snp;
mod tdx;
mod tdx_real;
#[cfg(feature = "azure-upstream")]
mod upstream;

use super::{AzSnpVtpmVerifier, AzVtpmError};
use crate::snp::{SnpOptions, SnpRoot, SnpVerifier};
use crate::{
    Endorsements, EvidenceVerifier, ExpectedBinding, SnpError, TpmError, UnverifiedEvidence, VerifiedClaims,
    VerifyError,
};
use serde_json::Value;
use simulated_tee::azure::{HclReport, RuntimeData, SnpVm, Version};
use simulated_tee::snp::Generation;
use simulated_tee::tpm::{KeyKind, Quote, Tpm};
use std::sync::LazyLock;

/// 2026-11-22, when every certificate of these tests is valid.
const NOW: i64 = 1_795_305_600;
const REPORT_DATA: [u8; 48] = [0xa7; 48];
const INIT_DATA: [u8; 32] = [0x1d; 32];

static MILAN: LazyLock<SnpVm> = LazyLock::new(|| machine(Generation::Milan));

fn machine(generation: Generation) -> SnpVm {
    let mut vm = SnpVm::new(generation).unwrap();
    vm.tpm.bind_init_data(INIT_DATA);
    vm
}

/// Trusts AMD's roots and those of the simulated platforms.
fn verifier() -> AzSnpVtpmVerifier {
    static VERIFIER: LazyLock<AzSnpVtpmVerifier> = LazyLock::new(|| {
        let roots = Generation::ALL.map(|generation| {
            let platform = simulated_tee::snp::Platform::new(generation).unwrap();
            SnpRoot::from_pem(platform.roots_pem().as_bytes()).unwrap()
        });
        let options = SnpOptions {
            extra_roots: roots.concat(),
            ..SnpOptions::default()
        };
        AzSnpVtpmVerifier::new(SnpVerifier::new(options).unwrap())
    });
    VERIFIER.clone()
}

fn expected() -> ExpectedBinding {
    ExpectedBinding {
        report_data: Some(REPORT_DATA.to_vec()),
        init_data: Some(INIT_DATA.to_vec()),
    }
}

/// A quote with the nonce that [`expected`] says.
fn quote(tpm: &Tpm) -> Quote {
    tpm.quote(&REPORT_DATA).sign().unwrap()
}

fn good_hcl_report() -> HclReport {
    MILAN.good_hcl_report(&REPORT_DATA).unwrap()
}

/// Evidence of the newest form.
fn wire(quote: &Quote, hcl_report: &HclReport) -> Value {
    SnpVm::wire(Version::V2, quote, hcl_report, MILAN.platform.vcek_der()).unwrap()
}

/// Verifies with every choice open.
struct Attempt<'a> {
    verifier: AzSnpVtpmVerifier,
    expected: ExpectedBinding,
    endorsements: Endorsements,
    now: i64,
    evidence: &'a Value,
}

impl<'a> Attempt<'a> {
    fn new(evidence: &'a Value) -> Self {
        Self {
            verifier: verifier(),
            expected: expected(),
            endorsements: Endorsements::new(),
            now: NOW,
            evidence,
        }
    }

    fn run(&self) -> Result<VerifiedClaims, VerifyError> {
        let text = self.evidence.to_string();
        let parsed = self.verifier.parse(UnverifiedEvidence::new(text.as_bytes()))?;
        let mut claims = parsed.verify(&self.expected, &self.endorsements, self.now)?;
        assert_eq!(claims.len(), 1);
        Ok(claims.remove(0))
    }
}

/// Verifies a machine's evidence, with everything else as it should be.
fn verify(quote: &Quote, hcl_report: &HclReport) -> Result<VerifiedClaims, VerifyError> {
    Attempt::new(&wire(quote, hcl_report)).run()
}

/// The machine's processor vouches for this runtime data.
fn with_runtime_data(json: impl Into<String>) -> Result<VerifiedClaims, VerifyError> {
    let runtime_data = RuntimeData(json.into());
    let report = MILAN.report(&runtime_data).sign().unwrap();
    verify(
        &quote(&MILAN.tpm),
        &MILAN.hcl_report(&report, &runtime_data).unwrap(),
    )
}

fn refused(error: AzVtpmError) -> Result<VerifiedClaims, VerifyError> {
    Err(VerifyError::AzVtpm(error))
}

fn refused_by_tpm(error: TpmError) -> Result<VerifiedClaims, VerifyError> {
    Err(VerifyError::Tpm(error))
}

fn refused_by_snp(error: SnpError) -> Result<VerifiedClaims, VerifyError> {
    Err(VerifyError::Snp(error))
}
