//! The physical layouts that the existing ecosystem reads and writes.

use std::{fs, os::unix::fs::PermissionsExt};

use super::{local_fs, local_json};
use crate::{LocalJson, StorageError, WriteMode};

#[tokio::test]
async fn local_fs_reads_and_writes_escaped_flat_file_names() {
    let directory = tempfile::tempdir().unwrap();
    let store = local_fs(directory.path());
    let space = directory.path().join("space");
    fs::write(space.join(r"default\x2Fkey\x2F1"), "by hand").unwrap();
    assert_eq!(
        store.get("default/key/1").await.unwrap(),
        Some(b"by hand".to_vec())
    );

    store
        .set("default/key/2", b"ours", WriteMode::CreateOnly)
        .await
        .unwrap();
    assert_eq!(fs::read(space.join(r"default\x2Fkey\x2F2")).unwrap(), b"ours");
    assert_eq!(store.list().await.unwrap(), ["default/key/1", "default/key/2"]);
}

#[tokio::test]
async fn local_fs_lists_values_only() {
    let directory = tempfile::tempdir().unwrap();
    let store = local_fs(directory.path());
    let space = directory.path().join("space");
    fs::create_dir(space.join("directory")).unwrap();
    fs::write(space.join(".tmp-1-1~"), "unfinished").unwrap();
    fs::write(space.join("with space"), "no key").unwrap();
    fs::write(space.join(r"a\x2F..\x2Fb"), "no key").unwrap();
    fs::write(space.join("k"), "value").unwrap();
    assert_eq!(store.list().await.unwrap(), ["k"]);
    assert_eq!(store.get("directory").await.unwrap(), None);
}

#[tokio::test]
async fn files_are_for_their_owner_only() {
    let directory = tempfile::tempdir().unwrap();
    let mode = |path: &str| {
        fs::metadata(directory.path().join(path))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    local_fs(&directory.path().join("fs"))
        .set("k", b"v", WriteMode::Replace)
        .await
        .unwrap();
    local_json(&directory.path().join("json"))
        .set("k", b"v", WriteMode::Replace)
        .await
        .unwrap();
    assert_eq!(mode("fs/space"), 0o700);
    assert_eq!(mode("fs/space/k"), 0o600);
    assert_eq!(mode("json"), 0o700);
    assert_eq!(mode("json/space"), 0o600);
}

#[tokio::test]
async fn local_json_is_an_object_of_padded_url_safe_base64() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("space");
    let store = local_json(directory.path());
    assert_eq!(fs::read_to_string(&file).unwrap(), "{}");

    store
        .set("b/c", &[0xfb, 0xff, 0xfe, 0xff], WriteMode::Replace)
        .await
        .unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), r#"{"b/c":"-__-_w=="}"#);

    fs::write(&file, "{\n  \"svn\": \"MQ==\",\n  \"bare\": \"MQ\"\n}\n").unwrap();
    assert_eq!(store.get("svn").await.unwrap(), Some(b"1".to_vec()));
    assert_eq!(store.get("bare").await.unwrap(), Some(b"1".to_vec()));
    store.set("new", b"2", WriteMode::Replace).await.unwrap();
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        r#"{"bare":"MQ","new":"Mg==","svn":"MQ=="}"#
    );
}

#[tokio::test]
async fn a_damaged_json_file_is_an_error_that_shows_no_value() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("space");
    for text in [
        "",
        "[]",
        r#"{"svn":{"canary":1}}"#,
        r#"{"svn":"canary"#,
        r#"{"svn":7777}"#,
    ] {
        fs::write(&file, text).unwrap();
        let error = LocalJson::open(directory.path(), "space").err().expect(text);
        assert!(matches!(error, StorageError::Damaged { .. }), "{text}");
        assert!(
            !error.to_string().contains("canary") && !error.to_string().contains("7777"),
            "{error}"
        );
        assert_eq!(
            fs::read_to_string(&file).unwrap(),
            text,
            "it is left for its owner to mend"
        );
    }
    fs::write(&file, r#"{"good":"MQ==","bad":"c@nary"}"#).unwrap();
    let store = local_json(directory.path());
    assert_eq!(store.get("good").await.unwrap(), Some(b"1".to_vec()));
    let entries = store.entries().await.unwrap();
    assert!(
        matches!(&entries[..], [(_, Err(_)), (_, Ok(value))] if value == b"1"),
        "{entries:?}"
    );
    for error in [
        store.get("bad").await.unwrap_err(),
        store.delete("bad").await.unwrap_err(),
    ] {
        assert!(matches!(error, StorageError::Damaged { .. }));
        assert!(!error.to_string().contains("c@nary"), "{error}");
    }
    store.set("bad", b"2", WriteMode::Replace).await.unwrap();
    assert_eq!(store.get("bad").await.unwrap(), Some(b"2".to_vec()));
}
