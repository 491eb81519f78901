//! Evidence of a real Intel machine. The quote of its trust domain needs Intel's collateral, which nobody kept: up
//! to there it must come, and the vTPM's part is verified by itself.

use super::*;
use crate::az_vtpm::{AzTdxVtpmVerifier, hcl, vtpm, wire};
use crate::dcap::{Body, Dcap, DcapOptions, DcapTee, TdReport};
use crate::testing::{fixture, published};
use crate::{EndorsementId, Fault};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::json;
use simulated_tee::proof::{self, Proof};
use std::sync::Arc;

const NONCE: &[u8] = b"challenge";
/// Early in the PCK certificates' time.
const THEN: i64 = 1_720_000_000;

fn evidence() -> Option<Value> {
    let found = fixture("az-tdx-vtpm/evidence-v1.json");
    if found.is_none() {
        proof::note("az-tdx-vtpm", Proof::Absent, "evidence-v1", 1).unwrap();
    }
    Some(serde_json::from_slice(&found?).unwrap())
}

fn dcap() -> Arc<Dcap> {
    static DCAP: LazyLock<Arc<Dcap>> = LazyLock::new(|| Dcap::new(&DcapOptions::default()).unwrap());
    Arc::clone(&DCAP)
}

/// Every check but those of the trust domain's quote, which is taken for verified.
fn vtpm_part(evidence: &Value, expected: &ExpectedBinding) -> Result<(), VerifyError> {
    let text = evidence.to_string();
    let parts = wire::tdx(UnverifiedEvidence::new(text.as_bytes()))?;
    let hcl_report = hcl::HclReport::tdx(parts.hcl_report)?;
    let td_quote = dcap().read(&parts.endorsement, DcapTee::Tdx)?;
    let report = td_report(&td_quote);
    if !hcl_report.is_about(report) {
        return Err(AzVtpmError::OtherTdReport.into());
    }
    let runtime_data = hcl_report.runtime_data(&report.report_data)?;
    vtpm::verify(&parts.quote, &runtime_data, expected).map(|_| ())
}

fn td_report(quote: &crate::dcap::DcapQuote) -> &TdReport {
    let Body::Td { report, .. } = &quote.quote().body else {
        panic!("no trust domain's quote")
    };
    report
}

fn fresh() -> ExpectedBinding {
    ExpectedBinding {
        report_data: Some(NONCE.to_vec()),
        init_data: None,
    }
}

#[test]
fn the_vtpm_of_the_real_machine_verifies_and_with_a_flipped_bit_it_does_not() {
    let Some(good) = evidence() else { return };
    assert_eq!(vtpm_part(&good, &fresh()), Ok(()));
    let hcl_report = URL_SAFE.decode(good["hcl_report"].as_str().unwrap()).unwrap();
    let flip = |at: usize| {
        let mut bytes = hcl_report.clone();
        bytes[at] ^= 1;
        let mut evidence = good.clone();
        evidence["hcl_report"] = json!(URL_SAFE.encode(bytes));
        vtpm_part(&evidence, &fresh())
    };
    let refused = |error: AzVtpmError| Err(VerifyError::AzVtpm(error));
    assert_eq!(
        flip(0),
        refused(AzVtpmError::HclReport("it does not begin as one"))
    );
    assert_eq!(
        flip(1224),
        refused(AzVtpmError::OtherProcessor("an Intel TDX machine"))
    );
    assert_eq!(flip(1228), refused(AzVtpmError::DigestType(0)));
    let padding = refused(AzVtpmError::HclReport("its TD report is not padded with zeros"));
    for at in [32 + 1024, 1215] {
        assert_eq!(flip(at), padding, "{at}");
    }
    // Report data; attributes, XFAM, MRTD, MRCONFIGID, MROWNER, MROWNERCONFIG and the RTMRs.
    let info = 32 + 512;
    let places = [0, 8, 16, 64, 112, 160, 208, 256, 304, 399].map(|place| info + place);
    for at in [32 + 128, 32 + 191].into_iter().chain(places) {
        assert_eq!(flip(at), refused(AzVtpmError::OtherTdReport), "{at}");
    }
    for at in (1236..2400).step_by(50) {
        assert_eq!(flip(at), refused(AzVtpmError::RuntimeDataBinding), "{at}");
    }
    for member in ["message", "signature"] {
        let bytes = hex::decode(good["tpm_quote"][member].as_str().unwrap()).unwrap();
        for at in (0..bytes.len()).step_by(5) {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x80;
            let mut evidence = good.clone();
            evidence["tpm_quote"][member] = json!(hex::encode(bytes));
            let outcome = vtpm_part(&evidence, &fresh());
            assert_eq!(outcome, Err(TpmError::Signature.into()), "{member} {at}");
        }
    }
    for register in 0..24 {
        let mut evidence = good.clone();
        evidence["tpm_quote"]["pcrs"][register] = json!("02".repeat(32));
        assert_eq!(vtpm_part(&evidence, &fresh()), Err(TpmError::PcrDigest.into()));
    }
    let stale = ExpectedBinding {
        report_data: Some(b"challenge!".to_vec()),
        init_data: None,
    };
    assert_eq!(vtpm_part(&good, &stale), Err(VerifyError::ReportDataMismatch));
}

#[test]
fn without_intels_collateral_the_real_machine_is_not_judged() {
    let Some(good) = evidence() else { return };
    let text = good.to_string();
    let parsed = AzTdxVtpmVerifier::new(dcap())
        .parse(UnverifiedEvidence::new(text.as_bytes()))
        .unwrap();
    let ids = parsed.endorsements_for();
    assert_eq!(ids.len(), 4, "{ids:?}");
    assert!(ids.iter().any(|id| matches!(
        id,
        EndorsementId::DcapTcbInfo {
            tee: DcapTee::Tdx,
            ..
        }
    )));
    let error = parsed.verify(&fresh(), &Endorsements::new(), THEN).unwrap_err();
    assert!(matches!(error, VerifyError::MissingEndorsement(_)), "{error:?}");
    assert_eq!(error.class(), Fault::Endorsement);
}

#[test]
fn no_changed_evidence_of_the_real_machine_gets_further() {
    let Some(good) = evidence() else { return };
    let verifier = AzTdxVtpmVerifier::new(dcap());
    let mutations = proof::flipped(&good);
    for (place, changed) in &mutations {
        let text = changed.to_string();
        let outcome = verifier
            .parse(UnverifiedEvidence::new(text.as_bytes()))
            .and_then(|parsed| parsed.verify(&fresh(), &Endorsements::new(), THEN));
        let vtpm = vtpm_part(changed, &fresh());
        assert!(outcome.is_err(), "{place}");
        // What neither the vTPM's part nor the chain can refuse lies in the quote, for Intel's collateral to judge,
        // or in those parts of the TD report that the quote does not repeat.
        let elsewhere = place.starts_with("/td_quote") || place.starts_with("/hcl_report");
        assert!(vtpm.is_err() || elsewhere, "{place}");
    }
}

#[test]
fn the_hcl_report_of_az_cvm_vtpm_is_of_an_intel_machine() {
    let Some(folder) = published("az-cvm-vtpm-0.8.2") else {
        return;
    };
    let file = |name: &str| std::fs::read(folder.join("test").join(name)).unwrap();
    let report = hcl::HclReport::tdx(file("hcl-report-tdx.bin")).unwrap();
    let report_data: [u8; 64] = report.report()[128..192].try_into().unwrap();
    assert!(report.runtime_data(&report_data).is_ok());
    assert_eq!(
        hcl::HclReport::tdx(file("hcl-report-snp.bin")).err(),
        Some(AzVtpmError::OtherProcessor("an Intel TDX machine"))
    );
}
