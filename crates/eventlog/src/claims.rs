//! The JSON that a policy sees: `uefi_event_logs`.

use crate::{Algorithm, Digest, Event, EventLog};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

impl EventLog {
    /// An array with an object for each record: `index` (the register), `type_name`, `digests`
    /// (`[{"alg": "SHA-384", "digest": hex}]`), `event` (the data, base64), `digest_matches_event` (is every
    /// digest that of the data?) and `details` (what the data says, by type).
    pub fn claims(&self) -> Value {
        self.events().map(|event| claim(&event, None)).collect()
    }

    /// The same with the digests of one algorithm alone: those that a replay with it proves.
    pub fn claims_of(&self, algorithm: Algorithm) -> Value {
        self.events()
            .map(|event| claim(&event, Some(algorithm)))
            .collect()
    }
}

fn claim(event: &Event<'_>, only: Option<Algorithm>) -> Value {
    let digests: Vec<Digest<'_>> = event
        .digests()
        .filter(|digest| only.is_none_or(|algorithm| algorithm == digest.algorithm))
        .collect();
    let matches = !digests.is_empty() && digests.iter().all(|digest| matches(digest, event.data()));
    let digests: Vec<Value> = digests
        .iter()
        .map(|digest| json!({"alg": digest.algorithm.as_str(), "digest": hex::encode(digest.bytes)}))
        .collect();
    let members = [
        ("details", Value::Object(event.details().claims(event.data()))),
        ("digest_matches_event", Value::Bool(matches)),
        ("digests", Value::Array(digests)),
        ("event", Value::String(STANDARD.encode(event.data()))),
        ("index", Value::from(event.register())),
        ("type_name", Value::String(event.event_type().to_string())),
    ];
    let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
    Value::Object(members.collect::<Map<_, _>>())
}

fn matches(digest: &Digest<'_>, data: &[u8]) -> bool {
    digest.algorithm.digest(&[data]) == digest.bytes
}
