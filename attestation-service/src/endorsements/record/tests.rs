use verifier::dcap::{DcapTee, Fmspc};
use verifier::{HwId, SnpProduct, SnpTcb};

use super::*;

pub(crate) const FMSPC: Fmspc = Fmspc([0, 0x80, 0x6f, 5, 0, 0]);

pub(crate) const TCB_INFO: EndorsementId = EndorsementId::DcapTcbInfo {
    tee: DcapTee::Tdx,
    fmspc: FMSPC,
};

pub(crate) const CRL: EndorsementId = EndorsementId::SnpCrl {
    product: SnpProduct::Milan,
};

pub(crate) fn vcek(chip: u8) -> EndorsementId {
    let tcb = SnpTcb {
        fmc: None,
        bootloader: 3,
        tee: 0,
        snp: 22,
        microcode: 213,
    };
    EndorsementId::SnpVcek {
        products: vec![SnpProduct::Milan],
        hwid: HwId::Full([chip; 64]),
        tcb,
    }
}

/// 2026-01-01T00:00:00Z, from when [`tcb_info`] is good, for thirty days.
pub(crate) const ISSUED: i64 = 1_767_225_600;

/// The last second of it.
pub(crate) const ENDS: i64 = ISSUED + 30 * DAY;

/// TCB info of [`FMSPC`], issued on a day of January 2026, good up to the 31st.
pub(crate) fn tcb_info(day: u8) -> Vec<u8> {
    format!(
        r#"{{"tcbInfo":{{"id":"TDX","issueDate":"2026-01-{day:02}T00:00:00Z","nextUpdate":"2026-01-31T00:00:00Z","fmspc":"00806F050000"}},"signature":"{day:02}"}}"#
    )
    .into_bytes()
}

/// What a source gave for [`TCB_INFO`] at `now`.
pub(crate) fn record(day: u8, now: i64) -> Record {
    Record::new(&TCB_INFO, tcb_info(day).into(), &"test".into(), now).unwrap()
}

/// A record of any kind with given times.
fn dated(from: Option<i64>, until: Option<i64>, fetched_at: i64) -> Record {
    Record {
        validity: Validity { from, until },
        fetched_at,
        ..record(1, fetched_at)
    }
}

#[test]
fn a_document_is_fresh_for_a_day_then_due_and_expired_after_its_last_second() {
    let record = record(1, ISSUED);
    for (now, expected) in [
        (ISSUED, Freshness::Fresh),
        (ISSUED + DAY, Freshness::Fresh),
        (ISSUED + DAY + 1, Freshness::Due),
        (ENDS, Freshness::Due),
        (ENDS + 1, Freshness::Expired),
        // A clock that goes backwards makes nothing older.
        (ISSUED - DAY, Freshness::Fresh),
    ] {
        assert_eq!(record.freshness(&TCB_INFO, now), expected, "{}", now - ISSUED);
    }
}

#[test]
fn what_ends_soon_is_due_when_a_quarter_of_its_time_is_left() {
    let record = dated(Some(0), Some(400), 0);
    assert_eq!(record.refresh_at(&TCB_INFO), Some(300));
    let record = dated(Some(0), Some(400), 1000);
    assert_eq!(
        record.refresh_at(&TCB_INFO),
        Some(1000),
        "fetched when it was over"
    );
}

#[test]
fn a_certificate_is_good_to_its_end_and_never_due() {
    let record = dated(Some(0), Some(1000), 10);
    assert_eq!(record.freshness(&vcek(1), 1000), Freshness::Fresh);
    assert_eq!(record.freshness(&vcek(1), 1001), Freshness::Expired);
}

#[test]
fn what_does_not_say_its_end_has_ours() {
    let record = dated(Some(0), None, 0);
    assert_eq!(record.freshness(&CRL, HOUR + 1), Freshness::Due);
    assert_eq!(record.freshness(&CRL, 7 * DAY + 1), Freshness::Expired);
    assert_eq!(
        record.freshness(&EndorsementId::NrasKeys, DAY + 1),
        Freshness::Expired
    );
    assert_eq!(record.freshness(&vcek(1), i64::MAX), Freshness::Fresh);
}

#[test]
fn the_age_of_a_file_is_the_files() {
    let fetched = Fetched {
        fetched_at: Some(7),
        ..tcb_info(1).into()
    };
    let record = Record::new(&TCB_INFO, fetched, &"test".into(), 1000).unwrap();
    assert_eq!((record.fetched_at, record.endorsement.fetched_at), (7, Some(7)));
}

#[test]
fn an_answer_that_is_not_what_was_asked_for_is_no_record() {
    let wrong = [b"<html>".to_vec(), tcb_info(1).replace_fmspc()];
    for bytes in wrong {
        assert!(Record::new(&TCB_INFO, bytes.into(), &"test".into(), 0).is_err());
    }
}

trait ReplaceFmspc {
    fn replace_fmspc(self) -> Self;
}

impl ReplaceFmspc for Vec<u8> {
    fn replace_fmspc(self) -> Self {
        String::from_utf8(self)
            .unwrap()
            .replace("00806F050000", "00906ED50000")
            .into_bytes()
    }
}
