//! Our verdicts beside those of Microsoft's packages `az-snp-vtpm` and `az-tdx-vtpm` (feature `azure-upstream`).
//!
//! What we accept, they accept; and what they accept and we do not, we refuse for a check that they do not make.

use crate::az_vtpm::hcl::HclReport;
use crate::az_vtpm::{AzSnpVtpmVerifier, AzVtpmError, vtpm, wire};
use crate::snp::{SnpOptions, SnpVerifier};
use crate::testing::fixture;
use crate::{
    Endorsements, EvidenceVerifier, ExpectedBinding, SnpError, TpmError, UnverifiedEvidence, VerifyError,
};
use az_snp_vtpm::certs::{AmdChain, Vcek, X509};
use az_snp_vtpm::report::{AttestationReport, Validateable};
use az_snp_vtpm::vtpm::Quote;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use openssl::pkey::PKey;
use serde_json::{Value, json};
use simulated_tee::proof::flipped;

const NOW: i64 = 1_795_305_600;
const NONCE: &[u8] = b"challenge";

/// The steps that the packages' own documentation gives for a machine of AMD's.
fn upstream_snp(evidence: &Value) -> Result<(), String> {
    let hcl_report = bytes(&evidence["hcl_report"]).ok_or("no HCL report")?;
    vtpm_part(&evidence["tpm_quote"], &hcl_report)?;
    let hcl_report = az_snp_vtpm::hcl::HclReport::new(hcl_report).map_err(text)?;
    let digest = hcl_report.var_data_sha256();
    let report: AttestationReport = hcl_report.try_into().map_err(text)?;
    let milan = |pem| X509::from_pem(pem).map_err(text);
    let chain = AmdChain {
        ask: milan(sev::certs::snp::builtin::milan::ASK)?,
        ark: milan(sev::certs::snp::builtin::milan::ARK)?,
    };
    let vcek = bytes(&evidence["vcek"]).ok_or("no VCEK")?;
    let vcek = Vcek(X509::from_der(&vcek).map_err(text)?);
    chain.validate().map_err(text)?;
    vcek.validate(&chain).map_err(text)?;
    report.validate(&vcek).map_err(text)?;
    if digest != report.report_data[..32] {
        return Err("the runtime data is not in the report".to_owned());
    }
    Ok(())
}

/// The steps for the vTPM, the same for both. The packages panic over other digests than SHA-256.
fn vtpm_part(quote: &Value, hcl_report: &[u8]) -> Result<(), String> {
    if hcl_report.get(1228..1232) != Some(&[1, 0, 0, 0]) {
        return Err("would panic".to_owned());
    }
    let hcl_report = az_tdx_vtpm::hcl::HclReport::new(hcl_report.to_vec()).map_err(text)?;
    let key = hcl_report.ak_pub().map_err(text)?;
    let key = key.key.try_to_der().map_err(text)?;
    let key = PKey::public_key_from_der(&key).map_err(text)?;
    let hex = |value: &Value| hex::decode(value.as_str().unwrap_or_default()).map_err(text);
    let pcrs = quote["pcrs"].as_array().ok_or("no PCRs")?;
    let pcrs: Vec<Vec<u8>> = pcrs.iter().map(hex).collect::<Result<_, _>>()?;
    let quote =
        json!({"signature": hex(&quote["signature"])?, "message": hex(&quote["message"])?, "pcrs": pcrs});
    let quote: Quote = serde_json::from_value(quote).map_err(text)?;
    quote.verify(&key, NONCE).map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// The helper that flips bits writes what has no `-` and no `_` in the standard alphabet.
fn bytes(value: &Value) -> Option<Vec<u8>> {
    let text = value.as_str()?;
    URL_SAFE.decode(text).or_else(|_| STANDARD.decode(text)).ok()
}

fn ours(evidence: &Value) -> Result<(), VerifyError> {
    let verifier = AzSnpVtpmVerifier::new(SnpVerifier::new(SnpOptions::default()).unwrap());
    let json = evidence.to_string();
    let parsed = verifier.parse(UnverifiedEvidence::new(json.as_bytes()))?;
    let expected = ExpectedBinding {
        report_data: Some(NONCE.to_vec()),
        init_data: None,
    };
    parsed.verify(&expected, &Endorsements::new(), NOW).map(|_| ())
}

/// Is it refused for a check that the packages do not make?
fn is_stricter(error: &VerifyError) -> bool {
    matches!(
        error,
        VerifyError::AzVtpm(AzVtpmError::HclReport(_))
            | VerifyError::Snp(SnpError::Reserved | SnpError::SignaturePadding | SnpError::ChipIdMismatch)
            | VerifyError::Tpm(TpmError::PcrBank(_) | TpmError::PcrBanks(_) | TpmError::PcrSelection)
            | VerifyError::Format { .. }
    )
}

#[test]
fn verdicts_on_real_snp_evidence_and_its_changes_agree_with_upstream() {
    let Some(json) = fixture("az-snp-vtpm/evidence-v1.json") else {
        return;
    };
    let good: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(upstream_snp(&good), Ok(()));
    assert_eq!(ours(&good), Ok(()));
    let mut agreed = 0;
    for (place, changed) in flipped(&good) {
        match (ours(&changed), upstream_snp(&changed)) {
            (Ok(()), Ok(())) | (Err(_), Err(_)) => agreed += 1,
            (Err(error), Ok(())) => assert!(is_stricter(&error), "{place}: {error}"),
            (Ok(()), Err(error)) => panic!("{place}: upstream refuses what we accept: {error}"),
        }
    }
    assert!(agreed > 100, "{agreed}");
}

#[test]
fn verdicts_on_the_vtpm_of_real_tdx_evidence_agree_with_upstream() {
    let Some(json) = fixture("az-tdx-vtpm/evidence-v1.json") else {
        return;
    };
    let good: Value = serde_json::from_slice(&json).unwrap();
    // Without Intel's collateral only the vTPM's part can be judged.
    let ours = |evidence: &Value| -> Result<(), VerifyError> {
        let parts = wire::tdx(UnverifiedEvidence::new(evidence.to_string().as_bytes()))?;
        let hcl_report = HclReport::tdx(parts.hcl_report)?;
        let bytes = hcl_report.report();
        let report_data: [u8; 64] = bytes[128..192].try_into().unwrap();
        let runtime_data = hcl_report.runtime_data(&report_data)?;
        let expected = ExpectedBinding {
            report_data: Some(NONCE.to_vec()),
            init_data: None,
        };
        vtpm::verify(&parts.quote, &runtime_data, &expected).map(|_| ())
    };
    let upstream = |evidence: &Value| -> Result<(), String> {
        let hcl_report = bytes(&evidence["hcl_report"]).ok_or("no HCL report")?;
        vtpm_part(&evidence["tpm_quote"], &hcl_report)?;
        let hcl_report = az_tdx_vtpm::hcl::HclReport::new(hcl_report).map_err(text)?;
        let digest = hcl_report.var_data_sha256();
        let report: az_tdx_vtpm::tdx::TdReport = hcl_report.try_into().map_err(text)?;
        if digest != report.report_mac.reportdata[..32] {
            return Err("the runtime data is not in the report".to_owned());
        }
        Ok(())
    };
    assert_eq!(upstream(&good), Ok(()));
    assert_eq!(ours(&good), Ok(()));
    for (place, changed) in flipped(&good) {
        match (ours(&changed), upstream(&changed)) {
            (Ok(()), Ok(())) | (Err(_), Err(_)) => {}
            (Err(error), Ok(())) => {
                let binding = error == AzVtpmError::RuntimeDataBinding.into();
                assert!(is_stricter(&error) || binding, "{place}: {error}");
            }
            (Ok(()), Err(error)) => panic!("{place}: upstream refuses what we accept: {error}"),
        }
    }
}
