//! The JSON that a policy sees: `uefi_event_logs`.

use crate::json::Json;
use crate::{Algorithm, Event, EventLog};
use serde_json::value::RawValue;

/// Bytes that a record's claims take besides what they say of its data.
const RECORD: usize = 400;

impl EventLog {
    /// An array with an object for each record: `index` (the register), `type_name`, `digests`
    /// (`[{"alg": "SHA-384", "digest": hex}]`), `event` (the data, base64), `digest_matches_event` (is every
    /// digest that of the data?) and `details` (what the data says, by type). It is JSON text, since a log may be
    /// long and few look into it.
    pub fn claims(&self) -> Box<RawValue> {
        self.write(None)
    }

    /// The same with the digests of one algorithm alone: those that a replay with it proves.
    pub fn claims_of(&self, algorithm: Algorithm) -> Box<RawValue> {
        self.write(Some(algorithm))
    }

    fn write(&self, only: Option<Algorithm>) -> Box<RawValue> {
        // The data in base64, and most of it once more as text.
        let data = self.length().saturating_mul(5) / 2;
        let records = self.events().count().saturating_mul(RECORD);
        let mut json = Json::with_capacity(data.saturating_add(records));
        json.array(self.events(), |json, event| write_event(json, &event, only));
        // It looks at the whole text: what is no JSON would be null, and every policy would miss the log.
        RawValue::from_string(json.into_text()).unwrap_or_else(|_| RawValue::NULL.to_owned())
    }
}

/// The members are in the order of their names, as in all claims.
fn write_event(json: &mut Json, event: &Event<'_>, only: Option<Algorithm>) {
    let digests = || {
        let wanted = move |algorithm| only.is_none_or(|only| only == algorithm);
        event.digests().filter(move |digest| wanted(digest.algorithm))
    };
    let matches = digests().next().is_some()
        && digests().all(|digest| digest.algorithm.hash(&[event.data()]).as_ref() == digest.bytes);
    json.raw(r#"{"details":"#);
    event.details().write(json);
    json.raw(r#","digest_matches_event":"#);
    json.raw(if matches { "true" } else { "false" });
    json.raw(r#","digests":"#);
    json.array(digests(), |json, digest| {
        json.raw(r#"{"alg":"#);
        json.text(digest.algorithm.as_str());
        json.raw(r#","digest":"#);
        json.hex(digest.bytes);
        json.raw("}");
    });
    json.raw(r#","event":"#);
    json.base64(event.data());
    json.raw(r#","index":"#);
    json.raw(&event.register().to_string());
    json.raw(r#","type_name":"#);
    match event.event_type().name() {
        Some(name) => json.text(name),
        None => json.text(&event.event_type().to_string()),
    }
    json.raw("}");
}
