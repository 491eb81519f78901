//! What a source of endorsements is.

use std::time::Duration;

use async_trait::async_trait;
use verifier::EndorsementId;

/// One place where endorsements are kept. What it gives is not trusted: the verifier judges it.
///
/// Back-off, single-flight, the cache and the counting are done around it; a source asks, once, and says what came.
#[async_trait]
pub(crate) trait EndorsementSource: Send + Sync {
    /// What it is called in logs, metrics and `/status`. From the configuration alone, and nothing secret.
    fn name(&self) -> &str;

    /// Whether it could have `id`. It is not asked for anything else.
    fn serves(&self, id: &EndorsementId) -> bool;

    /// Whether it is on this machine: then its answers are not kept, so that a change of it counts at once.
    fn is_local(&self) -> bool {
        false
    }

    /// Asks for `id`; `None` if the source answers and has no such thing.
    async fn fetch(&self, id: &EndorsementId) -> Result<Option<Fetched>, EndorsementError>;
}

/// What a source gave, unverified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fetched {
    /// As [`verifier::Endorsement::bytes`].
    pub(crate) bytes: Vec<u8>,
    /// As [`verifier::Endorsement::issuer_chain`].
    pub(crate) issuer_chain: Option<String>,
    /// When it came from the vendor, in seconds since the Unix epoch, if that was not now: a file's age.
    pub(crate) fetched_at: Option<i64>,
}

impl From<Vec<u8>> for Fetched {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            issuer_chain: None,
            fetched_at: None,
        }
    }
}

/// An endorsement cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndorsementError {
    /// Every source answered, and none has it. Asking again does not help.
    #[error("no source has {0}")]
    Unknown(String),
    /// A source did not answer as it should. Asking again may help.
    #[error("the endorsement source {source_name} is unavailable: {reason}")]
    Unavailable {
        /// Which source.
        source_name: String,
        /// What happened.
        reason: String,
        /// For how long it wants to be left alone, if it said so.
        retry_after: Option<Duration>,
    },
    /// Too much is under way already.
    #[error("too many endorsements are being fetched")]
    Busy,
}

impl EndorsementError {
    /// A source did not answer as it should.
    pub(crate) fn unavailable(source_name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Unavailable {
            source_name: source_name.into(),
            reason: reason.into(),
            retry_after: None,
        }
    }
}
