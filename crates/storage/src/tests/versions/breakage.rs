//! Crashes, and what people do to files.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;

use super::super::{every_store, local_fs};
use super::{alice, events};
use crate::{
    Event, KeyValueStore, Memory, Result, StorageError, Versions, VersionsError, WriteMode, WriteOutcome,
};

/// A store whose machine loses power after so many writes.
struct Crashing {
    store: Arc<dyn KeyValueStore>,
    writes_left: AtomicUsize,
}

impl Crashing {
    fn after(writes: usize, store: Arc<dyn KeyValueStore>) -> Arc<Self> {
        Arc::new(Self {
            store,
            writes_left: AtomicUsize::new(writes),
        })
    }

    fn write(&self) -> Result<()> {
        let left = self
            .writes_left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map(drop).map_err(|_| StorageError::Interrupted)
    }

    fn is_down(&self) -> bool {
        self.writes_left.load(Ordering::SeqCst) == 0
    }
}

#[async_trait]
impl KeyValueStore for Crashing {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.store.get(key).await
    }

    async fn set(&self, key: &str, value: &[u8], mode: WriteMode) -> Result<WriteOutcome> {
        self.write()?;
        self.store.set(key, value, mode).await
    }

    async fn delete(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.write()?;
        self.store.delete(key).await
    }

    async fn list(&self) -> Result<Vec<String>> {
        self.store.list().await
    }

    fn check_key(&self, key: &str) -> Result<()> {
        self.store.check_key(key)
    }
}

#[tokio::test]
async fn a_crash_after_any_write_leaves_the_old_or_the_new_text_and_a_history_that_goes_on() {
    for writes in 0.. {
        let store: Arc<dyn KeyValueStore> = Arc::new(Memory::new());
        let whole = Versions::new(Arc::clone(&store));
        whole.set("p", "old", &alice(), 1).await.unwrap();

        let crashing = Crashing::after(writes, Arc::clone(&store));
        let outcome = Versions::new(crashing.clone()).set("p", "new", &alice(), 2).await;

        let restarted = Versions::new(Arc::clone(&store));
        let current = restarted.current("p").await.unwrap().unwrap();
        let expected = if outcome.is_ok() { "new" } else { "old" };
        assert_eq!(current, expected, "after {writes} writes");
        let history = restarted.history("p", 3).await.unwrap();
        assert_eq!(
            restarted.text("p", Some(history[0].number)).await.unwrap(),
            current
        );
        restarted.set("p", "next", &alice(), 4).await.unwrap();
        let history = restarted.history("p", 5).await.unwrap();
        assert_eq!(history[0].event, Event::Set, "after {writes} writes");
        for version in &history {
            restarted.text("p", Some(version.number)).await.unwrap();
        }
        restarted.roll_back("p", 1, &alice(), 6).await.unwrap();
        assert_eq!(restarted.current("p").await.unwrap().as_deref(), Some("old"));
        if !crashing.is_down() {
            assert!(writes > 2, "a change takes several writes");
            return;
        }
    }
}

#[tokio::test]
async fn an_author_is_not_lost_when_the_history_could_not_be_written() {
    let store: Arc<dyn KeyValueStore> = Arc::new(Memory::new());
    // The version and the text in force are written, the history is not.
    let crashing = Crashing::after(2, Arc::clone(&store));
    Versions::new(crashing).set("p", "x", &alice(), 7).await.unwrap();
    let history = Versions::new(store).history("p", 9).await.unwrap();
    assert_eq!(events(&history), [(1, Event::Set)]);
    assert_eq!((history[0].at, &history[0].by), (7, &alice()));
}

#[tokio::test]
async fn a_text_that_was_there_before_its_history_is_found() {
    let directory = tempfile::tempdir().unwrap();
    for (name, store) in every_store(directory.path()) {
        store.set("p.rego", b"by hand", WriteMode::Replace).await.unwrap();
        let versions = Versions::new(store.clone());
        let history = versions.history("p", 5).await.unwrap();
        assert_eq!(events(&history), [(1, Event::Found)], "{name}");
        assert_eq!(
            (history[0].at, history[0].by.how.as_str()),
            (5, "storage"),
            "{name}"
        );
        assert_eq!(versions.text("p", Some(1)).await.unwrap(), "by hand", "{name}");
        assert_eq!(
            store.list().await.unwrap(),
            ["p.rego"],
            "{name}: reading writes nothing"
        );

        versions.set("p", "set", &alice(), 6).await.unwrap();
        let history = versions.history("p", 7).await.unwrap();
        assert_eq!(events(&history), [(2, Event::Set), (1, Event::Found)], "{name}");
        versions.roll_back("p", 1, &alice(), 8).await.unwrap();
        assert_eq!(
            versions.current("p").await.unwrap().as_deref(),
            Some("by hand"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_text_changed_or_removed_by_hand_is_a_version_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    for (name, store) in every_store(directory.path()) {
        let versions = Versions::new(store.clone());
        versions.set("p", "set", &alice(), 1).await.unwrap();
        store.set("p.rego", b"by hand", WriteMode::Replace).await.unwrap();
        let history = versions.history("p", 2).await.unwrap();
        assert_eq!(events(&history), [(2, Event::Found), (1, Event::Set)], "{name}");
        versions.set("p", "set again", &alice(), 3).await.unwrap();
        assert_eq!(versions.text("p", Some(2)).await.unwrap(), "by hand", "{name}");

        store.delete("p.rego").await.unwrap();
        let history = versions.history("p", 4).await.unwrap();
        assert_eq!(
            (history[0].number, &history[0].event),
            (4, &Event::Found),
            "{name}"
        );
        assert_eq!(history[0].digest, None, "{name}");
        versions.roll_back("p", 2, &alice(), 5).await.unwrap();
        assert_eq!(
            versions.current("p").await.unwrap().as_deref(),
            Some("by hand"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn what_is_no_text_is_an_error_and_the_way_back_stays_open() {
    let store: Arc<dyn KeyValueStore> = Arc::new(Memory::new());
    let versions = Versions::new(Arc::clone(&store));
    versions.set("p", "good", &alice(), 1).await.unwrap();
    store.set("p.rego", b"\xff", WriteMode::Replace).await.unwrap();
    let error = versions.current("p").await.unwrap_err();
    assert!(matches!(error, VersionsError::NotText(_)), "{error}");
    let error = versions.text("p", Some(2)).await.unwrap_err();
    assert!(matches!(error, VersionsError::NoText { .. }), "{error}");
    versions.roll_back("p", 1, &alice(), 2).await.unwrap();
    assert_eq!(versions.current("p").await.unwrap().as_deref(), Some("good"));
}

#[tokio::test]
async fn a_damaged_history_begins_with_the_versions_that_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let store = local_fs(directory.path());
    let versions = Versions::new(store.clone());
    for text in ["one", "two", "three"] {
        versions.set("p", text, &alice(), 1).await.unwrap();
    }
    versions
        .set("p.version", "of another id", &alice(), 1)
        .await
        .unwrap();
    for damage in [&b"{"[..], b"", b"[1]", b"[]x"] {
        store
            .set("p.history.json", damage, WriteMode::Replace)
            .await
            .unwrap();
        let history = versions.history("p", 2).await.unwrap();
        assert_eq!(
            events(&history),
            [(3, Event::Set), (2, Event::Set), (1, Event::Set)]
        );
    }
    let next = versions.set("p", "four", &alice(), 3).await.unwrap();
    assert_eq!(next.number, 4);
}

#[tokio::test]
async fn a_version_that_was_tampered_with_is_not_put_in_force() {
    let store: Arc<dyn KeyValueStore> = Arc::new(Memory::new());
    let versions = Versions::new(Arc::clone(&store));
    versions.set("p", "strict", &alice(), 1).await.unwrap();
    versions.set("p", "other", &alice(), 2).await.unwrap();
    let record = store.get("p.version.1").await.unwrap().unwrap();
    let record = String::from_utf8(record).unwrap().replace("strict", "lax");
    for damage in [record.as_str(), "{}", ""] {
        store
            .set("p.version.1", damage.as_bytes(), WriteMode::Replace)
            .await
            .unwrap();
        let error = versions.roll_back("p", 1, &alice(), 3).await.unwrap_err();
        assert!(matches!(error, VersionsError::NoText { .. }), "{error}");
    }
    assert_eq!(versions.current("p").await.unwrap().as_deref(), Some("other"));
}

proptest::proptest! {
    #[test]
    fn no_bytes_in_the_place_of_history_or_version_make_it_panic(
        history in proptest::collection::vec(proptest::num::u8::ANY, 0..64),
        version in "[\\[\\]{}\":,a-z0-9]{0,64}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store: Arc<dyn KeyValueStore> = Arc::new(Memory::new());
            store.set("p.history.json", &history, WriteMode::Replace).await.unwrap();
            store.set("p.version.1", version.as_bytes(), WriteMode::Replace).await.unwrap();
            let versions = Versions::new(store);
            versions.set("p", "x", &alice(), 0).await.unwrap();
            assert_eq!(versions.current("p").await.unwrap().as_deref(), Some("x"));
        });
    }
}
