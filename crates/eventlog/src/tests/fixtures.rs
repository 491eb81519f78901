//! Logs of real machines, which lie beside the project. What is not there is passed over, with a line that says
//! so.

use super::*;
use std::path::Path;

/// The RTMRs of the machines that wrote the logs.
const OVMF: [&str; 4] = [
    "8566f998798db09443b244c62de9a3041fb02e2e6936c4396d784bba2e90177329ec5aba3bb484404f2ab9cc90abe193",
    "775b9f6bfe99f8a31396f0d0218e67ffa796d3b96ccf961cbb0deba48c79c00f082cda1a5567c1c16305f1fc210c13c6",
    "94eaf7a7bf398ed8d888c91057ae0261802e4f3df084213a76ca7f0b5055ac9d2241de43cd58d9e8b49c503bbf25f34a",
    ZEROS,
];
const GRUB: [&str; 4] = [
    "cec0a104f691f60da2387fea3c2de00c4ac035e2bb479ff02edcce69039d9e9907f0b3e55031da3dc7038f423adebd79",
    "6c289e0c62182d41ebe97bdbc9872d10998a08eaa86adcdc684001a363207ee72942c7522cdf00a4bbc3d784bed7b670",
    "08919d017ba0e52cd6d966351c7de16fe76c1d3d3d3da4554239e4c7d16cb8b82a94e7eaea3a0e6e18eb690b999fd31e",
    ZEROS,
];
const TD_SHIM: [&str; 4] = [
    "2dc712306a963eadb894ad47dbaa17df44814151555aee11cbb843becca88950ffd079664902e6f22c66f7c8213543f4",
    "0fa3be56af61208bbd179dc7b124988eb929319154663c539d6f46445ecac2fec287075047ff7bd1922829fec28cd3cf",
    ZEROS,
    ZEROS,
];
const ZEROS: &str =
    "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000";

#[test]
fn an_ovmf_boot_has_the_recorded_claims_and_registers() {
    check("eventlog/ovmf.ccel", "eventlog/ovmf.expected.json", OVMF);
}

#[test]
fn a_grub_boot_has_the_recorded_claims_and_registers() {
    check("eventlog/grub.ccel", "eventlog/grub.expected.json", GRUB);
}

#[test]
fn a_td_shim_boot_has_the_recorded_claims_and_registers() {
    check("tdx/ccel.bin", "tdx/claims-expected.json", TD_SHIM);
}

#[test]
fn one_flipped_bit_in_a_digest_changes_the_register_and_one_in_a_length_breaks_the_log() {
    let Some(bytes) = fixture("eventlog/ovmf.ccel") else {
        return;
    };
    let good = EventLog::parse(&bytes)
        .unwrap()
        .replay(Algorithm::Sha384)
        .unwrap();
    let offsets: Vec<usize> = EventLog::parse(&bytes)
        .unwrap()
        .events()
        .map(|event| event.offset())
        .collect();
    for offset in offsets {
        let mut changed = bytes.clone();
        changed[offset + 14] ^= 1;
        let registers = EventLog::parse(&changed)
            .unwrap()
            .replay(Algorithm::Sha384)
            .unwrap();
        assert_ne!(registers, good);

        let mut longer = bytes.clone();
        longer[offset + 62 + 3] = 0x7f;
        assert_eq!(
            EventLog::parse(&longer).map(|_| ()).unwrap_err(),
            EventLogError::Truncated(offset)
        );
    }
}

/// The log's claims and the registers that it replays to equal the recorded ones.
fn check(log: &str, expected: &str, rtmrs: [&str; 4]) {
    let (Some(log), Some(expected)) = (fixture(log), fixture(expected)) else {
        return;
    };
    let log = EventLog::parse(&log).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    let recorded = expected
        .get("uefi_event_logs")
        .unwrap_or(&expected)
        .as_array()
        .unwrap();
    for claims in [claims(&log), claims_of(&log, Algorithm::Sha384)] {
        let claims = claims.as_array().unwrap();
        assert_eq!(claims.len(), recorded.len());
        for (ours, recorded) in claims.iter().zip(recorded) {
            assert_eq!(ours, recorded);
        }
    }
    let registers = log.replay(Algorithm::Sha384).unwrap();
    for (register, rtmr) in (1..).zip(rtmrs) {
        assert!(
            registers.holds(register, &hex::decode(rtmr).unwrap()),
            "{register}"
        );
    }
}

fn fixture(name: &str) -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/fixtures")
        .join(name);
    let found = std::fs::read(&path).ok();
    if found.is_none() {
        eprintln!("skipped: {name} is not beside the project");
    }
    found
}
