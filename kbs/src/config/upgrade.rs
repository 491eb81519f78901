//! Keys of older versions, put in today's place, each with a warning that names the replacement.

use std::path::Path;

use daemon::config::{put, take};
use serde_json::{Map, Value, json};

use crate::attestation::built_in;

/// A key that moved: its old place and its new one.
const MOVED: &[(&str, &str)] = &[
    ("sockets", "http_server.sockets"),
    ("insecure_http", "http_server.insecure_http"),
    ("private_key", "http_server.private_key"),
    ("certificate", "http_server.certificate"),
    ("payload_request_size", "http_server.payload_request_size"),
    ("timeout", "attestation_service.timeout"),
    ("auth_public_key", "admin.auth_public_key"),
    ("http_server.auth_public_key", "admin.auth_public_key"),
    ("attestation_token_config", "attestation_token"),
    (
        "attestation_token.insecure_key",
        "attestation_token.insecure_header_jwk",
    ),
    ("policy_engine_config", "policy_engine"),
    (POLICY_PATH, "resource_policy.initial_file"),
];

/// Where older versions kept the policy, and put their default if there was none.
const POLICY_PATH: &str = "policy_engine.policy_path";

/// Tables that became a type of `[attestation_service]`.
const SERVICES: &[(&str, &str)] = &[
    ("as_config", "coco_as_builtin"),
    ("grpc_config", "coco_as_grpc"),
    ("intel_trust_authority_config", "intel_ta"),
];

/// Keys that mean nothing any more, and why.
const GONE: &[(&str, &str)] = &[
    (
        "attestation_token.attestation_token_type",
        "the type of a token is told from the token",
    ),
    (
        "attestation_token.type",
        "the type of a token is told from the token",
    ),
    ("policy_engine", "use `resource_policy.initial_file`"),
];

/// Puts the keys of older versions in today's place. Gives one sentence for each.
pub(super) fn upgrade(file: &mut Value) -> Vec<String> {
    let mut warnings = Vec::new();
    let older = ["sockets", "as_config", "grpc_config", "attestation_token_config"];
    let older = older.iter().any(|key| file.get(key).is_some());
    services(file, &mut warnings);
    policy_engine(file, &mut warnings);
    for (old, new) in MOVED {
        if let Some(value) = take(file, old) {
            let note = match put(file, new, value) {
                true => format!("configuration key `{old}` is retired: use `{new}`"),
                false => {
                    format!("configuration key `{old}` is retired and `{new}` is set: the latter counts")
                }
            };
            warnings.push(note);
        }
    }
    admin(file, &mut warnings);
    warnings.extend(storage::drop_retired(file, "storage_backend"));
    if let Some(section) = file.get_mut("attestation_service") {
        warnings.extend(built_in::upgrade(section, "attestation_service."));
    }
    repository(file, older, &mut warnings);
    for (old, note) in GONE {
        if take(file, old).is_some() {
            warnings.push(format!("configuration key `{old}` is retired: {note}"));
        }
    }
    warnings
}

/// A policy file that is not there is no policy to begin with.
fn policy_engine(file: &mut Value, warnings: &mut Vec<String>) {
    for old in ["policy_engine_config.policy_path", POLICY_PATH] {
        let path = file.pointer(&format!("/{}", old.replace('.', "/")));
        let absent = path
            .and_then(Value::as_str)
            .is_some_and(|path| !Path::new(path).exists());
        if absent {
            take(file, old);
            warnings.push(format!(
                "configuration key `{old}` is retired: use `resource_policy.initial_file`. There is no such file, so the \
                 policy in the storage counts, or the default one"
            ));
        }
    }
}

fn services(file: &mut Value, warnings: &mut Vec<String>) {
    for (old, kind) in SERVICES {
        let Some(mut table) = take(file, old) else {
            continue;
        };
        if let Some(table) = table.as_object_mut() {
            table.insert("type".into(), json!(kind));
        }
        let note = match put(file, "attestation_service", table) {
            true => format!("use `attestation_service` with `type = \"{kind}\"`"),
            false => "`attestation_service` is set and counts".to_owned(),
        };
        warnings.push(format!("configuration key `{old}` is retired: {note}"));
    }
}

/// What `admin.type` was called for a single key.
const BY_KEY: &str = "Simple";

/// `insecure_api = true` opened the admin interface, and `type` said who may use it. Where several of the older keys
/// speak of that, whoever lets in the fewest is right.
fn admin(file: &mut Value, warnings: &mut Vec<String>) {
    let mut retired = |key: &str, note: &str| {
        warnings.push(format!("configuration key `{key}` is retired: {note}"));
    };
    let mut asked_open = false;
    for key in OPENING {
        let Some(value) = take(file, key) else { continue };
        asked_open |= value == Value::Bool(true);
        let note = match value {
            Value::Bool(true) => "use `admin.authorization_mode = \"InsecureAllowAll\"`",
            _ => "leave it out",
        };
        retired(key, note);
    }
    let modes = [
        BY_KEY,
        "DenyAll",
        "InsecureAllowAll",
        "AuthenticatedAuthorization",
    ];
    let kind = file.pointer("/admin/type").and_then(Value::as_str);
    let mut kind = match kind.is_some_and(|kind| modes.contains(&kind)) {
        true => take(file, "admin.type"),
        false => None,
    };
    if let Some(kind) = &kind {
        let note = match kind.as_str() == Some(BY_KEY) {
            true => "one key in `admin.auth_public_key` says it all",
            false => "use `admin.authorization_mode`",
        };
        retired("admin.type", note);
    }
    if asked_open && kind.is_none() {
        kind = Some(json!("InsecureAllowAll"));
    }
    let Some(kind) = kind else { return };
    let has_key = file.pointer("/admin/auth_public_key").is_some();
    match kind.as_str() {
        Some("DenyAll") if has_key => {
            take(file, "admin.auth_public_key");
            put(file, "admin.authorization_mode", kind);
            warnings.push(
                "`admin.type = \"DenyAll\"` counts and `admin.auth_public_key` does not: nobody may administer. Take \
                 `type` out to let the holder of that key"
                    .into(),
            );
        }
        _ if has_key => warnings.push(
            "`admin.auth_public_key` is set and counts: the holder of that key may administer, and nobody else".into(),
        ),
        Some(BY_KEY) => {
            warnings.push("`admin.type = \"Simple\"` has no `admin.auth_public_key`: nobody may administer".into());
        }
        _ => {
            if !put(file, "admin.authorization_mode", kind) {
                warnings.push("`admin.authorization_mode` is set and counts, not the older keys".into());
            }
        }
    }
}

/// Where older versions had the key that opened the admin interface.
const OPENING: [&str; 3] = ["insecure_api", "http_server.insecure_api", "admin.insecure_api"];

/// Resources used to be configured in a table of their own, and to be served without any table.
fn repository(file: &mut Value, older: bool, warnings: &mut Vec<String>) {
    let mut plugin = match (take(file, "repository_config"), file.get("plugins")) {
        (Some(Value::Object(table)), None) => table,
        (Some(_), _) => {
            warnings.push(
                "configuration key `repository_config` is retired and `plugins` is set: the latter counts"
                    .into(),
            );
            return;
        }
        (None, None) if older => Map::from_iter([("type".to_owned(), json!("LocalFs"))]),
        _ => return,
    };
    plugin.insert("name".into(), json!("resource"));
    plugin.remove("description");
    put(file, "plugins", json!([plugin]));
    warnings.push(
        "resources are configured as before plugins: use `[[plugins]]` with `name = \"resource\"`".into(),
    );
}
