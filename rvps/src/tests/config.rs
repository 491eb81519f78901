use std::path::{Path, PathBuf};

use daemon::config::{load, load_str};
use storage::StorageType;

use crate::{Config, RETIRED_KEYS};

fn deployed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../deploy/config")
        .join(name)
}

#[test]
fn the_shipped_configuration_files_load_without_warnings() {
    for name in ["rvps-minimal.json", "rvps-full.toml"] {
        let loaded = load::<Config>(&deployed(name), RETIRED_KEYS).unwrap();
        assert_eq!(loaded.config.storage.storage_type, StorageType::LocalFs, "{name}");
        assert!(loaded.config.storage.backends.local_fs.is_some(), "{name}");
        assert_eq!(loaded.warnings, Vec::<String>::new(), "{name}");
    }
    let full = load::<Config>(&deployed("rvps-full.toml"), RETIRED_KEYS)
        .unwrap()
        .config;
    assert!(full.tls.unwrap().client_ca.is_some());
    assert!(full.extractors.unwrap().swid_extractor.is_some());
}

#[test]
fn files_of_the_existing_ecosystem_load_unchanged() {
    let helm = r#"{"storage": {"storage_type": "LocalFs", "backends": {
        "local_fs": {"dir_path": "/opt/confidential-containers/attestation-service/reference_values"},
        "local_json": {"file_dir_path": "/x"}, "postgres": {}, "redis": {}}},
        "extractors": {"swid_extractor": {}}}"#;
    let loaded = load_str::<Config>(helm, "json", RETIRED_KEYS).unwrap();
    assert_eq!(loaded.config.storage.storage_type, StorageType::LocalFs);
    assert!(loaded.warnings.is_empty());
    load_str::<Config>("{}", "json", RETIRED_KEYS).unwrap();
}

#[test]
fn retired_keys_are_accepted_with_a_warning_that_names_their_replacement() {
    let compose = r#"{"storage": {"type": "LocalJson", "file_path": "/opt/reference_values.json"}}"#;
    let loaded = load_str::<Config>(compose, "json", RETIRED_KEYS).unwrap();
    assert_eq!(loaded.config.storage.storage_type, StorageType::Memory);
    assert_eq!(loaded.warnings.len(), 2);
    assert!(
        loaded.warnings[0].contains("storage.storage_type"),
        "{:?}",
        loaded.warnings
    );
    assert!(
        loaded.warnings[1].contains("file_dir_path"),
        "{:?}",
        loaded.warnings
    );
}

#[test]
fn an_unknown_key_is_an_error_that_suggests_the_right_one() {
    for (text, place, suggestion) in [
        (
            r#"{"storage": {"storage_typ": "LocalFs"}}"#,
            "storage",
            "storage_type",
        ),
        (
            r#"{"storage": {"backends": {"local_fs": {"dir": "/x"}}}}"#,
            "storage.backends.local_fs",
            "dir_path",
        ),
        (r#"{"extractor": {}}"#, "extractor", "extractors"),
        (
            r#"{"tls": {"certificate": "a", "private_key": "b", "client_c": "c"}}"#,
            "tls",
            "client_ca",
        ),
    ] {
        let error = load_str::<Config>(text, "json", RETIRED_KEYS)
            .unwrap_err()
            .to_string();
        assert!(error.contains(place) && error.contains(suggestion), "{error}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    load::<Config>(&directory.path().join("none.json"), RETIRED_KEYS).unwrap_err();
    let broken = directory.path().join("broken.json");
    std::fs::write(&broken, r#"{"storage": "#).unwrap();
    load::<Config>(&broken, RETIRED_KEYS).unwrap_err();
}
