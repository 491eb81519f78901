use std::path::{Path, PathBuf};

use daemon::config::{load, load_str, load_str_upgraded};
use storage::StorageType;

use crate::{Config, RETIRED_KEYS, Rules, auth::Authenticator, upgrade};

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
fn a_directory_of_local_json_that_never_took_effect_is_not_opened() {
    let older = r#"{"storage": {"storage_type": "LocalJson", "backends": {"local_json": {"dir_path": "/elsewhere"}}}}"#;
    let loaded = load_str_upgraded::<Config>(older, "json", upgrade).unwrap();
    let used = loaded.config.storage.backends.local_json.unwrap().file_dir_path;
    assert_eq!(used, Path::new("/opt/confidential-containers/storage/local_json"));
    assert!(
        loaded.warnings[0].contains("/opt/confidential-containers/storage/local_json;"),
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

/// What the log says at the start of a server with this configuration.
fn danger(config: &str) -> Option<String> {
    let config = load_str::<Config>(config, "toml", RETIRED_KEYS).unwrap().config;
    let open = Authenticator::new(&config).unwrap().is_open();
    Rules::new(&config).unwrap().danger(open)
}

#[test]
fn an_open_door_is_told_at_the_start_with_the_keys_that_close_it() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("key.pem");
    let signer = jose::SigningKey::generate_p256().unwrap();
    std::fs::write(&key, signer.public_key_pem().unwrap()).unwrap();
    let anchor = format!("[[trust_anchors]]\nname = \"a\"\nkey = {key:?}\n");
    let registrar = format!(
        "[[auth.registrars]]\nname = \"ci\"\ntoken_sha256 = \"{}\"\n",
        "0".repeat(64)
    );
    let tls = "[tls]\ncertificate = \"c\"\nprivate_key = \"k\"\nclient_ca = \"ca\"\n";
    let unsigned = "insecure_allow_unsigned = [\"sample\"]\n";
    let all = [
        "`trust_anchors`",
        "`auth.registrars`",
        "`tls.client_ca`",
        "insecure:",
    ];
    for (config, said) in [
        (String::new(), &all[..]),
        ("insecure_allow_unsigned = true\n".to_owned(), &all[..]),
        (tls.to_owned(), &["insecure:", "sample", "set `trust_anchors`"]),
        (anchor.clone(), &["`auth.registrars` or `tls.client_ca`"]),
        (
            format!("{unsigned}{anchor}"),
            &[
                "insecure:",
                "sample",
                "`insecure_allow_unsigned`",
                "`tls.client_ca`",
            ],
        ),
        (
            format!("{unsigned}{anchor}{registrar}"),
            &["insecure:", "sample", "`insecure_allow_unsigned`"],
        ),
        (
            format!("{unsigned}{registrar}"),
            &["insecure:", "sample", "set `trust_anchors`"],
        ),
    ] {
        let danger = danger(&config).unwrap_or_else(|| panic!("nothing is said of {config}"));
        for part in said {
            assert!(danger.contains(part), "{part} is not in {danger:?} of {config}");
        }
    }
    for config in [
        "insecure_allow_unsigned = false\n".to_owned(),
        "insecure_allow_unsigned = []\n".to_owned(),
        registrar.clone(),
        format!("{anchor}{registrar}"),
        format!("{anchor}{tls}"),
    ] {
        assert_eq!(danger(&config), None, "{config}");
    }
}

#[test]
fn whom_to_ask_is_not_left_out_by_leaving_it_empty() {
    for yaml in ["auth:\n  registrars:\n", "auth:\n", "trust_anchors:\n"] {
        let error = load_str::<Config>(yaml, "yaml", RETIRED_KEYS)
            .unwrap_err()
            .to_string();
        assert!(error.contains("null"), "{yaml}: {error}");
    }
    for yaml in [
        "insecure_allow_unsigned:\n",
        "insecure_allow_unsigned: no thanks\n",
    ] {
        let error = load_str::<Config>(yaml, "yaml", RETIRED_KEYS).unwrap_err();
        assert!(error.to_string().contains("neither true nor false"), "{error}");
    }
}
