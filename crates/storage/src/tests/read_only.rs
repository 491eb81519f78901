//! A storage that can be read only. `/sys` is a directory in which nobody can make anything.

use std::{io, path::Path};

use super::{local_fs, local_json};
use crate::{KeyValueStore, LocalFs, LocalJson, StorageError, WriteMode, error::is_read_only};

const READ_ONLY: &str = "/sys";

fn every_read_only_store() -> [Box<dyn KeyValueStore>; 2] {
    let root = Path::new(READ_ONLY);
    [
        Box::new(LocalFs::open(root, "trustee_test").unwrap()),
        Box::new(LocalJson::open(root, "trustee_test").unwrap()),
    ]
}

#[tokio::test]
async fn a_namespace_that_is_missing_on_a_read_only_storage_is_empty() {
    for store in every_read_only_store() {
        assert_eq!(store.list().await.unwrap(), Vec::<String>::new());
        assert!(store.entries().await.unwrap().is_empty());
        assert_eq!(store.get("key").await.unwrap(), None);
        assert_eq!(store.delete("key").await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_write_to_a_read_only_storage_says_so_and_what_to_do() {
    for store in every_read_only_store() {
        let all = [("key".to_owned(), b"value".to_vec())];
        for error in [
            store.set("key", b"value", WriteMode::Replace).await.unwrap_err(),
            store
                .set("key", b"value", WriteMode::CreateOnly)
                .await
                .unwrap_err(),
            store.set_all(&all).await.unwrap_err().source,
        ] {
            assert!(matches!(error, StorageError::NotWritable { .. }), "{error}");
            let text = error.to_string();
            assert!(
                text.contains("cannot write /sys") && text.contains("make it writable"),
                "{text}"
            );
        }
    }
}

#[test]
fn a_storage_whose_own_directory_is_missing_and_cannot_be_made_does_not_open() {
    let root = Path::new("/sys/trustee_test");
    assert!(LocalFs::open(root, "namespace").is_err());
    assert!(LocalJson::open(root, "namespace").is_err());
}

#[tokio::test]
async fn a_directory_that_vanishes_from_a_writable_storage_is_an_error_and_not_empty() {
    let directory = tempfile::tempdir().unwrap();
    let store = local_fs(directory.path());
    store.set("key", b"value", WriteMode::Replace).await.unwrap();
    std::fs::remove_dir_all(directory.path()).unwrap();
    assert!(store.list().await.is_err());
}

#[test]
fn a_start_leaves_nothing_behind_that_it_tried_to_write() {
    let directory = tempfile::tempdir().unwrap();
    for (open, name) in [(local_fs as fn(&Path) -> _, "fs"), (local_json, "json")] {
        drop(open(&directory.path().join(name)));
        drop(open(&directory.path().join(name)));
    }
    let left = walk(directory.path());
    assert!(left.iter().all(|name| !name.contains(".tmp-")), "{left:?}");
}

fn walk(directory: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names.extend(walk(&path));
        }
        names.push(path.display().to_string());
    }
    names
}

#[test]
fn read_only_is_what_the_system_does_not_permit() {
    for (kind, expected) in [
        (io::ErrorKind::ReadOnlyFilesystem, true),
        (io::ErrorKind::PermissionDenied, true),
        (io::ErrorKind::StorageFull, false),
        (io::ErrorKind::NotFound, false),
    ] {
        assert_eq!(is_read_only(&kind.into()), expected, "{kind}");
    }
}
