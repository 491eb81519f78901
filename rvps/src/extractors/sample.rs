//! Type `sample`: the payload is a JSON object from name to any JSON value. See `docs/extractors/sample.md`.

use serde_json::{Map, Value};

use super::{Extracted, Extractor, Named, Settings};
use crate::signature::Times;

/// Reads the object as it is.
pub(crate) struct Sample;

impl Extractor for Sample {
    fn kind(&self) -> &'static str {
        "sample"
    }

    fn content_types(&self) -> &'static [&'static str] {
        &["application/vnd.trustee.sample+json"]
    }

    fn extract(&self, payload: &[u8], _: &Settings) -> Result<Extracted, String> {
        let values: Map<String, Value> =
            serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        Ok(Extracted {
            values: values
                .into_iter()
                .map(|(name, value)| Named::new(name, value))
                .collect(),
            times: Times::default(),
        })
    }
}
