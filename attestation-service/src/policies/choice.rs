//! Which policy a guest is appraised under: by what it was measurably started with, as the operator says, or by what
//! the relying party asks for.

use serde::Deserialize;
use serde_json::Value;

use super::check_id;

/// One entry of `policy_map`, as the operator wrote it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyMapEntry {
    /// The policy, without the class suffix.
    pub policy_id: String,
    /// The value of the platform's init-data register, in hex, as `input.init_data` shows it.
    #[serde(default)]
    pub init_data: Option<String>,
    /// A claim of the init-data, as a JSON pointer (RFC 6901) into `input.init_data_claims`; with `value`.
    #[serde(default)]
    pub claim: Option<String>,
    /// What that claim must be.
    #[serde(default)]
    pub value: Option<Value>,
}

/// The entries, ready for use: the first that fits counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct PolicyMap(Vec<Entry>);

#[derive(Debug, Clone)]
struct Entry {
    policy_id: String,
    condition: Condition,
}

#[derive(Debug, Clone)]
enum Condition {
    Register(String),
    Claim { pointer: String, value: Value },
}

/// The shortest digest that a register holds, in hex digits.
const SHORTEST: usize = 64;

impl PolicyMap {
    /// Checks the entries.
    ///
    /// # Errors
    /// What is wrong with the first bad one.
    pub(crate) fn new(entries: &[PolicyMapEntry]) -> Result<Self, String> {
        let entries = entries.iter().enumerate().map(|(index, entry)| {
            Entry::new(entry).map_err(|reason| format!("policy_map[{index}]: {reason}"))
        });
        entries.collect::<Result<_, _>>().map(Self)
    }

    /// The policy of a guest, by what its evidence shows that it was started with.
    ///
    /// `register` is the init-data register's value as the verifier gives it, and `claims` the document that was found to be
    /// what the register measures, or null.
    pub(crate) fn choose(&self, register: &str, claims: &Value) -> Option<&str> {
        let fits = |entry: &&Entry| match &entry.condition {
            Condition::Register(wanted) => wanted.eq_ignore_ascii_case(register),
            Condition::Claim { pointer, value } => claims.pointer(pointer) == Some(value),
        };
        self.0.iter().find(fits).map(|entry| entry.policy_id.as_str())
    }
}

impl Entry {
    fn new(entry: &PolicyMapEntry) -> Result<Self, String> {
        check_id(&entry.policy_id).map_err(|error| error.to_string())?;
        let condition = match (&entry.init_data, &entry.claim, &entry.value) {
            (Some(register), None, None) => Condition::Register(measured(register)?),
            (None, Some(pointer), Some(value)) => Condition::Claim {
                pointer: checked(pointer)?,
                value: some(value)?,
            },
            _ => return Err("it needs either `init_data`, or `claim` and `value`".to_owned()),
        };
        Ok(Self {
            policy_id: entry.policy_id.clone(),
            condition,
        })
    }
}

/// A register that measures nothing is that of many guests.
fn measured(register: &str) -> Result<String, String> {
    let hex = register.len() >= SHORTEST && register.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !hex {
        return Err(format!(
            "`init_data` must be a digest of at least {SHORTEST} hex digits"
        ));
    }
    if register.bytes().all(|byte| byte == b'0') {
        return Err("`init_data` is all zero: that is a guest without init-data".to_owned());
    }
    Ok(register.to_owned())
}

fn checked(pointer: &str) -> Result<String, String> {
    match pointer.starts_with('/') {
        true => Ok(pointer.to_owned()),
        false => Err(format!(
            "`claim` must be a JSON pointer such as `/workload`, and `{pointer}` is none"
        )),
    }
}

/// Absent is not equal: null would be what is absent elsewhere.
fn some(value: &Value) -> Result<Value, String> {
    match value {
        Value::Null => Err("`value` must not be null".to_owned()),
        value => Ok(value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(entries: Value) -> Result<PolicyMap, String> {
        let entries: Vec<PolicyMapEntry> = serde_json::from_value(entries).unwrap();
        PolicyMap::new(&entries)
    }

    #[test]
    fn the_first_entry_that_fits_counts() {
        let register = "ab".repeat(32);
        let map = map(json!([
            {"policy_id": "by-digest", "init_data": register.to_uppercase()},
            {"policy_id": "shop", "claim": "/workload", "value": "shop"},
            {"policy_id": "deep", "claim": "/aa.toml/level", "value": 3},
        ]))
        .unwrap();
        let claims = json!({"workload": "shop", "aa.toml": {"level": 3}});
        let other = "cd".repeat(32);
        for (init_data, claims, expected) in [
            (register.as_str(), &Value::Null, Some("by-digest")),
            (register.as_str(), &claims, Some("by-digest")),
            (other.as_str(), &claims, Some("shop")),
            (other.as_str(), &json!({"aa.toml": {"level": 3}}), Some("deep")),
            (other.as_str(), &json!({"workload": "bank"}), None),
            (other.as_str(), &Value::Null, None),
        ] {
            assert_eq!(map.choose(init_data, claims), expected, "{claims}");
        }
        assert_eq!(PolicyMap::default().choose(&register, &claims), None);
    }

    #[test]
    fn an_entry_that_leaves_a_doubt_is_refused() {
        for (entry, reason) in [
            (json!({"policy_id": "a"}), "it needs either"),
            (json!({"policy_id": "a", "claim": "/x"}), "it needs either"),
            (json!({"policy_id": "a", "value": "x"}), "it needs either"),
            (
                json!({"policy_id": "a", "claim": "/x", "value": null}),
                "it needs either",
            ),
            (
                json!({"policy_id": "a", "claim": "x", "value": 1}),
                "JSON pointer",
            ),
            (json!({"policy_id": "a", "claim": "", "value": 1}), "JSON pointer"),
            (json!({"policy_id": "a", "init_data": ""}), "hex digits"),
            (
                json!({"policy_id": "a", "init_data": "xy".repeat(32)}),
                "hex digits",
            ),
            (
                json!({"policy_id": "a", "init_data": "00".repeat(48)}),
                "all zero",
            ),
            (
                json!({"policy_id": "../a", "init_data": "ab".repeat(32)}),
                "policy id",
            ),
            (
                json!({"policy_id": "a", "init_data": "ab".repeat(32), "claim": "/x", "value": 1}),
                "it needs either",
            ),
        ] {
            let error = map(json!([entry])).unwrap_err();
            assert!(
                error.starts_with("policy_map[0]: ") && error.contains(reason),
                "{entry}: {error}"
            );
        }
    }
}
