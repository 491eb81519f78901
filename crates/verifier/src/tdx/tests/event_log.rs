//! The event log: it adds claims if it accounts for every register, and is refused otherwise.

use crate::dcap::tests::{Attempt, MACHINE, attempt, td};
use crate::tdx::TdxError;
use crate::{Tee, VerifiedClaims, VerifyError};
use eventlog::EventLogError;
use serde_json::json;
use simulated_tee::intel::{Ccel, TdBody, evidence};

const KERNEL: [u8; 48] = [0x4e; 48];
const COMMAND_LINE: [u8; 48] = [0xc1; 48];
const EV_NO_ACTION: u32 = 3;
const EV_EFI_BOOT_SERVICES_APPLICATION: u32 = 0x8000_0003;
const EV_EVENT_TAG: u32 = 6;

fn log() -> Ccel {
    Ccel::of_direct_boot(&KERNEL, &COMMAND_LINE)
}

/// A TD with these registers, and evidence with this log.
fn with(rtmrs: [[u8; 48]; 4], log: Option<&[u8]>) -> Attempt {
    let spec = MACHINE.td_quote(TdBody { rtmrs, ..td() });
    let quote = MACHINE.quote(&spec).unwrap();
    Attempt {
        evidence: evidence(&quote, log),
        ..attempt(&MACHINE, Tee::Tdx, &spec)
    }
}

/// The registers of a good boot, with another log.
fn with_log(other: &Ccel) -> Result<VerifiedClaims, VerifyError> {
    with(log().rtmrs(), Some(&other.bytes())).run()
}

fn refused(error: TdxError) -> Result<VerifiedClaims, VerifyError> {
    Err(VerifyError::Tdx(error))
}

#[test]
fn a_log_that_replays_becomes_claims() {
    let mut log = log();
    log.entry(
        "github.com/confidential-containers",
        "PullImage",
        r#"{"image": "docker.io/library/a"}"#,
    );
    let claims = with(log.rtmrs(), Some(&log.bytes())).run().unwrap();
    let events = claims.to_map()["uefi_event_logs"].as_array().unwrap().clone();
    assert_eq!(events.len(), 5);
    assert_eq!(events[1]["type_name"], json!("EV_EFI_BOOT_SERVICES_APPLICATION"));
    assert_eq!(
        events[1]["details"]["device_paths"],
        json!(["VenMedia(1428F772-B64A-441E-B8C3-9EBDD7F893C7,)", "File(kernel)"])
    );
    assert_eq!(events[1]["digests"][0]["digest"], json!(hex::encode(KERNEL)));
    assert_eq!(events[2]["details"]["string"], json!("LOADED_IMAGE::LoadOptions"));
    assert_eq!(events[2]["digest_matches_event"], json!(false));
    assert_eq!(
        events[4]["details"]["data"]["content"],
        json!({"image": "docker.io/library/a"})
    );
    assert_eq!(events[4]["digest_matches_event"], json!(true));
}

#[test]
fn without_a_log_there_is_nothing_that_a_policy_could_take_for_one() {
    for log in [None, Some(&[][..])] {
        let claims = with(self::log().rtmrs(), log).run().unwrap();
        assert!(!claims.to_map().contains_key("uefi_event_logs"));
    }
    let mut null = with(log().rtmrs(), None);
    null.evidence["cc_eventlog"] = json!(null);
    assert!(!null.run().unwrap().to_map().contains_key("uefi_event_logs"));
}

#[test]
fn a_log_with_a_record_changed_added_left_out_or_moved_is_refused() {
    // Another kernel than the one that was measured.
    let mut other = Ccel::new();
    other.separator(1);
    other.measured(2, EV_EFI_BOOT_SERVICES_APPLICATION, &[0; 32], &[0x60; 48]);
    other.measured(3, EV_EVENT_TAG, b"\0\0\0\0\0\0\0\0", &COMMAND_LINE);
    other.separator(2);
    assert_eq!(with_log(&other), refused(TdxError::Replay(1)));

    let mut added = log();
    added.separator(4);
    assert_eq!(with_log(&added), refused(TdxError::Replay(3)));
    let mut left_out = log();
    left_out.leave_out(2);
    assert_eq!(with_log(&left_out), refused(TdxError::Replay(2)));
    let mut moved = log();
    moved.swap(1, 3);
    assert_eq!(with_log(&moved), refused(TdxError::Replay(1)));
    // Of different registers, order does not matter.
    let mut harmless = log();
    harmless.swap(0, 1);
    assert!(with_log(&harmless).is_ok());
    assert_eq!(with_log(&Ccel::new()), refused(TdxError::Replay(0)));
}

#[test]
fn records_that_no_register_shows_are_refused() {
    for register in [0, 5, 17] {
        let mut log = log();
        log.unmeasured(register, EV_EFI_BOOT_SERVICES_APPLICATION, &[0; 32], &[0x60; 48]);
        assert_eq!(with_log(&log), refused(TdxError::UnquotedRegister(register)));
    }
    let mut log = log();
    log.unmeasured(2, EV_NO_ACTION, b"", &[0x60; 48]);
    assert!(matches!(
        with_log(&log),
        Err(VerifyError::Tdx(TdxError::EventLog(
            EventLogError::DigestOfNoAction(_)
        )))
    ));
    // Without a digest such a record only says something.
    let mut log = self::log();
    log.unmeasured(0, EV_NO_ACTION, b"SP800-155 Event3", &[0; 48]);
    assert!(with_log(&log).is_ok());
}

#[test]
fn a_malformed_log_is_refused() {
    let bytes = log().bytes();
    for bytes in [&b"x"[..], &bytes[..bytes.len() - 20], &bytes[1..]] {
        assert!(matches!(
            with(log().rtmrs(), Some(bytes)).run(),
            Err(VerifyError::Tdx(TdxError::EventLog(_)))
        ));
    }
}

#[test]
fn a_log_of_four_megabytes_is_verified() {
    let mut log = log();
    for _ in 0..4 {
        log.event(3, 0x8000_0006, &vec![7; 1 << 20]);
    }
    let claims = with(log.rtmrs(), Some(&log.bytes())).run().unwrap();
    assert_eq!(claims.to_map()["uefi_event_logs"].as_array().unwrap().len(), 8);
}
