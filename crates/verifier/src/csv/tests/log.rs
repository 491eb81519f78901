//! Event logs beside reports of version 2.

use super::*;
use eventlog::{Algorithm, EventLogError};

/// A log with SM3 and SHA-256 digests: register and data of each record.
fn log(records: &[(u32, &[u8])]) -> Vec<u8> {
    let mut log = Vec::new();
    // TCG_PCClientPCREvent: register 0, EV_NO_ACTION, no digest.
    let mut spec = b"Spec ID Event03\0".to_vec();
    spec.extend([0, 0, 0, 0, 0, 2, 2, 2]);
    spec.extend(2_u32.to_le_bytes());
    for algorithm in [Algorithm::Sm3, Algorithm::Sha256] {
        spec.extend(algorithm.id().to_le_bytes());
        spec.extend(32_u16.to_le_bytes());
    }
    spec.push(0);
    log.extend(0_u32.to_le_bytes());
    log.extend(3_u32.to_le_bytes());
    log.extend([0; 20]);
    log.extend(u32::try_from(spec.len()).unwrap().to_le_bytes());
    log.extend(spec);
    for (register, data) in records {
        log.extend(register.to_le_bytes());
        log.extend(0x0000_000d_u32.to_le_bytes()); // EV_IPL
        log.extend(2_u32.to_le_bytes());
        for algorithm in [Algorithm::Sm3, Algorithm::Sha256] {
            log.extend(algorithm.id().to_le_bytes());
            log.extend(algorithm.digest(&[data]));
        }
        log.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        log.extend(*data);
    }
    log
}

const RECORDS: [(u32, &[u8]); 4] = [
    (1, b"kernel"),
    (2, b"initrd"),
    (2, b"command line"),
    (4, b"policy"),
];

/// Evidence whose registers are those of [`RECORDS`].
fn evidence() -> Evidence {
    let mut report = MACHINE.report(Version::V2).report_data(&REPORT_DATA);
    for (register, data) in RECORDS {
        let rtmr = &mut report.rtmrs[register as usize];
        let digest = Algorithm::Sm3.digest(&[data]);
        *rtmr = Algorithm::Sm3.digest(&[rtmr, &digest]).try_into().unwrap();
    }
    let mut evidence = MACHINE.evidence(&report);
    evidence.event_log = Some(log(&RECORDS));
    evidence
}

#[test]
fn a_log_that_replays_is_a_claim_with_the_digests_that_are_proved() {
    let claims = verify(&evidence()).unwrap();
    let records = claims.to_map()["uefi_event_logs"].as_array().unwrap().clone();
    assert_eq!(records.len(), RECORDS.len());
    for (record, (register, _)) in records.iter().zip(RECORDS) {
        assert_eq!(record["index"], json!(register));
        assert_eq!(record["digest_matches_event"], json!(true));
        let digests = record["digests"].as_array().unwrap();
        assert_eq!(digests.len(), 1);
        assert_eq!(digests[0]["alg"], json!("SM3"));
    }
}

#[test]
fn a_log_that_does_not_replay_is_refused_with_its_register() {
    let with = |records: &[(u32, &[u8])]| {
        let mut evidence = evidence();
        evidence.event_log = Some(log(records));
        verify(&evidence)
    };
    let [kernel, initrd, line, policy] = RECORDS;
    for (records, register) in [
        (vec![initrd, line, policy], 1),
        (vec![kernel, line, initrd, policy], 2),
        (vec![kernel, initrd, policy], 2),
        (vec![kernel, initrd, line, policy, (3, b"more")], 3),
        (vec![kernel, initrd, line], 4),
        (vec![kernel, initrd, line, (4, b"another")], 4),
        (vec![], 1),
    ] {
        assert_eq!(
            with(&records),
            refused(CsvError::EventLogMismatch(register)),
            "{records:?}"
        );
    }
    for register in [0, 5, 17] {
        let records = [kernel, initrd, line, policy, (register, b"x")];
        assert_eq!(with(&records), refused(CsvError::EventLogRegister(register)));
    }
}

#[test]
fn a_log_that_cannot_be_read_is_refused() {
    let mut evidence = evidence();
    let good = evidence.event_log.clone().unwrap();
    evidence.event_log = Some(good[..good.len() - 1].to_vec());
    assert!(matches!(
        verify(&evidence),
        Err(VerifyError::Csv(CsvError::EventLog(EventLogError::Truncated(_))))
    ));
    let mut json = evidence.to_json();
    json["cc_eventlog"] = json!("%");
    assert!(matches!(
        Attempt::new(&json).run(),
        Err(VerifyError::Format { .. })
    ));
}

#[test]
fn without_a_log_there_is_no_claim_about_it() {
    let mut evidence = evidence();
    evidence.event_log = None;
    assert!(
        !verify(&evidence)
            .unwrap()
            .to_map()
            .contains_key("uefi_event_logs")
    );
    evidence.event_log = Some(Vec::new());
    assert!(
        !verify(&evidence)
            .unwrap()
            .to_map()
            .contains_key("uefi_event_logs")
    );
}

#[test]
fn a_log_beside_a_report_of_version_1_proves_nothing_and_is_left_out() {
    let mut evidence = good(Version::V1);
    evidence.event_log = Some(log(&RECORDS));
    assert!(
        !verify(&evidence)
            .unwrap()
            .to_map()
            .contains_key("uefi_event_logs")
    );
}
