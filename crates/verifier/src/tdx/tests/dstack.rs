//! Quotes and event logs of real machines that run dstack, in the package `bitrouter-attestation`. Their logs are
//! lists of JSON; here they become logs in binary form. There is no collateral for the quotes.

use crate::dcap::tests::production;
use crate::dcap::{Body, DcapTee};
use crate::tdx::TdxError;
use crate::tdx::evidence::check_replay;
use crate::testing::published;
use eventlog::EventLog;
use serde_json::Value;

#[test]
fn the_event_logs_of_dstack_replay_to_the_registers_of_their_quotes_and_no_changed_one_does() {
    let Some(folder) = published("bitrouter-attestation-1.0.0-alpha.25") else {
        return;
    };
    let text = std::fs::read(folder.join("tests/fixtures/near_report.json")).unwrap();
    let report: Value = serde_json::from_slice(&text).unwrap();
    let gateway = &report["gateway_attestation"];
    let model = &report["model_attestations"][0];
    let manager = &model["compose_manager_attestation"];
    for (quote, log) in [
        (&gateway["intel_quote"], &gateway["event_log"]),
        (&model["intel_quote"], &model["event_log"]),
        (&manager["quote"], &manager["event_log"]),
    ] {
        let quote = hex::decode(quote.as_str().unwrap()).unwrap();
        let quote = production().read(&quote, DcapTee::Tdx).unwrap();
        assert_eq!(quote.endorsements_for().len(), 4);
        let Body::Td { report, .. } = &quote.quote().body else {
            panic!("no TD");
        };
        let entries = match log {
            Value::String(text) => serde_json::from_str(text).unwrap(),
            list => list.clone(),
        };
        let entries = entries.as_array().unwrap();
        assert_eq!(check_replay(&binary(entries), report), Ok(()));

        let mut changed = entries.clone();
        changed.pop();
        assert_eq!(check_replay(&binary(&changed), report), Err(TdxError::Replay(3)));
        let mut changed = entries.clone();
        changed.remove(0);
        assert_eq!(check_replay(&binary(&changed), report), Err(TdxError::Replay(0)));
        let mut changed = entries.clone();
        changed.swap(0, 1);
        assert_eq!(check_replay(&binary(&changed), report), Err(TdxError::Replay(0)));
    }
}

/// The records as a CCEL: RTMR 0 is register 1.
fn binary(entries: &[Value]) -> EventLog {
    let mut log = simulated_tee::intel::Ccel::new();
    for entry in entries {
        let number = |name: &str| u32::try_from(entry[name].as_u64().unwrap()).unwrap();
        let digest = hex::decode(entry["digest"].as_str().unwrap()).unwrap();
        // The types of firmware events prescribe a form that the list does not keep.
        let event_type = 0x0800_0001;
        log.measured(number("imr") + 1, event_type, b"", &digest.try_into().unwrap());
    }
    EventLog::parse(log.bytes()).unwrap()
}
