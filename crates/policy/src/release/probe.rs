//! Whether a policy asks for an affirming result, found out by asking it.
//!
//! A text that names the status may compare it with anything, or in a rule that nobody reads. So the policy is shown
//! guests that are not affirming, and asked for paths that its text speaks of: if it grants one of them anything, it
//! does not ask. What it says to guests of other kinds stays unknown, so the text has to name the status as well.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{ReleasePolicy, ReleaseRequest};
use crate::tokens::Token;
use crate::{Limits, PolicyError, PolicyInput};

/// For all questions together. Usual policies need some milliseconds.
const TIME: Duration = Duration::from_secs(2);

/// As many texts of each kind are made paths of.
const MOST_TEXTS: usize = 8;

type Path = [String; 3];

/// What to ask a policy, by its text.
pub(super) struct Probe {
    names_the_status: bool,
    paths: Vec<Path>,
}

impl Probe {
    /// Reads what the code names.
    pub(super) fn new(code: &[Token]) -> Self {
        let names = |text| code.iter().any(|token| token.is_text(text));
        Self {
            names_the_status: names("ear.status") && names("affirming"),
            paths: paths(code),
        }
    }

    /// Whether the policy names the status, and grants nothing to guests that are not affirming. An evaluation that
    /// fails tells nothing: then it is as if it did not ask.
    pub(super) fn asks_for_affirming(&self, policy: &ReleasePolicy) -> bool {
        self.names_the_status && matches!(self.grants_others(policy), Ok(Some(false)))
    }

    /// `None` if the time is over.
    fn grants_others(&self, policy: &ReleasePolicy) -> Result<Option<bool>, PolicyError> {
        let started = Instant::now();
        let usual =
            [["default", "x", "y"], ["repository", "type", "tag"]].map(|path| path.map(str::to_owned));
        // The paths of the text are many: not every TEE has to ask for each.
        let named = guests(&["snp", "tdx"])
            .into_iter()
            .map(|guest| (guest, &self.paths[..]));
        let questions = guests(&TEES)
            .into_iter()
            .map(|guest| (guest, &usual[..]))
            .chain(named);
        for (guest, paths) in questions {
            let claims = PolicyInput::from_value(guest)?;
            for path in paths {
                let request = ReleaseRequest {
                    plugin: "resource",
                    path,
                    query: &BTreeMap::new(),
                };
                if policy.evaluate(&claims, &request, &Limits::DEFAULT)? {
                    return Ok(Some(true));
                }
                if started.elapsed() > TIME {
                    return Ok(None);
                }
            }
        }
        Ok(Some(false))
    }
}

const TEES: [&str; 10] = [
    "snp",
    "tdx",
    "az-snp-vtpm",
    "az-tdx-vtpm",
    "sgx",
    "csv",
    "cca",
    "se",
    "tpm",
    "sample",
];

/// Claims of guests whose CPU is not affirming: of each of these TEEs, and of all in one; alone, and beside a device
/// that is affirming.
fn guests(tees: &[&str]) -> Vec<Value> {
    let mut evidence: Vec<Value> = tees.iter().map(|tee| json!({*tee: evidence_of(tee)})).collect();
    let all = TEES.iter().filter(|tee| **tee != "sample");
    evidence.push(all.map(|tee| ((*tee).to_owned(), evidence_of(tee))).collect());
    let mut guests = Vec::new();
    for (status, file_system) in [("none", 0), ("warning", 35), ("contraindicated", 99)] {
        let good = if status == "none" { [0; 3] } else { [2, 3, 2] };
        for evidence in &evidence {
            let cpu = device(status, good, file_system, evidence);
            let gpu = device(
                "affirming",
                [2, 3, 2],
                2,
                &json!({"nvidia": {"dbgstat": "disabled"}}),
            );
            guests.push(guest(&json!({"cpu0": cpu})));
            guests.push(guest(&json!({"cpu0": cpu, "gpu0": gpu})));
        }
    }
    guests
}

fn guest(submods: &Value) -> Value {
    json!({
        "eat_profile": "tag:github.com,2024:confidential-containers/Trustee",
        "iat": 1_700_000_000,
        "exp": 4_000_000_000_u64,
        "ear.verifier-id": {"build": "1", "developer": "trustee"},
        "submods": submods,
    })
}

fn device(
    status: &str,
    [hardware, executables, configuration]: [i64; 3],
    file_system: i64,
    evidence: &Value,
) -> Value {
    json!({
        "ear.status": status,
        "ear.appraisal-policy-id": "default",
        "ear.trustworthiness-vector": {
            "hardware": hardware,
            "executables": executables,
            "configuration": configuration,
            "file-system": file_system,
        },
        "ear.veraison.annotated-evidence": evidence,
    })
}

/// What verifiers say of a guest of this TEE that is not in debug mode, as far as policies usually read it.
fn evidence_of(tee: &str) -> Value {
    let measurement = "5a".repeat(48);
    let tdx = json!({
        "td_attributes": {"debug": false},
        "quote": {"body": {"mr_td": measurement, "rtmr_0": measurement}},
    });
    match tee {
        "snp" | "az-snp-vtpm" => json!({
            "policy_debug_allowed": false,
            "policy_migrate_ma": false,
            "policy_smt_allowed": true,
            "reported_tcb_snp": 22,
            "measurement": measurement,
        }),
        "tdx" | "az-tdx-vtpm" => tdx,
        "sgx" => json!({"body": {"attributes.flags": "0500000000000000", "mr_enclave": measurement}}),
        "csv" => json!({"version": "2", "policy": {"nodbg": 1}, "measure": measurement}),
        "cca" => json!({"platform": {"cca-platform-lifecycle": 12291}}),
        "se" => json!({"tag": "5a".repeat(16)}),
        "tpm" => json!({"pcrs": {"sha256": {"11": measurement}}}),
        _ => json!({"svn": "1", "launch_digest": measurement}),
    }
}

/// The paths that a text may speak of: whole ones and their beginnings, and names in the order in which they stand.
fn paths(code: &[Token]) -> Vec<Path> {
    let (mut whole, mut names): (Vec<Path>, Vec<&str>) = (Vec::new(), Vec::new());
    for token in code {
        let Token::Text(text) = token else { continue };
        if text.contains('/') {
            let mut segments = text.split('/').map(segment);
            let path = [(); 3].map(|()| segments.next().unwrap_or("x").to_owned());
            if whole.len() < MOST_TEXTS && !whole.contains(&path) {
                whole.push(path);
            }
        } else if segment(text) == text
            && !is_known(text)
            && names.len() < MOST_TEXTS
            && !names.contains(&text.as_str())
        {
            names.push(text);
        }
    }
    for at in 0..names.len() {
        for many in 1..=3 {
            let mut segments = names.iter().skip(at).take(many);
            let path = [(); 3].map(|()| (*segments.next().unwrap_or(&"x")).to_owned());
            if !whole.contains(&path) {
                whole.push(path);
            }
        }
    }
    whole
}

/// A segment as it is, or some other where it is a pattern or nothing.
fn segment(text: &str) -> &str {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    match !text.is_empty() && text.chars().all(is_name) {
        true => text,
        false => "x",
    }
}

/// What stands in nearly every policy and is no segment of a path.
fn is_known(text: &str) -> bool {
    text.starts_with("ear.")
        || matches!(
            text,
            "resource" | "resource-path" | "affirming" | "warning" | "contraindicated" | "none"
        )
}

#[cfg(test)]
mod tests;
