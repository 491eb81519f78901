//! Tests of the whole verifier of NVIDIA devices: simulated devices and a simulated service, then evidence of real
//! devices, then hostile input.

mod certificates;
mod devices;
mod hostile;
mod protected_pcie;
mod real;
mod remote;
mod reports;
mod tokens;

use super::{NRAS_ISSUER, NvidiaError, NvidiaMode, NvidiaOptions, NvidiaRoot, NvidiaVerifier};
use crate::{
    EndorsementId, Endorsements, EvidenceVerifier, ExpectedBinding, TeeClass, UnverifiedEvidence,
    VerifiedClaims, VerifyError,
};
use serde_json::{Value, json};
use simulated_tee::nvidia::{ChainSpec, Chip, Device, ReportBuilder, evidence, root_pem};
use std::sync::LazyLock;

/// 2026-11-22.
const NOW: i64 = 1_795_305_600;
const REPORT_DATA: [u8; 48] = [0xa7; 48];

static HOPPER: LazyLock<Device> = LazyLock::new(|| Device::new(Chip::Hopper).unwrap());

/// Trusts NVIDIA's root and the simulated one.
fn local() -> NvidiaVerifier {
    static VERIFIER: LazyLock<NvidiaVerifier> = LazyLock::new(|| {
        NvidiaVerifier::new(NvidiaOptions {
            mode: NvidiaMode::Local,
            extra_roots: NvidiaRoot::from_pem(root_pem().unwrap().as_bytes()).unwrap(),
        })
    });
    VERIFIER.clone()
}

/// Believes NVIDIA's service.
fn remote() -> NvidiaVerifier {
    NvidiaVerifier::new(NvidiaOptions {
        mode: NvidiaMode::Remote {
            issuers: vec![NRAS_ISSUER.to_owned()],
        },
        extra_roots: Vec::new(),
    })
}

/// Verifies with every choice open.
struct Attempt {
    verifier: NvidiaVerifier,
    expected: ExpectedBinding,
    endorsements: Endorsements,
    now: i64,
    evidence: Value,
}

impl Attempt {
    fn local(evidence: Value) -> Self {
        Self {
            verifier: local(),
            expected: ExpectedBinding {
                report_data: Some(REPORT_DATA.to_vec()),
                init_data: None,
            },
            endorsements: Endorsements::new(),
            now: NOW,
            evidence,
        }
    }

    fn remote(evidence: Value) -> Self {
        Self {
            verifier: remote(),
            ..Self::local(evidence)
        }
    }

    fn run(&self) -> Result<Vec<VerifiedClaims>, VerifyError> {
        let text = self.evidence.to_string();
        let parsed = self.verifier.parse(UnverifiedEvidence::new(text.as_bytes()))?;
        parsed.verify(&self.expected, &self.endorsements, self.now)
    }

    fn wanted(&self) -> Vec<EndorsementId> {
        let text = self.evidence.to_string();
        let parsed = self.verifier.parse(UnverifiedEvidence::new(text.as_bytes()));
        parsed.unwrap().endorsements_for()
    }
}

/// Verifies one report, with everything else as it should be.
fn verify(report: ReportBuilder<'_>, device: &Device) -> Result<Vec<VerifiedClaims>, VerifyError> {
    Attempt::local(evidence(&[device.entry(&report.sign())])).run()
}

/// A good report, bound as [`Attempt::local`] expects.
fn report(device: &Device) -> ReportBuilder<'_> {
    device.report().report_data(&REPORT_DATA)
}

fn good_entry(device: &Device) -> Value {
    device.entry(&report(device).sign())
}

fn refused(error: NvidiaError) -> Result<Vec<VerifiedClaims>, VerifyError> {
    Err(VerifyError::Nvidia(error))
}

fn is_format<T: std::fmt::Debug>(outcome: &Result<T, VerifyError>) -> bool {
    matches!(outcome, Err(VerifyError::Format { .. }))
}
