//! No Attestation Service: this KBS releases for the tokens of others, and attests nobody (passport mode).

use async_trait::async_trait;
use kbs_types::Tee;
use serde_json::Value;

use super::{
    AttestationClient, AttestationError, Evaluation, HashChoice, HashChoiceError, PolicySummary, StoredPolicy,
};

/// Offers nothing.
pub struct NoAttestation;

#[async_trait]
impl AttestationClient for NoAttestation {
    fn choose_hash(&self, _: Tee, _: Option<&Value>) -> Result<HashChoice, HashChoiceError> {
        Err(HashChoiceError::NotOffered)
    }

    async fn evaluate(&self, _: Evaluation) -> Result<String, AttestationError> {
        Err(AttestationError::NotOffered)
    }

    async fn challenge(&self, _: Tee, _: &str) -> Result<String, AttestationError> {
        Err(AttestationError::NotOffered)
    }

    async fn set_policy(&self, _: &str, _: &str) -> Result<(), AttestationError> {
        Err(AttestationError::NotOffered)
    }

    async fn policies(&self) -> Result<Vec<PolicySummary>, AttestationError> {
        Err(AttestationError::NotOffered)
    }

    async fn policy(&self, _: &str) -> Result<Option<StoredPolicy>, AttestationError> {
        Err(AttestationError::NotOffered)
    }

    async fn reference_value(&self, _: &str) -> Result<Option<String>, AttestationError> {
        Err(AttestationError::NotOffered)
    }

    async fn reference_values(&self) -> Result<Vec<(String, String)>, AttestationError> {
        Err(AttestationError::NotOffered)
    }

    async fn register_reference_value(&self, _: &str) -> Result<(), AttestationError> {
        Err(AttestationError::NotOffered)
    }

    /// There is nothing that could be down.
    async fn is_ready(&self) -> bool {
        true
    }
}
