//! Reference values as one evaluation sees them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use regorus::Value;

use crate::PolicyError;
use crate::input::Document;

/// The reference values at one moment, in the form the policy machine reads. A clone is three words.
#[derive(Clone)]
pub struct ReferenceValueSnapshot {
    /// An object: `{<id>: <value>}`.
    values: Value,
    /// No other snapshot of this process has it, but for clones.
    serial: u64,
    /// What is not there any more. No policy sees it.
    gone: Arc<BTreeMap<String, Gone>>,
}

/// Why there is no value any more: for explanations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// Its validity ended at this time, in seconds since the Unix epoch.
    Expired(i64),
    /// Somebody deleted or revoked it before its time.
    Removed,
}

impl ReferenceValueSnapshot {
    /// A snapshot of these values; of two with one id the later one counts.
    pub fn from_entries(
        entries: impl IntoIterator<Item = (String, serde_json::Value)>,
    ) -> Result<Self, PolicyError> {
        let mut values = Value::new_object();
        insert_all(&mut values, entries)?;
        Ok(Self::of(values))
    }

    /// A new snapshot that has `upserts` added or replaced and `removed` taken out (removal comes first).
    pub fn with_change<'a>(
        &self,
        upserts: impl IntoIterator<Item = (String, serde_json::Value)>,
        removed: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, PolicyError> {
        let mut values = self.values.clone();
        if let Ok(object) = values.as_object_mut() {
            for id in removed {
                object.remove(&Value::from(id));
            }
        }
        insert_all(&mut values, upserts)?;
        Ok(Self::of(values).with_gone(Arc::clone(&self.gone)))
    }

    /// The same values, and what is known of those that are not there any more. Whoever tells something else of them
    /// makes a new snapshot for it: explanations are remembered by it.
    #[must_use]
    pub fn with_gone(self, gone: Arc<BTreeMap<String, Gone>>) -> Self {
        Self { gone, ..self }
    }

    /// Why there is no value under `id` any more, where that is known.
    pub fn gone(&self, id: &str) -> Option<Gone> {
        self.gone.get(id).copied()
    }

    /// The ids of what is not there any more, as far as they are known.
    pub(crate) fn gone_ids(&self) -> impl Iterator<Item = &str> {
        self.gone.keys().map(String::as_str)
    }

    /// The value registered under `id`.
    pub fn get(&self, id: &str) -> Option<serde_json::Value> {
        serde_json::to_value(self.lookup(&Value::from(id))?).ok()
    }

    /// Whether there is a value under `id`.
    pub fn has(&self, id: &str) -> bool {
        self.lookup(&Value::from(id)).is_some()
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.values.as_object().map_or(0, |o| o.len())
    }

    /// Whether there is no value at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn of(values: Value) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            values,
            serial,
            gone: Arc::default(),
        }
    }

    /// Tells snapshots apart: two with the same number have the same values.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    pub(crate) fn lookup(&self, id: &Value) -> Option<&Value> {
        self.values.as_object().ok()?.get(id)
    }

    /// The ids, in their order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        let ids = self
            .values
            .as_object()
            .ok()
            .into_iter()
            .flat_map(|object| object.keys());
        ids.filter_map(|id| match id {
            Value::String(id) => Some(&**id),
            _ => None,
        })
    }

    pub(crate) fn values(&self) -> &Value {
        &self.values
    }
}

impl Default for ReferenceValueSnapshot {
    fn default() -> Self {
        Self::of(Value::new_object())
    }
}

impl std::fmt::Debug for ReferenceValueSnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReferenceValueSnapshot({} values)", self.len())
    }
}

fn insert_all(
    values: &mut Value,
    entries: impl IntoIterator<Item = (String, serde_json::Value)>,
) -> Result<(), PolicyError> {
    let object = values
        .as_object_mut()
        .map_err(|e| PolicyError::Input(e.to_string()))?;
    for (id, value) in entries {
        let Document(value) = serde_json::from_value(value).map_err(|e| PolicyError::Input(e.to_string()))?;
        object.insert(Value::from(id), value);
    }
    Ok(())
}
