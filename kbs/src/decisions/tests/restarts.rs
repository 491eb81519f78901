use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use storage::{LocalFs, LocalJson, Memory, StorageError, WriteMode, WriteOutcome};

use super::*;
use crate::admin::AdminGrant;

async fn after_a_restart(store: Arc<dyn KeyValueStore>, config: &DecisionsConfig) -> Bench {
    Bench::with(config.clone(), Some(store)).await
}

#[tokio::test]
async fn decisions_and_their_claims_are_there_after_a_restart_in_every_storage() {
    let dir = tempfile::tempdir().unwrap();
    let stores: [Arc<dyn KeyValueStore>; 3] = [
        Arc::new(Memory::new()),
        Arc::new(LocalFs::open(dir.path(), "kbs_decisions").unwrap()),
        Arc::new(LocalJson::open(&dir.path().join("json"), "kbs_decisions").unwrap()),
    ];
    for store in stores {
        let config = DecisionsConfig::default();
        let before = after_a_restart(Arc::clone(&store), &config).await;
        let first = before.note(attested(claims(100))).await;
        before.decisions.finish().await;
        before.clock.advance(1);
        let second = before.note(refused()).await;
        let third = before.note(released("a/b/c", Some(first))).await;
        before.decisions.finish().await;

        let after = after_a_restart(store, &config).await;
        assert_eq!(after.all(), [first, second, third]);
        let (old, new) = (
            before.decisions.get(&AdminGrant::for_tests(), first).unwrap(),
            after.decisions.get(&AdminGrant::for_tests(), first).unwrap(),
        );
        assert_eq!(
            serde_json::to_value(&*old.0).unwrap(),
            serde_json::to_value(&*new.0).unwrap()
        );
        assert_eq!(new.1, Some(claims(100)));
        assert_eq!(
            after.decisions.recorded(&AdminGrant::for_tests(), 5)[0]
                .releases
                .len(),
            1
        );
    }
}

#[tokio::test]
async fn the_storage_forgets_what_the_memory_forgets() {
    let store: Arc<dyn KeyValueStore> = Arc::new(Memory::new());
    let config = DecisionsConfig {
        max_count: 3,
        max_claims_mib: 1,
        ..DecisionsConfig::default()
    };
    let bench = after_a_restart(Arc::clone(&store), &config).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(bench.note(attested(claims(500 << 10))).await);
        bench.decisions.finish().await;
    }
    let expected: Vec<String> = [
        (ids[2], ".json"),
        (ids[3], ".claims.json"),
        (ids[3], ".json"),
        (ids[4], ".claims.json"),
        (ids[4], ".json"),
    ]
    .map(|(id, end)| format!("{id}{end}"))
    .into();
    let mut keys = store.list().await.unwrap();
    keys.sort();
    let mut sorted = expected;
    sorted.sort();
    assert_eq!(keys, sorted);
    // A stricter configuration holds for what was stored before, too.
    let stricter = DecisionsConfig {
        max_count: 1,
        ..config
    };
    let after = after_a_restart(Arc::clone(&store), &stricter).await;
    assert_eq!(after.all(), ids[4..]);
    after.decisions.finish().await;
    assert_eq!(store.list().await.unwrap().len(), 2);
    assert_eq!(bench.lost.get(), 0);
}

#[tokio::test]
async fn what_cannot_be_read_is_left_out_and_the_rest_is_there() {
    let store: Arc<dyn KeyValueStore> = Arc::new(Memory::new());
    let config = DecisionsConfig::default();
    let before = after_a_restart(Arc::clone(&store), &config).await;
    let id = before.note(refused()).await;
    before.decisions.finish().await;
    for (key, value) in [
        (
            "6921aabc-0000000000000000.json",
            "{\"order\":0,\"decisions\":[{\"id\":7}]}",
        ),
        ("6921aabd-0000000000000000.json", "\u{fffd}"),
        ("6921aabe-0000000000000000.claims.json", "[]"),
        ("other", "{}"),
    ] {
        store
            .set(key, value.as_bytes(), WriteMode::Replace)
            .await
            .unwrap();
    }
    assert_eq!(after_a_restart(store, &config).await.all(), [id]);
}

/// A disk that is full, for a while.
#[derive(Default)]
struct Full {
    full: AtomicBool,
    inner: Memory,
}

#[async_trait]
impl KeyValueStore for Full {
    async fn get(&self, key: &str) -> storage::Result<Option<Vec<u8>>> {
        self.inner.get(key).await
    }

    async fn set(&self, key: &str, value: &[u8], mode: WriteMode) -> storage::Result<WriteOutcome> {
        match self.full.load(Ordering::SeqCst) {
            true => Err(StorageError::Interrupted),
            false => self.inner.set(key, value, mode).await,
        }
    }

    async fn delete(&self, key: &str) -> storage::Result<Option<Vec<u8>>> {
        self.inner.delete(key).await
    }

    async fn list(&self) -> storage::Result<Vec<String>> {
        self.inner.list().await
    }

    fn check_key(&self, key: &str) -> storage::Result<()> {
        self.inner.check_key(key)
    }
}

#[tokio::test]
async fn a_disk_that_is_full_loses_nothing_that_is_still_in_memory() {
    let store = Arc::new(Full::default());
    let config = DecisionsConfig {
        max_count: 2,
        ..DecisionsConfig::default()
    };
    let bench = after_a_restart(Arc::clone(&store) as _, &config).await;
    store.full.store(true, Ordering::SeqCst);
    bench.note(attested(claims(10))).await;
    let kept = [
        bench.note(attested(claims(10))).await,
        bench.note(attested(claims(10))).await,
    ];
    bench.decisions.finish().await;
    assert_eq!(bench.all(), kept);
    assert!(store.list().await.unwrap().is_empty());
    assert_eq!(bench.lost.get(), 1);

    store.full.store(false, Ordering::SeqCst);
    bench.decisions.finish().await;
    assert_eq!(after_a_restart(store, &config).await.all(), kept);
}
