//! Good reports, what a policy sees of them, and reports that are not what they should be.

use super::*;
use crate::{Tee, TeeClass};

fn policy() -> Value {
    json!({
        "nodbg": 1, "noks": 1, "es": 1, "nosend": 1, "domain": 0, "csv": 0, "csv3": 0, "asid_reuse": 0,
        "hsk_version": 0, "cek_version": 0, "api_major": 1, "api_minor": 4,
    })
}

#[test]
fn claims_of_version_1_have_the_names_and_types_that_policies_read() {
    let claims = verify(&good(Version::V1)).unwrap();
    assert_eq!(
        Value::from(claims.claims().clone()),
        json!({
            "version": "1",
            "policy": policy(),
            "user_pubkey_digest": "d1".repeat(32),
            "vm_id": "11".repeat(16),
            "vm_version": "22".repeat(16),
            "mnonce": "33".repeat(16),
            "measure": "3e".repeat(32),
            "sig_usage": "02100000",
            "sig_algo": "04000000",
            "anonce": "3593d77e",
            "serial_number": "SIM0000000001",
        })
    );
    let report_data = format!("{}{}", "a7".repeat(48), "00".repeat(16));
    assert_eq!(claims.report_data(), Some(report_data.as_str()));
    assert_eq!(claims.init_data(), None);
    assert_eq!((claims.tee(), claims.class()), (Tee::Csv, TeeClass::Cpu));
}

#[test]
fn claims_of_version_2_have_the_names_and_types_that_policies_read() {
    let claims = verify(&good(Version::V2)).unwrap();
    let zeros = "00".repeat(32);
    assert_eq!(
        Value::from(claims.claims().clone()),
        json!({
            "version": "2",
            "policy": policy(),
            "user_pubkey_digest": "d1".repeat(32),
            "vm_id": "11".repeat(16),
            "vm_version": "22".repeat(16),
            "mnonce": "33".repeat(16),
            "measure": "3e".repeat(32),
            "sig_usage": "02100000",
            "sig_algo": "04000000",
            "serial_number": "SIM0000000001",
            "build": 2337,
            "rtmr_version": 1,
            "reserved0": "00".repeat(14),
            "reserved1": "00".repeat(656),
            "rtmr0": "3e".repeat(32),
            "rtmr1": zeros, "rtmr2": zeros, "rtmr3": zeros, "rtmr4": zeros,
        })
    );
}

#[test]
fn every_part_of_the_policy_is_a_claim() {
    for (policy, path, value) in [
        (0x0000_0010, "domain", 1),
        (0x0000_0020, "csv", 1),
        (0x0000_0040, "csv3", 1),
        (0x0000_0080, "asid_reuse", 1),
        (0x0000_0f00, "hsk_version", 15),
        (0x0000_f000, "cek_version", 15),
        (0x00ff_0000, "api_major", 255),
        (0xff00_0000, "api_minor", 255),
    ] {
        for version in VERSIONS {
            let mut report = MACHINE.report(version).report_data(&REPORT_DATA);
            report.policy = policy;
            let claims = verify(&MACHINE.evidence(&report)).unwrap();
            let parts = claims.claims()["policy"].as_object().unwrap();
            for (name, found) in parts {
                assert_eq!(found, if name == path { value } else { 0 }, "{policy:#x} {name}");
            }
        }
    }
}

#[test]
fn the_older_version_may_be_asked_for_in_the_newer_way() {
    let mut evidence = good(Version::V1).to_json();
    evidence["attestation_report"]["magic"] = json!(b"ATTESTATION_EXT\0");
    let claims = Attempt::new(&evidence).run().unwrap();
    assert_eq!(claims.claims()["version"], json!("1"));
}

#[test]
fn magic_and_flags_name_a_version() {
    for (magic, flags) in [
        (*b"ATTESTATION_EXT\0", 2),
        ([0; 16], 1),
        ([1; 16], 0),
        ([1; 16], 1),
    ] {
        let mut evidence = good(Version::V2).to_json();
        evidence["attestation_report"]["magic"] = json!(magic);
        evidence["attestation_report"]["flags"] = json!(flags);
        assert_eq!(Attempt::new(&evidence).run(), refused(CsvError::ReportKind));
    }
}

#[test]
fn a_report_of_one_version_is_none_of_the_other() {
    for (version, other) in [(Version::V1, Version::V2), (Version::V2, Version::V1)] {
        let mut evidence = good(version);
        evidence.version = other;
        assert!(verify(&evidence).is_err());
    }
}

#[test]
fn report_data_is_padded_with_zeros_and_compared_in_all_its_bytes() {
    for version in VERSIONS {
        for bit in (0..512).step_by(73) {
            let mut bytes = [0; 64];
            bytes[..48].copy_from_slice(&REPORT_DATA);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let evidence = MACHINE.evidence(&MACHINE.report(version).report_data(&bytes));
            assert_eq!(verify(&evidence), Err(VerifyError::ReportDataMismatch), "{bit}");
        }
        let evidence = good(version).to_json();
        let mut attempt = Attempt::new(&evidence);
        attempt.report_data = None;
        assert!(attempt.run().is_ok());
        attempt.report_data = Some(vec![0xa7; 65]);
        assert!(matches!(
            attempt.run(),
            Err(VerifyError::BindingLength { length: 65, .. })
        ));
    }
}

#[test]
fn a_report_says_that_a_pek_signed_it_with_sm2() {
    for version in VERSIONS {
        for (usage, algorithm) in [(0x1003, 4), (0x1004, 4), (0x1002, 5), (0, 0)] {
            let mut report = MACHINE.report(version).report_data(&REPORT_DATA);
            (report.sig_usage, report.sig_algo) = (usage, algorithm);
            assert_eq!(
                verify(&MACHINE.evidence(&report)),
                refused(CsvError::ReportSigner)
            );
        }
    }
}

#[test]
fn another_key_than_the_peks_does_not_sign_reports() {
    for version in VERSIONS {
        for key in [&MACHINE.cek, &MACHINE.hsk, &MACHINE.hrk] {
            let report = MACHINE.report(version).report_data(&REPORT_DATA).key(key);
            assert_eq!(
                verify(&MACHINE.evidence(&report)),
                refused(CsvError::ReportSignature)
            );
        }
    }
}

#[test]
fn the_padding_of_a_signature_is_zero_and_its_numbers_are_in_range() {
    for (version, signed) in [(Version::V1, 192), (Version::V2, 1024)] {
        let good = good(version);
        let check = |at: usize, bytes: &[u8]| {
            let mut evidence = good.clone();
            evidence.report[signed + at..signed + at + bytes.len()].copy_from_slice(bytes);
            assert_eq!(verify(&evidence), refused(CsvError::ReportSignature), "{at}");
        };
        for at in [32, 71, 104, 143] {
            check(at, &[1]);
        }
        for at in [0, 72] {
            check(at, &[0; 32]);
            check(at, &[0xff; 32]);
        }
    }
}

#[test]
fn the_mask_of_version_1_is_not_signed_and_moves_every_field_alike() {
    let mut evidence = good(Version::V1);
    evidence.report[188] ^= 1;
    // Whoever changes it changes the report data and the measurement too.
    assert_eq!(verify(&evidence), refused(CsvError::ReportSigner));
    let mut report = MACHINE
        .report(Version::V1)
        .report_data(&[0xa6, 0xa7, 0xa7, 0xa7].repeat(12));
    for at in 48..64 {
        report.report_data[at] = u8::from(at % 4 == 0);
    }
    report.sig_usage ^= 1;
    report.sig_algo ^= 1;
    let mut moved = MACHINE.evidence(&report);
    moved.report[188] ^= 1;
    let claims = verify(&moved).unwrap();
    assert_eq!(claims.claims()["measure"], json!("3f3e3e3e".repeat(8)));
    assert_eq!(claims.claims()["policy"]["nodbg"], json!(0));
}
