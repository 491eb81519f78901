use std::{
    ffi::OsString,
    fs, io,
    io::Write,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use super::{local_fs, local_json};
use crate::{KeyValueStore, WriteMode, atomic::atomic_write_with, atomic_write, is_temporary};

/// The file that tells the helper below that the kill test started it, and for which back end.
const MARKER: &str = "kill-test-writer";
const SIZE: usize = 300_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_in_a_write_leaves_the_old_or_the_new_value() {
    for (kind, open) in [
        ("fs", local_fs as fn(&Path) -> Arc<dyn KeyValueStore>),
        ("json", local_json),
    ] {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(MARKER), kind).unwrap();
        let root = directory.path().join("root");
        for round in 0..5 {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args([
                    "--exact",
                    "tests::crash::writer_that_the_kill_test_starts",
                    "--ignored",
                ])
                .current_dir(directory.path())
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            let written = directory.path().join("written");
            while !written.exists() {
                assert!(child.try_wait().unwrap().is_none(), "the writer ended by itself");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_millis(3 + 7 * round)).await;
            child.kill().unwrap();
            child.wait().unwrap();
            fs::remove_file(written).unwrap();

            let store = open(&root);
            let value = store
                .get("k")
                .await
                .unwrap()
                .expect("a value was written before the kill");
            assert_eq!(value.len(), SIZE, "{kind}");
            assert!(value.iter().all(|byte| *byte == value[0]), "{kind}: torn");
            assert_eq!(store.list().await.unwrap(), ["k"], "{kind}");
            store.set("k", &[0; SIZE], WriteMode::Replace).await.unwrap();
        }
        drop(open(&root));
        let mut leftovers = walk(&root);
        leftovers.retain(|name| is_temporary(name));
        assert!(
            leftovers.is_empty(),
            "unfinished writes are cleared away at the next start: {leftovers:?}"
        );
    }
}

fn walk(directory: &Path) -> Vec<OsString> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries
        .flat_map(|entry| {
            if entry.path().is_dir() {
                walk(&entry.path())
            } else {
                vec![entry.file_name()]
            }
        })
        .collect()
}

#[tokio::test]
#[ignore = "not a test: the process that the kill test kills"]
async fn writer_that_the_kill_test_starts() {
    let Ok(kind) = fs::read_to_string(MARKER) else {
        return;
    };
    let store = if kind == "fs" {
        local_fs(Path::new("root"))
    } else {
        local_json(Path::new("root"))
    };
    for round in (0..=255_u8).cycle() {
        store.set("k", &[round; SIZE], WriteMode::Replace).await.unwrap();
        fs::write("written", "").unwrap();
    }
}

#[test]
fn a_full_disk_is_an_error_that_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    atomic_write(&path, b"old").unwrap();
    let error = atomic_write_with(&path, |file| {
        file.write_all(b"ne")?;
        Err(io::ErrorKind::StorageFull.into())
    })
    .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no leftover");
}

#[test]
fn a_write_that_cannot_take_its_place_leaves_no_leftover() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("taken");
    fs::create_dir(&path).unwrap();
    atomic_write(&path, b"new").unwrap_err();
    assert!(path.is_dir());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no leftover");
}

#[test]
fn only_unfinished_writes_are_temporary() {
    assert!(is_temporary(".tmp-1-0~".as_ref()));
    for name in [".tmp-1-0", "k~", "..data", "tmp-1-0~"] {
        assert!(!is_temporary(name.as_ref()), "{name}");
    }
}
