//! Tests against a fake KBS.

use serde_json::{Value, json};

use crate::cli::tests::{Files, run_line};
use crate::fake_kbs::FakeKbs;

async fn run(kbs: &FakeKbs, line: &str, more: &[&str]) -> Result<String, crate::cli::CliError> {
    let files = Files::new();
    let line = format!("config --admin-token-file {} {line}", files.put("token", "h.p.s"));
    run_line(kbs, &line, more).await
}

fn body(kbs: &FakeKbs) -> Value {
    serde_json::from_slice(&kbs.seen().pop().unwrap().body).unwrap()
}

#[tokio::test]
async fn a_history_is_told_so_that_a_person_can_read_it() {
    let kbs = FakeKbs::start().await;
    let history = json!({
        "id": "svn",
        "current": {"value": ["2"], "expires_at": 1_800_000_000},
        "current_is_newest": true,
        "versions": [
            {"number": 2, "event": "revoked", "at": 1_700_000_100, "value": ["2"], "reason": "CVE-1",
             "by": {"how": "local", "name": "this process", "on_behalf_of": "admin"}},
            {"number": 1, "event": "registered", "at": 1_700_000_000, "value": ["1", "2"],
             "by": {"how": "anyone", "name": ""},
             "message": {"type": "sample", "digest": "0123456789abcdef0123", "anchor": "vendor"}},
        ],
        "revoked": [{"value": "1", "at": 1_700_000_100, "by": null, "reason": "\u{1b}[2J"}],
    });
    kbs.script("reference-value-history/", 200, history.to_string());
    let line = "reference-value-history --id";
    let text = run(&kbs, line, &["a/b"]).await.unwrap();
    assert_eq!(kbs.calls(), ["GET reference-value-history/a/b"]);
    assert_eq!(
        text,
        "svn = [\"2\"], until 2027-01-15T08:00:00Z\n\
         \x20 version 2: revoked 2023-11-14T22:15:00Z by this process (local), for admin: CVE-1\n\
         \x20     [\"2\"]\n\
         \x20 version 1: registered 2023-11-14T22:13:20Z by anyone\n\
         \x20     [\"1\",\"2\"]\n\
         \x20     from a sample message 0123456789abcdef, signed by vendor\n\
         \x20 never again \"1\": revoked 2023-11-14T22:15:00Z by unknown: \u{fffd}[2J\n"
    );
    kbs.script("reference-value-history/", 200, history.to_string());
    let machine = run(&kbs, line, &["svn", "--output", "json"]).await.unwrap();
    let machine: Value = serde_json::from_str(&machine).unwrap();
    assert_eq!(machine["versions"][0]["reason"], "CVE-1");
}

#[tokio::test]
async fn a_value_that_has_expired_says_when() {
    let kbs = FakeKbs::start().await;
    let history = json!({
        "id": "svn", "current_is_newest": false, "revoked": [],
        "versions": [{"number": 3, "event": "registered", "at": 1_700_000_000, "value": ["1"],
                      "expires_at": 1_800_000_000, "by": {"how": "anyone", "name": ""}}],
    });
    kbs.script("reference-value-history/", 200, history.to_string());
    let text = run(&kbs, "reference-value-history --id svn", &[]).await.unwrap();
    assert_eq!(
        text,
        "svn has no value any more: that of version 3 expired at 2027-01-15T08:00:00Z\n\
         \x20 version 3: registered 2023-11-14T22:13:20Z by anyone\n\
         \x20     [\"1\"], until 2027-01-15T08:00:00Z\n"
    );
}

#[tokio::test]
async fn deleting_says_why_and_whether_to_forget() {
    let kbs = FakeKbs::start().await;
    let line = "delete-reference-value --id a/b";
    assert_eq!(run(&kbs, line, &[]).await.unwrap(), "a/b is deleted.\n");
    run(&kbs, line, &["--forget", "--reason", "gone & done"])
        .await
        .unwrap();
    assert_eq!(
        kbs.calls(),
        [
            "DELETE reference-value/a/b?forget=false",
            "DELETE reference-value/a/b?forget=true&reason=gone%20%26%20done"
        ]
    );
}

#[tokio::test]
async fn what_is_revoked_is_what_was_named() {
    let kbs = FakeKbs::start().await;
    for (more, left, expected, text) in [
        (
            &[][..],
            json!(null),
            json!({}),
            "Revoked. svn has no value any more.\n",
        ),
        (
            &["--version", "3", "--reason", "old"][..],
            json!(["2"]),
            json!({"version": 3, "reason": "old"}),
            "Revoked. svn is now [\"2\"]\n",
        ),
        (
            &["--element", "\"1\""][..],
            json!(null),
            json!({"element": "1"}),
            "Revoked. svn has no value any more.\n",
        ),
    ] {
        kbs.script(
            "reference-value/",
            200,
            json!({"id": "svn", "left": left}).to_string(),
        );
        let line = "revoke-reference-value --id svn";
        assert_eq!(run(&kbs, line, more).await.unwrap(), text);
        assert_eq!(body(&kbs), expected);
    }
    assert_eq!(kbs.calls().pop().unwrap(), "POST reference-value/svn/revoke");
    // What nothing of the value was is revoked for the future, and nobody is told that something is gone.
    let history = |current: Value| {
        json!({"id": "svn", "current": current, "current_is_newest": true, "versions": [], "revoked": []})
            .to_string()
    };
    for (before, left, text) in [
        (
            json!({"value": ["1"], "expires_at": 1}),
            json!(["1"]),
            "Revoked for the future: nothing in svn was 7, and it never counts from now on. svn stays [\"1\"]\n",
        ),
        (
            json!(null),
            json!(null),
            "Revoked for the future: svn has no value, and 7 never counts from now on.\n",
        ),
        (
            json!({"value": [1, 7], "expires_at": 1}),
            json!([1]),
            "Revoked. svn is now [1]\n",
        ),
    ] {
        for json in [false, true] {
            kbs.script("reference-value-history/", 200, history(before.clone()));
            let answer = json!({"id": "svn", "left": left}).to_string();
            kbs.script("reference-value/", 200, answer);
            let line = "revoke-reference-value --id svn --element 7";
            if json {
                let machine = run(&kbs, line, &["--output", "json"]).await.unwrap();
                let machine: Value = serde_json::from_str(&machine).unwrap();
                assert_eq!(machine["was_served"], text.starts_with("Revoked. "), "{machine}");
            } else {
                assert_eq!(run(&kbs, line, &[]).await.unwrap(), text);
            }
        }
    }
    let asked = kbs.seen().len();
    for more in [&["--element", "8d6f"][..], &["--element", "1", "--version", "2"]] {
        let error = run(&kbs, "revoke-reference-value --id svn", more)
            .await
            .unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
    }
    assert_eq!(kbs.seen().len(), asked);
}
