//! Evidence of real Azure machines, against AMD's own roots. None of it is in this repository: it lies beside the
//! project, or where cargo unpacked the crate `az-cvm-vtpm`.

use super::*;
use crate::az_vtpm::hcl;
use crate::testing::{fixture, published};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::json;
use simulated_tee::proof::{self, Proof};

/// The fixtures were made for this nonce.
const NONCE: &[u8] = b"challenge";

/// AMD's roots alone.
fn attempt(evidence: &Value) -> Attempt<'_> {
    static VERIFIER: LazyLock<AzSnpVtpmVerifier> =
        LazyLock::new(|| AzSnpVtpmVerifier::new(SnpVerifier::new(SnpOptions::default()).unwrap()));
    Attempt {
        verifier: VERIFIER.clone(),
        expected: ExpectedBinding {
            report_data: Some(NONCE.to_vec()),
            init_data: None,
        },
        ..Attempt::new(evidence)
    }
}

fn evidence(name: &str) -> Option<Value> {
    let found = fixture(&format!("az-snp-vtpm/{name}"));
    if found.is_none() {
        proof::note("az-snp-vtpm", Proof::Absent, name, 1).unwrap();
    }
    Some(serde_json::from_slice(&found?).unwrap())
}

#[test]
fn evidence_with_a_flipped_bit_anywhere_is_refused() {
    for name in ["evidence-v0.json", "evidence-v1.json"] {
        let Some(good) = evidence(name) else { return };
        assert!(attempt(&good).run().is_ok());
        let mutations = proof::flipped(&good);
        for (place, changed) in &mutations {
            assert!(attempt(changed).run().is_err(), "{name}: {place}");
        }
        proof::note("az-snp-vtpm", Proof::Vectors, name, 1).unwrap();
        proof::note("az-snp-vtpm", Proof::Mutations, name, mutations.len()).unwrap();
    }
}

#[test]
fn the_evidence_of_version_1_verifies_and_its_claims_are_the_machines() {
    let Some(evidence) = evidence("evidence-v1.json") else {
        return;
    };
    let verified = attempt(&evidence).run().unwrap();
    assert_eq!(verified.report_data(), Some(hex::encode(NONCE).as_str()));
    assert_eq!(verified.init_data(), Some("00".repeat(32).as_str()));
    let claims = verified.claims();
    assert_eq!(claims["policy_debug_allowed"], json!("false"));
    assert_eq!(claims["reported_tcb_microcode"], json!("219"));
    assert_eq!(claims["tpm"]["pcr00"], evidence["tpm_quote"]["pcrs"][0]);
    assert_eq!(claims["snp"]["chip_family"], json!("Milan"));
    assert_eq!(claims["snp"]["reported_tcb_microcode"], json!(219));
    assert_eq!(claims["vm_configuration"]["secure-boot"], json!(true));
}

#[test]
fn no_changed_evidence_of_version_1_verifies() {
    let Some(good) = evidence("evidence-v1.json") else {
        return;
    };
    let hcl_report = URL_SAFE.decode(good["hcl_report"].as_str().unwrap()).unwrap();
    let end = hcl_report.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let with_flip = |at: usize, bit: u8| {
        let mut bytes = hcl_report.clone();
        bytes[at] ^= bit;
        let mut evidence = good.clone();
        evidence["hcl_report"] = json!(URL_SAFE.encode(bytes));
        attempt(&evidence).run()
    };
    let headers = (0..32).chain(1216..1240);
    let rest = (32..hcl_report.len()).step_by(7);
    for at in headers.chain(rest) {
        let outcome = with_flip(at, 0x04);
        let fits = match at {
            // Version and kind of request, which nothing is made of.
            4..8 | 12..16 => outcome.is_ok(),
            0..1216 if at >= 32 => matches!(outcome, Err(VerifyError::Snp(_))),
            1224..1228 => matches!(outcome, Err(VerifyError::AzVtpm(AzVtpmError::OtherProcessor(_)))),
            1228..1232 => matches!(outcome, Err(VerifyError::AzVtpm(AzVtpmError::DigestType(_)))),
            at if (1236..end).contains(&at) => outcome == refused(AzVtpmError::RuntimeDataBinding),
            _ => matches!(outcome, Err(VerifyError::AzVtpm(AzVtpmError::HclReport(_)))),
        };
        assert!(fits, "{at}: {outcome:?}");
    }
    // What is signed and read nowhere else before the signature is verified.
    for at in [
        0x10, 0x20, 0x50, 0x90, 0xc0, 0xe0, 0x140, 0x160, 0x1f0, 0x2a0, 0x2e8,
    ] {
        assert_eq!(
            with_flip(32 + at, 1),
            refused_by_snp(SnpError::ReportSignature),
            "{at:#x}"
        );
    }
    assert_eq!(with_flip(32 + 0x30, 1), refused_by_snp(SnpError::ReportSignature));
    assert_eq!(with_flip(32 + 0x1a0, 1), refused_by_snp(SnpError::ChipIdMismatch));

    for member in ["message", "signature"] {
        let bytes = hex::decode(good["tpm_quote"][member].as_str().unwrap()).unwrap();
        for at in (0..bytes.len()).step_by(3) {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x40;
            let mut evidence = good.clone();
            evidence["tpm_quote"][member] = json!(hex::encode(bytes));
            assert_eq!(
                attempt(&evidence).run(),
                refused_by_tpm(TpmError::Signature),
                "{member} {at}"
            );
        }
    }
    for register in 0..24 {
        let mut evidence = good.clone();
        evidence["tpm_quote"]["pcrs"][register] = json!("01".repeat(32));
        assert_eq!(attempt(&evidence).run(), refused_by_tpm(TpmError::PcrDigest));
    }
    let vcek = URL_SAFE.decode(good["vcek"].as_str().unwrap()).unwrap();
    for at in (0..vcek.len()).step_by(9).chain([vcek.len() - 1]) {
        let mut bytes = vcek.clone();
        bytes[at] ^= 1;
        let mut evidence = good.clone();
        evidence["vcek"] = json!(URL_SAFE.encode(bytes));
        let outcome = attempt(&evidence).run();
        assert!(matches!(outcome, Err(VerifyError::Snp(_))), "{at}: {outcome:?}");
    }
    let mut swapped = good.clone();
    swapped["vcek"] = json!(URL_SAFE.encode(MILAN.platform.vcek_der()));
    assert_eq!(attempt(&swapped).run(), refused_by_snp(SnpError::ChainSignature));
}

#[test]
fn the_evidence_of_version_1_is_bound_to_its_nonce_and_time() {
    let Some(good) = evidence("evidence-v1.json") else {
        return;
    };
    for report_data in [&b"Challenge"[..], b"challenge\0", b"challeng"] {
        let mut other = attempt(&good);
        other.expected.report_data = Some(report_data.to_vec());
        assert_eq!(other.run(), Err(VerifyError::ReportDataMismatch));
    }
    let mut without = attempt(&good);
    without.expected.report_data = None;
    let error = VerifyError::BindingRequired { field: "report data" };
    assert_eq!(without.run(), Err(error));
    let mut with_init_data = attempt(&good);
    with_init_data.expected.init_data = Some(vec![0; 32]);
    assert_eq!(with_init_data.run(), Err(VerifyError::InitDataMismatch));
    // In 2040 the certificate is expired.
    let expired = Attempt {
        now: 2_208_988_800,
        ..attempt(&good)
    };
    assert_eq!(expired.run(), refused_by_snp(SnpError::Validity));
    // It has no user data, and cannot pass for the version that demands it.
    let mut newer = good.clone();
    newer["version"] = json!(2);
    assert_eq!(attempt(&newer).run(), refused(AzVtpmError::UserDataMismatch));
}

#[test]
fn the_evidence_of_version_0_verifies_and_no_changed_one_does() {
    let Some(good) = evidence("evidence-v0.json") else {
        return;
    };
    let verified = attempt(&good).run().unwrap();
    assert_eq!(verified.report_data(), Some(hex::encode(NONCE).as_str()));
    let flip = |path: &str, at: usize| {
        let mut evidence = good.clone();
        let byte = &mut evidence.pointer_mut(path).unwrap()[at];
        *byte = json!(byte.as_u64().unwrap() ^ 2);
        attempt(&evidence).run()
    };
    assert_eq!(
        flip("/report", 0),
        refused(AzVtpmError::HclReport("it does not begin as one"))
    );
    assert_eq!(flip("/report", 1228), refused(AzVtpmError::DigestType(3)));
    assert_eq!(flip("/report", 1300), refused(AzVtpmError::RuntimeDataBinding));
    assert_eq!(
        flip("/report", 32 + 0x90),
        refused_by_snp(SnpError::ReportSignature)
    );
    assert_eq!(flip("/quote/message", 4), refused_by_tpm(TpmError::Signature));
    assert_eq!(flip("/quote/signature", 255), refused_by_tpm(TpmError::Signature));
    assert_eq!(flip("/quote/pcrs/11", 31), refused_by_tpm(TpmError::PcrDigest));
    let mut evidence = good.clone();
    evidence["vcek"] = json!(good["vcek"].as_str().unwrap().replacen('A', "B", 1));
    assert!(matches!(attempt(&evidence).run(), Err(VerifyError::Snp(_))));
}

#[test]
fn the_hcl_reports_of_az_cvm_vtpm_are_of_the_processors_they_say() {
    let Some(folder) = published("az-cvm-vtpm-0.8.2") else {
        return;
    };
    let file = |name: &str| std::fs::read(folder.join("test").join(name)).unwrap();
    let report = hcl::HclReport::snp(file("hcl-report-snp.bin")).unwrap();
    let report_data: [u8; 64] = report.report()[0x50..0x90].try_into().unwrap();
    assert!(report.runtime_data(&report_data).is_ok());
    assert_eq!(
        report.runtime_data(&[0; 64]).err(),
        Some(AzVtpmError::RuntimeDataBinding)
    );
    let other = hcl::HclReport::snp(file("hcl-report-tdx.bin")).err();
    assert_eq!(other, Some(AzVtpmError::OtherProcessor("an AMD SEV-SNP machine")));
    // The certificates beside it are of another chip.
    let snp = SnpVerifier::new(SnpOptions::default()).unwrap();
    let evidence = crate::snp::SnpEvidence::of_raw_report(&snp, report.report(), file("certs.pem")).unwrap();
    let outcome = evidence.verify_report(&Endorsements::new(), NOW).err();
    assert!(
        matches!(
            outcome,
            Some(VerifyError::Snp(
                SnpError::ChipIdMismatch | SnpError::TcbMismatch { .. }
            ))
        ),
        "{outcome:?}"
    );
}
