//! Nothing that a stranger sends may make the verifier panic.

use super::*;
use crate::Tee;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn what_is_not_evidence_of_any_version_is_malformed() {
    let of = |version| {
        let vcek = MILAN.platform.vcek_der();
        SnpVm::wire(version, &quote(&MILAN.tpm), &good_hcl_report(), vcek).unwrap()
    };
    let changed = |version, change: fn(&mut Value)| {
        let mut evidence = of(version);
        change(&mut evidence);
        evidence
    };
    let (zero, two) = (Version::V0, Version::V2);
    let cases = [
        json!(null),
        json!([]),
        json!({}),
        json!({"version": 1}),
        changed(two, |it| it["version"] = json!(0)),
        changed(two, |it| it["version"] = json!(3)),
        changed(two, |it| it["version"] = json!("2")),
        changed(two, |it| it["version"] = json!(2.5)),
        changed(two, |it| it["version"] = json!(null)),
        changed(zero, |it| it["version"] = json!(2)),
        changed(two, |it| it["hcl_report"] = json!("%")),
        changed(two, |it| it["vcek"] = json!([1, 2])),
        changed(two, |it| it["tpm_quote"]["signature"] = json!("0")),
        changed(two, |it| it["tpm_quote"]["message"] = json!("zz")),
        changed(two, |it| it["tpm_quote"]["pcrs"] = json!([])),
        changed(two, |it| it["tpm_quote"]["pcrs"][23] = json!("00")),
        changed(zero, |it| it["quote"]["pcrs"][0] = json!([1, 2])),
        changed(zero, |it| it["quote"]["pcrs"][0][0] = json!(256)),
        changed(zero, |it| it["quote"]["signature"] = json!("00")),
        changed(zero, |it| it["report"] = json!("00")),
        changed(zero, |it| drop(it.as_object_mut().unwrap().remove("vcek"))),
    ];
    for evidence in cases {
        let outcome = Attempt::new(&evidence).run();
        let tee = Tee::AzSnpVtpm;
        assert!(
            matches!(&outcome, Err(VerifyError::Format { tee: found, .. }) if *found == tee),
            "{evidence}: {outcome:?}"
        );
    }
}

#[test]
fn base64_without_padding_is_read_too() {
    let mut evidence = wire(&quote(&MILAN.tpm), &good_hcl_report());
    for member in ["hcl_report", "vcek"] {
        let text = evidence[member]
            .as_str()
            .unwrap()
            .trim_end_matches('=')
            .to_owned();
        evidence[member] = json!(text);
    }
    assert!(Attempt::new(&evidence).run().is_ok());
}

proptest! {
    #[test]
    fn no_bytes_make_the_hcl_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..4000)) {
        let _ = crate::az_vtpm::hcl::HclReport::snp(bytes.clone());
        let mut begun = b"HCLA".to_vec();
        begun.extend(bytes);
        let _ = crate::az_vtpm::hcl::HclReport::snp(begun);
    }

    #[test]
    fn no_change_of_an_hcl_report_makes_anything_panic(at in 0..2600_usize, value: u8, cut in 0..3000_usize) {
        let mut bytes = good_hcl_report().to_bytes().unwrap();
        bytes[at] = value;
        bytes.truncate(cut);
        if let Ok(report) = crate::az_vtpm::hcl::HclReport::snp(bytes) {
            let snp = SnpVerifier::new(SnpOptions::default()).unwrap();
            let vcek = MILAN.platform.vcek_der().to_vec();
            let _ = crate::snp::SnpEvidence::of_raw_report(&snp, report.report(), vcek);
            let _ = report.runtime_data(&good_hcl_report().runtime_data.report_data());
        }
    }

    #[test]
    fn no_report_of_random_bytes_makes_the_snp_parser_panic(
        bytes in proptest::collection::vec(any::<u8>(), 1184), version in 0..8_u32
    ) {
        let mut report: [u8; 1184] = bytes.try_into().unwrap();
        report[..4].copy_from_slice(&version.to_le_bytes());
        let snp = SnpVerifier::new(SnpOptions::default()).unwrap();
        let _ = crate::snp::SnpEvidence::of_raw_report(&snp, &report, Vec::new());
    }
}
