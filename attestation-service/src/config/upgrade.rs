//! Keys of earlier versions, put in today's place, each with a warning that names the replacement.

use daemon::config::{Retired, put, retire, take};
use serde_json::{Value, json};

/// Keys that moved: the old place and the new one.
const MOVED: &[(&str, &str)] = &[
    (
        "attestation_token_config.duration_min",
        "attestation_token_broker.duration_min",
    ),
    (
        "attestation_token_broker.attestation_token_config.duration_min",
        "attestation_token_broker.duration_min",
    ),
    ("rvps_config.remote_addr", "rvps_config.address"),
];

/// Keys that mean nothing any more.
const RETIRED: &[Retired] = &[
    Retired {
        path: "work_dir",
        note: "use `storage_backend`",
    },
    Retired {
        path: "policy_engine",
        note: "there is one policy engine",
    },
    Retired {
        path: "attestation_token_config",
        note: "use `attestation_token_broker`",
    },
    Retired {
        path: "attestation_token_broker.attestation_token_config",
        note: "use `attestation_token_broker`",
    },
    Retired {
        path: "attestation_token_broker.type",
        note: "every token is an EAR",
    },
    Retired {
        path: "attestation_token_broker.policy_dir",
        note: "policies are in `storage_backend`",
    },
    Retired {
        path: "rvps_config.storage",
        note: REFERENCE_VALUES,
    },
    Retired {
        path: "rvps_config.store_type",
        note: REFERENCE_VALUES,
    },
    Retired {
        path: "rvps_config.store_config",
        note: REFERENCE_VALUES,
    },
];

const REFERENCE_VALUES: &str = "reference values are kept in `storage_backend`, or in its back end that \
    `rvps_config.storage_type` names; `rvps-tool import` registers those of an older file";

/// Puts what earlier versions understood in today's place, in a `section` whose keys begin with `place` in its file: ""
/// in the service's own. Gives one sentence for each such key.
pub fn upgrade(section: &mut Value, place: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    let retired = |key: &str, note: &str| format!("configuration key `{place}{key}` is retired: {note}");
    if section
        .get("attestation_token_broker")
        .is_some_and(Value::is_string)
    {
        take(section, "attestation_token_broker");
        let note = "every token is an EAR, and the key is a table";
        warnings.push(retired("attestation_token_broker", note));
    }
    for (old, new) in MOVED {
        if let Some(value) = take(section, old) {
            let note = match put(section, new, value) {
                true => format!("use `{place}{new}`"),
                false => format!("`{place}{new}` is set, and counts"),
            };
            warnings.push(retired(old, &note));
            drop_empty(section, old);
        }
    }
    rvps(section, place, &mut warnings);
    warnings.extend(storage::drop_retired(section, "storage_backend"));
    let gone = retire(section, RETIRED).into_iter();
    warnings.extend(gone.map(|warning| warning.replacen('`', &format!("`{place}"), 1)));
    warnings
}

/// A table out of which its only key was moved is no key of its own any more.
fn drop_empty(section: &mut Value, moved: &str) {
    let Some((table, _)) = moved.rsplit_once('.') else {
        return;
    };
    let left = take(section, table);
    if let Some(left) = left.filter(|left| table == "rvps_config" || left != &json!({})) {
        put(section, table, left);
    }
}

/// An address alone used to say that the RVPS is remote, and a table without a type that it is not.
fn rvps(section: &mut Value, place: &str, warnings: &mut Vec<String>) {
    let Some(Value::Object(table)) = section.get_mut("rvps_config") else {
        return;
    };
    if table.get("address").is_some_and(|address| address == "") {
        table.remove("address");
    }
    if !table.contains_key("type") {
        let kind = match table.contains_key("address") {
            true => "GrpcRemote",
            false => "BuiltIn",
        };
        table.insert("type".into(), json!(kind));
        warnings.push(format!("`{place}rvps_config` has no `type`: `{kind}` is assumed"));
    }
    if table.get("type").is_some_and(|kind| kind == "GrpcRemote") {
        for key in ["storage_type", "extractors"] {
            if table.remove(key).is_some() {
                warnings.push(format!(
                    "`{place}rvps_config.{key}` is not for a remote RVPS, whose own file has it: ignored"
                ));
            }
        }
    }
}
