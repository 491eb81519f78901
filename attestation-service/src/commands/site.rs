//! The configuration that commands work with: the service's own, or that of a KBS which holds the service.

use std::path::Path;

use anyhow::bail;
use daemon::config::{Loaded, load, load_str_upgraded};
use serde::Deserialize;
use serde_json::Value;
use storage::{StorageConfig, StorageType};

use crate::config::{Config, VerifierConfig};

/// Reads the file at `path`.
///
/// # Errors
/// It cannot be read, or is that of a KBS whose Attestation Service is elsewhere.
pub(crate) fn configuration(path: &Path) -> anyhow::Result<Loaded<Config>> {
    let file: Value = load(path, &[])?.config;
    if !KEYS_OF_A_KBS.iter().any(|key| file.get(key).is_some()) {
        return Ok(Config::load(path)?);
    }
    let Loaded { config, warnings } = load_str_upgraded::<KbsFile>(&file.to_string(), "json", |file| {
        storage::drop_retired(file, "storage_backend")
            .into_iter()
            .collect()
    })?;
    let service = config.attestation_service;
    if !BUILT_IN.contains(&service.kind.as_str()) {
        bail!(
            "`{}` is the configuration of a KBS whose Attestation Service is not built in (type `{}`): name the \
             configuration of that service with -c",
            path.display(),
            service.kind
        );
    }
    let storage = config.storage_backend;
    let config = Config {
        verifier_config: service.verifier_config,
        storage_backend: match service.storage_type {
            Some(kind) => storage.with_type(kind),
            None => storage,
        },
        ..Config::default()
    };
    Ok(Loaded { config, warnings })
}

/// Tables that a KBS has and this service has not.
const KEYS_OF_A_KBS: [&str; 5] = [
    "attestation_service",
    "as_config",
    "http_server",
    "admin",
    "plugins",
];

/// What a KBS calls an Attestation Service in its own process.
const BUILT_IN: [&str; 2] = ["coco_as_builtin", "CoCoASBuiltIn"];

/// What of a KBS's file says where endorsements come from, and where they are kept. The KBS itself checks the rest.
#[derive(Default, Deserialize)]
#[serde(default)]
struct KbsFile {
    #[serde(alias = "as_config")]
    attestation_service: Service,
    storage_backend: StorageConfig,
}

#[derive(Deserialize)]
#[serde(default)]
struct Service {
    #[serde(rename = "type")]
    kind: String,
    verifier_config: VerifierConfig,
    storage_type: Option<StorageType>,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            kind: BUILT_IN[0].to_owned(),
            verifier_config: VerifierConfig::default(),
            storage_type: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::config::CrlMode;

    fn read(name: &str, text: &str) -> anyhow::Result<Config> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        configuration(&path).map(|loaded| loaded.config)
    }

    #[test]
    fn the_file_of_a_kbs_says_where_its_attestation_service_keeps_endorsements() {
        let text = r#"
            [http_server]
            insecure_http = true
            [attestation_service]
            type = "coco_as_builtin"
            storage_type = "LocalJson"
            [attestation_service.verifier_config.snp_verifier]
            crl = "require"
            [storage_backend]
            storage_type = "LocalFs"
            [storage_backend.backends.local_fs]
            dir_path = "/kept"
            [[plugins]]
            name = "resource"
        "#;
        let config = read("kbs.toml", text).unwrap();
        assert_eq!(config.storage_backend.storage_type, StorageType::LocalJson);
        assert_eq!(config.verifier_config.snp_verifier.crl, CrlMode::Require);
        let files = config.storage_backend.backends.local_fs.unwrap();
        assert_eq!(files.dir_path, PathBuf::from("/kept"));

        let text = text.replace(
            "type = \"coco_as_builtin\"\n            storage_type",
            "storage_type",
        );
        assert!(
            read("kbs.toml", &text).is_ok(),
            "built in is what a KBS does by itself"
        );
        let wrong = text.replace("crl =", "clr =");
        let error = format!("{:#}", read("kbs.toml", &wrong).unwrap_err());
        assert!(error.contains("clr"), "{error}");
    }

    #[test]
    fn a_directory_that_never_took_effect_does_not_stop_the_commands() {
        let text = "[http_server]\n[storage_backend]\nstorage_type = \"LocalJson\"\n\
                    [storage_backend.backends.local_json]\ndir_path = \"/elsewhere\"\n";
        let config = read("kbs.toml", text).unwrap();
        let used = config.storage_backend.backends.local_json.unwrap().file_dir_path;
        assert_eq!(
            used,
            PathBuf::from("/opt/confidential-containers/storage/local_json")
        );
    }

    #[test]
    fn the_file_of_a_kbs_with_a_service_elsewhere_is_refused_with_what_to_do() {
        let text = "[attestation_service]\ntype = \"coco_as_grpc\"\nas_addr = \"http://as\"";
        let error = read("kbs.toml", text).unwrap_err().to_string();
        assert!(error.contains("coco_as_grpc") && error.contains("-c"), "{error}");
    }

    #[test]
    fn the_services_own_file_is_held_to_its_own_keys() {
        let own = read("as.json", r#"{"storage_backend": {"storage_type": "LocalJson"}}"#).unwrap();
        assert_eq!(own.storage_backend.storage_type, StorageType::LocalJson);
        assert!(read("as.json", r#"{"storage_backened": {}}"#).is_err());
    }
}
