//! Resources in the two forms: which one is written, and which of two files counts.

use std::time::{Duration, SystemTime};

use super::*;

const FLAT: &str = r"a\x2Fb\x2Fc";
const NESTED: &str = "a/b/c";

impl Fixture {
    /// As [`Fixture::put`], with a time of modification so many seconds after another.
    fn put_at(&self, name: &str, value: &str, seconds: u64) {
        self.put(name, value);
        let file = fs::File::options().write(true).open(self.at(name)).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds);
        file.set_modified(time).unwrap();
    }

    fn content(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.at(name)).ok()
    }
}

#[tokio::test]
async fn the_flat_names_of_the_existing_ecosystem_are_read() {
    let files = Fixture::new();
    files.put(r"default\x2Fattestation-status\x2Fstatus", "success");
    assert_eq!(
        files.read("default/attestation-status/status").await.unwrap(),
        b"success"
    );
    assert_eq!(files.list().await, ["default/attestation-status/status"]);
}

#[tokio::test]
async fn a_write_keeps_the_form_in_which_the_resource_is_there() {
    for new in [Form::Nested, Form::Flat] {
        for (there, other) in [(FLAT, NESTED), (NESTED, FLAT)] {
            let files = Fixture::with(new);
            files.put(there, "old");
            files.write("a/b/c", "new").await.unwrap();
            assert_eq!(files.content(there).as_deref(), Some("new"), "{there}");
            assert_eq!(files.content(other), None, "{there}");
            assert_eq!(files.read("a/b/c").await.unwrap(), b"new");
        }
    }
}

#[tokio::test]
async fn a_resource_that_is_not_there_is_written_in_the_form_of_the_store() {
    for (new, there, other) in [(Form::Nested, NESTED, FLAT), (Form::Flat, FLAT, NESTED)] {
        let files = Fixture::with(new);
        files.write("a/b/c", "new").await.unwrap();
        assert_eq!(files.content(there).as_deref(), Some("new"));
        assert!(!files.at(other).exists());
        assert_eq!(files.read("a/b/c").await.unwrap(), b"new");
        assert_eq!(files.list().await, ["a/b/c"]);
    }
}

#[tokio::test]
async fn a_name_too_long_for_one_file_is_written_nested() {
    let files = Fixture::with(Form::Flat);
    let long = format!("a/{}/{}", "t".repeat(120), "k".repeat(130));
    files.write(&long, "value").await.unwrap();
    assert_eq!(files.content(&long).as_deref(), Some("value"));
    assert_eq!(files.read(&long).await.unwrap(), b"value");
    files.delete(&long).await.unwrap();
    assert!(files.list().await.is_empty());
}

#[tokio::test]
async fn of_two_files_the_newer_one_is_served_and_the_operator_is_told_once() {
    let files = Fixture::new();
    files.put_at(NESTED, "nested", 0);
    files.put_at(FLAT, "flat, rotated by another program", 1);
    for _ in 0..2 {
        assert_eq!(
            files.read("a/b/c").await.unwrap(),
            b"flat, rotated by another program"
        );
    }
    assert_eq!(files.backend.files.doubles.count(), 1);
    files.put_at(NESTED, "nested, rotated", 2);
    assert_eq!(files.read("a/b/c").await.unwrap(), b"nested, rotated");
    assert_eq!(files.list().await, ["a/b/c"]);
}

#[tokio::test]
async fn a_resource_that_moves_between_the_programs_and_back_is_never_lost() {
    // What a volume goes through whose other program knows flat names only.
    let files = Fixture::with(Form::Nested);
    files.put(FLAT, "v1");
    files.write("a/b/c", "v2").await.unwrap();
    assert_eq!(files.content(FLAT).as_deref(), Some("v2"), "the other finds it");
    files.put(FLAT, "v3");
    assert_eq!(files.read("a/b/c").await.unwrap(), b"v3");
}

#[tokio::test]
async fn a_write_leaves_one_file_of_two() {
    for (new, there, other) in [(Form::Nested, NESTED, FLAT), (Form::Flat, FLAT, NESTED)] {
        let files = Fixture::with(new);
        files.put(NESTED, "one");
        files.put(FLAT, "two");
        files.write("a/b/c", "new").await.unwrap();
        assert_eq!(files.content(there).as_deref(), Some("new"));
        assert_eq!(files.content(other), None);
    }
}

#[tokio::test]
async fn the_newer_file_is_not_passed_over_because_it_leads_outside() {
    let files = Fixture::new();
    let canary = files.outside().join("t/canary");
    files.put_at(NESTED, "inside", 0);
    symlink(canary, files.at(FLAT)).unwrap();
    assert!(matches!(files.read("a/b/c").await, Err(BackendError::Outside)));
}

#[tokio::test]
async fn a_flat_write_replaces_a_link_and_not_what_it_leads_to() {
    let files = Fixture::with(Form::Flat);
    let canary = files.outside().join("t/canary");
    symlink(&canary, files.at(FLAT)).unwrap();
    files.write("a/b/c", "new").await.unwrap();
    assert_eq!(files.read("a/b/c").await.unwrap(), b"new");
    assert_eq!(fs::read_to_string(canary).unwrap(), "canary");
}

#[tokio::test]
async fn a_delete_removes_both_forms() {
    let files = Fixture::new();
    files.put(FLAT, "one");
    files.put(NESTED, "two");
    files.delete("a/b/c").await.unwrap();
    assert!(matches!(files.read("a/b/c").await, Err(BackendError::NotFound)));
    assert!(matches!(files.delete("a/b/c").await, Err(BackendError::NotFound)));
    assert!(matches!(
        files.delete("never/was/there").await,
        Err(BackendError::NotFound)
    ));

    files.put(r"a\x2Fb\x2Fd", "flat only");
    files.delete("a/b/d").await.unwrap();
    assert!(files.list().await.is_empty());
}
