//! What is remembered of one name: versions, what is revoked, and enough of the messages seen to refuse old ones.
//!
//! A record outlives its value: neither a deletion nor a revocation lets an old message bring back what was there.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Registrar, Signer, error::Refusal, same::same};

/// The most digests of undated signed messages that one name remembers.
pub(crate) const MAX_SEEN: usize = 1024;

/// The most values of one name that can be revoked.
pub(crate) const MAX_REVOKED: usize = 4096;

/// The most bytes of JSON that the values of a history have, but for the newest.
const MAX_HISTORY_BYTES: usize = 1 << 20;

/// The record of one name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub(crate) version: String,
    /// The name.
    pub(crate) name: String,
    /// The number of the newest version; 0 for none.
    pub(crate) newest: u64,
    /// The latest issue of a signed message that was taken: earlier ones are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) floor: Option<i64>,
    /// The trust anchor whose signatures hold this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) holder: Option<String>,
    /// Digests of the signed messages without a date that were taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) seen: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) revoked: Vec<Revoked>,
    /// The newest last.
    pub(crate) history: Vec<Version>,
}

/// One version of a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Counts from 1 for each name.
    pub number: u64,
    /// What made it.
    pub event: Event,
    /// When, in seconds since the Unix epoch.
    pub at: i64,
    /// Who.
    pub by: Registrar,
    /// When the same message, or the same unsigned value by the same registrar, came last, if it came again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewed_at: Option<i64>,
    /// Why, as far as whoever did it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The value; `None` if there is none any more.
    #[serde(default, with = "optional_value", skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// When it expires, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// The message that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageInfo>,
}

/// What makes a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// A message brought the value.
    Registered,
    /// The value was deleted.
    Deleted,
    /// The value, or a part of it, was revoked.
    Revoked,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageInfo {
    /// The message's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// SHA-256 in hex: of what is signed, or of the payload where nothing is.
    pub digest: String,
    /// When it was issued, if it says: seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<i64>,
    /// Who has signed it; `None`: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<Signer>,
}

/// A value, or an element of one, that is never served again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Revoked {
    /// What is revoked.
    pub value: Value,
    /// When, in seconds since the Unix epoch.
    pub at: i64,
    /// By whom.
    pub by: Registrar,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A value that a message would give to this name.
pub(crate) struct Offer<'a> {
    pub(crate) value: &'a Value,
    pub(crate) expires_at: i64,
    pub(crate) message: &'a MessageInfo,
    pub(crate) by: &'a Registrar,
    /// Whether it may take the place of a signed value without a signature.
    pub(crate) may_unsign: bool,
    pub(crate) now: i64,
}

/// What an offer comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the version that is in force already.
    Known,
    /// It is a new version, or renews the one in force.
    New,
}

impl Record {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            version: crate::message::VERSION.to_owned(),
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// The newest version.
    pub(crate) fn latest(&self) -> Option<&Version> {
        self.history.last()
    }

    /// Whether a value, or an element of it, is revoked.
    pub(crate) fn forbids(&self, value: &Value) -> bool {
        self.revoked.iter().any(|revoked| contains(value, &revoked.value))
    }

    /// Takes an offer, or says why not. `history`: how many versions to keep.
    pub(crate) fn admit(&mut self, offer: &Offer<'_>, history: usize) -> Result<Verdict, Refusal> {
        if self.forbids(offer.value) {
            return Err(Refusal::Revoked);
        }
        let in_force = self.latest().filter(|version| version.event == Event::Registered);
        let same_message = in_force.is_some_and(|version| {
            version
                .message
                .as_ref()
                .is_some_and(|it| it.digest == offer.message.digest)
        });
        match &offer.message.signer {
            None if self.holder.is_some() && !offer.may_unsign => return Err(Refusal::UnsignedOverSigned),
            None => {
                self.holder = None;
                if self.renew(offer) {
                    return Ok(Verdict::New);
                }
            }
            Some(_) if same_message => return Ok(Verdict::Known),
            Some(signer) => {
                if let Some(holder) = self.holder.as_ref().filter(|holder| **holder != signer.anchor) {
                    return Err(Refusal::OtherSigner {
                        holder: holder.clone(),
                        signer: signer.anchor.clone(),
                    });
                }
                self.admit_date(offer.message)?;
                self.holder = Some(signer.anchor.clone());
            }
        }
        let version = Version {
            number: 0,
            event: Event::Registered,
            at: offer.now,
            by: offer.by.clone(),
            renewed_at: None,
            reason: None,
            value: Some(offer.value.clone()),
            expires_at: Some(offer.expires_at),
            message: Some(offer.message.clone()),
        };
        self.push(version, history);
        Ok(Verdict::New)
    }

    /// Refuses a signed message that is not newer than those before it, and remembers it.
    fn admit_date(&mut self, message: &MessageInfo) -> Result<(), Refusal> {
        match (message.issued_at, self.floor) {
            (Some(issued_at), Some(newest)) if issued_at <= newest => {
                return Err(Refusal::NotNewer { issued_at, newest });
            }
            (Some(issued_at), _) => self.floor = Some(issued_at),
            (None, Some(_)) => return Err(Refusal::Undated),
            (None, None) if self.seen.contains(&message.digest) => return Err(Refusal::Replayed),
            (None, None) if self.seen.len() >= MAX_SEEN => return Err(Refusal::TooManyUndated),
            (None, None) => self.seen.push(message.digest.clone()),
        }
        Ok(())
    }

    /// Extends the life of the version in force if the same registrar says the same again, unsigned both times.
    fn renew(&mut self, offer: &Offer<'_>) -> bool {
        let Some(latest) = self.history.last_mut() else {
            return false;
        };
        let unsigned = latest
            .message
            .as_ref()
            .is_some_and(|message| message.signer.is_none());
        let same = latest.event == Event::Registered
            && unsigned
            && latest.by == *offer.by
            && latest.value.as_ref() == Some(offer.value);
        if same {
            latest.renewed_at = Some(offer.now);
            latest.expires_at = Some(offer.expires_at);
        }
        same
    }

    /// Remembers that the value is gone.
    pub(crate) fn delete(&mut self, by: &Registrar, reason: Option<String>, now: i64, history: usize) {
        self.push(
            Version {
                number: 0,
                event: Event::Deleted,
                at: now,
                by: by.clone(),
                renewed_at: None,
                reason,
                value: None,
                expires_at: None,
                message: None,
            },
            history,
        );
    }

    /// Revokes `what`: each element of an array, or the value itself. Gives what is left of `current`, which is no
    /// value if nothing is.
    pub(crate) fn revoke(
        &mut self,
        what: &Value,
        current: Option<(&Value, i64)>,
        revoked: Revocation<'_>,
        history: usize,
    ) -> Result<Option<Value>, Refusal> {
        let parts = match what {
            Value::Array(elements) => elements.as_slice(),
            one => std::slice::from_ref(one),
        };
        for part in parts {
            if self.revoked.iter().any(|known| same(&known.value, part)) {
                continue;
            }
            if self.revoked.len() >= MAX_REVOKED {
                return Err(Refusal::TooManyRevoked);
            }
            self.revoked.push(Revoked {
                value: part.clone(),
                at: revoked.now,
                by: revoked.by.clone(),
                reason: revoked.reason.clone(),
            });
        }
        let left = current.and_then(|(value, _)| self.left_of(value));
        let version = Version {
            number: 0,
            event: Event::Revoked,
            at: revoked.now,
            by: revoked.by.clone(),
            renewed_at: None,
            reason: revoked.reason,
            expires_at: current
                .filter(|_| left.is_some())
                .map(|(_, expires_at)| expires_at),
            value: left.clone(),
            message: None,
        };
        self.push(version, history);
        Ok(left)
    }

    fn left_of(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Array(elements) => {
                let kept: Vec<_> = elements
                    .iter()
                    .filter(|element| !self.revoked.iter().any(|revoked| same(&revoked.value, element)))
                    .cloned()
                    .collect();
                (!kept.is_empty()).then(|| kept.into())
            }
            one => (!self.forbids(one)).then(|| one.clone()),
        }
    }

    fn push(&mut self, mut version: Version, history: usize) {
        self.newest += 1;
        version.number = self.newest;
        self.history.push(version);
        let (mut kept, mut bytes) = (0, 0);
        for version in self.history.iter().rev().take(history.max(1)) {
            bytes += version.value.as_ref().map_or(0, |value| value.to_string().len());
            if kept > 0 && bytes > MAX_HISTORY_BYTES {
                break;
            }
            kept += 1;
        }
        let excess = self.history.len().saturating_sub(kept);
        self.history.drain(..excess);
    }
}

/// Who revokes, why, when.
#[derive(Clone)]
pub(crate) struct Revocation<'a> {
    pub(crate) by: &'a Registrar,
    pub(crate) reason: Option<String>,
    pub(crate) now: i64,
}

/// Whether `value` is `part`, or an array that has it.
pub(crate) fn contains(value: &Value, part: &Value) -> bool {
    let has = |elements: &Vec<Value>| elements.iter().any(|element| same(element, part));
    same(value, part) || value.as_array().is_some_and(has)
}

/// A value that may be `null` and is something else than no value.
mod optional_value {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    pub(super) fn serialize<S: Serializer>(value: &Option<Value>, serializer: S) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
        Value::deserialize(deserializer).map(Some)
    }
}
