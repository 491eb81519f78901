use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::backends::tests::{LIMIT, read_as_guest, resource_path, secret};

mod forms;

struct Fixture {
    dir: TempDir,
    backend: LocalFsBackend,
    grant: AdminGrant,
}

impl Fixture {
    fn new() -> Self {
        Self::with(Form::Nested)
    }

    fn with(new: Form) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let backend = LocalFsBackend::open(&dir.path().join("repository"), new, LIMIT).unwrap();
        Self {
            dir,
            backend,
            grant: AdminGrant::for_tests(),
        }
    }

    /// A place in the repository.
    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join("repository").join(name)
    }

    /// A place beside the repository, with a canary in it.
    fn outside(&self) -> PathBuf {
        let outside = self.dir.path().join("outside/t");
        fs::create_dir_all(&outside).unwrap();
        fs::write(outside.join("canary"), "canary").unwrap();
        self.dir.path().join("outside")
    }

    fn put(&self, name: &str, value: &str) {
        let file = self.at(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, value).unwrap();
    }

    async fn read(&self, path: &str) -> Result<Vec<u8>, BackendError> {
        read_as_guest(&self.backend, path).await
    }

    async fn write(&self, path: &str, value: &str) -> Result<(), BackendError> {
        self.backend
            .write(&self.grant, &resource_path(path), &secret(value))
            .await
    }

    async fn delete(&self, path: &str) -> Result<(), BackendError> {
        self.backend.delete(&self.grant, &resource_path(path)).await
    }

    async fn list(&self) -> Vec<String> {
        let paths = self.backend.list(&self.grant).await.unwrap();
        paths.iter().map(ToString::to_string).collect()
    }
}

#[tokio::test]
async fn a_file_put_there_by_hand_is_served_at_once() {
    let files = Fixture::new();
    assert!(matches!(
        files.read("default/key/1").await,
        Err(BackendError::NotFound)
    ));
    files.put("default/key/1", "first");
    assert_eq!(files.read("default/key/1").await.unwrap(), b"first");
    files.put("default/key/1", "second, and longer");
    assert_eq!(files.read("default/key/1").await.unwrap(), b"second, and longer");
    files.put("default/key/1", "");
    assert_eq!(files.read("default/key/1").await.unwrap(), b"");
    fs::remove_file(files.at("default/key/1")).unwrap();
    assert!(matches!(
        files.read("default/key/1").await,
        Err(BackendError::NotFound)
    ));
}

#[tokio::test]
async fn a_csi_mount_is_served_before_and_after_its_links_are_swapped() {
    let files = Fixture::new();
    files.put("default/akv/..2026_11_21/coco_one", "old");
    symlink("..2026_11_21", files.at("default/akv/..data")).unwrap();
    symlink("..data/coco_one", files.at("default/akv/coco_one")).unwrap();
    assert_eq!(files.read("default/akv/coco_one").await.unwrap(), b"old");
    assert_eq!(files.list().await, ["default/akv/coco_one"]);

    files.put("default/akv/..2026_11_22/coco_one", "new");
    symlink("..2026_11_22", files.at("default/akv/..data_tmp")).unwrap();
    fs::rename(files.at("default/akv/..data_tmp"), files.at("default/akv/..data")).unwrap();
    fs::remove_dir_all(files.at("default/akv/..2026_11_21")).unwrap();
    assert_eq!(files.read("default/akv/coco_one").await.unwrap(), b"new");
}

#[tokio::test]
async fn a_link_out_of_the_repository_is_refused() {
    let files = Fixture::new();
    let outside = files.outside();
    fs::create_dir_all(files.at("a/b")).unwrap();
    symlink(outside.join("t/canary"), files.at("a/b/absolute")).unwrap();
    symlink("../../../outside/t/canary", files.at("a/b/relative")).unwrap();
    symlink(outside.join("t"), files.at("a/dir")).unwrap();
    symlink(&outside, files.at("repo")).unwrap();
    symlink(outside.join("t/canary"), files.at(r"f\x2Fl\x2Fat")).unwrap();
    // A neighbour whose name begins like the root's is outside too.
    let neighbour = files.dir.path().join("repository-2");
    fs::write(&neighbour, "canary").unwrap();
    symlink(neighbour, files.at("a/b/neighbour")).unwrap();
    for path in [
        "a/b/absolute",
        "a/b/relative",
        "a/dir/canary",
        "repo/t/canary",
        "f/l/at",
        "a/b/neighbour",
    ] {
        assert!(
            matches!(files.read(path).await, Err(BackendError::Outside)),
            "{path}"
        );
    }
    assert!(files.list().await.is_empty());
}

#[tokio::test]
async fn a_link_that_stays_inside_is_followed() {
    let files = Fixture::new();
    files.put("a/b/real", "value");
    symlink(files.at("a/b/real"), files.at("a/b/absolute")).unwrap();
    symlink("b", files.at("a/other")).unwrap();
    assert_eq!(files.read("a/b/absolute").await.unwrap(), b"value");
    assert_eq!(files.read("a/other/real").await.unwrap(), b"value");
}

#[tokio::test]
async fn nothing_is_written_or_removed_through_a_link_out_of_the_repository() {
    let files = Fixture::new();
    let outside = files.outside();
    symlink(&outside, files.at("repo")).unwrap();
    assert!(matches!(
        files.write("repo/new/x", "x").await,
        Err(BackendError::Outside)
    ));
    assert!(matches!(
        files.write("repo/t/canary", "x").await,
        Err(BackendError::Outside)
    ));
    assert!(matches!(
        files.delete("repo/t/canary").await,
        Err(BackendError::Outside)
    ));
    assert!(!outside.join("new").exists());
    assert_eq!(fs::read(outside.join("t/canary")).unwrap(), b"canary");
}

#[tokio::test]
async fn a_write_to_a_link_replaces_the_link_and_not_what_it_leads_to() {
    let files = Fixture::new();
    let canary = files.outside().join("t/canary");
    fs::create_dir_all(files.at("a/b")).unwrap();
    symlink(&canary, files.at("a/b/c")).unwrap();
    files.write("a/b/c", "new").await.unwrap();
    assert_eq!(files.read("a/b/c").await.unwrap(), b"new");
    assert_eq!(fs::read(canary).unwrap(), b"canary");
}

#[tokio::test]
async fn what_is_no_file_is_no_resource() {
    let files = Fixture::new();
    files.put("a/b/c/deeper", "x");
    files.put("file", "x");
    assert!(matches!(files.read("a/b/c").await, Err(BackendError::NotFound)));
    assert!(matches!(
        files.read("file/b/c").await,
        Err(BackendError::NotFound)
    ));
    assert!(matches!(files.delete("a/b/c").await, Err(BackendError::NotFound)));
    assert!(matches!(
        files.delete("file/b/c").await,
        Err(BackendError::NotFound)
    ));
    assert!(files.write("a/b/c", "x").await.is_err());
    assert!(files.write("file/b/c", "x").await.is_err());
    let _socket = std::os::unix::net::UnixListener::bind(files.at("a/b/socket")).unwrap();
    assert!(matches!(
        files.read("a/b/socket").await,
        Err(BackendError::Outside)
    ));
    symlink("loop", files.at("a/b/loop")).unwrap();
    assert!(files.read("a/b/loop").await.is_err());
    assert!(files.list().await.is_empty());
    assert_eq!(fs::read(files.at("a/b/c/deeper")).unwrap(), b"x");
}

#[tokio::test]
async fn a_value_over_the_limit_is_neither_stored_nor_served() {
    let files = Fixture::new();
    let too_large = "x".repeat(LIMIT + 1);
    let refused = files.write("a/b/c", &too_large).await;
    assert!(matches!(refused, Err(BackendError::TooLarge { .. })));
    assert!(!files.at("a/b/c").exists());
    files.put("a/b/c", "");
    let file = fs::File::options().write(true).open(files.at("a/b/c")).unwrap();
    file.set_len(LIMIT as u64 + 1).unwrap();
    assert!(matches!(
        files.read("a/b/c").await,
        Err(BackendError::TooLarge { .. })
    ));
    file.set_len(LIMIT as u64).unwrap();
    assert_eq!(files.read("a/b/c").await.unwrap().len(), LIMIT);
}

#[tokio::test]
async fn what_is_written_is_for_this_user_alone() {
    let files = Fixture::new();
    files.write("a/b/c", "secret").await.unwrap();
    let mode = |name: &str| fs::metadata(files.at(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("a"), mode("a/b"), mode("a/b/c")), (0o700, 0o700, 0o600));
    assert_eq!(mode(""), 0o700);
}

#[tokio::test]
async fn what_a_killed_writer_left_is_neither_served_nor_listed() {
    let files = Fixture::new();
    files.write("a/b/c", "whole").await.unwrap();
    files.put("a/b/.tmp-77-0~", "ha");
    assert_eq!(files.list().await, ["a/b/c"]);
    assert_eq!(files.read("a/b/c").await.unwrap(), b"whole");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_never_sees_a_torn_value_and_no_write_is_lost() {
    let files = Arc::new(Fixture::new());
    files.write("a/b/shared", &"0".repeat(10_000)).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 1..=8 {
        let files = Arc::clone(&files);
        tasks.spawn(async move {
            let value = writer.to_string().repeat(10_000);
            for _ in 0..10 {
                files.write("a/b/shared", &value).await.unwrap();
                let seen = files.read("a/b/shared").await.unwrap();
                assert_eq!(seen.len(), 10_000);
                assert!(seen.iter().all(|byte| *byte == seen[0]));
            }
            files.write(&format!("a/b/own-{writer}"), &value).await.unwrap();
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(files.list().await.len(), 9);
}

#[tokio::test]
async fn a_root_that_is_a_link_may_be_moved_while_running() {
    let dir = tempfile::tempdir().unwrap();
    for (version, value) in [("one", "old"), ("two", "new")] {
        fs::create_dir_all(dir.path().join(version).join("a/b")).unwrap();
        fs::write(dir.path().join(version).join("a/b/c"), value).unwrap();
    }
    let link = dir.path().join("current");
    symlink("one", &link).unwrap();
    let backend = LocalFsBackend::open(&link, Form::Nested, LIMIT).unwrap();
    assert_eq!(read_as_guest(&backend, "a/b/c").await.unwrap(), b"old");
    fs::remove_file(&link).unwrap();
    symlink("two", &link).unwrap();
    assert_eq!(read_as_guest(&backend, "a/b/c").await.unwrap(), b"new");
}

#[test]
fn without_proc_the_file_that_is_open_must_be_the_one_the_path_leads_to() {
    let files = Fixture::new();
    let outside = files.outside();
    files.put("a/b/c", "value");
    let root = &files.backend.files.root;
    let (inside, canary) = (files.at("a/b/c"), outside.join("t/canary"));
    let open = |path: &Path| fs::File::open(path).unwrap();
    assert!(root.holds_file_without_proc(&open(&inside), &inside).unwrap());
    assert!(!root.holds_file_without_proc(&open(&canary), &canary).unwrap());
    // Opened through a link that led outside, and was swapped before the look.
    assert!(!root.holds_file_without_proc(&open(&canary), &inside).unwrap());
    assert!(!root.holds_file(&open(&canary), &inside).unwrap());
}

#[test]
fn a_repository_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let Err(refused) = LocalFsBackend::open(&dir.path().join("file/repository"), Form::Nested, LIMIT) else {
        panic!("opened below a file");
    };
    assert!(refused.to_string().contains("file/repository"));
}

#[tokio::test]
async fn large_files_and_all_files_after_slow_ones_are_read_all_the_same() {
    let files = Fixture::new();
    let large = "x".repeat(SMALL + 1);
    files.put("a/b/large", &large);
    files.put("a/b/small", "small");
    assert_eq!(files.read("a/b/small").await.unwrap(), b"small");
    assert_eq!(files.read("a/b/large").await.unwrap(), large.as_bytes());
    let strikes = &files.backend.files.strikes;
    while !strikes.is_out() {
        let pause = || std::thread::sleep(std::time::Duration::from_millis(1));
        strikes.time(std::time::Duration::ZERO, pause);
    }
    assert_eq!(files.read("a/b/small").await.unwrap(), b"small");
    assert_eq!(files.read("a/b/large").await.unwrap(), large.as_bytes());
    assert!(matches!(
        files.read("a/b/none").await,
        Err(BackendError::NotFound)
    ));
}
