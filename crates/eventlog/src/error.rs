//! Why a log is refused.

use crate::{Algorithm, EventType};

/// What is wrong with a log. Places are byte offsets from its beginning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventLogError {
    /// It ends in the middle of a record.
    #[error("the log ends in the middle of the record at byte {0}")]
    Truncated(usize),
    /// The first record is not the `Spec ID Event03` that says how long digests are.
    #[error("the log does not begin with a crypto-agile header")]
    Header,
    /// An algorithm that we do not know, by its TPM id.
    #[error("hash algorithm {0:#06x} is not supported")]
    UnknownAlgorithm(u16),
    /// The header gives an algorithm another size than its digests have.
    #[error("the header gives {0} digests a wrong size")]
    DigestSize(Algorithm),
    /// A record has a digest of an algorithm that the header does not name.
    #[error("the record at byte {offset} has a {algorithm} digest, which the header does not announce")]
    UnannouncedAlgorithm {
        /// Where the record begins.
        offset: usize,
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// A record has two digests of one algorithm.
    #[error("the record at byte {offset} has two {algorithm} digests")]
    DuplicateDigest {
        /// Where the record begins.
        offset: usize,
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// More of something than any machine logs.
    #[error("the log has too many {0}")]
    TooMany(&'static str),
    /// The data of a record has not the form that its type prescribes.
    #[error("the {event_type} record at byte {offset} is malformed: {reason}")]
    Details {
        /// Where the record begins.
        offset: usize,
        /// Its type.
        event_type: EventType,
        /// What is wrong.
        reason: &'static str,
    },
    /// An `EV_NO_ACTION` record, which nothing extends, has a digest.
    #[error("the EV_NO_ACTION record at byte {0} has a digest that is not zero")]
    DigestOfNoAction(usize),
    /// A record that was extended into a register has no digest of the algorithm that is replayed.
    #[error("the record at byte {offset} has no {algorithm} digest")]
    MissingDigest {
        /// Where the record begins.
        offset: usize,
        /// The algorithm.
        algorithm: Algorithm,
    },
}
