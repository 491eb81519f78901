//! The form in which values are stored: the existing ecosystem reads ours and we read its.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{NEXT_YEAR, NOW};
use crate::{
    ReferenceValue,
    reference_value::{format_time, twelve_months_after},
};

fn made_at(id: String, value: Value, now: i64) -> ReferenceValue {
    ReferenceValue::new(id, value, twelve_months_after(now))
}

fn text(value: &ReferenceValue) -> String {
    String::from_utf8(value.to_stored().unwrap()).unwrap()
}

#[test]
fn the_stored_form_is_the_documented_one() {
    let value = made_at("svn".to_owned(), json!(["1"]), NOW);
    assert_eq!(
        text(&value),
        r#"{"version":"0.1.0","name":"svn","expiration":"2027-11-22T00:00:00Z","value":["1"]}"#
    );
    assert_eq!(value.expires_at(), NEXT_YEAR);
}

#[test]
fn a_stored_value_of_the_existing_implementation_is_read() {
    let stored = r#"{"version":"0.1.0","name":"svn","expiration":"2027-08-21T10:00:00Z","value":["1"]}"#;
    let value = ReferenceValue::from_stored("svn", stored.as_bytes()).unwrap();
    assert_eq!(
        (value.id(), value.json(), value.value()),
        ("svn", r#"["1"]"#, &json!(["1"]))
    );
    assert_eq!(value.expires_at(), 1_818_842_400);
    assert_eq!(text(&value), stored);

    let without_version = stored.replace(r#""version":"0.1.0","#, "");
    assert_eq!(
        ReferenceValue::from_stored("svn", without_version.as_bytes()).unwrap(),
        value
    );
}

#[test]
fn what_is_not_of_the_documented_form_is_refused() {
    for (from, to) in [
        ("10:00:00Z", "10:00:00.5Z"),
        ("10:00:00Z", "10:00:00+00:00"),
        ("10:00:00Z", "10:00:00"),
        ("2027-08-21T", "2027-08-21 "),
        ("2027-08-21", "2027-02-30"),
        ("0.1.0", "0.2.0"),
        (r#""name":"svn""#, r#""name":"other""#),
        (r#""name":"svn","#, ""),
        (r#","value":["1"]"#, ""),
    ] {
        let stored = r#"{"version":"0.1.0","name":"svn","expiration":"2027-08-21T10:00:00Z","value":["1"]}"#;
        let changed = stored.replace(from, to);
        assert_ne!(changed, stored);
        ReferenceValue::from_stored("svn", changed.as_bytes()).expect_err(&changed);
    }
}

#[test]
fn twelve_months_are_calendar_months() {
    for (registered, expires) in [
        ("2026-11-22T10:20:30Z", "2027-11-22T10:20:30Z"),
        ("2027-03-01T00:00:00Z", "2028-03-01T00:00:00Z"),
        ("2028-02-29T23:59:59Z", "2029-02-28T23:59:59Z"),
        ("2027-12-31T23:59:59Z", "2028-12-31T23:59:59Z"),
    ] {
        let stored = json!({"name": "n", "expiration": registered, "value": 1}).to_string();
        let now = ReferenceValue::from_stored("n", stored.as_bytes())
            .unwrap()
            .expires_at();
        let value = made_at("n".to_owned(), json!(1), now);
        assert_eq!(format_time(value.expires_at()).unwrap(), expires);
    }
}

#[test]
fn a_clock_out_of_range_is_an_error_and_no_panic() {
    for now in [i64::MIN, i64::MAX, 253_402_300_799] {
        made_at("n".to_owned(), json!(1), now).to_stored().unwrap_err();
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(".{0,4}", inner, 0..4).prop_map(|map| map.into_iter().collect())
        ]
    })
}

proptest! {
    #[test]
    fn what_is_stored_is_read_back(name in "\\PC{1,40}", value in any_json(), now in 0_i64..200_000_000_000) {
        let value = made_at(name.clone(), value, now);
        prop_assert_eq!(ReferenceValue::from_stored(&name, &value.to_stored().unwrap()).unwrap(), value);
    }

    #[test]
    fn no_stored_text_panics(text in "\\PC{0,200}") {
        let _ = ReferenceValue::from_stored("n", text.as_bytes());
    }
}
