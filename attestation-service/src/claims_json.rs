//! JSON of claims, byte for byte as `serde_json` writes it. They are many short texts with nothing in them to escape,
//! which is seen of a text as a whole in less time than of each character.

use policy::Member;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Bytes that the claims of most TEEs fit into.
const USUAL: usize = 4096;

/// An object with these members, in this order.
pub(crate) fn object<'a>(
    members: impl Iterator<Item = (&'a str, Member<'a>)>,
) -> Result<Box<RawValue>, serde_json::Error> {
    let mut json = String::with_capacity(USUAL);
    json.push('{');
    for (number, (name, member)) in members.enumerate() {
        push_name(&mut json, number, name);
        push_member(&mut json, member)?;
    }
    json.push('}');
    // It looks at the whole text: a slip here is an error and nothing worse.
    RawValue::from_string(json)
}

fn push_member(json: &mut String, member: Member<'_>) -> Result<(), serde_json::Error> {
    match member {
        Member::Text(text) => push_text(json, text),
        Member::Value(value) => push_value(json, value),
        Member::Object(members) => push_object(json, members),
        other => json.push_str(&serde_json::to_string(&other)?),
    }
    Ok(())
}

fn push_object(json: &mut String, members: &Map<String, Value>) {
    json.push('{');
    for (number, (name, value)) in members.iter().enumerate() {
        push_name(json, number, name);
        push_value(json, value);
    }
    json.push('}');
}

fn push_name(json: &mut String, number: usize, name: &str) {
    if number > 0 {
        json.push(',');
    }
    push_text(json, name);
    json.push(':');
}

fn push_value(json: &mut String, value: &Value) {
    match value {
        Value::String(text) => push_text(json, text),
        Value::Object(members) => push_object(json, members),
        other => json.push_str(&other.to_string()),
    }
}

fn push_text(json: &mut String, text: &str) {
    // To look at all of them is quicker than to stop at the first that is not so.
    let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
        json.push('"');
        json.push_str(text);
        json.push('"');
    } else {
        json.push_str(&Value::from(text).to_string());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[\\x00-\\x7f]{0,40}".prop_map(Value::from),
            "[0-9a-f]{64}".prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 6, |inner| {
            let name = prop_oneof!["[a-z]{0,6}", any::<String>()];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::vec((name, inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn claims_are_written_as_serde_json_does(
            values in proptest::collection::btree_map(any::<String>(), document(), 0..4),
            text in any::<String>(),
        ) {
            let raw = serde_json::value::to_raw_value(&text).unwrap();
            let others: Map<String, Value> = values.clone().into_iter().collect();
            let mut members: BTreeMap<&str, Member<'_>> = values
                .iter()
                .map(|(name, value)| (name.as_str(), Member::Value(value)))
                .collect();
            members.extend([
                ("text", Member::Text(&text)),
                ("object", Member::Object(&others)),
                ("json", Member::Json(&raw)),
            ]);
            let written = object(members.iter().map(|(name, member)| (*name, *member))).unwrap();
            prop_assert_eq!(written.get(), serde_json::to_string(&members).unwrap());
        }
    }
}
