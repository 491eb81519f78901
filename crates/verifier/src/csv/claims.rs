//! What a policy gets to see of a verified report. The table in docs/tees/csv.md lists the same names.

use super::report::{Report, Version};
use serde_json::{Map, Value, json};

/// The claims by name, without the event log. Byte strings are lower-case hex, in the order of the report.
pub(super) fn of(report: &Report, serial_number: &str) -> Map<String, Value> {
    let mut claims = Map::new();
    let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    put("policy", policy(report.policy));
    put(
        "user_pubkey_digest",
        crate::digits::hex(report.user_pubkey_digest).into(),
    );
    put("vm_id", crate::digits::hex(report.vm_id).into());
    put("vm_version", crate::digits::hex(report.vm_version).into());
    put("mnonce", crate::digits::hex(report.mnonce).into());
    put("measure", crate::digits::hex(report.measure).into());
    put(
        "sig_usage",
        crate::digits::hex(report.sig_usage.to_le_bytes()).into(),
    );
    put(
        "sig_algo",
        crate::digits::hex(report.sig_algo.to_le_bytes()).into(),
    );
    put("serial_number", serial_number.into());
    match &report.version {
        Version::V1 { anonce } => {
            put("version", "1".into());
            put("anonce", crate::digits::hex(anonce.to_le_bytes()).into());
        }
        Version::V2 {
            build,
            rtmr_version,
            reserved0,
            rtmrs,
            reserved1,
        } => {
            put("version", "2".into());
            put("build", (*build).into());
            put("rtmr_version", (*rtmr_version).into());
            put("reserved0", crate::digits::hex(reserved0).into());
            put("reserved1", crate::digits::hex(reserved1.as_slice()).into());
            for (number, rtmr) in rtmrs.iter().enumerate() {
                put(&format!("rtmr{number}"), crate::digits::hex(rtmr).into());
            }
        }
    }
    claims
}

/// The guest's policy (`GuestPolicy` of Hygon's library), each part a number.
fn policy(policy: u32) -> Value {
    let bits = |from: u32, count: u32| (policy >> from) & ((1 << count) - 1);
    json!({
        "nodbg": bits(0, 1),
        "noks": bits(1, 1),
        "es": bits(2, 1),
        "nosend": bits(3, 1),
        "domain": bits(4, 1),
        "csv": bits(5, 1),
        "csv3": bits(6, 1),
        "asid_reuse": bits(7, 1),
        "hsk_version": bits(8, 4),
        "cek_version": bits(12, 4),
        "api_major": bits(16, 8),
        "api_minor": bits(24, 8),
    })
}
