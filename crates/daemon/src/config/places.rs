//! Values by their dotted path, such as `http_server.sockets`, for putting what older files say in today's place.

use serde_json::{Value, json};

/// Removes and gives the value at a dotted path.
pub fn take(file: &mut Value, path: &str) -> Option<Value> {
    let (parent, key) = path.rsplit_once('.').unwrap_or(("", path));
    let table = parent
        .split('.')
        .filter(|step| !step.is_empty())
        .try_fold(file, |value, step| value.get_mut(step))?;
    table.as_object_mut()?.remove(key)
}

/// Sets the value at a dotted path, unless there is one already, or something on the way to it is no table. Says
/// whether it did.
pub fn put(file: &mut Value, path: &str, value: Value) -> bool {
    let (parent, key) = path.rsplit_once('.').unwrap_or(("", path));
    let mut table = file;
    for step in parent.split('.').filter(|step| !step.is_empty()) {
        let Some(parent) = table.as_object_mut() else {
            return false;
        };
        table = parent.entry(step).or_insert_with(|| json!({}));
    }
    match table.as_object_mut() {
        Some(table) if !table.contains_key(key) => {
            table.insert(key.to_owned(), value);
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_moves_to_another_place_and_never_over_one_that_is_there() {
        let mut file = json!({"old": {"a": 1, "b": 2}, "flat": true});
        let a = take(&mut file, "old.a").unwrap();
        assert!(put(&mut file, "new.deep.a", a));
        assert!(!put(&mut file, "new.deep.a", json!(9)), "it is set");
        assert!(!put(&mut file, "flat.a", json!(9)), "no table is on the way");
        assert_eq!(take(&mut file, "old.none"), None);
        assert_eq!(take(&mut file, "flat.a"), None);
        assert_eq!(
            file,
            json!({"old": {"b": 2}, "flat": true, "new": {"deep": {"a": 1}}})
        );
    }
}
