//! The register message: an envelope whose type says how the payload is read, and what signs it.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    RegisterError, Rules,
    error::bounded,
    extractors::{self, Extractor, MAX_VALUES, NativeSignature, check_name, corim_envelope},
    signature::{Anchor, Expected, SignatureError, Signed, Signer, Times, cose, dsse, jws},
};

/// The format version of messages and of stored values.
pub(crate) const VERSION: &str = "0.1.0";

/// How far a signer's clock may be ahead of ours, in seconds.
const LEEWAY: i64 = 60;

/// The envelope, as JSON: `{"version", "type", "payload", "signed"}`. Unknown members are ignored.
#[derive(Serialize, Deserialize)]
pub(crate) struct Envelope {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Standard base64 with padding (RFC 4648 section 4), whatever the type.
    pub(crate) payload: String,
    /// The signature's envelope that the payload is in, where the type has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signed: Option<Wrapping>,
}

/// A signature's envelope around a payload of any type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Wrapping {
    /// JWS in the compact form.
    Jws,
    /// DSSE.
    Dsse,
}

/// A message that is read, its signature verified if it has one that can be.
pub(crate) struct Statement<'a> {
    pub(crate) extractor: &'static dyn Extractor,
    /// Each name once.
    pub(crate) values: Vec<Stated>,
    /// SHA-256 of what is signed; of the payload where nothing is.
    pub(crate) digest: [u8; 32],
    pub(crate) issued_at: Option<i64>,
    pub(crate) signed: Option<(Signer, &'a Anchor)>,
}

/// A value in a message.
pub(crate) struct Stated {
    pub(crate) name: String,
    pub(crate) value: Value,
    /// Seconds since the Unix epoch, if the message says.
    pub(crate) expires_at: Option<i64>,
}

/// Reads a message and checks everything about it that does not depend on what is stored or who sends it.
pub(crate) fn open<'a>(message: &str, rules: &'a Rules, now: i64) -> Result<Statement<'a>, RegisterError> {
    let envelope: Envelope =
        serde_json::from_str(message).map_err(|error| RegisterError::Message(bounded(&error.to_string())))?;
    if let Some(version) = envelope.version.filter(|version| version != VERSION) {
        return Err(RegisterError::Version(bounded(&version)));
    }
    let extractor = extractors::find(&envelope.kind)?;
    let payload = STANDARD.decode(envelope.payload)?;
    let opened = unwrap(extractor, envelope.signed, payload, rules, now)?;
    let extracted = extractor
        .extract(&opened.content, &rules.settings)
        .map_err(|reason| RegisterError::Payload {
            kind: extractor.kind(),
            reason: bounded(&reason),
        })?;
    let times = extracted.times.and(opened.times);
    check_times(times, now)?;
    if extracted.values.len() > MAX_VALUES {
        return Err(RegisterError::TooManyValues);
    }
    let mut values = std::collections::BTreeMap::new();
    for named in extracted.values {
        check_name(&named.name)?;
        let expires_at = [named.expires_at, times.expires_at].into_iter().flatten().min();
        if expires_at.is_some_and(|end| end <= now) {
            return Err(RegisterError::Expired(format!("{:?}", bounded(&named.name))));
        }
        // Of several values of one name the last one counts.
        values.insert(named.name, (named.value, expires_at));
    }
    if let Some((signer, anchor)) = &opened.signed
        && let Some(name) = values.keys().find(|name| !anchor.covers(name))
    {
        return Err(RegisterError::NotForAnchor {
            name: bounded(name),
            anchor: signer.anchor.clone(),
        });
    }
    let stated = |(name, (value, expires_at))| Stated {
        name,
        value,
        expires_at,
    };
    Ok(Statement {
        extractor,
        values: values.into_iter().map(stated).collect(),
        digest: opened.digest,
        issued_at: times.issued_at,
        signed: opened.signed,
    })
}

/// The names of the values in a message, if it says nothing but the truth by `rules`: its signature counts, and it is
/// in force at `now`. What is stored, and who sends it, is not looked at.
///
/// # Errors
/// The message is refused.
pub fn check(message: &str, rules: &Rules, now: i64) -> Result<Vec<String>, RegisterError> {
    let statement = open(message, rules, now)?;
    if statement.signed.is_none() && !rules.unsigned.contains(statement.extractor.kind()) {
        return Err(RegisterError::Unsigned(statement.extractor.kind()));
    }
    Ok(statement.values.into_iter().map(|stated| stated.name).collect())
}

/// The names and values in a message, **none of its signatures verified**: for showing what it would register.
///
/// # Errors
/// It is no message, or its payload cannot be read.
pub fn contents(message: &str) -> Result<Vec<(String, Value)>, RegisterError> {
    let envelope: Envelope =
        serde_json::from_str(message).map_err(|error| RegisterError::Message(bounded(&error.to_string())))?;
    let extractor = extractors::find(&envelope.kind)?;
    let payload = STANDARD.decode(envelope.payload)?;
    let refused = |reason: SignatureError| RegisterError::Signature {
        kind: extractor.kind(),
        reason,
    };
    let content = match (envelope.signed, extractor.native_signature()) {
        (Some(Wrapping::Jws), _) => jws::unverified_payload(&payload).map_err(refused)?,
        (Some(Wrapping::Dsse), _) | (None, NativeSignature::Dsse) => {
            dsse::unverified_payload(&payload).map_err(refused)?
        }
        (None, NativeSignature::Cose) => match corim_envelope(&payload) {
            Some(envelope) => cose::unverified_payload(envelope).map_err(refused)?,
            None => payload,
        },
        (None, NativeSignature::None) => payload,
    };
    // The operator's settings are not known here.
    let extracted = extractor.extract(&content, &extractors::Settings::default());
    let extracted = extracted.map_err(|reason| RegisterError::Payload {
        kind: extractor.kind(),
        reason: bounded(&reason),
    })?;
    let values = extracted
        .values
        .into_iter()
        .map(|named| (named.name, named.value));
    let values: std::collections::BTreeMap<_, _> = values.collect();
    values.keys().try_for_each(|name| check_name(name))?;
    Ok(values.into_iter().collect())
}

/// A payload out of its signature's envelope.
struct Opened<'a> {
    content: Vec<u8>,
    digest: [u8; 32],
    times: Times,
    signed: Option<(Signer, &'a Anchor)>,
}

impl<'a> From<Signed<'a>> for Opened<'a> {
    fn from(signed: Signed<'a>) -> Self {
        Self {
            content: signed.content,
            digest: signed.digest,
            times: signed.times,
            signed: Some((signed.signer, signed.anchor)),
        }
    }
}

impl Opened<'_> {
    fn unsigned(content: Vec<u8>) -> Self {
        Self {
            digest: Sha256::digest(&content).into(),
            content,
            times: Times::default(),
            signed: None,
        }
    }
}

fn unwrap<'a>(
    extractor: &'static dyn Extractor,
    wrapping: Option<Wrapping>,
    payload: Vec<u8>,
    rules: &'a Rules,
    now: i64,
) -> Result<Opened<'a>, RegisterError> {
    let expected = Expected {
        kind: extractor.kind(),
        content_types: extractor.content_types(),
        now,
    };
    let refused = |reason: SignatureError| RegisterError::Signature {
        kind: extractor.kind(),
        reason,
    };
    let signed = match (wrapping, extractor.native_signature()) {
        (Some(Wrapping::Jws), _) => jws::open(&payload, expected, &rules.anchors),
        (Some(Wrapping::Dsse), _) | (None, NativeSignature::Dsse) => {
            dsse::open(&payload, expected, &rules.anchors)
        }
        (None, NativeSignature::Cose) => match corim_envelope(&payload) {
            // As in the existing ecosystem, where nobody's signature counts.
            Some(envelope) if rules.anchors.is_empty() => {
                let content = cose::unverified_payload(envelope).map_err(refused)?;
                return Ok(Opened::unsigned(content));
            }
            Some(envelope) => cose::open(envelope, expected, &rules.anchors),
            None => return Ok(Opened::unsigned(payload)),
        },
        (None, NativeSignature::None) => return Ok(Opened::unsigned(payload)),
    };
    signed.map(Opened::from).map_err(refused)
}

fn check_times(times: Times, now: i64) -> Result<(), RegisterError> {
    let soon = now.saturating_add(LEEWAY);
    if times.issued_at.is_some_and(|issued| issued > soon) {
        return Err(RegisterError::IssuedInTheFuture);
    }
    if times.not_before.is_some_and(|start| start > soon) {
        return Err(RegisterError::NotYetValid);
    }
    if times.expires_at.is_some_and(|end| end <= now) {
        return Err(RegisterError::Expired("the message".to_owned()));
    }
    Ok(())
}
