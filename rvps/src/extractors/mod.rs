//! From a message's payload to reference values: one file a type of payload, one line in [`ALL`].

mod sample;

use serde_json::Value;

use crate::{RegisterError, error::bounded};

/// Reads one type of payload. Pure.
pub(crate) trait Extractor: Send + Sync {
    /// The `type` of the messages it reads.
    fn kind(&self) -> &'static str;

    /// The names and values in a decoded payload, or what is wrong with it.
    fn extract(&self, payload: &[u8]) -> Result<Vec<(String, Value)>, String>;
}

/// Every extractor there is.
const ALL: &[&dyn Extractor] = &[&sample::Sample];

/// The longest name of a reference value, in bytes. A storage back end may allow less.
pub const MAX_NAME_BYTES: usize = 512;

/// The extractor for a message's type.
pub(crate) fn find(kind: &str) -> Result<&'static dyn Extractor, RegisterError> {
    ALL.iter()
        .find(|extractor| extractor.kind() == kind)
        .copied()
        .ok_or_else(|| RegisterError::NoExtractor {
            given: bounded(kind),
            known: ALL
                .iter()
                .map(|extractor| extractor.kind())
                .collect::<Vec<_>>()
                .join(", "),
        })
}

/// Refuses names that are empty, too long, or could mislead whoever reads them in a list.
pub(crate) fn check_name(name: &str) -> Result<(), RegisterError> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.len() > MAX_NAME_BYTES {
        "it is too long"
    } else if name.chars().any(char::is_control) {
        "it contains control characters"
    } else {
        return Ok(());
    };
    Err(RegisterError::Name {
        name: bounded(name),
        reason: reason.to_owned(),
    })
}
