//! Many writers, in this process and in others.

use std::{collections::BTreeSet, sync::Arc};

use super::super::{local_fs, local_json};
use super::alice;
use crate::{KeyValueStore, Memory, Versions};

async fn write_all(handles: Vec<Arc<Versions>>) -> Arc<Versions> {
    let writers: Vec<_> = (0..16)
        .map(|number: usize| {
            let versions = Arc::clone(&handles[number % handles.len()]);
            tokio::spawn(async move {
                let text = format!("text {number}");
                versions.set("p", text.as_str(), &alice(), 0).await.unwrap();
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    Arc::clone(&handles[0])
}

/// Every text of every writer is in the history, once a number.
async fn check(versions: &Versions) {
    let history = versions.history("p", 0).await.unwrap();
    let numbers: BTreeSet<u64> = history.iter().map(|version| version.number).collect();
    assert_eq!(numbers.len(), history.len());
    let mut texts = BTreeSet::new();
    for version in &history {
        texts.insert(versions.text("p", Some(version.number)).await.unwrap());
    }
    let expected: BTreeSet<String> = (0..16).map(|number| format!("text {number}")).collect();
    assert_eq!(texts, expected);
    let current = versions.current("p").await.unwrap().unwrap();
    assert!(expected.contains(&current));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writers_of_one_process_lose_no_version() {
    let store: Arc<dyn KeyValueStore> = Arc::new(Memory::new());
    let versions = write_all(vec![Arc::new(Versions::new(store))]).await;
    check(&versions).await;
    assert_eq!(
        versions.history("p", 0).await.unwrap().len(),
        16,
        "and find nothing"
    );
}

/// Two handles on one directory stand for two processes: they share nothing but the files.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writers_of_several_processes_lose_no_text() {
    let directory = tempfile::tempdir().unwrap();
    for open in [local_fs, local_json] {
        let root = directory.path().join(format!("{open:p}"));
        // Fewer than are kept, with room for what each finds that the other has just put there.
        let handles = [open(&root), open(&root)].map(|store| Arc::new(Versions::new(store)));
        let writers = (0..6).map(|number: usize| {
            let versions = Arc::clone(&handles[number % 2]);
            tokio::spawn(async move {
                let text = format!("text {number}");
                versions.set("p", text.as_str(), &alice(), 0).await.unwrap();
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        let versions = &handles[0];
        let mut texts = BTreeSet::new();
        let history = versions.history("p", 0).await.unwrap();
        // What one found while the other had not written its text yet may be nothing.
        for version in history.iter().filter(|version| version.digest.is_some()) {
            texts.insert(versions.text("p", Some(version.number)).await.unwrap());
        }
        for number in 0..6 {
            assert!(texts.contains(&format!("text {number}")), "{number} of {texts:?}");
        }
    }
}
