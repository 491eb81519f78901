//! Keys of older versions, put in today's place, each with a warning that names the replacement.

use std::path::Path;

use serde_json::{Map, Value, json};

/// A key that moved: its old place and its new one.
const MOVED: &[(&str, &str)] = &[
    ("sockets", "http_server.sockets"),
    ("insecure_http", "http_server.insecure_http"),
    ("private_key", "http_server.private_key"),
    ("certificate", "http_server.certificate"),
    ("payload_request_size", "http_server.payload_request_size"),
    ("timeout", "attestation_service.timeout"),
    ("auth_public_key", "admin.auth_public_key"),
    ("insecure_api", "admin.insecure_api"),
    ("http_server.auth_public_key", "admin.auth_public_key"),
    ("http_server.insecure_api", "admin.insecure_api"),
    ("attestation_token_config", "attestation_token"),
    (
        "attestation_token.insecure_key",
        "attestation_token.insecure_header_jwk",
    ),
    ("policy_engine_config", "policy_engine"),
    (POLICY_PATH, "resource_policy.initial_file"),
    (
        "storage_backend.backends.local_json.dir_path",
        "storage_backend.backends.local_json.file_dir_path",
    ),
    (
        "attestation_service.attestation_token_config.duration_min",
        "attestation_service.attestation_token_broker.duration_min",
    ),
    (
        "attestation_service.rvps_config.store_type",
        "attestation_service.rvps_config.storage_type",
    ),
    (
        "attestation_service.rvps_config.storage.type",
        "attestation_service.rvps_config.storage_type",
    ),
    (
        "attestation_service.rvps_config.remote_addr",
        "attestation_service.rvps_config.address",
    ),
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
    (
        "attestation_service.attestation_token_config",
        "use `attestation_service.attestation_token_broker`",
    ),
    (
        "attestation_service.rvps_config.storage",
        "use `attestation_service.rvps_config.storage_type`",
    ),
    (
        "attestation_service.rvps_config.store_config",
        "use `storage_backend`",
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
    token_broker(file, &mut warnings);
    rvps(file, &mut warnings);
    repository(file, older, &mut warnings);
    for (old, note) in GONE {
        if take(file, old).is_some() {
            warnings.push(format!("configuration key `{old}` is retired: {note}"));
        }
    }
    for key in crate::attestation::built_in::RETIRED {
        let old = format!("attestation_service.{}", key.path);
        if take(file, &old).is_some() {
            warnings.push(format!("configuration key `{old}` is retired: {}", key.note));
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

/// `insecure_api = true` opened the admin interface; `type` was the name of `authorization_mode`.
fn admin(file: &mut Value, warnings: &mut Vec<String>) {
    if let Some(value) = take(file, "admin.insecure_api") {
        let open = value == Value::Bool(true);
        let known = !open || put(file, "admin.authorization_mode", json!("InsecureAllowAll"));
        let note = match (open, known) {
            (false, _) => "leave it out",
            (true, true) => "use `admin.authorization_mode = \"InsecureAllowAll\"`",
            (true, false) => "`admin.authorization_mode` is set and counts",
        };
        warnings.push(format!(
            "configuration key `admin.insecure_api` is retired: {note}"
        ));
    }
    let modes = ["DenyAll", "InsecureAllowAll", "AuthenticatedAuthorization"];
    let kind = file.pointer("/admin/type").and_then(Value::as_str);
    if kind.is_some_and(|kind| modes.contains(&kind))
        && let Some(kind) = take(file, "admin.type")
    {
        put(file, "admin.authorization_mode", kind);
        warnings.push("configuration key `admin.type` is retired: use `admin.authorization_mode`".into());
    }
}

/// The broker used to be a name.
fn token_broker(file: &mut Value, warnings: &mut Vec<String>) {
    let key = "attestation_service.attestation_token_broker";
    if file
        .pointer("/attestation_service/attestation_token_broker")
        .is_some_and(Value::is_string)
    {
        take(file, key);
        warnings.push(format!(
            "a name as `{key}` is retired: every token is an EAR, and the key is a table"
        ));
    }
}

/// An address alone used to say that the RVPS is remote, and a table without a type that it is not.
fn rvps(file: &mut Value, warnings: &mut Vec<String>) {
    let Some(Value::Object(table)) = file.pointer_mut("/attestation_service/rvps_config") else {
        return;
    };
    if table.get("address").is_some_and(|address| address == "") {
        table.remove("address");
    }
    if !table.contains_key("type") {
        let kind = if table.contains_key("address") {
            "GrpcRemote"
        } else {
            "BuiltIn"
        };
        table.insert("type".into(), json!(kind));
        let note = format!("`attestation_service.rvps_config` has no `type`: `{kind}` is assumed");
        warnings.push(note);
    }
    if table.get("type").is_some_and(|kind| kind == "GrpcRemote") && table.remove("storage_type").is_some() {
        warnings
            .push("`attestation_service.rvps_config.storage_type` is not for a remote RVPS: ignored".into());
    }
}

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

/// Removes and gives the value at a dotted path.
fn take(file: &mut Value, path: &str) -> Option<Value> {
    let (parent, key) = path.rsplit_once('.').unwrap_or(("", path));
    let table = parent
        .split('.')
        .filter(|step| !step.is_empty())
        .try_fold(file, |value, step| value.get_mut(step))?;
    table.as_object_mut()?.remove(key)
}

/// Sets the value at a dotted path, unless there is one already.
fn put(file: &mut Value, path: &str, value: Value) -> bool {
    let (parent, key) = path.rsplit_once('.').unwrap_or(("", path));
    let mut table = file;
    for step in parent.split('.').filter(|step| !step.is_empty()) {
        let Some(parent) = table.as_object_mut() else {
            return false;
        };
        table = parent.entry(step).or_insert_with(|| json!({}));
    }
    match table.as_object_mut() {
        Some(table) if !table.contains_key(key) => {
            table.insert(key.to_owned(), value);
            true
        }
        _ => false,
    }
}
