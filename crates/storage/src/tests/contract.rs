use std::{sync::Arc, time::Duration};

use super::{every_store, local_fs, local_json};
use crate::{KeyValueStore, StorageError, WriteMode, WriteOutcome, lock::WriteLock};

#[tokio::test]
async fn a_value_is_read_back_replaced_listed_and_deleted() {
    let directory = tempfile::tempdir().unwrap();
    for (name, store) in every_store(directory.path()) {
        assert_eq!(store.get("a/b").await.unwrap(), None, "{name}");
        assert_eq!(store.list().await.unwrap(), Vec::<String>::new(), "{name}");
        assert_eq!(store.delete("a/b").await.unwrap(), None, "{name}");

        let bytes: Vec<u8> = (0..=255).collect();
        let outcome = store.set("a/b", &bytes, WriteMode::CreateOnly).await.unwrap();
        assert_eq!(outcome, WriteOutcome::Written, "{name}");
        assert_eq!(store.get("a/b").await.unwrap(), Some(bytes.clone()), "{name}");

        let outcome = store.set("a/b", b"other", WriteMode::CreateOnly).await.unwrap();
        assert_eq!(outcome, WriteOutcome::AlreadyExists, "{name}");
        assert_eq!(store.get("a/b").await.unwrap(), Some(bytes), "{name}");

        store.set("a/b", b"", WriteMode::Replace).await.unwrap();
        assert_eq!(store.get("a/b").await.unwrap(), Some(Vec::new()), "{name}");

        store.set("a", b"x", WriteMode::Replace).await.unwrap();
        assert_eq!(store.list().await.unwrap(), ["a", "a/b"], "{name}");
        let entries = store
            .entries()
            .await
            .unwrap()
            .into_iter()
            .map(|(key, value)| (key, value.unwrap()));
        let expected = [("a".to_owned(), b"x".to_vec()), ("a/b".to_owned(), Vec::new())];
        assert_eq!(entries.collect::<Vec<_>>(), expected, "{name}");
        assert_eq!(store.delete("a").await.unwrap(), Some(b"x".to_vec()), "{name}");
        assert_eq!(store.list().await.unwrap(), ["a/b"], "{name}");
    }
}

#[tokio::test]
async fn several_values_are_stored_at_once_and_a_refused_key_says_how_many() {
    let directory = tempfile::tempdir().unwrap();
    for (name, store) in every_store(directory.path()) {
        let entry = |key: &str, value: &str| (key.to_owned(), value.as_bytes().to_vec());
        store.set("b", b"old", WriteMode::Replace).await.unwrap();
        let entries = [entry("a", "1"), entry("b", "2"), entry("c/d", "3")];
        store.set_all(&entries).await.unwrap();
        assert_eq!(store.list().await.unwrap(), ["a", "b", "c/d"], "{name}");
        assert_eq!(store.get("b").await.unwrap(), Some(b"2".to_vec()), "{name}");

        let partial = store
            .set_all(&[entry("e", "4"), entry("", "5"), entry("f", "6")])
            .await
            .unwrap_err();
        assert!(
            matches!(partial.source, StorageError::InvalidKey { .. }),
            "{name}"
        );
        let stored = store.list().await.unwrap().len() - 3;
        assert_eq!(partial.written, stored, "{name}");
        assert_eq!(store.get("f").await.unwrap(), None, "{name}");
    }
}

#[tokio::test]
async fn hundreds_of_values_are_stored_at_once_each_under_its_key() {
    let directory = tempfile::tempdir().unwrap();
    for (name, store) in every_store(directory.path()) {
        let entries: Vec<_> = (0..300)
            .map(|number: u32| (format!("key/{number}"), number.to_le_bytes().to_vec()))
            .collect();
        store.set_all(&entries).await.unwrap();
        for (key, value) in &entries {
            assert_eq!(
                store.get(key).await.unwrap().as_ref(),
                Some(value),
                "{name} {key}"
            );
        }
        assert_eq!(store.list().await.unwrap().len(), 300, "{name}");
    }
}

#[tokio::test]
async fn a_failure_among_several_values_leaves_those_before_it_and_nothing_temporary() {
    let directory = tempfile::tempdir().unwrap();
    let store = local_fs(directory.path());
    // A directory is in the way of the third.
    let space = directory.path().join("space");
    std::fs::create_dir_all(space.join("c/in-the-way")).unwrap();
    let entries: Vec<_> = ["a", "b", "c", "d"]
        .map(|key| (key.to_owned(), b"x".to_vec()))
        .into();
    let partial = store.set_all(&entries).await.unwrap_err();
    assert_eq!(partial.written, 2);
    assert!(matches!(&partial.source, StorageError::Io { path, .. } if path.ends_with("c")));
    assert_eq!(store.list().await.unwrap(), ["a", "b"]);
    let mut left: Vec<_> = std::fs::read_dir(&space)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["a", "b", "c"]);
}

/// Two handles on one directory stand for two processes: they share nothing but the files.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writers_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    for open in [local_fs, local_json] {
        let root = directory.path().join(format!("{open:p}"));
        let handles = [open(&root), open(&root)];
        let writers: Vec<_> = (0..60)
            .map(|number: usize| {
                let store = Arc::clone(&handles[number % 2]);
                tokio::spawn(async move {
                    let key = format!("key/{number}");
                    store.set(&key, key.as_bytes(), WriteMode::Replace).await.unwrap();
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let reader = open(&root);
        assert_eq!(reader.list().await.unwrap().len(), 60);
        for number in 0..60 {
            let key = format!("key/{number}");
            assert_eq!(reader.get(&key).await.unwrap(), Some(key.into_bytes()));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_creators_exactly_one_wins() {
    let directory = tempfile::tempdir().unwrap();
    for (name, store) in every_store(directory.path()) {
        let creators: Vec<_> = (0..20_u8)
            .map(|number| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    (
                        number,
                        store.set("k", &[number], WriteMode::CreateOnly).await.unwrap(),
                    )
                })
            })
            .collect();
        let mut winners = Vec::new();
        for creator in creators {
            let (number, outcome) = creator.await.unwrap();
            if outcome == WriteOutcome::Written {
                winners.push(number);
            }
        }
        assert_eq!(winners.len(), 1, "{name}");
        assert_eq!(store.get("k").await.unwrap(), Some(winners), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_never_sees_a_torn_or_missing_value() {
    const SIZE: usize = 200_000;
    let directory = tempfile::tempdir().unwrap();
    for open in [local_fs, local_json] {
        let root = directory.path().join(format!("{open:p}"));
        let writer = open(&root);
        writer.set("k", &[0; SIZE], WriteMode::Replace).await.unwrap();
        let reader = open(&root);
        let writing = tokio::spawn(async move {
            for round in 1..=30_u8 {
                writer
                    .set("k", &vec![round; SIZE], WriteMode::Replace)
                    .await
                    .unwrap();
            }
        });
        let mut last = 0;
        while !writing.is_finished() {
            let value = reader.get("k").await.unwrap().expect("the value is always there");
            assert_eq!(value.len(), SIZE);
            assert!(value.iter().all(|byte| *byte == value[0]), "torn");
            assert!(value[0] >= last, "went back");
            last = value[0];
        }
        writing.await.unwrap();
    }
}

/// On a runtime with one thread, a write that waits for another process lets everything else go on.
#[tokio::test(flavor = "current_thread")]
async fn a_waiting_write_does_not_block_the_runtime() {
    let directory = tempfile::tempdir().unwrap();
    for (open, kind, lock) in [
        (local_fs as fn(&_) -> Arc<dyn KeyValueStore>, "fs", ".space.lock"),
        (local_json, "json", ".lock"),
    ] {
        let root = directory.path().join(kind);
        let store = open(&root);
        let other_process = WriteLock::new(root.join(lock));
        let turn = other_process.acquire();
        let write = tokio::spawn({
            let store = Arc::clone(&store);
            async move { store.set("k", b"v", WriteMode::Replace).await.unwrap() }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!write.is_finished(), "{kind}: the lock is not honoured");
        assert_eq!(store.get("k").await.unwrap(), None, "{kind}");
        drop(turn);
        assert_eq!(write.await.unwrap(), WriteOutcome::Written, "{kind}");
    }
}
