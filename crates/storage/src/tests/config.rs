use serde_json::json;

use crate::{StorageConfig, StorageError, StorageType, drop_retired};

fn parse(text: &str) -> StorageConfig {
    serde_json::from_str(text).unwrap()
}

#[test]
fn documented_keys_load_and_empty_tables_have_defaults() {
    let config = parse(
        r#"{"storage_type": "LocalFs", "backends": {"local_fs": {}, "local_json": {}, "postgres": {}, "redis": {}}}"#,
    );
    assert_eq!(config.storage_type, StorageType::LocalFs);
    let backends = config.backends;
    let local_fs = backends.local_fs.unwrap().dir_path;
    assert_eq!(
        local_fs.to_str(),
        Some("/opt/confidential-containers/storage/local_fs")
    );
    let local_json = backends.local_json.unwrap().file_dir_path;
    assert_eq!(
        local_json.to_str(),
        Some("/opt/confidential-containers/storage/local_json")
    );
    let postgres = backends.postgres.unwrap();
    assert_eq!(
        (postgres.db.as_str(), postgres.username.as_str()),
        ("postgres", "postgres")
    );
    assert_eq!((postgres.host.as_str(), postgres.port), ("localhost", 5432));
    assert!(postgres.password.is_none());
    assert_eq!(backends.redis.unwrap().url.expose(), "redis://127.0.0.1:6379");
}

#[test]
fn every_type_has_two_spellings() {
    use StorageType::{LocalFs, LocalJson, Memory, Postgres, Redis};
    for (spellings, expected) in [
        (["Memory", "memory"], Memory),
        (["LocalFs", "local_fs"], LocalFs),
        (["LocalJson", "local_json"], LocalJson),
        (["Postgres", "postgres"], Postgres),
        (["Redis", "redis"], Redis),
    ] {
        for spelling in spellings {
            assert_eq!(
                parse(&format!(r#"{{"storage_type": "{spelling}"}}"#)).storage_type,
                expected
            );
        }
    }
    assert_eq!(parse("{}").storage_type, Memory);
}

#[test]
fn an_unknown_key_is_an_error() {
    for text in [
        r#"{"type": "LocalFs"}"#,
        r#"{"backends": {"localfs": {}}}"#,
        r#"{"backends": {"local_fs": {"path": "/x"}}}"#,
        r#"{"backends": {"local_json": {"dir_path": "/x"}}}"#,
        r#"{"storage_type": "LOCALFS"}"#,
    ] {
        serde_json::from_str::<StorageConfig>(text).expect_err(text);
    }
}

#[test]
fn the_table_of_the_selected_back_end_is_required() {
    for (kind, table) in [("LocalFs", "local_fs"), ("LocalJson", "local_json")] {
        let error = parse(&format!(r#"{{"storage_type": "{kind}"}}"#))
            .open("space")
            .err()
            .unwrap();
        assert!(matches!(error, StorageError::MissingBackendConfig { .. }));
        let text = error.to_string();
        assert!(
            text.contains(kind) && text.contains(&format!("backends.{table}")),
            "{text}"
        );
    }
}

#[test]
fn a_back_end_of_a_later_version_says_so() {
    for kind in ["Postgres", "Redis"] {
        let config = parse(&format!(
            r#"{{"storage_type": "{kind}", "backends": {{"postgres": {{}}, "redis": {{}}}}}}"#
        ));
        let error = config.open("space").err().unwrap();
        assert!(matches!(error, StorageError::NotInThisVersion(_)));
        assert!(error.to_string().contains("not in this version"), "{error}");
    }
}

#[tokio::test]
async fn open_uses_the_configured_directories_and_the_overriding_type() {
    let directory = tempfile::tempdir().unwrap();
    let config = parse(
        &serde_json::json!({"storage_type": "Memory", "backends": {
            "local_fs": {"dir_path": directory.path().join("fs")},
            "local_json": {"file_dir_path": directory.path().join("json")},
        }})
        .to_string(),
    );
    for kind in [StorageType::Memory, StorageType::LocalFs, StorageType::LocalJson] {
        let store = config.with_type(kind).open("space").unwrap();
        store.set("k", b"v", crate::WriteMode::CreateOnly).await.unwrap();
        assert_eq!(store.list().await.unwrap(), ["k"]);
    }
    assert!(directory.path().join("fs/space/k").is_file());
    assert!(directory.path().join("json/space").is_file());
    config.open("../space").err().unwrap();
}

#[test]
fn credentials_are_not_in_debug_output() {
    let config = parse(
        r#"{"backends": {"postgres": {"password": "canary"}, "redis": {"url": "redis://:canary@host:6379"}}}"#,
    );
    assert!(!format!("{config:?}").contains("canary"));
}

#[test]
fn a_directory_that_never_took_effect_is_dropped_and_the_one_in_use_named() {
    let mut file = json!({"storage_backend": {"storage_type": "LocalJson",
        "backends": {"local_json": {"dir_path": "/elsewhere"}}}});
    let warning = drop_retired(&mut file, "storage_backend").unwrap();
    for told in [
        "`storage_backend.backends.local_json.dir_path`",
        " /opt/confidential-containers/storage/local_json;",
    ] {
        assert!(warning.contains(told), "{warning}");
    }
    assert!(!warning.contains("/elsewhere"), "{warning}");
    let config: StorageConfig = serde_json::from_value(file["storage_backend"].clone()).unwrap();
    let in_use = config.backends.local_json.unwrap().file_dir_path;
    assert_eq!(
        in_use.to_str(),
        Some("/opt/confidential-containers/storage/local_json")
    );

    let mut both =
        json!({"storage": {"backends": {"local_json": {"dir_path": "/a", "file_dir_path": "/b"}}}});
    assert!(drop_retired(&mut both, "storage").unwrap().contains(" /b;"));
    assert_eq!(drop_retired(&mut both, "storage"), None, "it is gone");
    assert_eq!(drop_retired(&mut json!({"storage": []}), "storage"), None);
}
