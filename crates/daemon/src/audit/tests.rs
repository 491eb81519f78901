use std::sync::Arc;
use std::time::{Duration, Instant};

use audit::{Link, Summary, Verifier};
use prometheus::IntCounter;
use serde::Serialize;
use serde_json::{Value, json};
use tonic::Status;

use super::*;
use crate::clock::ManualClock;
use crate::telemetry::RequestContext;

const NOW: i64 = 1_795_305_600;

#[test]
fn where_a_request_came_from_stands_at_the_end_of_a_line_and_nothing_else_of_it() {
    #[derive(Serialize)]
    struct Line {
        event: &'static str,
        #[serde(flatten)]
        origin: Origin,
    }
    let line = |origin| serde_json::to_string(&Line { event: "x", origin }).unwrap();
    assert_eq!(line(Origin::current()), r#"{"event":"x"}"#);
    let mut headers = axum::http::HeaderMap::new();
    headers.insert("x-request-id", "req-1".parse().unwrap());
    let peer = std::net::SocketAddr::from(([192, 0, 2, 7], 4711));
    let context = RequestContext::from_headers(&headers, Some(peer));
    let expected = r#"{"event":"x","request_id":"req-1","peer":"192.0.2.7"}"#;
    assert_eq!(line(Origin::of(Some(&context))), expected);
    assert_eq!(line(context.sync_scope(Origin::current)), expected);
}

/// What a test tells.
#[derive(Clone, Serialize)]
struct Note {
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    reason: String,
}

impl Note {
    fn new(event: &'static str) -> Self {
        Self {
            event,
            outcome: None,
            reason: String::new(),
        }
    }

    fn because(mut self, reason: &str) -> Self {
        self.reason = reason.to_owned();
        self
    }
}

impl Told for Note {
    type Line = Self;

    fn at(&self) -> i64 {
        NOW
    }

    fn is_cheap(&self) -> bool {
        self.event == "refusal"
    }

    fn line(&self) -> Self {
        self.clone()
    }

    fn withdrawn(&self) -> Self {
        Self {
            outcome: Some("withdrawn"),
            ..self.clone()
        }
        .because(GONE)
    }
}

fn log<T: Told>(disk: &FakeDisk, require: bool) -> (Audit<T>, IntCounter) {
    let lost = IntCounter::new("lost", "lost").unwrap();
    let clock = Arc::new(ManualClock::new(NOW));
    (disk.audit(require, clock, Some(lost.clone())).unwrap(), lost)
}

fn lines(disk: &FakeDisk) -> Vec<Value> {
    let text = disk.text();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn proved(disk: &FakeDisk) -> Summary {
    let mut verifier = Verifier::after(Link::START);
    verifier.read(disk.text().as_bytes()).unwrap().unwrap();
    verifier.finish().unwrap()
}

/// Waits until there is a line of this event.
async fn line(disk: &FakeDisk, event: &str) -> Value {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        if let Some(line) = lines(disk).into_iter().rfind(|line| line["event"] == event) {
            return line;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no {event} in {}", disk.text());
}

#[tokio::test]
async fn what_finds_no_room_is_counted_in_the_log_itself() {
    let disk = FakeDisk::default();
    disk.set_stuck(true);
    let (audit, lost) = log::<Note>(&disk, false);
    for _ in 0..6000 {
        audit.note(Note::new("test"));
    }
    let missing = lost.get();
    assert!(missing >= 6000 - 4096 - 256, "{missing}");
    disk.set_stuck(false);
    line(&disk, "records-lost").await;
    audit.finish().await;
    proved(&disk);
    // In one line or in several, by how the writer's turns fell.
    let lines = lines(&disk)
        .into_iter()
        .filter(|line| line["event"] == "records-lost");
    let counted: u64 = lines.map(|line| line["count"].as_u64().unwrap()).sum();
    assert_eq!(counted, missing);
    let all = self::lines(&disk);
    let written = all.iter().filter(|line| line["event"] == "test").count();
    assert_eq!(u64::try_from(written).unwrap() + missing, 6000);
}

#[tokio::test]
async fn a_flood_of_what_anybody_can_cause_hides_nothing_else() {
    let disk = FakeDisk::default();
    disk.set_stuck(true);
    let (audit, lost) = log::<Note>(&disk, false);
    for _ in 0..6000 {
        audit.note(Note::new("refusal"));
    }
    let refusals_lost = lost.get();
    for _ in 0..3000 {
        audit.note(Note::new("release"));
    }
    assert_eq!(lost.get(), refusals_lost);
    disk.set_stuck(false);
    audit.finish().await;
    proved(&disk);
    let count = |event: &str| lines(&disk).iter().filter(|line| line["event"] == event).count();
    assert_eq!(count("release"), 3000);
    assert_eq!(u64::try_from(count("refusal")).unwrap() + refusals_lost, 6000);
}

#[tokio::test]
async fn a_record_that_nobody_waited_for_is_taken_back() {
    let disk = FakeDisk::default();
    disk.set_stuck(true);
    let (audit, _) = log::<Note>(&disk, true);
    let gone = tokio::time::timeout(Duration::from_millis(50), audit.insist(Note::new("release"))).await;
    assert!(gone.is_err());
    disk.set_stuck(false);
    audit.finish().await;
    let lines = lines(&disk);
    assert_eq!(
        (&lines[0]["event"], lines[0].get("outcome")),
        (&json!("release"), None)
    );
    assert_eq!(
        (&lines[1]["event"], &lines[1]["outcome"]),
        (&json!("release"), &json!("withdrawn"))
    );
}

#[tokio::test]
async fn a_log_on_a_disk_goes_on_after_a_restart_and_is_put_aside_when_it_is_large() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("audit.log");
    let config = AuditConfig {
        file: Some(file.clone()),
        max_file_mib: 1,
        ..AuditConfig::default()
    };
    let start = || Audit::<Note>::start(&config, Arc::new(ManualClock::new(NOW)), None).unwrap();
    let first = start();
    first.note(Note::new("test"));
    first.finish().await;
    let second = start();
    for _ in 0..1500 {
        second.note(Note::new("test").because(&"x".repeat(900)));
    }
    second.finish().await;
    let mut files: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files.rotate_left(1);
    assert_eq!((files.len(), files.last()), (2, Some(&file)));
    let mut verifier = Verifier::after(Link::START);
    for file in files {
        verifier.read(&std::fs::read(file).unwrap()[..]).unwrap().unwrap();
    }
    // Two starts, two ends, and what was told.
    assert_eq!(verifier.finish().unwrap().records, 1501 + 4);
}

fn call() -> AdminCall {
    let caller = AdminCaller {
        how: "token",
        name: "ci".to_owned(),
        on_behalf_of: None,
    };
    AdminCall::new("RegisterReferenceValue")
        .by(caller)
        .about(About::message("the message"))
}

#[tokio::test]
async fn a_call_leaves_a_line_before_it_is_done_and_one_when_it_is_over() {
    let disk = FakeDisk::default();
    let (audit, _) = log::<AdminLine>(&disk, true);
    let names: Vec<String> = (0..40).map(|number| format!("name-{number}")).collect();
    let attempt = audit.attempt(call()).await.unwrap();
    assert_eq!(lines(&disk).len(), 1);
    let done = attempt.end(Ok(&names), |names, about| {
        about.names = Names::of(names.iter().map(String::as_str));
    });
    done.unwrap();
    let failed = audit.attempt(call()).await.unwrap();
    failed
        .end(Err::<(), _>(Status::aborted("not signed")), |(), _| ())
        .unwrap_err();
    let refused = audit.attempt(call()).await.unwrap();
    refused
        .end(
            Err::<(), _>(Status::permission_denied("not this name")),
            |(), _| (),
        )
        .unwrap_err();
    audit.refused(
        AdminCall::new("DeleteReferenceValue"),
        &Status::unauthenticated("who?"),
    );
    drop(audit.attempt(call()).await.unwrap());
    audit.finish().await;
    proved(&disk);

    let lines = lines(&disk);
    let outcomes: Vec<_> = lines
        .iter()
        .map(|line| {
            let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            (text("event"), text("outcome"), text("reason"))
        })
        .collect();
    let gone = "whoever asked was gone before the answer: it may have been done";
    let expected = [
        ("admin", "allowed", ""),
        ("admin-result", "done", ""),
        ("admin", "allowed", ""),
        ("admin-result", "failed", "not signed"),
        ("admin", "allowed", ""),
        ("admin-result", "refused", "not this name"),
        ("admin", "refused", "who?"),
        ("admin", "allowed", ""),
        ("admin-result", "interrupted", gone),
        ("log-closed", "", ""),
    ];
    assert_eq!(
        outcomes,
        expected.map(|(event, outcome, reason)| (event.to_owned(), outcome.to_owned(), reason.to_owned()))
    );
    let done = &lines[1];
    assert_eq!(done["caller"], json!({"how": "token", "name": "ci"}));
    assert_eq!(done["reference_values"].as_array().unwrap().len(), 32);
    assert_eq!(done["more_reference_values"], 8);
    assert_eq!(done["message_sha256"].as_str().unwrap().len(), 64);
    assert_eq!(lines[3]["grpc_status"], "Aborted");
    assert!(lines[3].get("more_reference_values").is_none());
}

#[tokio::test]
async fn what_must_be_written_down_and_cannot_is_not_attempted() {
    let disk = FakeDisk::default();
    disk.set_full(true);
    let (audit, lost) = log::<AdminLine>(&disk, true);
    assert_eq!(audit.is_ready(), Some(true));
    let refused = audit.attempt(call()).await.err().unwrap();
    assert_eq!(refused.code(), tonic::Code::Unavailable);
    assert_eq!((lost.get(), audit.is_ready()), (1, Some(false)));
    disk.set_full(false);
    line(&disk, "log-interrupted").await;
    audit
        .attempt(call())
        .await
        .unwrap()
        .end(Ok(()), |(), _| ())
        .unwrap();
    assert_eq!((lost.get(), audit.is_ready()), (1, Some(true)));
    // It was not done, so that it is not lost.
    assert!(!disk.text().contains("records-lost"));
    disk.set_full(true);
    let (audit, _) = log::<AdminLine>(&disk, false);
    drop(audit.attempt(call()).await.unwrap());
    assert_eq!(audit.is_ready(), None);
}

#[tokio::test]
async fn a_disk_that_does_not_answer_is_one_that_cannot_be_written() {
    let (disk, clock) = (FakeDisk::default(), Arc::new(ManualClock::new(NOW)));
    disk.set_stuck(true);
    let audit: Audit<Note> = disk.audit(true, Arc::clone(&clock) as _, None).unwrap();
    audit.note(Note::new("test"));
    let becomes = async |ready: bool| {
        let start = Instant::now();
        while audit.is_ready() != Some(ready) {
            assert!(start.elapsed() < Duration::from_secs(20), "{ready}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert_eq!(audit.is_ready(), Some(true));
    // The write may begin at any time from now on.
    for minute in 1.. {
        clock.set(NOW + 60 * minute);
        tokio::time::sleep(Duration::from_millis(20)).await;
        if audit.is_ready() == Some(false) {
            break;
        }
        assert!(minute < 1000);
    }
    disk.set_stuck(false);
    becomes(true).await;
    audit.finish().await;
}

#[tokio::test]
async fn a_chain_has_a_name_of_its_own_where_it_begins() {
    let dir = tempfile::tempdir().unwrap();
    let opened = |name: &str, run: usize| {
        let file = dir.path().join(name);
        let config = AuditConfig {
            file: Some(file.clone()),
            ..AuditConfig::default()
        };
        let audit = Audit::<Note>::start(&config, Arc::new(ManualClock::new(NOW)), None).unwrap();
        async move {
            audit.finish().await;
            let text = std::fs::read_to_string(file).unwrap();
            let opened = text
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap());
            let opened: Vec<_> = opened.filter(|line| line["event"] == "log-opened").collect();
            opened[run]["chain"].as_str().map(str::to_owned)
        }
    };
    let one = opened("one", 0).await.unwrap();
    let two = opened("two", 0).await.unwrap();
    assert!(one.len() == 32 && one != two, "{one} {two}");
    assert_eq!(opened("one", 1).await, None);
}
