//! Versions over every back end, with crashes, other processes and hands in the storage.

mod breakage;
mod sharing;

use std::collections::BTreeMap;

use super::every_store;
use crate::{Author, Draft, Event, KEPT_TEXTS, Version, Versions, VersionsError, WriteMode};

fn alice() -> Author {
    Author::new("token", "alice")
}

fn events(history: &[Version]) -> Vec<(u64, Event)> {
    history
        .iter()
        .map(|version| (version.number, version.event.clone()))
        .collect()
}

#[tokio::test]
async fn every_change_is_a_version_with_its_author_and_its_time() {
    let directory = tempfile::tempdir().unwrap();
    for (name, store) in every_store(directory.path()) {
        let versions = Versions::new(store.clone());
        let first = versions.set("p", "one", &alice(), 10).await.unwrap();
        assert_eq!((first.number, first.at, &first.by), (1, 10, &alice()), "{name}");
        let bob = Author::new("certificate", "bob");
        versions.set("p", "two", &bob, 20).await.unwrap();
        versions.delete("p", &alice(), 30).await.unwrap();
        assert_eq!(versions.current("p").await.unwrap(), None, "{name}");
        versions.roll_back("p", 1, &bob, 40).await.unwrap();
        assert_eq!(
            versions.current("p").await.unwrap().as_deref(),
            Some("one"),
            "{name}"
        );
        assert_eq!(
            store.get("p.rego").await.unwrap(),
            Some(b"one".to_vec()),
            "{name}"
        );

        let history = versions.history("p", 50).await.unwrap();
        let expected = [
            (4, Event::RolledBack { to: 1 }),
            (3, Event::Deleted),
            (2, Event::Set),
            (1, Event::Set),
        ];
        assert_eq!(events(&history), expected, "{name}");
        assert_eq!(history[0].digest, first.digest, "{name}");
        assert_eq!(history[1].digest, None, "{name}");
        assert_eq!((history[2].at, &history[2].by), (20, &bob), "{name}");
        assert_eq!(versions.text("p", Some(2)).await.unwrap(), "two", "{name}");
        assert_eq!(versions.text("p", None).await.unwrap(), "one", "{name}");
    }
}

#[tokio::test]
async fn only_ids_are_listed_and_readers_of_rego_files_see_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    for (name, store) in every_store(directory.path()) {
        let versions = Versions::new(store.clone());
        for id in ["b", "a", "a.version.1", "a.history.json"] {
            versions.set(id, "x", &alice(), 0).await.unwrap();
            versions.set(id, "y", &alice(), 0).await.unwrap();
        }
        let expected = ["a", "a.history.json", "a.version.1", "b"];
        assert_eq!(versions.list().await.unwrap(), expected, "{name}");
        let keys = store.list().await.unwrap();
        let rego = keys.iter().filter(|key| key.ends_with(".rego")).count();
        assert_eq!(rego, 4, "{name}");
        for id in expected {
            assert_eq!(versions.history(id, 0).await.unwrap().len(), 2, "{name} {id}");
        }
    }
}

#[tokio::test]
async fn the_digest_is_sha_384_in_hex() {
    let versions = Versions::new(std::sync::Arc::new(crate::Memory::new()));
    let version = versions.set("p", "abc", &alice(), 0).await.unwrap();
    // FIPS 180-4's example for SHA-384.
    let expected =
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7";
    assert_eq!(version.digest.as_deref(), Some(expected));
}

#[tokio::test]
async fn what_is_in_force_already_makes_no_new_version() {
    let versions = Versions::new(std::sync::Arc::new(crate::Memory::new()));
    let first = versions.set("p", "x", &alice(), 1).await.unwrap();
    let again = versions
        .set("p", "x", &Author::new("token", "bob"), 2)
        .await
        .unwrap();
    assert_eq!(first, again);
    versions.set("p", "y", &alice(), 3).await.unwrap();
    let back = versions.set("p", "x", &alice(), 4).await.unwrap();
    assert_eq!((back.number, back.event), (3, Event::Set));
}

#[tokio::test]
async fn labels_come_back_with_their_text() {
    let versions = Versions::new(std::sync::Arc::new(crate::Memory::new()));
    let labelled = |text, value: &str| Draft {
        text,
        labels: BTreeMap::from([("scope".to_owned(), value.to_owned())]),
    };
    versions
        .set("p", labelled("x", "shop"), &alice(), 1)
        .await
        .unwrap();
    let other = versions
        .set("p", labelled("x", "bank"), &alice(), 2)
        .await
        .unwrap();
    assert_eq!(
        other.number, 2,
        "the same text under another label is another version"
    );
    versions.delete("p", &alice(), 3).await.unwrap();
    let back = versions.roll_back("p", 1, &alice(), 4).await.unwrap();
    assert_eq!(back.labels["scope"], "shop");
}

#[tokio::test]
async fn the_newest_texts_are_kept_and_the_others_are_known_without_theirs() {
    let directory = tempfile::tempdir().unwrap();
    for (name, store) in every_store(directory.path()) {
        let versions = Versions::new(store.clone());
        let count = KEPT_TEXTS + 5;
        for number in 1..=count {
            versions
                .set("p", number.to_string().as_str(), &alice(), 0)
                .await
                .unwrap();
        }
        assert_eq!(
            versions.history("p", 0).await.unwrap().len() as u64,
            count,
            "{name}"
        );
        assert_eq!(versions.text("p", Some(6)).await.unwrap(), "6", "{name}");
        for error in [
            versions.text("p", Some(5)).await.unwrap_err(),
            versions.roll_back("p", 5, &alice(), 0).await.unwrap_err(),
        ] {
            assert!(
                matches!(error, VersionsError::NoText { number: 5, .. }),
                "{name}: {error}"
            );
        }
        let keys = store.list().await.unwrap();
        assert_eq!(keys.len() as u64, KEPT_TEXTS + 2, "{name}");
    }
}

#[tokio::test]
async fn what_was_never_there_is_not_found() {
    let versions = Versions::new(std::sync::Arc::new(crate::Memory::new()));
    for error in [
        versions.history("p", 0).await.unwrap_err(),
        versions.text("p", None).await.unwrap_err(),
        versions.text("p", Some(1)).await.unwrap_err(),
        versions.delete("p", &alice(), 0).await.unwrap_err(),
        versions.roll_back("p", 1, &alice(), 0).await.unwrap_err(),
    ] {
        assert!(matches!(error, VersionsError::NotFound(_)), "{error}");
    }
    versions.set("p", "x", &alice(), 0).await.unwrap();
    let error = versions.text("p", Some(2)).await.unwrap_err();
    assert!(
        matches!(error, VersionsError::NoVersion { number: 2, .. }),
        "{error}"
    );
    versions.delete("p", &alice(), 0).await.unwrap();
    let error = versions.delete("p", &alice(), 0).await.unwrap_err();
    assert!(matches!(error, VersionsError::NotFound(_)), "{error}");
    let error = versions.text("p", Some(2)).await.unwrap_err();
    assert!(
        matches!(error, VersionsError::NoText { number: 2, .. }),
        "a deletion has no text: {error}"
    );
}

#[tokio::test]
async fn a_seed_is_planted_where_there_is_no_text_and_never_over_one() {
    let directory = tempfile::tempdir().unwrap();
    for (name, store) in every_store(directory.path()) {
        let versions = Versions::new(store.clone());
        let shipped = Author::new("shipped", "1.0");
        assert!(
            versions.seed("p", "default", &shipped, 0).await.unwrap(),
            "{name}"
        );
        assert!(!versions.seed("p", "other", &shipped, 0).await.unwrap(), "{name}");
        versions.delete("p", &alice(), 0).await.unwrap();
        assert!(
            versions.seed("p", "default", &shipped, 0).await.unwrap(),
            "{name}"
        );
        let history = versions.history("p", 0).await.unwrap();
        assert_eq!((history.len(), &history[0].by), (3, &shipped), "{name}");

        store.set("q.rego", b"by hand", WriteMode::Replace).await.unwrap();
        assert!(
            !versions.seed("q", "default", &shipped, 0).await.unwrap(),
            "{name}"
        );
        assert_eq!(
            versions.current("q").await.unwrap().as_deref(),
            Some("by hand"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn an_id_that_the_storage_cannot_hold_is_refused_before_anything_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let store = super::local_fs(directory.path());
    let versions = Versions::new(store.clone());
    // The text itself would fit; its history would not.
    let long = "x".repeat(249);
    assert!(store.check_key(&format!("{long}.rego")).is_ok());
    for id in [long.as_str(), "a b", "../a", ""] {
        let error = versions.set(id, "x", &alice(), 0).await.unwrap_err();
        assert!(matches!(error, VersionsError::Storage(_)), "{id:?}: {error}");
    }
    assert_eq!(store.list().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_newest_is_told_from_the_names_of_keys_alone() {
    let directory = tempfile::tempdir().unwrap();
    for (name, store) in every_store(directory.path()) {
        let versions = Versions::new(store.clone());
        for (id, count) in [("p", 3), ("a.version.7", 1)] {
            for number in 0..count {
                let text = format!("{id}{number}");
                versions.set(id, text.as_str(), &alice(), 1).await.unwrap();
            }
        }
        versions.set("gone", "x", &alice(), 1).await.unwrap();
        versions.delete("gone", &alice(), 2).await.unwrap();
        store.set("hand.rego", b"x", WriteMode::Replace).await.unwrap();
        store
            .set("p.version.x", b"no version", WriteMode::Replace)
            .await
            .unwrap();
        let newest = versions.newest().await.unwrap();
        let expected = [("a.version.7", Some(1)), ("hand", None), ("p", Some(3))];
        let told: Vec<_> = newest.iter().map(|(id, number)| (id.as_str(), *number)).collect();
        assert_eq!(told, expected, "{name}");
    }
}
