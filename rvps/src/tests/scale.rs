//! A hundred thousand values.

use std::{sync::Arc, time::Instant};

use daemon::clock::ManualClock;
use serde_json::{Map, Value, json};
use storage::{StorageConfig, StorageType};

use super::{NOW, sample};
use crate::{Caller, Config, RevokeWhat, Rules, Rvps};

const MESSAGES: usize = 4;
const EACH: usize = 25_000;

/// 64 digits, as digests have.
fn value(number: usize) -> Value {
    json!([format!("{number:064x}")])
}

async fn fill(rvps: &Arc<Rvps>) {
    for message in 0..MESSAGES {
        let values: Map<String, Value> = (0..EACH)
            .map(|number| (format!("team-{message}/image-{number}"), value(number)))
            .collect();
        rvps.register(&sample(&values.into()), &Caller::local())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn one_change_among_a_hundred_thousand_values_is_told_alone() {
    let config = Config::default();
    let clock = Arc::new(ManualClock::new(NOW));
    let rvps = Rvps::open(&config.storage, Rules::default(), clock)
        .await
        .unwrap();
    fill(&rvps).await;
    let mut watcher = rvps.watch();
    let first = watcher.next().await.unwrap();
    assert_eq!((first.reset, first.changed.len()), (true, MESSAGES * EACH));

    let caller = Caller::local();
    rvps.register(&sample(&json!({"team-1/image-7": ["new"]})), &caller)
        .await
        .unwrap();
    let change = watcher.next().await.unwrap();
    assert_eq!(
        (change.reset, change.changed.len(), change.removed.len()),
        (false, 1, 0)
    );
    rvps.delete("team-2/image-8", None, false, &caller).await.unwrap();
    let change = watcher.next().await.unwrap();
    assert_eq!(
        (change.changed.len(), change.removed),
        (0, vec!["team-2/image-8".to_owned()])
    );
    rvps.revoke("team-3/image-9", RevokeWhat::Current, None, &caller)
        .await
        .unwrap();
    let change = watcher.next().await.unwrap();
    assert_eq!(
        (change.changed.len(), change.removed),
        (0, vec!["team-3/image-9".to_owned()])
    );
    assert_eq!(rvps.list().len(), MESSAGES * EACH - 2);
}

/// `cargo test -p rvps --release -- --ignored --nocapture hundred_thousand_files`
#[tokio::test]
#[ignore = "takes minutes and 200,000 files"]
async fn a_hundred_thousand_files_are_written_read_and_kept_current() {
    let directory = tempfile::tempdir().unwrap();
    let storage = json!({"backends": {"local_fs": {"dir_path": directory.path()}}});
    let storage = serde_json::from_value::<StorageConfig>(storage)
        .unwrap()
        .with_type(StorageType::LocalFs);
    let clock = Arc::new(ManualClock::new(NOW));
    let open = || Rvps::open(&storage, Rules::default(), clock.clone());
    let rvps = open().await.unwrap();
    let timed = |what: &'static str, started: Instant| println!("{what}: {:?}", started.elapsed());
    let started = Instant::now();
    fill(&rvps).await;
    timed("100,000 values registered", started);
    let mut watcher = rvps.watch();
    let started = Instant::now();
    assert_eq!(watcher.next().await.unwrap().changed.len(), MESSAGES * EACH);
    timed("snapshot for a new watcher", started);
    let started = Instant::now();
    rvps.register(&sample(&json!({"team-1/image-7": ["new"]})), &Caller::local())
        .await
        .unwrap();
    assert_eq!(watcher.next().await.unwrap().changed.len(), 1);
    timed("one change, registered and told", started);
    let started = Instant::now();
    rvps.reload().await.unwrap();
    timed("storage read again", started);
    let started = Instant::now();
    assert_eq!(open().await.unwrap().list().len(), MESSAGES * EACH);
    timed("opened", started);
}
