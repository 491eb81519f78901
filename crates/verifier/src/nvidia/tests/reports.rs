//! The report: what every structural field must be, what the opaque data may hold, and the signature.

use super::*;
use simulated_tee::nvidia::Measurement;

fn changed(change: impl FnOnce(&mut ReportBuilder<'_>)) -> Result<Vec<VerifiedClaims>, VerifyError> {
    verify(report(&HOPPER).with(change), &HOPPER)
}

/// A well-signed report in which `change` went wrong.
#[track_caller]
fn assert_refused(expected: NvidiaError, change: impl FnOnce(&mut ReportBuilder<'_>)) {
    assert_eq!(changed(change), refused(expected));
}

#[test]
fn only_a_signed_request_for_all_measurements_in_spdm_1_1_is_one() {
    assert_refused(NvidiaError::Spdm("version"), |r| r.request[0] = 0x12);
    assert_refused(NvidiaError::Spdm("request code"), |r| r.request[1] = 0xe1);
    for attributes in [0, 3, 0x81] {
        assert_refused(NvidiaError::Spdm("request attributes"), |r| {
            r.request[2] = attributes
        });
    }
    for operation in [0, 1, 0xfe] {
        assert_refused(NvidiaError::Spdm("requested measurements"), |r| {
            r.request[3] = operation
        });
    }
    assert_refused(NvidiaError::Spdm("slot"), |r| r.slot = 0x10);
}

#[test]
fn only_the_measurements_that_answer_it_are_an_answer() {
    assert_refused(NvidiaError::Spdm("version"), |r| r.response[0] = 0x10);
    assert_refused(NvidiaError::Spdm("response code"), |r| r.response[1] = 0x7f);
    assert_refused(NvidiaError::Spdm("first parameter"), |r| r.response[2] = 64);
    assert_refused(NvidiaError::Spdm("slot"), |r| r.response[3] = 1);
    assert!(changed(|r| (r.slot, r.response[3]) = (2, 2)).is_ok());
}

#[test]
fn lengths_must_be_exact() {
    assert_refused(NvidiaError::Length("measurement record"), |r| r.blocks = Some(63));
    assert_refused(NvidiaError::Length("measurement record"), |r| r.blocks = Some(65));
    assert_refused(NvidiaError::Length("measurement record"), |r| {
        r.record_length = Some(0xff_ffff);
    });
    assert_refused(NvidiaError::Length("response"), |r| r.trailing = vec![0]);
    assert_refused(NvidiaError::Spdm("opaque length"), |r| {
        r.opaque_length = Some(0xffff)
    });
    assert_refused(NvidiaError::Length("opaque data"), |r| {
        r.opaque_length = Some(1000)
    });
    assert_refused(NvidiaError::Spdm("opaque length"), |r| {
        r.opaque.push((0, vec![0; 700]));
    });
}

#[test]
fn a_measurement_is_a_dmtf_one_of_a_sensible_index_and_there_once() {
    let refused = |index| NvidiaError::Measurement(index);
    assert_refused(refused(1), |r| r.measurements[0].specification = 2);
    assert_refused(refused(0), |r| r.measurements[0].index = 0);
    assert_refused(refused(0xff), |r| r.measurements[0].index = 0xff);
    assert_refused(refused(2), |r| r.measurements[0].index = 2);
    assert_refused(refused(5), |r| r.measurements[4].value.clear());
    assert_refused(refused(5), |r| r.measurements[4].value = vec![1; 1025]);
}

#[test]
fn a_measurement_whose_own_length_is_wrong_is_malformed() {
    // The length of the value is three bytes into the block: say one byte less, or more, than there is.
    let offset = 37 + 8 + 5;
    for length in [47, 49] {
        let mut bytes = report(&HOPPER).sign();
        bytes[offset] = length;
        let outcome = Attempt::local(evidence(&[HOPPER.entry(&bytes)])).run();
        assert_eq!(outcome, super::refused(NvidiaError::Measurement(1)));
    }
}

#[test]
fn measurements_of_any_number_and_length_are_claims() {
    let claims = changed(|r| {
        r.measurements = vec![Measurement {
            index: 200,
            specification: 1,
            kind: 0x81,
            value: vec![1; 64],
        }];
    });
    assert_eq!(
        claims.unwrap()[0].claims()["measurements"],
        json!({"200": "01".repeat(64)})
    );
}

#[test]
fn versions_and_firmware_id_must_be_there() {
    for (kind, name) in [(3, "driver_version"), (6, "vbios_version"), (20, "fwid")] {
        let outcome = verify(report(&HOPPER).field(kind, None), &HOPPER);
        assert_eq!(outcome, super::refused(NvidiaError::OpaqueFieldMissing(name)));
    }
}

#[test]
fn each_field_of_the_opaque_data_has_its_form() {
    let shown = |kind, value: &[u8], name: &str| {
        let claims = verify(report(&HOPPER).field(kind, Some(value)), &HOPPER).unwrap();
        claims[0].claims()["config"][name].clone()
    };
    assert_eq!(shown(1, b"CA", "cert_issuer_name"), "4341");
    assert_eq!(shown(11, b"\xaa", "nvdec0_status"), "aa");
    assert_eq!(shown(21, b"U", "protected_pcie_status"), "U");
    assert_eq!(shown(21, b"\xaa", "protected_pcie_status"), "aa");
    assert_eq!(shown(15, b"a\0b\0", "chip_sku"), "61006200");
    assert_eq!(
        shown(22, &[1; 16], "switch_pdi"),
        json!(["01".repeat(8), "01".repeat(8)])
    );
    assert_eq!(shown(34, &[2, 1], "opaque_data_version"), 258);
    assert_eq!(shown(35, b"GH100 A01\0", "chip_info"), "GH100 A01");
    for (value, name) in [(0, "SPT"), (1, "MPT"), (2, "PPCIE"), (3, "unknown")] {
        assert_eq!(shown(36, &[value, 0], "feature_flag"), name);
    }
    assert_eq!(shown(33, &[7], "sys_enable_status"), "07");
    assert_eq!(shown(500, &[7], "opaque_500"), "07");
}

#[test]
fn a_field_that_has_not_its_form_or_is_there_twice_is_refused() {
    for (kind, value) in [
        (3, &b""[..]),
        (3, b"\0"),
        (3, b"550\n"),
        (3, b"5\xff"),
        (6, &[0; 7]),
        (6, &[0; 9]),
        (6, &[1, 2, 3, 4, 5, 0, 0, 1]),
        (12, &[0; 7]),
        (20, &[0; 47]),
        (20, &[0; 49]),
        (22, &[0; 9]),
        (34, &[0; 9]),
        (36, &[0; 9]),
        (255, &[0]),
    ] {
        let outcome = verify(report(&HOPPER).field(kind, Some(value)), &HOPPER);
        assert_eq!(outcome, super::refused(NvidiaError::OpaqueField(kind)), "{kind}");
    }
    for kind in [3, 14, 20] {
        assert_refused(NvidiaError::OpaqueField(kind), |r| {
            let again = r.opaque.iter().find(|(found, _)| *found == kind).unwrap().clone();
            r.opaque.push(again);
        });
    }
}

#[test]
fn no_bit_of_a_report_can_be_changed() {
    let good = report(&HOPPER).sign();
    // Every byte outside the values of measurements, and one byte in each of those.
    let inside = |at: &usize| (45..45 + 64 * 55).contains(at) && (at - 45) % 55 > 8;
    for at in (0..good.len()).filter(|at| !inside(at)) {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        let outcome = Attempt::local(evidence(&[HOPPER.entry(&bytes)])).run();
        assert!(
            matches!(outcome, Err(VerifyError::Nvidia(_))),
            "byte {at}: {outcome:?}"
        );
    }
}

#[test]
fn a_signature_of_zeros_and_one_of_another_device_are_refused() {
    let good = report(&HOPPER).sign();
    let signature = good.len() - 96;
    let with = |range: std::ops::Range<usize>, value: u8| {
        let mut bytes = good.clone();
        bytes[range].fill(value);
        Attempt::local(evidence(&[HOPPER.entry(&bytes)])).run()
    };
    for outcome in [
        with(signature..signature + 48, 0),
        with(signature + 48..signature + 96, 0),
        with(signature..signature + 96, 0),
        with(signature..signature + 48, 0xff),
        with(signature + 48..signature + 96, 0xff),
    ] {
        assert_eq!(outcome, super::refused(NvidiaError::ReportSignature));
    }
    // The other device says that it has this one's firmware.
    let other = Device::new(Chip::Hopper).unwrap();
    let bytes = report(&other).field(20, Some(&HOPPER.fwid())).sign();
    let outcome = Attempt::local(evidence(&[HOPPER.entry(&bytes)])).run();
    assert_eq!(outcome, super::refused(NvidiaError::ReportSignature));
}

#[test]
fn a_report_of_other_firmware_than_the_certificates_is_refused() {
    let outcome = verify(report(&HOPPER).field(20, Some(&[7; 48])), &HOPPER);
    assert_eq!(outcome, super::refused(NvidiaError::FwidMismatch));
}
