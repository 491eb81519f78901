//! How decisions are put into words.

use crate::cli::output;
use crate::decisions::Decision;

/// How a decision can end.
pub(super) const VERDICTS: [&str; 10] = [
    "affirming",
    "none",
    "warning",
    "contraindicated",
    "unknown",
    "untrusted",
    "refused",
    "released",
    "denied",
    "failed",
];

/// `2026-11-22 08:19:01Z`
pub(super) fn time(at: i64) -> String {
    output::time(at).replacen('T', " ", 1)
}

/// `cpu0=affirming gpu0=warning`
pub(super) fn statuses(decision: &Decision) -> String {
    let devices = decision.devices.iter();
    let devices: Vec<_> = devices
        .map(|(name, device)| format!("{name}={}", device.status))
        .collect();
    devices.join(" ")
}

/// The tier of a value of a trust claim (AR4SI, section 2.3.2).
pub(super) fn tier(value: i64) -> &'static str {
    match value {
        -1..=1 => "nothing claimed",
        -32..=31 => "affirming",
        -96..=95 => "warning",
        _ => "contraindicated",
    }
}

/// What a value of a trust claim means (AR4SI, section 2.3.4), where it is one of those in use.
pub(super) fn meaning(claim: &str, value: i64) -> &'static str {
    match (claim, value) {
        (_, -1) => "the verifier failed",
        (_, 0) => "nothing is said",
        (_, 1) => "unexpected evidence",
        (_, 99) => "cryptographic validation failed",
        ("instance-identity", 2) => "the instance is known and trusted",
        ("instance-identity", 96) => "the instance is known and not trusted",
        ("instance-identity", 97) => "the instance is not known",
        ("configuration", 2) => "the configuration is approved",
        ("configuration", 3) => "the configuration has no known weakness",
        ("configuration", 32) => "the configuration is unsafe",
        ("configuration", 36) => "the configuration could not be checked, or not all of it",
        ("configuration", 96) => "the configuration is not acceptable: debug mode, for example",
        ("executables", 2) => "what runs is approved",
        ("executables", 3 | 4) => "what was booted is approved",
        ("executables", 32) => "what runs is unsafe",
        ("executables", 33) => "what was booted is not known to be good",
        ("executables", 96) => "what runs is known to be bad",
        ("hardware", 2) => "the hardware and its firmware are genuine and approved",
        ("hardware", 32) => "the hardware or its firmware is out of date",
        ("hardware", 96) => "the hardware is known to be bad",
        ("hardware", 97) => "the hardware or its firmware is not known to be good",
        ("file-system", 2) => "the files are approved",
        ("file-system", 32) => "the files are not known",
        ("file-system", 96) => "the files are known to be bad",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_the_one_of_the_calendar() {
        for (at, expected) in [
            (0, "1970-01-01 00:00:00Z"),
            (-1, "1969-12-31 23:59:59Z"),
            (951_782_400, "2000-02-29 00:00:00Z"),
            (951_868_799, "2000-02-29 23:59:59Z"),
            (951_868_800, "2000-03-01 00:00:00Z"),
            (1_709_164_800, "2024-02-29 00:00:00Z"),
            (1_795_309_155, "2026-11-22 00:59:15Z"),
            (4_107_542_400, "2100-03-01 00:00:00Z"),
        ] {
            assert_eq!(time(at), expected);
        }
        time(i64::MAX);
        time(i64::MIN);
    }

    #[test]
    fn the_tiers_are_those_of_ar4si() {
        for (value, expected) in [
            (0, "nothing claimed"),
            (2, "affirming"),
            (31, "affirming"),
            (32, "warning"),
            (95, "warning"),
            (96, "contraindicated"),
            (-33, "warning"),
            (-97, "contraindicated"),
        ] {
            assert_eq!(tier(value), expected, "{value}");
        }
    }
}
