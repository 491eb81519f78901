use daemon::aside::AsideError;
use storage::VersionsError;

use super::MAIN;
use super::changes::MAX_ID;
use crate::resource::ScopeError;

/// Why a policy is not set, or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PolicyStoreError {
    /// The policy does not compile. Whoever sets it has to repair it.
    #[error("Failed to load policy: {0}")]
    Policy(#[from] policy::PolicyError),
    /// To compile or to check the policy takes longer than it may: it would hold up whoever asks for a secret.
    #[error(
        "Failed to load policy: it cannot be checked: {0}. Simplify it: it may compare huge values with each other"
    )]
    Endless(#[source] AsideError),
    /// Nothing can be checked now.
    #[error("the policy cannot be checked now: {0}")]
    Unchecked(#[source] AsideError),
    /// The policy reads what is not there, and whoever sets it asked for that to be an error.
    #[error("Failed to load policy: {}", .0.join("; "))]
    Warnings(Vec<String>),
    /// Not a name that a policy can have.
    #[error(
        "`{0}` is not the id of a resource policy: 1 to {MAX_ID} of A-Z a-z 0-9 _ -, the first one a letter or digit"
    )]
    BadId(String),
    /// Not a scope.
    #[error("`scope`: {0}")]
    Scope(#[source] ScopeError),
    /// A scoped policy needs a scope.
    #[error(
        "the policy `{0}` needs a `scope`, such as repository/type: only `{MAIN}` is asked about everything"
    )]
    NoScope(String),
    /// The policy for everything has no scope.
    #[error("`{MAIN}` is asked about everything and has no `scope`: give the policy another id")]
    MainHasNoScope,
    /// The policy is in force with another scope. To change it in place would leave the old one open.
    #[error(
        "the policy `{id}` is in force with the scope `{scope}`: delete it first, or give this one another id"
    )]
    OtherScope {
        /// The id.
        id: String,
        /// What it is asked about now.
        scope: String,
    },
    /// The policy for everything cannot be deleted.
    #[error("`{MAIN}` is asked about everything and cannot be deleted: set another in its place")]
    MainStays,
    /// Reading and writing of what is stored.
    #[error(transparent)]
    Versions(#[from] VersionsError),
}

impl From<AsideError> for PolicyStoreError {
    fn from(error: AsideError) -> Self {
        match error {
            AsideError::Late(_) => Self::Endless(error),
            AsideError::Busy | AsideError::Broken => Self::Unchecked(error),
        }
    }
}
