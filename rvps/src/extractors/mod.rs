//! From a message's payload to reference values: one file a type of payload, one line in [`ALL`], one page in
//! `docs/extractors`.

pub(crate) mod cbor;
mod corim;
mod in_toto;
mod list;
mod sample;
mod swid;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    RegisterError, RulesError,
    config::ExtractorsConfig,
    error::bounded,
    signature::{Times, cose},
};

/// Reads one type of payload. Pure.
pub(crate) trait Extractor: Send + Sync {
    /// The `type` of the messages it reads.
    fn kind(&self) -> &'static str;

    /// What a signature's envelope must say that it holds.
    fn content_types(&self) -> &'static [&'static str];

    /// How its payloads are signed by themselves. Any type can be put into a JWS or DSSE envelope besides.
    fn native_signature(&self) -> NativeSignature {
        NativeSignature::None
    }

    /// The values in a decoded payload without envelope, or what is wrong with it.
    fn extract(&self, payload: &[u8], settings: &Settings) -> Result<Extracted, String>;
}

/// How the payloads of a type are signed by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NativeSignature {
    /// Not at all.
    None,
    /// As COSE_Sign1, or not.
    Cose,
    /// In a DSSE envelope, always.
    Dsse,
}

/// What is in a payload.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Extracted {
    pub(crate) values: Vec<Named>,
    /// What the payload says of its times.
    pub(crate) times: Times,
}

/// A value and its name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) value: Value,
    /// When it expires, if the payload says so for this value: seconds since the Unix epoch.
    pub(crate) expires_at: Option<i64>,
}

impl Named {
    pub(crate) fn new(name: impl Into<String>, value: Value) -> Self {
        Self {
            name: name.into(),
            value,
            expires_at: None,
        }
    }
}

/// What the configuration says to extractors.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// The only builders whose provenance counts; empty: all.
    pub(crate) builder_ids: Vec<String>,
}

impl Settings {
    pub(crate) fn new(config: Option<&ExtractorsConfig>) -> Self {
        let in_toto = config.and_then(|config| config.in_toto_extractor.clone());
        Self {
            builder_ids: in_toto.unwrap_or_default().builder_ids,
        }
    }
}

/// Every extractor there is.
const ALL: &[&dyn Extractor] = &[
    &sample::Sample,
    &list::List,
    &swid::Swid,
    &corim::Corim,
    &in_toto::InToto,
];

/// The longest name of a reference value, in bytes. A storage back end may allow less.
pub const MAX_NAME_BYTES: usize = 512;

/// The most values in one message.
pub const MAX_VALUES: usize = 50_000;

/// The largest value, in bytes of JSON.
pub const MAX_VALUE_BYTES: usize = 1 << 20;

/// The extractor for a message's type.
pub(crate) fn find(kind: &str) -> Result<&'static dyn Extractor, RegisterError> {
    by_kind(kind).ok_or_else(|| RegisterError::NoExtractor {
        given: bounded(kind),
        known: known(),
    })
}

/// The types in a configuration.
pub(crate) fn kinds(given: &[String]) -> Result<BTreeSet<&'static str>, RulesError> {
    let one = |kind: &String| {
        let extractor = by_kind(kind).ok_or_else(|| RulesError::UnknownType {
            given: kind.clone(),
            known: known(),
        })?;
        Ok(extractor.kind())
    };
    given.iter().map(one).collect()
}

/// [`kinds`], all of which can be unsigned.
pub(crate) fn unsigned_kinds(given: &[String]) -> Result<BTreeSet<&'static str>, RulesError> {
    let kinds = kinds(given)?;
    match kinds.difference(&all_unsigned_kinds()).next() {
        Some(kind) => Err(RulesError::AlwaysSigned(kind)),
        None => Ok(kinds),
    }
}

/// Every type that can be unsigned.
pub(crate) fn all_unsigned_kinds() -> BTreeSet<&'static str> {
    ALL.iter()
        .filter(|extractor| extractor.native_signature() != NativeSignature::Dsse)
        .map(|extractor| extractor.kind())
        .collect()
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

/// The COSE_Sign1 in a payload of the type `corim`, if it is one, without the tags that may stand before it.
pub(crate) fn corim_envelope(payload: &[u8]) -> Option<&[u8]> {
    let envelope = corim::without_outer_tags(payload);
    cose::is_sign1(envelope).then_some(envelope)
}

fn by_kind(kind: &str) -> Option<&'static dyn Extractor> {
    ALL.iter().find(|extractor| extractor.kind() == kind).copied()
}

fn known() -> String {
    let kinds: Vec<_> = ALL.iter().map(|extractor| extractor.kind()).collect();
    kinds.join(", ")
}
