//! The JSON that a policy sees: `uefi_event_logs`.

use crate::details::Details;
use crate::json::Json;
use crate::{Algorithm, Digest, Event, EventLog};
use serde_json::value::RawValue;

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
        // It looks at the whole text: what is no JSON would be null, and every policy would miss the log.
        RawValue::from_string(self.text(only)).unwrap_or_else(|_| RawValue::NULL.to_owned())
    }

    /// Counted first, then written into memory of that size.
    pub(crate) fn text(&self, only: Option<Algorithm>) -> String {
        let records: Vec<Told<'_>> = self.events().map(|event| Told::of(event, only)).collect();
        let write = |json: &mut Json| json.array(records.iter(), |json, record| record.write(json));
        let mut counted = Json::counted();
        write(&mut counted);
        let mut json = Json::with_capacity(counted.length());
        write(&mut json);
        json.into_text()
    }
}

/// A record that is about to be told.
struct Told<'a> {
    event: Event<'a>,
    details: Details<'a>,
    matches: bool,
    only: Option<Algorithm>,
}

impl<'a> Told<'a> {
    fn of(event: Event<'a>, only: Option<Algorithm>) -> Self {
        let mut told = Self {
            details: event.details(),
            matches: false,
            event,
            only,
        };
        let holds = |digest: Digest<'_>| digest.algorithm.hash(&[event.data()]).as_ref() == digest.bytes;
        told.matches = told.digests().next().is_some() && told.digests().all(holds);
        told
    }

    fn digests(&self) -> impl Iterator<Item = Digest<'a>> + use<'a> {
        let only = self.only;
        let wanted = move |digest: &Digest<'_>| only.is_none_or(|only| only == digest.algorithm);
        self.event.digests().filter(wanted)
    }

    /// The members are in the order of their names, as in all claims.
    fn write(&self, json: &mut Json) {
        let event = &self.event;
        json.raw(r#"{"details":"#);
        self.details.write(json);
        json.raw(r#","digest_matches_event":"#);
        json.raw(if self.matches { "true" } else { "false" });
        json.raw(r#","digests":"#);
        json.array(self.digests(), |json, digest| {
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
}
