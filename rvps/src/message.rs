//! The register message: an envelope whose type says how the payload is read.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    RegisterError,
    error::bounded,
    extractors::{self, check_name},
};

/// The format version of messages and of stored values.
pub(crate) const VERSION: &str = "0.1.0";

/// The envelope, as JSON: `{"version", "type", "payload"}`. Unknown members are ignored.
#[derive(Deserialize)]
struct Envelope {
    version: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    /// Standard base64 with padding (RFC 4648 section 4), whatever the type.
    payload: String,
}

/// The names and values in a message, all of them checked.
pub(crate) fn parse(message: &str) -> Result<Vec<(String, Value)>, RegisterError> {
    let envelope: Envelope =
        serde_json::from_str(message).map_err(|error| RegisterError::Message(bounded(&error.to_string())))?;
    if let Some(version) = envelope.version.filter(|version| version != VERSION) {
        return Err(RegisterError::Version(bounded(&version)));
    }
    let extractor = extractors::find(&envelope.kind)?;
    let payload = STANDARD.decode(envelope.payload)?;
    let values = extractor
        .extract(&payload)
        .map_err(|reason| RegisterError::Payload {
            kind: extractor.kind(),
            reason: bounded(&reason),
        })?;
    values.iter().try_for_each(|(name, _)| check_name(name))?;
    Ok(values)
}
