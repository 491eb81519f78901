//! Tests of the whole SNP verifier: simulated platforms, then evidence of real ones, then hostile input.

mod certificates;
mod endorsements;
mod hostile;
mod real;
mod reports;
mod revocation;

use super::{SnpError, SnpOptions, SnpRoot, SnpVerifier};
use crate::{
    EndorsementId, Endorsements, EvidenceVerifier, ExpectedBinding, UnverifiedEvidence, VerifiedClaims,
    VerifyError,
};
use serde_json::Value;
use simulated_tee::snp::{AttestationReport, Generation, Platform, SigningKey, TableEntry, evidence};
use std::sync::LazyLock;

/// 2026-11-22, when every certificate of these tests is valid.
const NOW: i64 = 1_795_305_600;
const REPORT_DATA: [u8; 48] = [0xa7; 48];
const INIT_DATA: [u8; 48] = [0x1d; 48];

static MILAN: LazyLock<Platform> = LazyLock::new(|| Platform::new(Generation::Milan).unwrap());
static GENOA: LazyLock<Platform> = LazyLock::new(|| Platform::new(Generation::Genoa).unwrap());
static TURIN: LazyLock<Platform> = LazyLock::new(|| Platform::new(Generation::Turin).unwrap());

fn platforms() -> [&'static Platform; 3] {
    [&MILAN, &GENOA, &TURIN]
}

/// Trusts AMD's roots and those of the simulated platforms.
fn verifier() -> SnpVerifier {
    static VERIFIER: LazyLock<SnpVerifier> = LazyLock::new(|| {
        let roots = platforms().map(|platform| SnpRoot::from_pem(platform.roots_pem().as_bytes()).unwrap());
        SnpVerifier::new(SnpOptions {
            extra_roots: roots.concat(),
            ..SnpOptions::default()
        })
        .unwrap()
    });
    VERIFIER.clone()
}

fn expected() -> ExpectedBinding {
    ExpectedBinding {
        report_data: Some(REPORT_DATA.to_vec()),
        init_data: Some(INIT_DATA.to_vec()),
    }
}

/// A good report of version 3 by the VCEK, bound as [`expected`] says.
fn report(platform: &Platform) -> AttestationReport {
    platform
        .report()
        .report_data(&REPORT_DATA)
        .host_data(&INIT_DATA)
        .sign()
        .unwrap()
}

/// The same by the VLEK.
fn vlek_report(platform: &Platform) -> AttestationReport {
    let builder = platform.report().signing_key(SigningKey::Vlek);
    builder
        .report_data(&REPORT_DATA)
        .host_data(&INIT_DATA)
        .sign()
        .unwrap()
}

/// Turns DER into PEM.
fn pem(der: &[u8]) -> Vec<u8> {
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n").into_bytes()
}

/// Verifies with every choice open.
struct Attempt<'a> {
    verifier: SnpVerifier,
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
        Ok(parsed
            .verify(&self.expected, &self.endorsements, self.now)?
            .remove(0))
    }
}

/// Verifies a report with this table, with everything else as it should be.
fn verify(report: &AttestationReport, table: &[TableEntry<'_>]) -> Result<VerifiedClaims, VerifyError> {
    Attempt::new(&evidence(report, table).unwrap()).run()
}

fn refused(error: SnpError) -> Result<VerifiedClaims, VerifyError> {
    Err(VerifyError::Snp(error))
}

fn endorsements_for(evidence: &Value) -> Vec<EndorsementId> {
    let text = evidence.to_string();
    verifier()
        .parse(UnverifiedEvidence::new(text.as_bytes()))
        .unwrap()
        .endorsements_for()
}
