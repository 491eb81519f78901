//! What can go wrong, sorted by whose fault it is.

use storage::StorageError;

use crate::{RulesError, SignatureError, reference_value::format_time};

/// Why a register message was not taken, or not wholly. The texts are those that clients of the existing
/// ecosystem know, with the cause behind them.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The caller's: not a register message.
    #[error("parse message: {0}")]
    Message(String),

    /// The caller's: a message of another format version.
    #[error("Version unmatched! Need {need}, given {0}.", need = crate::message::VERSION)]
    Version(String),

    /// The caller's: nobody here reads this type.
    #[error("Could not find extractor for {given} (there are: {known})")]
    NoExtractor {
        /// The message's `type`.
        given: String,
        /// The types that there are.
        known: String,
    },

    /// The caller's: the payload is not standard base64 with padding.
    #[error("base64 decode: {0}")]
    Base64(#[from] base64::DecodeError),

    /// The caller's: the payload is not what its type says. The spelling is the wire's.
    #[error("deseralize {kind} provenance: {reason}")]
    Payload {
        /// The message's `type`.
        kind: &'static str,
        /// What is wrong.
        reason: String,
    },

    /// The caller's: a value cannot have this name.
    #[error("reference value name {name:?} is refused: {reason}")]
    Name {
        /// The name, cut to a bounded length.
        name: String,
        /// Why.
        reason: String,
    },

    /// The caller's: the signature does not count.
    #[error("the signature of the {kind} message is refused: {reason}")]
    Signature {
        /// The message's `type`.
        kind: &'static str,
        /// Why.
        reason: SignatureError,
    },

    /// The caller's: a signature is needed.
    #[error(
        "messages of the type {0} must be signed by a trust anchor here, or come from a registrar with `allow_unsigned`"
    )]
    Unsigned(&'static str),

    /// The caller's: the signer may not sign for this name.
    #[error("trust anchor {anchor:?} may not sign for the reference value {name:?}")]
    NotForAnchor {
        /// The name, cut to a bounded length.
        name: String,
        /// The anchor.
        anchor: String,
    },

    /// The caller's: made after now, so its date cannot be relied on.
    #[error("the message was issued in the future")]
    IssuedInTheFuture,

    /// The caller's: too early.
    #[error("the message is not valid yet: register it when it is")]
    NotYetValid,

    /// The caller's: too late.
    #[error("{0} has expired")]
    Expired(String),

    /// The caller's: too much at once.
    #[error("the message has more than {max} values", max = crate::MAX_VALUES)]
    TooManyValues,

    /// The caller's: a value is too large.
    #[error("reference value {0:?} has more than {max} bytes", max = crate::MAX_VALUE_BYTES)]
    TooLarge(String),

    /// The caller's: may not register, or not this name.
    #[error("{caller} may not register {what}")]
    Forbidden {
        /// Who.
        caller: String,
        /// What.
        what: String,
    },

    /// The caller's: this value must not take this name.
    #[error("reference value {name:?} is refused: {reason}")]
    Refused {
        /// The name, cut to a bounded length.
        name: String,
        /// Why.
        reason: Refusal,
    },

    /// The operator's: what is remembered of a name cannot be read.
    #[error("reference value {name:?}: its record is damaged")]
    Damaged {
        /// The name, cut to a bounded length.
        name: String,
    },

    /// The machine's or the operator's: the values could not be kept. Those before the failure are.
    #[error("{written} of {total} values were stored, then: {source}")]
    Storage {
        /// How many values of the message are stored.
        written: usize,
        /// How many it has.
        total: usize,
        /// What went wrong.
        source: StorageError,
    },

    /// Ours: the task that stores was interrupted.
    #[error("the registration was interrupted")]
    Interrupted,
}

/// Why a value must not take a name, by what is known about the name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It, or an element of it, is revoked.
    #[error("the value, or an element of it, is revoked")]
    Revoked,
    /// The value in force is signed, and this one is not.
    #[error("the value in force is signed, and an unsigned one does not take its place")]
    UnsignedOverSigned,
    /// Another trust anchor's signature holds the name.
    #[error("it is held by trust anchor {holder:?}, and this message is signed by {signer:?}")]
    OtherSigner {
        /// Who holds it.
        holder: String,
        /// Who has signed.
        signer: String,
    },
    /// The message is not the newest one.
    #[error(
        "the message says that it was issued at {}, and one of {} was registered: only one with a later date takes its \
         place. Let its signer date it anew, unless it is an old one",
        moment(*issued_at),
        moment(*newest)
    )]
    NotNewer {
        /// When this one was issued.
        issued_at: i64,
        /// When the newest one was.
        newest: i64,
    },
    /// Dated messages were registered, so one without a date could be older.
    #[error("the message says no date, and dated ones were registered")]
    Undated,
    /// The same message was registered before, and something else after it.
    #[error("the message was registered before and is not in force any more")]
    Replayed,
    /// No more messages without a date can be remembered.
    #[error(
        "more than {max} messages without a date were registered: sign messages with their date",
        max = crate::record::MAX_SEEN
    )]
    TooManyUndated,
    /// No more revocations can be remembered.
    #[error("more than {max} values would be revoked", max = crate::record::MAX_REVOKED)]
    TooManyRevoked,
}

/// Why a value is not deleted or revoked, or nothing can be told about it.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// The caller's: nobody knows who it is, and signatures count.
    #[error(
        "who is not known may not delete or revoke reference values where `trust_anchors` are configured: set \
         `auth.registrars`, with `manage`, or `tls.client_ca` in the configuration of the RVPS"
    )]
    Anonymous,
    /// The caller's: may not do this.
    #[error("{0} may not delete or revoke reference values")]
    Forbidden(String),
    /// The caller's: may not do this to this name.
    #[error("{caller} may not change the reference value {name:?}")]
    ForbiddenName {
        /// Who.
        caller: String,
        /// The name, cut to a bounded length.
        name: String,
    },
    /// The caller's: there is no such value.
    #[error("there is no reference value {0:?}")]
    NotFound(String),
    /// The caller's: there is no such version any more, or it had no value.
    #[error("reference value {name:?} has no version {number} that is remembered and has a value")]
    NoVersion {
        /// The name, cut to a bounded length.
        name: String,
        /// The version.
        number: u64,
    },
    /// The caller's: what is to be revoked is not in the value, but something is that reads the same.
    #[error(
        "nothing is revoked: the reference value {name:?} does not have {asked}, but it has {there}. If that is meant, \
         say it so: a text in its quotes, in the same letters"
    )]
    Mistaken {
        /// The name, cut to a bounded length.
        name: String,
        /// What was to be revoked, as JSON.
        asked: String,
        /// What is there, as JSON.
        there: String,
    },
    /// The caller's: it cannot be done.
    #[error("reference value {name:?}: {reason}")]
    Refused {
        /// The name, cut to a bounded length.
        name: String,
        /// Why.
        reason: Refusal,
    },
    /// The operator's: what is stored does not have the documented form.
    #[error("reference value {name:?}: {reason}")]
    Damaged {
        /// The name, cut to a bounded length.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The machine's or the operator's.
    #[error("the RVPS does not change it: {0}")]
    Storage(#[from] StorageError),
    /// Ours: the task that stores was interrupted.
    #[error("the change was interrupted")]
    Interrupted,
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The operator's: what is stored under this name does not have the documented form.
    #[error("the stored value is damaged: {0}")]
    Damaged(String),
}

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The operator's or the machine's.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The operator's.
    #[error(transparent)]
    Rules(#[from] RulesError),
}

/// A time for an error.
fn moment(time: i64) -> String {
    format_time(time).unwrap_or_else(|| format!("{time} (Unix time)"))
}

/// A text for an error: foreign input is cut.
pub(crate) fn bounded(text: &str) -> String {
    const SHOWN: usize = 200;
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => text
            .get(..end)
            .map(|start| format!("{start}…"))
            .unwrap_or_default(),
    }
}
