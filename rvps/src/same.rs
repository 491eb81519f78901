//! When two values are the same to a policy.

use serde_json::{Number, Value};

/// Whether a policy takes the two for one. It compares numbers by what they are worth: 9 is 9.0, and so a revoked 9
/// must not come back as 9.0.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => same_number(one, other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, one)| other.get(name).is_some_and(|other| same(one, other)))
        }
        _ => one == other,
    }
}

/// What of `there` somebody who says `asked` may have meant: a part that reads the same, but is of another type, or in
/// capital letters. `None` if `asked` itself is there.
pub(crate) fn mistaken<'a>(asked: &Value, there: &'a Value) -> Option<&'a Value> {
    let parts = match there {
        Value::Array(elements) => elements.as_slice(),
        one => std::slice::from_ref(one),
    };
    if same(asked, there) || parts.iter().any(|part| same(asked, part)) {
        return None;
    }
    let asked = spelled(asked);
    parts
        .iter()
        .find(|part| spelled(part).eq_ignore_ascii_case(&asked))
}

/// How a value reads without its quotes.
fn spelled(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}

fn same_number(one: &Number, other: &Number) -> bool {
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => one == other,
        (Some(whole), None) => is_worth(other, whole),
        (None, Some(whole)) => is_worth(one, whole),
        (None, None) => one.as_f64() == other.as_f64(),
    }
}

/// Whether a number that was written with a fraction or an exponent is this whole one.
fn is_worth(number: &Number, whole: i128) -> bool {
    // Minus nothing is nothing.
    let number = number.as_f64().map(|number| number + 0.0);
    number.is_some_and(|number| number.fract() == 0.0 && format!("{number:.0}") == whole.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_what_they_are_worth() {
        let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        for (one, other) in [
            ("9", "9.0"),
            ("9", "90e-1"),
            ("-0.0", "0"),
            ("18446744073709551615", "18446744073709551615"),
            ("[1, {\"a\": 2}]", "[1.0, {\"a\": 2.0}]"),
        ] {
            assert!(same(&parsed(one), &parsed(other)), "{one} {other}");
            assert!(same(&parsed(other), &parsed(one)), "{one} {other}");
        }
        for (one, other) in [
            ("9", "9.5"),
            ("9", "\"9\""),
            ("1", "true"),
            ("[1]", "[1, 1]"),
            ("{\"a\": 1}", "{\"b\": 1}"),
            ("18446744073709551615", "18446744073709551614"),
        ] {
            assert!(!same(&parsed(one), &parsed(other)), "{one} {other}");
        }
        assert!(same(&json!("a"), &json!("a")));
    }

    #[test]
    fn what_only_reads_the_same_is_a_mistake_unless_the_thing_itself_is_there() {
        let texts = json!(["7", "ab", "true"]);
        for (asked, meant) in [
            (json!(7), Some(json!("7"))),
            (json!("AB"), Some(json!("ab"))),
            (json!(" ab"), Some(json!("ab"))),
            (json!(true), Some(json!("true"))),
            (json!("7"), None),
            (json!(8), None),
            (json!("abc"), None),
        ] {
            assert_eq!(mistaken(&asked, &texts), meant.as_ref(), "{asked}");
        }
        assert_eq!(mistaken(&json!("7"), &json!(7)), Some(&json!(7)));
        assert_eq!(mistaken(&json!("7"), &json!([7])), Some(&json!(7)));
        // Both are there: nobody is mistaken.
        assert_eq!(mistaken(&json!(7), &json!([7, "7"])), None);
    }
}
