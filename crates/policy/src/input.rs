//! The `input` document of a policy.

use crate::PolicyError;

/// A parsed `input` document. Cheap to clone; parse once and evaluate often.
#[derive(Clone)]
pub struct PolicyInput(pub(crate) regorus::Value);

impl PolicyInput {
    /// Parses JSON text. The depth of nesting is bounded (128, by `serde_json`).
    pub fn from_json(json: &str) -> Result<Self, PolicyError> {
        // The parser's message names a line and a column, never the text.
        regorus::Value::from_json_str(json)
            .map(Self)
            .map_err(|e| PolicyError::Input(e.to_string()))
    }

    /// Takes an already parsed document.
    pub fn from_value(value: serde_json::Value) -> Result<Self, PolicyError> {
        serde_json::from_value(value)
            .map(Self)
            .map_err(|e| PolicyError::Input(e.to_string()))
    }
}

impl std::fmt::Debug for PolicyInput {
    /// Claims are not for logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PolicyInput(..)")
    }
}
