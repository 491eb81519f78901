//! Reading CBOR (RFC 8949) that strangers wrote.

use ciborium::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::signature::Times;

/// The most bytes that are parsed: the tree takes many times as much.
pub(crate) const MAX_BYTES: usize = 1 << 20;

/// The deepest nesting.
const MAX_DEPTH: usize = 64;

/// One item that takes all of `bytes`, or what is wrong with it.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, String> {
    if bytes.len() > MAX_BYTES {
        return Err(format!("more than {MAX_BYTES} bytes of CBOR"));
    }
    let mut rest = bytes;
    let value = ciborium::de::from_reader_with_recursion_limit(&mut rest, MAX_DEPTH)
        .map_err(|error| format!("not CBOR: {error}"))?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err("bytes follow the CBOR item".to_owned())
    }
}

/// The member of a map under an integer key. A key that is there twice counts as absent.
pub(crate) fn member(map: &Value, key: i64) -> Option<&Value> {
    let mut found = map
        .as_map()?
        .iter()
        .filter(|(name, _)| name.as_integer() == Some(key.into()))
        .map(|(_, value)| value);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// The content of a tag with this number.
pub(crate) fn tagged(value: &Value, number: u64) -> Option<&Value> {
    match value {
        Value::Tag(tag, content) if *tag == number => Some(content),
        _ => None,
    }
}

/// A time in whole seconds since the Unix epoch: tag 1 or a bare number, or tag 0 (RFC 3339).
pub(crate) fn time(value: &Value) -> Option<i64> {
    match value {
        Value::Tag(1, seconds) => time(seconds),
        Value::Tag(0, text) => OffsetDateTime::parse(text.as_text()?, &Rfc3339)
            .ok()
            .map(OffsetDateTime::unix_timestamp),
        Value::Integer(seconds) => i64::try_from(*seconds).ok(),
        #[allow(clippy::cast_possible_truncation, reason = "the range is checked")]
        Value::Float(seconds) if seconds.abs() < 1e15 => Some(seconds.floor() as i64),
        _ => None,
    }
}

/// A time that may be missing, but not be something else.
pub(crate) fn optional_time(map: &Value, key: i64) -> Result<Option<i64>, String> {
    member(map, key)
        .map(|value| time(value).ok_or_else(|| format!("member {key} is not a time")))
        .transpose()
}

/// `validity-map` (draft-ietf-rats-corim section 7.3): 0 not before, 1 not after.
pub(crate) fn validity(map: &Value) -> Result<Times, String> {
    Ok(Times {
        issued_at: None,
        not_before: optional_time(map, 0)?,
        expires_at: optional_time(map, 1)?.map(|last| last.saturating_add(1)),
    })
}
