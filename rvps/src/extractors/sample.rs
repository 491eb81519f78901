//! Type `sample`: the payload is a JSON object from name to any JSON value, without a signature. Whoever may
//! register vouches for it. See `docs/extractors/sample.md`.

use serde_json::{Map, Value};

use super::Extractor;

/// Reads the object as it is.
pub(crate) struct Sample;

impl Extractor for Sample {
    fn kind(&self) -> &'static str {
        "sample"
    }

    fn extract(&self, payload: &[u8]) -> Result<Vec<(String, Value)>, String> {
        let values: Map<String, Value> =
            serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        Ok(values.into_iter().collect())
    }
}
