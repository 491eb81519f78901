//! Keys that used to exist.

use serde_json::Value;

/// A key that is accepted, does nothing, and says so.
#[derive(Clone, Copy, Debug)]
pub struct Retired {
    /// Its place, such as `attestation_token_config.attestation_token_type`. A step into an array goes
    /// into each element; `*` is any key of a table.
    pub path: &'static str,
    /// What to do instead, such as "use `attestation_token.trusted_certs_paths`".
    pub note: &'static str,
}

/// Drops these keys, and gives one sentence for each that was there.
pub fn retire(file: &mut Value, keys: &[Retired]) -> Vec<String> {
    keys.iter().filter_map(|key| key.drop_from(file)).collect()
}

impl Retired {
    /// Removes the key wherever it is, and gives the warning if it was there.
    fn drop_from(&self, value: &mut Value) -> Option<String> {
        let steps: Vec<&str> = self.path.split('.').collect();
        remove(value, &steps).then(|| format!("configuration key `{}` is retired: {}", self.path, self.note))
    }
}

fn remove(value: &mut Value, steps: &[&str]) -> bool {
    if let Value::Array(items) = value {
        // Every element is visited; `any` would stop at the first.
        return items
            .iter_mut()
            .fold(false, |found, item| remove(item, steps) | found);
    }
    let (Value::Object(table), Some((step, rest))) = (value, steps.split_first()) else {
        return false;
    };
    if rest.is_empty() {
        return table.remove(*step).is_some();
    }
    match *step {
        "*" => table
            .values_mut()
            .fold(false, |found, item| remove(item, rest) | found),
        step => table.get_mut(step).is_some_and(|item| remove(item, rest)),
    }
}
