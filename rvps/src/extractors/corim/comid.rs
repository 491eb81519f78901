//! CoMIDs (draft-ietf-rats-corim section 5): the `reference-triples` of one.

use ciborium::Value;
use serde_json::Value as Json;

use super::super::{MAX_VALUES, Named, cbor};

/// Tags in a measurement.
const UUID: u64 = 37;
const BYTES: u64 = 560;

/// Whether this looks like a CoMID: a map with a tag identity and triples.
pub(super) fn is_comid(value: &Value) -> bool {
    cbor::member(value, 1).is_some_and(Value::is_map) && cbor::member(value, 4).is_some_and(Value::is_map)
}

/// Adds the reference values of a CoMID to `values`.
pub(super) fn read(comid: &Value, values: &mut Vec<Named>) -> Result<(), String> {
    let triples = cbor::member(comid, 4).ok_or("a CoMID has no triples")?;
    let Some(references) = cbor::member(triples, 0) else {
        return Ok(());
    };
    for reference in array(references, "reference-triples")? {
        let [environment, claims, ..] = array(reference, "a reference triple")? else {
            return Err("a reference triple has not two parts".to_owned());
        };
        let path = environment_path(environment)?;
        // One measurement without a list around it is what older drafts have.
        let claims = match claims {
            Value::Array(several) => several.as_slice(),
            one => std::slice::from_ref(one),
        };
        for claim in claims {
            measurement(&path, claim, values)?;
            if values.len() > MAX_VALUES {
                return Err(format!("it has more than {MAX_VALUES} values"));
            }
        }
    }
    Ok(())
}

/// Vendor and model of the class, as far as they are there.
fn environment_path(environment: &Value) -> Result<Vec<String>, String> {
    let Some(class) = cbor::member(environment, 0) else {
        return Ok(Vec::new());
    };
    let parts = [cbor::member(class, 1), cbor::member(class, 2)];
    parts
        .into_iter()
        .flatten()
        .map(|part| text(part, "a class"))
        .collect()
}

fn measurement(environment: &[String], claim: &Value, values: &mut Vec<Named>) -> Result<(), String> {
    let measured = cbor::member(claim, 1).ok_or("a measurement has no values")?;
    let mut path = environment.to_vec();
    path.extend(cbor::member(claim, 0).and_then(key));
    for label in [11, 8] {
        // Name, serial number.
        path.extend(
            cbor::member(measured, label)
                .map(|part| text(part, "a measurement"))
                .transpose()?,
        );
    }
    let name = |last: &str| {
        let parts: Vec<&str> = path.iter().map(String::as_str).chain([last]).collect();
        parts.join("/")
    };
    if let Some(digests) = cbor::member(measured, 2) {
        let digests = array(digests, "digests")?
            .iter()
            .map(digest)
            .collect::<Result<Vec<_>, _>>()?;
        values.push(Named::new(name("digests"), digests.into()));
    }
    let raw = cbor::member(measured, 4).and_then(|raw| cbor::tagged(raw, BYTES));
    if let Some(bytes) = raw.and_then(Value::as_bytes) {
        values.push(Named::new(name("raw_bytes"), hex::encode(bytes).into()));
    }
    Ok(())
}

/// The part of the path that names the measured element; other kinds of keys name none.
fn key(key: &Value) -> Option<String> {
    match key {
        Value::Text(text) => Some(text.clone()),
        Value::Integer(number) => u64::try_from(*number).ok().map(|number| format!("claim{number}")),
        Value::Tag(UUID, bytes) => bytes.as_bytes().and_then(|bytes| uuid(bytes)),
        _ => None,
    }
}

/// RFC 9562 section 4.
fn uuid(bytes: &[u8]) -> Option<String> {
    let digits = hex::encode(<[u8; 16]>::try_from(bytes).ok()?);
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| digits.get(range).unwrap_or_default());
    Some(parts.join("-"))
}

/// `[algorithm, value]`. The algorithm is dropped: claims name none.
fn digest(digest: &Value) -> Result<Json, String> {
    match array(digest, "a digest")? {
        [_, Value::Bytes(value)] => Ok(hex::encode(value).into()),
        _ => Err("a digest is not an algorithm and bytes".to_owned()),
    }
}

fn array<'a>(value: &'a Value, what: &str) -> Result<&'a [Value], String> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| format!("{what}: an array is expected"))
}

fn text(value: &Value, what: &str) -> Result<String, String> {
    value
        .as_text()
        .map(str::to_owned)
        .ok_or_else(|| format!("{what}: a text is expected"))
}
