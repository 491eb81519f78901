//! No Attestation Service: this KBS releases for the tokens of others, and attests nobody (passport mode).

use async_trait::async_trait;
use kbs_types::Tee;
use serde_json::Value;

use super::{AttestationClient, AttestationError, Evaluated, Evaluation, HashChoice, HashChoiceError};

/// Offers nothing.
pub struct NoAttestation;

#[async_trait]
impl AttestationClient for NoAttestation {
    fn choose_hash(&self, _: Tee, _: Option<&Value>) -> Result<HashChoice, HashChoiceError> {
        Err(HashChoiceError::NotOffered)
    }

    async fn evaluate(&self, _: Evaluation) -> Result<Evaluated, AttestationError> {
        Err(AttestationError::NotOffered)
    }

    /// There is nothing that could be down.
    async fn is_ready(&self) -> bool {
        true
    }
}
