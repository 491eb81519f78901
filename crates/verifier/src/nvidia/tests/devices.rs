//! What a good device's evidence gives, and several devices at once.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

#[test]
fn a_simulated_hopper_gives_its_claims() {
    let claims = verify(report(&HOPPER), &HOPPER).unwrap();
    let [claims] = claims.as_slice() else {
        panic!("{claims:?}")
    };
    assert_eq!(claims.class(), TeeClass::Gpu);
    assert_eq!((claims.report_data(), claims.init_data()), (None, None));
    let claims = claims.claims();
    assert_eq!(claims["arch"], "Hopper");
    assert_eq!(claims["uuid"], HOPPER.uuid());
    assert_eq!(claims["measurements"].as_object().unwrap().len(), 64);
    assert_eq!(claims["measurements"]["2"], "02".repeat(48));
    assert_eq!(claims["config"]["driver_version"], "550.90.07");
    assert_eq!(claims["config"]["vbios_version"], "96.00.9f.00.01");
    assert_eq!(claims["config"]["fwid"], hex::encode(HOPPER.fwid()));
    assert_eq!(claims["config"]["measurement_count"]["3"], 1);
}

#[test]
fn evidence_is_hex_or_base64_and_the_uuid_may_be_left_out() {
    let bytes = report(&HOPPER).sign();
    let mut entry = HOPPER.entry(&bytes);
    for text in [
        hex::encode(&bytes),
        hex::encode_upper(&bytes),
        STANDARD.encode(&bytes),
    ] {
        entry["evidence"] = json!(text);
        assert!(Attempt::local(evidence(&[entry.clone()])).run().is_ok());
    }
    entry.as_object_mut().unwrap().remove("uuid");
    let claims = Attempt::local(evidence(&[entry.clone()])).run().unwrap();
    assert_eq!(claims[0].claims()["uuid"], "unknown");
    entry["arch"] = json!("Hopper");
    assert!(Attempt::local(evidence(&[entry])).run().is_ok());
}

#[test]
fn each_of_several_devices_gives_claims_of_its_own_in_their_order() {
    let devices: Vec<Device> = (0..4).map(|_| Device::new(Chip::Hopper).unwrap()).collect();
    let entries: Vec<Value> = devices.iter().map(good_entry).collect();
    let claims = Attempt::local(evidence(&entries)).run().unwrap();
    assert_eq!(claims.len(), 4);
    for (claims, device) in claims.iter().zip(&devices) {
        assert_eq!(claims.claims()["uuid"], device.uuid());
    }
}

#[test]
fn one_bad_device_spoils_the_evidence_of_all() {
    let other = Device::new(Chip::Hopper).unwrap();
    let stale = other.entry(&other.report().report_data(&[1; 48]).sign());
    let outcome = Attempt::local(evidence(&[good_entry(&HOPPER), stale])).run();
    assert_eq!(outcome, Err(VerifyError::ReportDataMismatch));
}

#[test]
fn the_same_device_twice_is_refused() {
    let outcome = Attempt::local(evidence(&[good_entry(&HOPPER), good_entry(&HOPPER)])).run();
    assert_eq!(outcome, refused(NvidiaError::SameDevice));
}

#[test]
fn no_device_and_too_many_devices_are_malformed() {
    assert!(is_format(&Attempt::local(evidence(&[])).run()));
    let many = vec![good_entry(&HOPPER); 33];
    assert!(is_format(&Attempt::local(evidence(&many)).run()));
}

#[test]
fn what_is_no_list_of_devices_is_malformed() {
    let good = good_entry(&HOPPER);
    let without = |member: &str| {
        let mut entry = good.clone();
        entry.as_object_mut().unwrap().remove(member);
        evidence(&[entry])
    };
    let with = |member: &str, value: Value| {
        let mut entry = good.clone();
        entry[member] = value;
        evidence(&[entry])
    };
    for text in [
        json!({}),
        json!([]),
        json!({"device_evidence_list": {}}),
        without("arch"),
        without("evidence"),
        without("certificate"),
        with("arch", json!("AMPERE")),
        with("arch", json!("hopper")),
        with("uuid", json!("x".repeat(129))),
        with("evidence", json!("not hex, not base64!")),
        with("evidence", json!("00".repeat(70_000))),
        with("certificate", json!("*")),
        with("certificate", json!("A".repeat(70_000))),
    ] {
        let outcome = Attempt::local(text.clone()).run();
        assert!(is_format(&outcome), "{text}: {outcome:?}");
    }
}

#[test]
fn only_hopper_is_judged_here() {
    for chip in [Chip::Blackwell, Chip::LS10] {
        let device = Device::new(chip).unwrap();
        let outcome = Attempt::local(evidence(&[good_entry(&device)])).run();
        assert!(
            matches!(outcome, Err(VerifyError::Nvidia(NvidiaError::Architecture(_)))),
            "{outcome:?}"
        );
    }
}

#[test]
fn another_chip_that_says_it_is_a_hopper_is_refused() {
    let device = Device::new(Chip::LS10).unwrap();
    let mut entry = good_entry(&device);
    entry["arch"] = json!("HOPPER");
    assert_eq!(
        Attempt::local(evidence(&[entry])).run(),
        refused(NvidiaError::OtherArchitecture)
    );
}

#[test]
fn a_nonce_must_be_expected_and_every_bit_of_it_counts() {
    let mut attempt = Attempt::local(evidence(&[good_entry(&HOPPER)]));
    attempt.expected.report_data = None;
    assert_eq!(attempt.run(), refused(NvidiaError::NoNonce));
    for length in [0, 65] {
        attempt.expected.report_data = Some(vec![0xa7; length]);
        assert!(matches!(attempt.run(), Err(VerifyError::BindingLength { .. })));
    }
    for bit in 0..256 {
        let mut expected = REPORT_DATA;
        expected[bit / 8] ^= 1 << (bit % 8);
        attempt.expected.report_data = Some(expected.to_vec());
        assert_eq!(attempt.run(), Err(VerifyError::ReportDataMismatch), "{bit}");
    }
}

#[test]
fn a_longer_digest_counts_by_its_first_32_bytes_and_a_shorter_one_is_filled_up() {
    for length in [1, 31, 32, 48, 64] {
        let data = vec![0x5e; length];
        let entry = HOPPER.entry(&HOPPER.report().report_data(&data).sign());
        let mut attempt = Attempt::local(evidence(&[entry]));
        attempt.expected.report_data = Some(data);
        assert!(attempt.run().is_ok(), "{length}");
        if length < 32 {
            attempt.expected.report_data = Some(vec![0x5e; 32]);
            assert_eq!(attempt.run(), Err(VerifyError::ReportDataMismatch));
        }
    }
}

#[test]
fn nothing_is_asked_of_any_source() {
    assert_eq!(Attempt::local(evidence(&[good_entry(&HOPPER)])).wanted(), []);
}
