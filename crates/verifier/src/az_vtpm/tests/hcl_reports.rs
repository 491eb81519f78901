//! HCL reports and runtime data with faults.

use super::*;
use serde_json::json;

fn changed(change: impl FnOnce(&mut HclReport)) -> Result<VerifiedClaims, VerifyError> {
    let mut hcl_report = good_hcl_report();
    change(&mut hcl_report);
    verify(&quote(&MILAN.tpm), &hcl_report)
}

#[test]
fn a_digest_other_than_sha_256_is_an_error_and_not_a_panic() {
    for digest_type in [0, 2, 3, 4, 0x100, u32::MAX] {
        assert_eq!(
            changed(|report| report.digest_type = digest_type),
            refused(AzVtpmError::DigestType(digest_type))
        );
    }
}

#[test]
fn the_report_of_another_processor_is_refused() {
    for report_type in [0, 1, 3, 4, 5, u32::MAX] {
        assert_eq!(
            changed(|report| report.report_type = report_type),
            refused(AzVtpmError::OtherProcessor("an AMD SEV-SNP machine"))
        );
    }
}

#[test]
fn faults_in_the_form_are_refused() {
    let malformed = |reason| refused(AzVtpmError::HclReport(reason));
    assert_eq!(
        changed(|report| report.magic = *b"HCLB"),
        malformed("it does not begin as one")
    );
    assert_eq!(
        changed(|report| report.data_version = 2),
        malformed("its runtime data is of an unknown version")
    );
    let contradiction = "its lengths contradict each other";
    for length in [0, 1, 1216, 1 << 20, u32::MAX] {
        assert_eq!(
            changed(|report| report.whole_length = Some(length)),
            malformed(contradiction)
        );
        assert_eq!(
            changed(|report| report.data_length = Some(length)),
            malformed(contradiction)
        );
        assert_eq!(
            changed(|report| report.runtime_length = Some(length)),
            malformed(contradiction)
        );
    }
    let following = "something follows its runtime data";
    assert_eq!(
        changed(|report| *report.trailing.last_mut().unwrap() = 1),
        malformed(following)
    );
    assert_eq!(
        changed(|report| report.trailing.insert(0, b'}')),
        malformed(following)
    );
    assert!(changed(|report| report.trailing.clear()).is_ok());
    assert_eq!(
        changed(|report| report.trailing = vec![0; 1 << 16]),
        malformed("it is too long")
    );
}

#[test]
fn a_report_with_lengths_that_agree_and_are_too_great_is_refused() {
    for more in [1, 1000, 0x7fff_0000] {
        let outcome = changed(|report| {
            let length = u32::try_from(report.runtime_data.0.len() + report.trailing.len()).unwrap() + more;
            report.runtime_length = Some(length);
            report.data_length = Some(20 + length);
            report.whole_length = Some(1236 + length);
        });
        assert_eq!(outcome, refused(AzVtpmError::HclReport("it is too short")));
    }
}

#[test]
fn a_report_cut_anywhere_is_refused() {
    let bytes = good_hcl_report().to_bytes().unwrap();
    let needed = bytes.len() - good_hcl_report().trailing.len();
    for length in 0..needed {
        let cut = crate::az_vtpm::hcl::HclReport::snp(bytes[..length].to_vec());
        assert!(cut.is_err(), "{length}");
    }
    assert!(crate::az_vtpm::hcl::HclReport::snp(bytes).is_ok());
}

type KeyChange<'a> = &'a dyn Fn(&mut Vec<Value>);

#[test]
fn runtime_data_without_one_rsa_attestation_key_is_refused() {
    let good: Value = serde_json::from_str(&good_hcl_report().runtime_data.0).unwrap();
    let with_keys = |change: KeyChange| {
        let mut data = good.clone();
        change(data["keys"].as_array_mut().unwrap());
        with_runtime_data(data.to_string())
    };
    assert!(with_keys(&|_| ()).is_ok());
    let cases: [KeyChange; 11] = [
        &Vec::clear,
        &|keys| drop(keys.remove(0)),
        &|keys| keys.push(keys[0].clone()),
        &|keys| keys[1]["kid"] = json!("HCLAkPub"),
        &|keys| keys[0]["kid"] = json!("hclakpub"),
        &|keys| keys[0]["kid"] = json!(null),
        &|keys| keys[0]["kty"] = json!("EC"),
        &|keys| drop(keys[0].as_object_mut().unwrap().remove("n")),
        &|keys| drop(keys[0].as_object_mut().unwrap().remove("e")),
        &|keys| keys[0]["n"] = json!("%"),
        &|keys| keys[0]["e"] = json!("AQAB=="),
    ];
    for (number, change) in cases.into_iter().enumerate() {
        assert_eq!(
            with_keys(change),
            refused(AzVtpmError::AttestationKey),
            "{number}"
        );
    }
    // Keys that verify nothing.
    for (member, value) in [("e", "AQ"), ("e", "Ag"), ("e", ""), ("n", ""), ("n", "AQAB")] {
        assert_eq!(
            with_keys(&|keys| keys[0][member] = json!(value)),
            refused_by_tpm(TpmError::Signature),
            "{member} {value}"
        );
    }
}

#[test]
fn runtime_data_that_is_not_the_json_it_should_be_is_refused_without_repeating_it() {
    let cases = [
        "".to_owned(),
        "canary".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        r#"{"keys":{}}"#.to_owned(),
        r#"{"keys":["canary"]}"#.to_owned(),
        r#"{"keys":[{"kid":"HCLAkPub"}]}"#.to_owned(),
        good_hcl_report().runtime_data.0 + "{}",
        good_hcl_report()
            .runtime_data
            .0
            .replace("\"user-data\":\"A7", "\"user-data\":\"canary"),
        good_hcl_report()
            .runtime_data
            .0
            .replace("{\"console-enabled\"", "[{\"canary\""),
        "[".repeat(1 << 12),
    ];
    for json in cases {
        let error = with_runtime_data(json.clone()).unwrap_err();
        assert!(
            matches!(error, VerifyError::AzVtpm(AzVtpmError::RuntimeData(_))),
            "{json}: {error:?}"
        );
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}
