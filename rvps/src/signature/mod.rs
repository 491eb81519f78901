//! Signatures on messages, and whose count.
//!
//! [`Anchors`] are the configured signers; [`jws`], [`dsse`] and [`cose`] open one kind of envelope each and give
//! the [`Signed`] content, or say why not.

mod anchors;
pub(crate) mod cose;
pub(crate) mod dsse;
pub(crate) mod jws;

#[cfg(test)]
mod tests;

use jose::{KeyError, x5c::X5cError};
use serde::{Deserialize, Serialize};

pub(crate) use self::anchors::{Anchor, Anchors, MAX_ANCHORS, read_key};

/// Who has signed a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signer {
    /// The configured trust anchor that vouches for the key.
    pub anchor: String,
    /// SHA-256 of the key's `SubjectPublicKeyInfo`, in hex.
    pub key: String,
}

/// What an envelope holds, its signature verified.
pub(crate) struct Signed<'a> {
    /// The content.
    pub(crate) content: Vec<u8>,
    /// SHA-256 of what the signature covers: the same however the envelope is written.
    pub(crate) digest: [u8; 32],
    /// The times that the envelope itself tells.
    pub(crate) times: Times,
    pub(crate) signer: Signer,
    pub(crate) anchor: &'a Anchor,
}

/// When a message was made and for how long it is good, in seconds since the Unix epoch, as far as it says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) issued_at: Option<i64>,
    pub(crate) not_before: Option<i64>,
    pub(crate) expires_at: Option<i64>,
}

impl Times {
    /// Both hold: the later start, the earlier end. The time of issue is `self`'s where it has one.
    pub(crate) fn and(self, other: Self) -> Self {
        let earlier = [self.expires_at, other.expires_at].into_iter().flatten().min();
        Self {
            issued_at: self.issued_at.or(other.issued_at),
            not_before: self.not_before.max(other.not_before),
            expires_at: earlier,
        }
    }
}

/// What a payload has to be for a signature on it to count: a signature on something else does not.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    /// The message's type.
    pub(crate) kind: &'static str,
    /// The content types that the envelope may name.
    pub(crate) content_types: &'a [&'static str],
    /// Seconds since the Unix epoch.
    pub(crate) now: i64,
}

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The operator has named nobody.
    #[error("no `trust_anchors` are configured to verify it with")]
    NoAnchors,
    /// Not such an envelope.
    #[error("the envelope is malformed: {0}")]
    Malformed(String),
    /// The envelope says that it holds something else, or nothing.
    #[error("it is not signed as {expected}, but as {given:?}")]
    ContentType {
        /// What it should say.
        expected: String,
        /// What it says, cut.
        given: String,
    },
    /// An algorithm that is not accepted.
    #[error("its algorithm is not accepted")]
    Algorithm,
    /// A header that must be understood is not.
    #[error("it asks for header extensions that are not supported")]
    Critical,
    /// Its certificates do not lead to a trust anchor for this type.
    #[error("its certificate is refused: {0}")]
    Chain(X5cError),
    /// No key may sign this type, or has the id that it names.
    #[error("no trust anchor for messages of this type has such a key")]
    NoKey,
    /// The signature is nobody's who counts.
    #[error("it does not verify with any trust anchor's key")]
    Bad,
    /// A key cannot be used.
    #[error("the signer's key cannot be used: {0}")]
    Key(KeyError),
}
