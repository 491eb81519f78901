//! The `input` document of a policy.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use regorus::Value;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::PolicyError;

/// A parsed `input` document. Cheap to clone; parse once and evaluate often.
#[derive(Clone)]
pub struct PolicyInput(pub(crate) Value);

impl PolicyInput {
    /// Parses JSON text. The depth of nesting is bounded (128, by `serde_json`).
    pub fn from_json(json: &str) -> Result<Self, PolicyError> {
        // The parser's message names a line and a column, never the text.
        serde_json::from_str(json)
            .map(|Document(value)| Self(value))
            .map_err(|e| PolicyError::Input(e.to_string()))
    }

    /// Takes an already parsed document.
    pub fn from_value(value: serde_json::Value) -> Result<Self, PolicyError> {
        serde_json::from_value(value)
            .map(Self)
            .map_err(|e| PolicyError::Input(e.to_string()))
    }
}

impl fmt::Debug for PolicyInput {
    /// Claims are not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PolicyInput(..)")
    }
}

/// A JSON document as the engine holds it. The engine can parse one itself, in three times the time: it
/// copies each text twice and takes one member name for a way to write numbers.
pub(crate) struct Document(pub(crate) Value);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DocumentVisitor).map(Self)
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        // JSON has no other, but the engine's order of values depends on it.
        if value.is_finite() {
            Ok(Value::from(value))
        } else {
            Err(E::custom("a number that is not finite"))
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(Arc::from(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Document(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::from(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = BTreeMap::new();
        while let Some((Document(name), Document(value))) = members.next_entry()? {
            object.insert(name, value);
        }
        Ok(Value::from(object))
    }
}
