//! Registering values beside those that are registered, or in their place: and then saying what goes.

use protos::reference::ReferenceValueHistoryResponse;
use serde_json::{Map, Value};

use super::{
    super::{
        ToolError,
        client::{Client, parse},
    },
    message::unsigned,
};

/// How often to begin again if somebody else registers the same name meanwhile.
const TRIES: usize = 5;

/// What goes out of service, by name.
pub(super) type Gone = Map<String, Value>;

/// Registers values, unsigned, in the place of what is there. Gives what goes out of service with that, as far as the
/// caller may read it.
pub(super) async fn replace(client: &Client, values: &Map<String, Value>) -> Result<Gone, ToolError> {
    let mut gone = Gone::new();
    for (name, value) in values {
        let before = client.query(name).await.ok().flatten();
        let missing = before.map(|before| missing(&before, value)).unwrap_or_default();
        if !missing.is_empty() {
            gone.insert(name.clone(), missing.into());
        }
    }
    register(client, values).await?;
    Ok(gone)
}

/// Registers values, unsigned, beside what is there. The RVPS replaces, so that this reads first; and it looks
/// afterwards whether somebody else has registered between, and then puts that back in, too.
pub(super) async fn add(client: &Client, values: &Map<String, Value>) -> Result<(), ToolError> {
    let mut left = values.clone();
    for _ in 0..TRIES {
        let (mut joined, mut seen) = (Map::new(), Vec::new());
        for (name, value) in &left {
            let history = client.history(name).await?;
            let current = history.as_ref().and_then(|history| history.current.as_ref());
            let current = current.map(|current| parse(&current.value)).transpose()?;
            joined.insert(name.clone(), join(name, current, value)?);
            seen.push(newest(history.as_ref()));
        }
        register(client, &joined).await?;
        let mut overtaken = Map::new();
        for ((name, value), seen) in joined.iter().zip(seen) {
            let history = client.history(name).await?;
            if let Some(other) = between(history.as_ref(), seen, value)? {
                overtaken.insert(name.clone(), join(name, Some(other), value)?);
            }
        }
        if overtaken.is_empty() {
            return Ok(());
        }
        left = overtaken;
    }
    let names: Vec<_> = left.keys().map(String::as_str).collect();
    Err(ToolError::Message(format!(
        "others register {} at the same time, again and again: see with `rvps-tool get` what is registered, and try again",
        names.join(", ")
    )))
}

async fn register(client: &Client, values: &Map<String, Value>) -> Result<(), ToolError> {
    let text = Value::Object(values.clone()).to_string();
    let replaced = client.register(unsigned("sample", text.as_bytes())?).await;
    replaced.map(drop)
}

/// The list that is there with what is new behind it.
fn join(name: &str, current: Option<Value>, new: &Value) -> Result<Value, ToolError> {
    match (current, new) {
        (None, new) => Ok(new.clone()),
        (Some(current), new) if current == *new => Ok(current),
        (Some(Value::Array(mut list)), Value::Array(new)) => {
            let more: Vec<_> = new
                .iter()
                .filter(|value| !list.contains(value))
                .cloned()
                .collect();
            list.extend(more);
            Ok(Value::Array(list))
        }
        (Some(current), _) => Err(ToolError::Usage(format!(
            "{name} is {current}, which is no list to add something to: nothing is registered. Leave out --add to replace it"
        ))),
    }
}

/// What somebody else has put into the place of what was `seen`, before this `value` came; `None` if nobody has.
fn between(
    history: Option<&ReferenceValueHistoryResponse>,
    seen: u64,
    value: &Value,
) -> Result<Option<Value>, ToolError> {
    let versions = history
        .map(|history| history.versions.as_slice())
        .unwrap_or_default();
    // The newest first. An unsigned value that is registered again makes no version of its own.
    let mut later = versions.iter().filter(|version| version.number > seen);
    for version in later.by_ref() {
        if version.value.as_deref().map(parse).transpose()?.as_ref() == Some(value) {
            break;
        }
    }
    match later.next() {
        Some(before) => before.value.as_deref().map(parse).transpose(),
        None => Ok(None),
    }
}

fn newest(history: Option<&ReferenceValueHistoryResponse>) -> u64 {
    let versions = history.map(|history| history.versions.as_slice());
    versions
        .and_then(<[_]>::first)
        .map_or(0, |version| version.number)
}

/// What `before` has and `after` has not.
fn missing(before: &Value, after: &Value) -> Vec<Value> {
    let elements = |value: &Value| match value {
        Value::Array(list) => list.clone(),
        single => vec![single.clone()],
    };
    let kept = elements(after);
    let before = elements(before).into_iter();
    before.filter(|value| !kept.contains(value)).collect()
}

#[cfg(test)]
mod tests {
    use protos::reference::ReferenceValueVersion;
    use serde_json::json;

    use super::*;

    fn history(versions: &[(u64, Value)]) -> ReferenceValueHistoryResponse {
        let version = |(number, value): &(u64, Value)| ReferenceValueVersion {
            number: *number,
            value: (!value.is_null()).then(|| value.to_string()),
            ..ReferenceValueVersion::default()
        };
        ReferenceValueHistoryResponse {
            versions: versions.iter().map(version).collect(),
            ..ReferenceValueHistoryResponse::default()
        }
    }

    #[test]
    fn what_came_between_reading_and_registering_is_found() {
        let mine = json!(["a", "b"]);
        for (versions, found) in [
            (vec![(4, mine.clone()), (3, json!(["a"]))], None),
            // The same again, by the same registrar, is no new version.
            (vec![(3, mine.clone())], None),
            (
                vec![(5, mine.clone()), (4, json!(["a", "c"])), (3, json!(["a"]))],
                Some(json!(["a", "c"])),
            ),
            // Deleted between: what is registered now is what was asked for.
            (vec![(5, mine.clone()), (4, json!(null)), (3, json!(["a"]))], None),
            // Somebody else came after: that one has seen this, or did not want to.
            (
                vec![(5, json!(["z"])), (4, mine.clone()), (3, json!(["a"]))],
                None,
            ),
        ] {
            let history = history(&versions);
            assert_eq!(between(Some(&history), 3, &mine).unwrap(), found, "{versions:?}");
        }
        assert_eq!(newest(Some(&history(&[(4, json!(1)), (3, json!(2))]))), 4);
        assert_eq!((newest(None), between(None, 0, &mine).unwrap()), (0, None));
    }

    #[test]
    fn a_list_grows_and_a_single_value_does_not() {
        let join = |current: Option<Value>, new: Value| join("m", current, &new);
        assert_eq!(
            join(Some(json!(["a"])), json!(["b", "a"])).unwrap(),
            json!(["a", "b"])
        );
        assert_eq!(join(None, json!(["b"])).unwrap(), json!(["b"]));
        assert_eq!(join(Some(json!("a")), json!("a")).unwrap(), json!("a"));
        for (current, new) in [(json!("a"), json!("b")), (json!(["a"]), json!("b"))] {
            assert_eq!(join(Some(current), new).unwrap_err().exit_status(), 2);
        }
        assert_eq!(missing(&json!(["a", "b"]), &json!(["b"])), [json!("a")]);
        assert_eq!(missing(&json!(7), &json!(8)), [json!(7)]);
    }
}
