use proptest::prelude::*;
use serde_json::json;

use super::extract;

#[test]
fn both_forms_of_entries_are_read_with_their_expiry() {
    let payload = json!([
        {"name": "svn", "expiration": "2027-08-21T10:00:00Z", "hash-value": [{"alg": "sha256", "value": "1"}, {"alg": "sha384", "value": "2"}]},
        {"version": "0.1.0", "name": "major", "value": 3, "expiration": "2027-08-21T12:00:00+02:00"},
        {"name": "nothing", "value": null},
    ]);
    let values = extract("list", payload.to_string()).unwrap().values;
    let read: Vec<_> = values
        .iter()
        .map(|named| (named.name.as_str(), named.value.clone(), named.expires_at))
        .collect();
    assert_eq!(
        read,
        [
            ("svn", json!(["1", "2"]), Some(1_818_842_400)),
            ("major", json!(3), Some(1_818_842_400)),
            ("nothing", json!(null), None),
        ]
    );
    assert!(extract("list", "[]").unwrap().values.is_empty());
}

#[test]
fn malformed_entries_are_refused() {
    for payload in [
        json!({"svn": 1}),
        json!([{"name": "a"}]),
        json!([{"value": 1}]),
        json!([{"name": "a", "value": 1, "hash-value": []}]),
        json!([{"name": "a", "hash-value": ["1"]}]),
        json!([{"name": "a", "value": 1, "expiration": "tomorrow"}]),
        json!([{"name": "a", "value": 1, "expiration": 5}]),
    ] {
        extract("list", payload.to_string()).expect_err(&payload.to_string());
    }
}

#[test]
fn a_member_that_nobody_knows_is_refused_by_its_name_and_not_left_out() {
    for (entry, unknown) in [
        (
            json!({"name": "a", "value": 1, "expired": "2025-01-01T00:00:00Z"}),
            "`expired`",
        ),
        (
            json!({"name": "a", "value": 1, "Expiration": "2027-01-01T00:00:00Z"}),
            "`Expiration`",
        ),
        (json!({"name": "a", "value": 1, "hash_value": []}), "`hash_value`"),
        (
            json!({"name": "a", "hash-value": [{"value": "1", "algorithm": "sha256"}]}),
            "`algorithm`",
        ),
    ] {
        let error = extract("list", json!([entry]).to_string()).unwrap_err();
        assert!(error.contains(unknown) && error.contains("expected"), "{error}");
    }
}

proptest! {
    #[test]
    fn no_list_panics(text in "\\PC{0,200}") {
        let _ = extract("list", &text);
    }
}
