//! Logs that are whole, and logs that are not.

mod crashes;
mod proofs;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;

const NOW: i64 = 1_795_309_155;

/// A log of so many records.
fn lines(count: usize) -> Vec<String> {
    let mut link = Link::START;
    (0..count)
        .map(|number| {
            let (line, next) = seal(&link, NOW, &json!({"event": "test", "number": number})).unwrap();
            link = next;
            line
        })
        .collect()
}

fn verify(text: impl AsRef<[u8]>) -> Result<Summary, Fault> {
    verify_after(Link::START, text)
}

fn verify_after(link: Link, text: impl AsRef<[u8]>) -> Result<Summary, Fault> {
    let mut verifier = Verifier::after(link);
    verifier.read(text.as_ref()).unwrap()?;
    verifier.finish()
}

fn text(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A directory with a log in it.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("audit.log")
    }

    fn open(&self) -> Result<Opened, OpenError> {
        LogFile::open(&self.path(), NOW)
    }

    fn read(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }

    /// Opens the log, adds records and closes it.
    fn add(&self, count: usize) -> Link {
        let Opened {
            mut log, mut last, ..
        } = self.open().unwrap();
        for number in 0..count {
            let (line, next) = seal(&last, NOW, &json!({"event": "test", "number": number})).unwrap();
            log.append(&format!("{line}\n")).unwrap();
            last = next;
        }
        last
    }
}

fn all_files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

#[test]
fn a_record_is_a_line_of_json_with_its_place_and_its_hash() {
    let (line, link) = seal(&Link::START, NOW, &json!({"event": "admin", "path": "/a\nb"})).unwrap();
    let record: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&record["audit"], &record["seq"]), (&json!(1), &json!(1)));
    assert_eq!(record["prev"], "0".repeat(64));
    assert_eq!(record["time"], "2026-11-22T00:59:15Z");
    assert_eq!(record["path"], "/a\nb");
    assert!(!line.contains('\n'));
    let hash = record["hash"].as_str().unwrap();
    let hashed = line.replace(&format!(",\"hash\":\"{hash}\""), "");
    let digest = ring::digest::digest(&ring::digest::SHA256, hashed.as_bytes());
    assert_eq!(hash, hex::encode(digest));
    assert_eq!(link.to_string(), format!("1:{hash}"));
    assert_eq!(link.to_string().parse::<Link>().unwrap(), link);
}

#[test]
fn what_is_too_long_is_no_record() {
    let event = json!({"event": "x".repeat(MAX_LINE)});
    assert!(seal(&Link::START, NOW, &event).is_err());
}
