//! What administrators do with an Attestation Service.

use async_trait::async_trait;
use daemon::audit::Names;

use super::{
    AttestationError, Author, Change, DeletedPolicy, Left, PolicyChange, PolicySet, PolicySummary,
    PolicyTrial, ReferenceValueHistory, RevokeWhat, StoredPolicy, Tried, Version,
};

/// What administrators do with an Attestation Service: its policies, its reference values, and trials of both. To be
/// had of [`AttestationClient::management`](super::AttestationClient::management), for a grant.
#[async_trait]
pub trait AttestationManagement: Send + Sync {
    /// Stores an attestation policy.
    async fn set_policy(&self, change: &PolicyChange<'_>) -> Result<PolicySet, AttestationError>;

    /// The stored attestation policies, sorted by id.
    async fn policies(&self) -> Result<Vec<PolicySummary>, AttestationError>;

    /// One attestation policy: the one in force, or a version of it.
    async fn policy(&self, id: &str, version: Option<u64>) -> Result<Option<StoredPolicy>, AttestationError>;

    /// Every version of an attestation policy, the newest first.
    async fn policy_history(&self, id: &str) -> Result<Option<Vec<Version>>, AttestationError>;

    /// Takes an attestation policy out of force.
    async fn delete_policy(
        &self,
        id: &str,
        author: &Author,
    ) -> Result<Option<DeletedPolicy>, AttestationError>;

    /// Puts the text of an earlier version in force again.
    async fn roll_back_policy(
        &self,
        id: &str,
        number: u64,
        author: &Author,
    ) -> Result<Option<PolicySet>, AttestationError>;

    /// A reference value as JSON text.
    async fn reference_value(&self, id: &str) -> Result<Option<String>, AttestationError>;

    /// All reference values as JSON text by id, sorted by id.
    async fn reference_values(&self) -> Result<Vec<(String, String)>, AttestationError>;

    /// Registers reference values from the JSON text of a message (wire: rvps). For whom goes into the history. Gives their
    /// names, where the RVPS says them.
    async fn register_reference_value(
        &self,
        message: &str,
        on_behalf_of: &str,
    ) -> Result<Names, AttestationError>;

    /// What is remembered of a reference value.
    async fn reference_value_history(&self, id: &str) -> Result<ReferenceValueHistory, AttestationError>;

    /// Takes a reference value out of service; with `forget`, what is remembered of it goes, too.
    async fn delete_reference_value(&self, change: Change, forget: bool) -> Result<(), AttestationError>;

    /// Revokes a reference value, or a part of it: it never counts again. Gives what is left.
    async fn revoke_reference_value(
        &self,
        change: Change,
        what: RevokeWhat,
    ) -> Result<Left, AttestationError>;

    /// Appraises claims with policies and reference values that are not in force. Stores nothing, signs nothing.
    async fn try_out(&self, trial: PolicyTrial) -> Result<Vec<Tried>, AttestationError>;
}
