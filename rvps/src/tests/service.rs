use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use daemon::clock::ManualClock;
use serde_json::json;
use storage::{KeyValueStore, Memory, StorageConfig, StorageError, StorageType, WriteMode, WriteOutcome};

use super::{NEXT_YEAR, NOW, ids, in_memory, sample};
use crate::{Caller, RegisterError, Rules, Rvps};

fn on_disk(root: &Path, storage_type: StorageType) -> StorageConfig {
    let text = json!({"backends": {
        "local_fs": {"dir_path": root.join("fs")},
        "local_json": {"file_dir_path": root.join("json")},
    }});
    serde_json::from_value::<StorageConfig>(text)
        .unwrap()
        .with_type(storage_type)
}

async fn open(config: &StorageConfig) -> Arc<Rvps> {
    Rvps::open(config, Rules::default(), Arc::new(ManualClock::new(NOW)))
        .await
        .unwrap()
}

#[tokio::test]
async fn registered_values_are_queried_listed_and_replaced() {
    let (rvps, _) = in_memory().await;
    assert_eq!(rvps.query("svn").unwrap(), None);
    let names = rvps
        .register(
            &sample(&json!({"svn": ["1"], "digest": ["a", "b"]})),
            &Caller::local(),
        )
        .await
        .unwrap();
    assert_eq!(names.names, ["digest", "svn"]);
    assert_eq!(ids(&rvps), ["digest", "svn"]);
    let value = rvps.query("svn").unwrap().unwrap();
    assert_eq!((value.json(), value.expires_at()), (r#"["1"]"#, NEXT_YEAR));

    rvps.register(&sample(&json!({"svn": 2})), &Caller::local())
        .await
        .unwrap();
    assert_eq!(rvps.query("svn").unwrap().unwrap().value(), &json!(2));
    assert_eq!(ids(&rvps), ["digest", "svn"]);
    assert_eq!(rvps.query("__healthcheck__").unwrap(), None);
}

#[tokio::test]
async fn an_expired_reference_value_is_not_served() {
    let (rvps, clock) = in_memory().await;
    rvps.register(&sample(&json!({"old": 1})), &Caller::local())
        .await
        .unwrap();
    clock.set(NOW + 60);
    rvps.register(&sample(&json!({"young": 1})), &Caller::local())
        .await
        .unwrap();
    clock.set(NEXT_YEAR - 1);
    assert_eq!(ids(&rvps), ["old", "young"]);
    clock.set(NEXT_YEAR);
    assert_eq!(rvps.query("old").unwrap(), None);
    assert_eq!(ids(&rvps), ["young"]);
    assert_eq!(rvps.watch().next().await.unwrap().changed.len(), 1);
    rvps.register(&sample(&json!({"old": 2})), &Caller::local())
        .await
        .unwrap();
    assert_eq!(ids(&rvps), ["old", "young"]);
}

#[tokio::test]
async fn an_expired_reference_value_is_not_served_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let config = on_disk(directory.path(), StorageType::LocalFs);
    open(&config)
        .await
        .register(&sample(&json!({"old": 1})), &Caller::local())
        .await
        .unwrap();
    let later = Rvps::open(&config, Rules::default(), Arc::new(ManualClock::new(NEXT_YEAR)))
        .await
        .unwrap();
    assert_eq!(later.query("old").unwrap(), None);
    assert_eq!(ids(&later), Vec::<String>::new());
}

#[tokio::test]
async fn a_watcher_is_told_everything_and_then_what_changes() {
    let (rvps, clock) = in_memory().await;
    rvps.register(&sample(&json!({"a": 1, "b": 1})), &Caller::local())
        .await
        .unwrap();
    let mut watcher = rvps.watch();
    let first = watcher.next().await.unwrap();
    assert!(first.reset && first.removed.is_empty());
    assert_eq!(first.changed, rvps.list());

    clock.advance(60);
    rvps.register(&sample(&json!({"b": 2, "c": 1})), &Caller::local())
        .await
        .unwrap();
    let second = watcher.next().await.unwrap();
    assert!(!second.reset && second.removed.is_empty());
    assert_eq!(second.changed, rvps.list()[1..]);

    // Nobody registers anything: the value goes when its time has come.
    clock.set(NEXT_YEAR);
    let third = tokio::time::timeout(Duration::from_secs(5), watcher.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (third.reset, third.changed.len(), third.removed),
        (false, 0, vec!["a".to_owned()])
    );

    drop(rvps);
    assert_eq!(watcher.next().await, None);
}

#[tokio::test]
async fn a_slow_watcher_is_told_several_changes_in_one() {
    let (rvps, _) = in_memory().await;
    let mut watcher = rvps.watch();
    assert!(watcher.next().await.unwrap().changed.is_empty());
    for number in 0..50 {
        rvps.register(
            &sample(&json!({"svn": number, format!("n{number}"): 1})),
            &Caller::local(),
        )
        .await
        .unwrap();
    }
    let change = watcher.next().await.unwrap();
    assert_eq!(change.changed, rvps.list());
    assert_eq!(change.changed.len(), 51);
}

#[tokio::test]
async fn a_message_with_one_bad_name_stores_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let rvps = open(&on_disk(directory.path(), StorageType::LocalFs)).await;
    for bad in ["measurement:1", "../x", "z\\x", "a//b"] {
        let error = rvps
            .register(&sample(&json!({"aaa": 1, bad: 1, "zzz": 1})), &Caller::local())
            .await
            .unwrap_err();
        assert!(matches!(error, RegisterError::Name { .. }), "{error:?}");
        assert_eq!(ids(&rvps), Vec::<String>::new());
        assert_eq!(
            fs::read_dir(directory.path().join("fs/reference_value"))
                .unwrap()
                .count(),
            0
        );
    }
    assert!(
        rvps.register(&sample(&json!({"a:b": 1})), &Caller::local())
            .await
            .unwrap_err()
            .to_string()
            .contains("invalid characters")
    );
}

#[tokio::test]
async fn values_survive_a_restart_in_the_documented_form() {
    let directory = tempfile::tempdir().unwrap();
    for storage_type in [StorageType::LocalFs, StorageType::LocalJson] {
        let config = on_disk(directory.path(), storage_type);
        open(&config)
            .await
            .register(&sample(&json!({"vendor/svn": ["1"]})), &Caller::local())
            .await
            .unwrap();
        assert_eq!(
            open(&config).await.query("vendor/svn").unwrap().unwrap().json(),
            r#"["1"]"#
        );
    }
    let stored =
        r#"{"version":"0.1.0","name":"vendor/svn","expiration":"2027-11-22T00:00:00Z","value":["1"]}"#;
    let file = directory.path().join("fs/reference_value").join(r"vendor\x2Fsvn");
    assert_eq!(fs::read_to_string(file).unwrap(), stored);
}

#[tokio::test]
async fn a_damaged_value_is_an_error_of_its_own_and_hides_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let config = on_disk(directory.path(), StorageType::LocalFs);
    let rvps = open(&config).await;
    rvps.register(&sample(&json!({"bad": 1, "good": 1})), &Caller::local())
        .await
        .unwrap();
    fs::write(directory.path().join("fs/reference_value/bad"), r#"{"value": 1}"#).unwrap();
    let rvps = open(&config).await;
    rvps.query("bad").unwrap_err();
    assert_eq!(ids(&rvps), ["good"]);
    rvps.register(&sample(&json!({"bad": 2})), &Caller::local())
        .await
        .unwrap();
    assert_eq!(rvps.query("bad").unwrap().unwrap().value(), &json!(2));
}

#[tokio::test]
async fn what_is_changed_in_storage_is_noticed_and_told() {
    let directory = tempfile::tempdir().unwrap();
    let config = on_disk(directory.path(), StorageType::LocalFs);
    let rvps = open(&config).await;
    rvps.register(
        &sample(&json!({"deleted": 1, "kept": 1, "spoilt": 1})),
        &Caller::local(),
    )
    .await
    .unwrap();
    let mut watcher = rvps.watch();
    watcher.next().await.unwrap();

    open(&config)
        .await
        .register(&sample(&json!({"added": 1})), &Caller::local())
        .await
        .unwrap();
    fs::remove_file(directory.path().join("fs/reference_value/deleted")).unwrap();
    fs::write(directory.path().join("fs/reference_value/spoilt"), "").unwrap();
    rvps.reload().await.unwrap();
    assert_eq!(ids(&rvps), ["added", "kept"]);
    let change = watcher.next().await.unwrap();
    assert_eq!(change.changed, [rvps.query("added").unwrap().unwrap()]);
    assert_eq!(change.removed, ["deleted", "spoilt"]);

    rvps.reload().await.unwrap();
    let quiet = tokio::time::timeout(Duration::from_millis(50), watcher.next()).await;
    assert!(quiet.is_err(), "nothing changed, so nothing is told: {quiet:?}");
}

#[tokio::test]
async fn storage_that_cannot_be_read_leaves_the_known_values_in_force() {
    let directory = tempfile::tempdir().unwrap();
    let config = on_disk(directory.path(), StorageType::LocalJson);
    let rvps = open(&config).await;
    rvps.register(&sample(&json!({"svn": 1})), &Caller::local())
        .await
        .unwrap();
    fs::write(directory.path().join("json/reference_value"), "{").unwrap();
    rvps.reload().await.unwrap_err();
    assert_eq!(ids(&rvps), ["svn"]);
    let restarted = Rvps::open(&config, Rules::default(), Arc::new(ManualClock::new(NOW))).await;
    assert!(restarted.is_err(), "a start needs readable storage");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_registrations_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let config = on_disk(directory.path(), StorageType::LocalJson);
    let rvps = open(&config).await;
    let writers: Vec<_> = (0..40)
        .map(|number| {
            let rvps = Arc::clone(&rvps);
            tokio::spawn(async move {
                rvps.register(&sample(&json!({format!("n{number}"): 1})), &Caller::local())
                    .await
                    .unwrap()
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(rvps.list().len(), 40);
    assert_eq!(open(&config).await.list().len(), 40);
}

/// A store that takes its time, and has room for a number of writes.
struct Limited {
    store: Memory,
    room: AtomicUsize,
}

#[async_trait]
impl KeyValueStore for Limited {
    async fn get(&self, key: &str) -> storage::Result<Option<Vec<u8>>> {
        self.store.get(key).await
    }

    async fn set(&self, key: &str, value: &[u8], mode: WriteMode) -> storage::Result<WriteOutcome> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.room
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |room| room.checked_sub(1))
            .map_err(|_| StorageError::Io {
                operation: "write",
                path: "full".into(),
                source: std::io::ErrorKind::StorageFull.into(),
            })?;
        self.store.set(key, value, mode).await
    }

    async fn delete(&self, key: &str) -> storage::Result<Option<Vec<u8>>> {
        self.store.delete(key).await
    }

    async fn list(&self) -> storage::Result<Vec<String>> {
        self.store.list().await
    }

    fn check_key(&self, key: &str) -> storage::Result<()> {
        self.store.check_key(key)
    }
}

async fn limited(room: usize) -> Arc<Rvps> {
    let store = Arc::new(Limited {
        store: Memory::new(),
        room: AtomicUsize::new(room),
    });
    Rvps::over(
        store,
        Arc::new(Memory::new()),
        false,
        Rules::default(),
        Arc::new(ManualClock::new(NOW)),
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn a_full_disk_in_the_middle_keeps_and_serves_what_was_stored() {
    let rvps = limited(2).await;
    let error = rvps
        .register(&sample(&json!({"a": 1, "b": 1, "c": 1})), &Caller::local())
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            RegisterError::Storage {
                written: 2,
                total: 3,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(ids(&rvps), ["a", "b"]);
}

#[tokio::test]
async fn a_caller_who_goes_away_leaves_memory_and_storage_in_step() {
    let rvps = limited(9).await;
    let message = sample(&json!({"a": 1, "b": 1}));
    // Whoever goes away before the message is read leaves nothing behind.
    for patience in 5..35 {
        let caller = Caller::local();
        let registration = rvps.register(&message, &caller);
        let answered = tokio::time::timeout(Duration::from_millis(patience), registration).await;
        assert!(answered.is_err(), "it took less than the store needs");
        for _ in 0..50 {
            if !rvps.list().is_empty() {
                assert_eq!(ids(&rvps), ["a", "b"]);
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    panic!("nothing was ever registered");
}
