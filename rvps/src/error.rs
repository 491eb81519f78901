//! What can go wrong, sorted by whose fault it is.

use storage::StorageError;

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
