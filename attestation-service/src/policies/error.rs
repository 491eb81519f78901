//! Why a policy is not stored, read or used.

use daemon::aside::AsideError;
use policy::PolicyError;
use storage::{StorageError, VersionsError};

use super::{MAX_ID, MAX_TEXT};
use crate::error::Fault;

/// A policy cannot be stored, read or used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyStoreError {
    /// Not a name that a policy can have.
    #[error("`{0}` is not a policy id: 1 to {MAX_ID} of A-Z a-z 0-9 . _ -, the first one no dot")]
    BadId(String),
    /// The text is longer than a policy may be.
    #[error("the policy has {0} bytes, more than the {MAX_TEXT} allowed")]
    TooLong(usize),
    /// The text that should be stored is no policy.
    #[error("Malformed policy: {0}")]
    Malformed(#[source] PolicyError),
    /// To compile or to check the text takes longer than it may: it would hold up whoever is judged by it.
    #[error(
        "Malformed policy: it cannot be checked: {0}. Simplify it: it may compare huge values with each other"
    )]
    Endless(#[source] AsideError),
    /// Nothing can be checked now.
    #[error("the policy cannot be checked now: {0}")]
    Unchecked(#[source] AsideError),
    /// The text is a policy, but reads what is not there, and was to be refused then.
    #[error("the policy is not set, for it was to be checked strictly:{}", lines(.0))]
    Doubtful(Vec<String>),
    /// There is no policy of this id.
    #[error("Policy `{0}.rego` not found")]
    NotFound(String),
    /// There is no such version of this policy, or its text is not kept.
    #[error(transparent)]
    NoVersion(VersionsError),
    /// The shipped text of a default is in force: without it nothing would be appraised.
    #[error(
        "`{0}` is the policy that is shipped, and cannot be deleted: set another one in its place. Deleting that one \
         brings this one back"
    )]
    Shipped(String),
    /// The text in the storage is no policy.
    #[error("the stored policy `{id}.rego` cannot be used: {reason}")]
    Broken {
        /// With the class suffix.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Others change the same policy at the same time.
    #[error(transparent)]
    Busy(VersionsError),
    /// The storage does not work.
    #[error("the policy storage does not work")]
    Storage(#[from] StorageError),
}

/// The longest text of what is doubtful, in bytes: it has to fit into the header of an answer.
const MAX_DOUBTS: usize = 16 * 1024;

/// A line each, as many as there is room for.
fn lines(doubts: &[String]) -> String {
    daemon::text::lines(
        doubts,
        MAX_DOUBTS,
        "set the policy without `strict` to read all of them",
    )
}

impl PolicyStoreError {
    /// Who has to do something about it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::BadId(_)
            | Self::TooLong(_)
            | Self::Malformed(_)
            | Self::Endless(_)
            | Self::Doubtful(_)
            | Self::NoVersion(_)
            | Self::Shipped(_) => Fault::Request,
            Self::NotFound(_) | Self::Broken { .. } | Self::Storage(StorageError::NotWritable { .. }) => {
                Fault::Operator
            }
            Self::Busy(_) | Self::Unchecked(_) | Self::Storage(_) => Fault::Dependency,
        }
    }
}

impl From<AsideError> for PolicyStoreError {
    fn from(error: AsideError) -> Self {
        match error {
            AsideError::Late(_) => Self::Endless(error),
            AsideError::Busy | AsideError::Broken => Self::Unchecked(error),
        }
    }
}

impl From<VersionsError> for PolicyStoreError {
    fn from(error: VersionsError) -> Self {
        match error {
            VersionsError::NotFound(id) => Self::NotFound(id),
            error @ (VersionsError::NoVersion { .. } | VersionsError::NoText { .. }) => {
                Self::NoVersion(error)
            }
            VersionsError::NotText(id) => Self::Broken {
                id,
                reason: "it is not UTF-8 text".to_owned(),
            },
            error @ VersionsError::Busy(_) => Self::Busy(error),
            VersionsError::Storage(error) => Self::Storage(error),
        }
    }
}
