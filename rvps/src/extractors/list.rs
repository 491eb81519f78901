//! Type `list`: the payload is a JSON array of entries, each with its own expiry: the form of the older
//! `reference-values.json`, and a newer one with any value. See `docs/extractors/list.md`.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Extracted, Extractor, Named, Settings};
use crate::signature::Times;

/// Reads the array.
pub(crate) struct List;

/// `value` or `hash-value`, one of them. A member that is not known is refused: it may be one that is misspelt, and an
/// `expiration` that goes unread makes a value good for a year.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Of the form, as existing files have it. It decides nothing.
    #[serde(default, rename = "version")]
    _version: IgnoredAny,
    name: String,
    /// RFC 3339.
    #[serde(default)]
    expiration: Option<String>,
    #[serde(default, deserialize_with = "present")]
    value: Option<Value>,
    #[serde(default, rename = "hash-value")]
    hashes: Option<Vec<Hash>>,
}

/// `alg` says what the hash is made with. A claim says no algorithm, so neither does the reference value.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hash {
    #[serde(default, rename = "alg")]
    _alg: IgnoredAny,
    value: String,
}

impl Extractor for List {
    fn kind(&self) -> &'static str {
        "list"
    }

    fn content_types(&self) -> &'static [&'static str] {
        &["application/vnd.trustee.reference-values+json"]
    }

    fn extract(&self, payload: &[u8], _: &Settings) -> Result<Extracted, String> {
        let entries: Vec<Entry> = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        Ok(Extracted {
            values: entries.into_iter().map(named).collect::<Result<_, _>>()?,
            times: Times::default(),
        })
    }
}

fn named(entry: Entry) -> Result<Named, String> {
    let Entry {
        name,
        expiration,
        value,
        hashes,
        _version: _,
    } = entry;
    let value = match (value, hashes) {
        (Some(value), None) => value,
        (None, Some(hashes)) => hashes.into_iter().map(|hash| Value::from(hash.value)).collect(),
        _ => return Err(format!("{name:?} needs either `value` or `hash-value`")),
    };
    let expires_at = expiration
        .map(|text| {
            OffsetDateTime::parse(&text, &Rfc3339).map_err(|error| format!("expiration of {name:?}: {error}"))
        })
        .transpose()?
        .map(OffsetDateTime::unix_timestamp);
    Ok(Named {
        name,
        value,
        expires_at,
    })
}

/// `null` is a value, too.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
