//! Keys that are set to `null`, as a generator of files writes what it has no value for.

use serde_json::Value;

/// Keys that say who is asked, or what has to be: left out, they ask for less. One of them that is `null` stays, and is
/// refused where it cannot be: whoever writes the key means something by it.
const GUARDS: [&str; 10] = [
    "auth",
    "builder_ids",
    "insecure_allow_unsigned",
    "policy_map",
    "registrars",
    "require",
    "restrict_reads",
    "trust_anchors",
    "trusted_certs_paths",
    "trusted_jwk_sets",
];

/// How many keys are named.
const NAMED: usize = 32;

/// Removes every key whose value is `null`, but for [`GUARDS`]: it says no more than a key that is left out. Gives one sentence for each,
/// since in YAML a key with nothing behind it is `null`, too, and may be a mistake. An element of a list stays what it
/// is.
pub(super) fn drop_nulls(file: &mut Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(file, "", &mut found);
    let more = found.len().saturating_sub(NAMED);
    found.truncate(NAMED);
    if more > 0 {
        found.push(format!(
            "{more} more configuration keys are `null`: as if they were left out"
        ));
    }
    found
}

fn walk(value: &mut Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(table) => table.retain(|key, value| {
            let place = match place {
                "" => key.clone(),
                above => format!("{above}.{key}"),
            };
            if value.is_null() && !GUARDS.contains(&key.as_str()) {
                found.push(format!(
                    "configuration key `{place}` is `null`: as if it was left out"
                ));
                return false;
            }
            walk(value, &place, found);
            true
        }),
        Value::Array(items) => {
            for (number, item) in items.iter_mut().enumerate() {
                walk(item, &format!("{place}[{number}]"), found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_null_that_would_ask_for_less_stays() {
        let mut file = json!({"auth": null, "storage": null, "a": [{"registrars": null, "path": null}]});
        let told = drop_nulls(&mut file);
        assert_eq!(file, json!({"auth": null, "a": [{"registrars": null}]}));
        assert_eq!(told.len(), 2, "{told:?}");
    }
}
