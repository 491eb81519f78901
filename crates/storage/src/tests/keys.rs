use std::{fs, os::unix::fs::symlink};

use proptest::prelude::*;

use super::{every_store, local_fs, local_json};
use crate::{KeyFault, KeyValueStore, LocalFs, LocalJson, MAX_KEY_BYTES, Memory, StorageError, WriteMode};

#[tokio::test]
async fn local_fs_refuses_keys_that_are_not_plain_paths() {
    let directory = tempfile::tempdir().unwrap();
    let store = local_fs(directory.path());
    let long = "k".repeat(256);
    let slashes = "a/".repeat(60) + "a";
    for (key, expected) in [
        ("", KeyFault::Empty),
        (".", KeyFault::Segment),
        ("..", KeyFault::Segment),
        ("../escape", KeyFault::Segment),
        ("a/../../escape", KeyFault::Segment),
        ("/absolute", KeyFault::Segment),
        ("trailing/", KeyFault::Segment),
        ("a//b", KeyFault::Segment),
        ("%2e%2e%2f", KeyFault::Character),
        ("a%00", KeyFault::Character),
        ("a\0", KeyFault::Character),
        ("a\\b", KeyFault::Character),
        ("a\\x2Fb", KeyFault::Character),
        ("a\n", KeyFault::Character),
        ("measurement:1", KeyFault::Character),
        ("a b", KeyFault::Character),
        ("\u{2024}\u{2024}/x", KeyFault::Character),
        (".tmp-1-1~", KeyFault::Character),
        (long.as_str(), KeyFault::TooLong),
        (slashes.as_str(), KeyFault::TooLong),
    ] {
        match store.set(key, b"v", WriteMode::Replace).await {
            Err(StorageError::InvalidKey { fault, .. }) => assert_eq!(fault, expected, "{key:?}"),
            other => panic!("{key:?}: {other:?}"),
        }
        assert_eq!(store.get(key).await.unwrap(), None, "{key:?}");
        assert_eq!(store.delete(key).await.unwrap(), None, "{key:?}");
    }
    assert_eq!(fs::read_dir(directory.path().join("space")).unwrap().count(), 0);
}

#[tokio::test]
async fn memory_and_local_json_take_any_characters() {
    let directory = tempfile::tempdir().unwrap();
    for store in [
        Box::new(Memory::new()) as Box<dyn KeyValueStore>,
        Box::new(open_json(&directory)),
    ] {
        for key in ["measurement:1", "..", "a\0b", "a\\x2Fb", "ünï", "\"quoted\""] {
            store
                .set(key, key.as_bytes(), WriteMode::CreateOnly)
                .await
                .unwrap();
            assert_eq!(store.get(key).await.unwrap(), Some(key.as_bytes().to_vec()));
        }
        assert_eq!(store.list().await.unwrap().len(), 6);
    }
}

fn open_json(directory: &tempfile::TempDir) -> LocalJson {
    LocalJson::open(directory.path(), "space").unwrap()
}

#[tokio::test]
async fn empty_and_very_long_keys_are_refused_everywhere() {
    let directory = tempfile::tempdir().unwrap();
    for (name, store) in every_store(directory.path()) {
        for key in [String::new(), "k".repeat(MAX_KEY_BYTES + 1)] {
            let refused = store.set(&key, b"v", WriteMode::Replace).await.unwrap_err();
            assert!(matches!(refused, StorageError::InvalidKey { .. }), "{name}");
            assert!(refused.to_string().len() < 300, "{name}: the error is bounded");
        }
    }
}

#[test]
fn malformed_namespaces_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    for namespace in [
        "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a\0", "a\\b", "a b",
    ] {
        let refused = LocalFs::open(directory.path(), namespace).err().expect(namespace);
        assert!(
            matches!(refused, StorageError::InvalidNamespace(_)),
            "{namespace:?}"
        );
        let refused = LocalJson::open(directory.path(), namespace)
            .err()
            .expect(namespace);
        assert!(
            matches!(refused, StorageError::InvalidNamespace(_)),
            "{namespace:?}"
        );
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    LocalFs::open(directory.path(), "nested/space").unwrap();
    LocalJson::open(directory.path(), "nested/file").unwrap();
}

#[tokio::test]
async fn a_symbolic_link_is_followed_inside_the_namespace_only() {
    let directory = tempfile::tempdir().unwrap();
    let space = directory.path().join("space");
    let store = local_fs(directory.path());
    fs::write(directory.path().join("outside"), "secret").unwrap();
    symlink("../outside", space.join("relative")).unwrap();
    symlink(directory.path().join("outside"), space.join("absolute")).unwrap();
    symlink("/dev/zero", space.join("device")).unwrap();
    symlink("nowhere", space.join("dangling")).unwrap();
    symlink("loop", space.join("loop")).unwrap();
    for key in ["relative", "absolute", "device", "dangling"] {
        assert_eq!(store.get(key).await.unwrap(), None, "{key}");
    }
    store.get("loop").await.unwrap_err();
    fs::remove_file(space.join("loop")).unwrap();
    assert_eq!(store.list().await.unwrap(), Vec::<String>::new());

    // A mounted volume: names point through `..data`, which is swapped to publish a new version.
    for (version, content) in [("..v1", "one"), ("..v2", "two")] {
        fs::create_dir(space.join(version)).unwrap();
        fs::write(space.join(version).join("k"), content).unwrap();
    }
    symlink("..v1", space.join("..data")).unwrap();
    symlink("..data/k", space.join("k")).unwrap();
    assert_eq!(store.get("k").await.unwrap(), Some(b"one".to_vec()));
    symlink("..v2", space.join("..swap")).unwrap();
    fs::rename(space.join("..swap"), space.join("..data")).unwrap();
    assert_eq!(store.get("k").await.unwrap(), Some(b"two".to_vec()));
    assert_eq!(store.list().await.unwrap(), ["k"]);
}

#[tokio::test]
async fn writing_over_a_symbolic_link_replaces_the_link_and_not_its_target() {
    let directory = tempfile::tempdir().unwrap();
    let store = local_fs(directory.path());
    let outside = directory.path().join("outside");
    fs::write(&outside, "untouched").unwrap();
    symlink(&outside, directory.path().join("space/k")).unwrap();
    store.set("k", b"mine", WriteMode::Replace).await.unwrap();
    assert_eq!(fs::read(&outside).unwrap(), b"untouched");
    assert_eq!(store.get("k").await.unwrap(), Some(b"mine".to_vec()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_key_is_refused_or_stays_inside_the_namespace(key in "(\\.|/|\\\\|[a-zA-Z0-9_~%-]|\\PC){0,40}") {
        let directory = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for store in [local_fs(&directory.path().join("fs")), local_json(&directory.path().join("json"))] {
            runtime.block_on(async {
                if store.set(&key, b"v", WriteMode::Replace).await.is_ok() {
                    prop_assert_eq!(store.get(&key).await.unwrap(), Some(b"v".to_vec()));
                    prop_assert_eq!(store.list().await.unwrap(), vec![key.clone()]);
                } else {
                    prop_assert_eq!(store.list().await.unwrap(), Vec::<String>::new());
                }
                Ok(())
            })?;
        }
        let mut beside: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        beside.sort();
        prop_assert_eq!(beside, ["fs", "json"]);
        prop_assert_eq!(fs::read_dir(directory.path().join("fs")).unwrap().count(), 2); // the namespace and its lock
    }
}
