use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{NOW, sample};
use crate::{MAX_NAME_BYTES, RegisterError, Rules, message::open};

/// The names and values in a message, by the rules of a service without configuration.
fn parse(message: &str) -> Result<Vec<(String, Value)>, RegisterError> {
    let rules = Rules::default();
    let statement = open(message, &rules, NOW)?;
    Ok(statement
        .values
        .into_iter()
        .map(|stated| (stated.name, stated.value))
        .collect())
}

fn refused(message: &str) -> (RegisterError, String) {
    let error = parse(message).expect_err(message);
    let text = error.to_string();
    assert!(text.len() < 1000, "the error is bounded: {text}");
    (error, text)
}

#[test]
fn a_sample_message_gives_its_values_as_they_are() {
    let values =
        json!({"launch_digest": ["abc"], "svn": ["1"], "major_version": 1, "nested": {"a": [null, 1.5]}});
    let parsed = parse(&sample(&values)).unwrap();
    assert_eq!(
        parsed.into_iter().collect::<serde_json::Map<_, _>>(),
        *values.as_object().unwrap()
    );
}

#[test]
fn the_version_may_be_left_out_and_unknown_members_are_ignored() {
    let message = json!({"type": "sample", "payload": STANDARD.encode(r#"{"svn":1}"#), "more": [1]});
    assert_eq!(
        parse(&message.to_string()).unwrap(),
        [("svn".to_owned(), json!(1))]
    );
}

#[test]
fn texts_of_refusals_begin_as_clients_know_them() {
    let long = "x".repeat(100_000);
    for (message, expected) in [
        ("", "parse message"),
        ("[]", "parse message"),
        (
            r#"{"type":"sample","provenance":"e30="}"#,
            "parse message: missing field `payload`",
        ),
        (r#"{"payload":"e30="}"#, "parse message: missing field `type`"),
        (r#"{"type":"sample","payload":{}}"#, "parse message"),
        (
            &format!(r#"{{"type":"sample","payload":"e30=","version":["{long}"]}}"#),
            "parse message",
        ),
        (
            r#"{"version":"0.2.0","type":"sample","payload":"e30="}"#,
            "Version unmatched! Need 0.1.0, given 0.2.0.",
        ),
        (
            &format!(r#"{{"version":"{long}","type":"sample","payload":""}}"#),
            "Version unmatched!",
        ),
        (
            r#"{"type":"rim","payload":"e30="}"#,
            "Could not find extractor for rim",
        ),
        (
            r#"{"type":"Sample","payload":"e30="}"#,
            "Could not find extractor for Sample",
        ),
        (
            &format!(r#"{{"type":"{long}","payload":"e30="}}"#),
            "Could not find extractor for x",
        ),
        (r#"{"type":"sample","payload":"e30"}"#, "base64 decode"),
        (r#"{"type":"sample","payload":"e3 0="}"#, "base64 decode"),
        (r#"{"type":"sample","payload":"_-8="}"#, "base64 decode"),
        (
            r#"{"type":"sample","payload":""}"#,
            "deseralize sample provenance",
        ),
        (
            r#"{"type":"sample","payload":"W10="}"#,
            "deseralize sample provenance",
        ),
        (
            r#"{"type":"sample","payload":"/////w=="}"#,
            "deseralize sample provenance",
        ),
    ] {
        let (_, text) = refused(message);
        assert!(text.starts_with(expected), "{text}");
    }
}

#[test]
fn names_are_limited() {
    let longest = "n".repeat(MAX_NAME_BYTES);
    parse(&sample(&json!({ longest.clone(): 1, "measurement:1 +ü": 1 }))).unwrap();
    for name in ["", "a\nb", "a\0", "\u{1b}[31m", &(longest + "n")] {
        let (error, _) = refused(&sample(&json!({ "good": 1, name: 1 })));
        assert!(matches!(error, RegisterError::Name { .. }), "{name:?}: {error:?}");
    }
}

#[test]
fn a_payload_nested_too_deeply_is_refused() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let payload = STANDARD.encode(format!(r#"{{"a":{deep}}}"#));
    let (error, _) = refused(&json!({"type": "sample", "payload": payload}).to_string());
    assert!(matches!(error, RegisterError::Payload { .. }));
}

proptest! {
    #[test]
    fn no_message_panics(text in "\\PC{0,200}", payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&text);
        let _ = parse(&json!({"type": "sample", "payload": text}).to_string());
        let _ = parse(&json!({"type": "sample", "payload": STANDARD.encode(payload)}).to_string());
    }
}
