//! The quote and the event log beside the project, for which there is no collateral.

use crate::dcap::tests::production;
use crate::dcap::{Body, DcapTee};
use crate::tdx::TdxError;
use crate::tdx::claims::quote_claims;
use crate::tdx::evidence::check_replay;
use crate::testing::fixture;
use crate::{EndorsementId, Endorsements, PckCa, VerifyError};
use eventlog::{Algorithm, EventLog};
use serde_json::Value;

/// 2026-11-22.
const NOW: i64 = 1_795_305_600;

#[test]
fn the_claims_of_quote_and_event_log_equal_the_recorded_ones() {
    let (Some(quote), Some(log), Some(expected)) = (
        fixture("tdx/quote-v4.bin"),
        fixture("tdx/ccel.bin"),
        fixture("tdx/claims-expected.json"),
    ) else {
        return;
    };
    let mut expected: Value = serde_json::from_slice(&expected).unwrap();
    let quote = production().read(&quote, DcapTee::Tdx).unwrap();
    let Body::Td { report, .. } = &quote.quote().body else {
        panic!("no TD");
    };
    assert_eq!(expected["report_data"], hex::encode(report.report_data));
    assert_eq!(expected["init_data"], hex::encode(report.mr_config_id));
    let claims = quote_claims(&quote.quote().header, &quote.quote().body);
    assert_eq!(claims["quote"], expected["quote"]);
    assert_eq!(claims["td_attributes"], expected["td_attributes"]);

    let log = EventLog::parse(&log).unwrap();
    let events: serde_json::Value = serde_json::from_str(log.claims_of(Algorithm::Sha384).get()).unwrap();
    for (ours, recorded) in events
        .as_array()
        .unwrap()
        .iter()
        .zip(expected["uefi_event_logs"].as_array().unwrap())
    {
        assert_eq!(ours, recorded);
    }
    // They are of two machines.
    assert_eq!(check_replay(&log, report), Err(TdxError::Replay(0)));
    let mut own = report.clone();
    let registers = log.replay(Algorithm::Sha384).unwrap();
    for (register, rtmr) in (1..).zip(&mut own.rtmrs) {
        *rtmr = registers
            .get(register)
            .map_or([0; 48], |value| value.try_into().unwrap());
    }
    assert_eq!(check_replay(&log, &own), Ok(()));
    own.rtmrs[3][0] ^= 1;
    assert_eq!(check_replay(&log, &own), Err(TdxError::Replay(3)));

    // What is left of the recorded claims is of the platform.
    let members = expected.as_object_mut().unwrap();
    members.retain(|name, _| !claims.contains_key(name));
    let left: Vec<&str> = members.keys().map(String::as_str).collect();
    assert_eq!(
        left,
        [
            "init_data",
            "platform_instance_id",
            "report_data",
            "uefi_event_logs"
        ]
    );
    assert_eq!(
        members["platform_instance_id"],
        "82548d228d94d5e204a95b354dc61a02"
    );
    assert_eq!(
        quote.platform_instance_id().as_deref(),
        members["platform_instance_id"].as_str()
    );
}

#[test]
fn the_quote_names_the_collateral_that_it_needs_and_is_not_verified_without() {
    let Some(quote) = fixture("tdx/quote-v4.bin") else {
        return;
    };
    let quote = production().read(&quote, DcapTee::Tdx).unwrap();
    let ids = quote.endorsements_for();
    assert_eq!(
        ids.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "tdx TCB info of FMSPC 50806F000000",
            "tdx quoting enclave identity",
            "revocation list of the PCK platform CA",
            "revocation list of Intel's SGX root CA",
        ]
    );
    assert_eq!(ids[2], EndorsementId::DcapPckCrl { ca: PckCa::Platform });
    assert_eq!(
        quote.verify(&Endorsements::new(), NOW),
        Err(VerifyError::MissingEndorsement(EndorsementId::DcapRootCrl))
    );
}
