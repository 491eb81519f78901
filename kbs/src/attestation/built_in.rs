//! The Attestation Service in this process. The only place that names its crate.

mod management;

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use attestation_service::{
    AttestationRequest, AttestationService, EvaluateError, Fault, IndividualRequest, InitData, RuntimeData,
};
use daemon::causes::causes;
use daemon::clock::Clock;
use kbs_types::Tee;

pub use attestation_service::StartError;
pub use attestation_service::config::{
    Config, PolicyMapEntry, RvpsConfig, TokenConfig, VerifierConfig, upgrade,
};

use crate::admin::AdminGrant;
use crate::decisions::{FailedCheck, Refusal};

use super::{
    AttestationClient, AttestationError, AttestationManagement, Evaluated, Evaluation, EvaluationItem,
    HashAlgorithm, POLICY_ID,
};

/// An Attestation Service in this process.
pub struct BuiltInAttestation {
    service: Arc<AttestationService>,
}

impl BuiltInAttestation {
    /// Starts it.
    ///
    /// # Errors
    /// A setting, or something that it names, cannot be used.
    pub async fn start(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let service = AttestationService::start(config, clock).await?;
        Ok(Self { service })
    }

    /// The key that verifies its tokens, as the JSON text of a JWK Set.
    pub fn jwks(&self) -> &str {
        self.service.jwks()
    }

    /// The same service as others see it.
    #[cfg(test)]
    pub(crate) fn router(&self) -> axum::Router {
        attestation_service::api::router(Arc::clone(&self.service))
    }
}

#[async_trait]
impl AttestationClient for BuiltInAttestation {
    fn published_keys(&self) -> Option<&str> {
        Some(self.jwks())
    }

    fn status(&self) -> Option<serde_json::Value> {
        serde_json::to_value(attestation_service::admin::Status::of(&self.service)).ok()
    }

    fn counters(&self) -> Option<String> {
        let text = self.service.metrics().text();
        text.inspect_err(|error| tracing::error!(%error, "metrics cannot be encoded"))
            .ok()
    }

    async fn evaluate(&self, evaluation: Evaluation) -> Result<Evaluated, AttestationError> {
        let (explain, policy_id) = (evaluation.explain, evaluation.policy_id);
        let items = evaluation
            .items
            .into_iter()
            .map(individual)
            .collect::<Result<_, _>>()?;
        let policy_ids = vec![policy_id.unwrap_or_else(|| POLICY_ID.to_owned())];
        let request = AttestationRequest { items, policy_ids };
        if !explain {
            let token = self.service.evaluate(request).await.map_err(evaluate_error)?;
            return Ok(Evaluated::new(token, None));
        }
        let explained = self.service.evaluate_explained(request).await;
        let explained = explained.map_err(evaluate_error)?;
        Ok(Evaluated::new(explained.token, explained.explanation))
    }

    async fn challenge(&self, tee: Tee, extra_params: &str) -> Result<String, AttestationError> {
        let challenge = self.service.challenge(tee.as_ref(), extra_params).await;
        challenge.map_err(evaluate_error)
    }

    fn management(&self, _grant: &AdminGrant) -> Result<&dyn AttestationManagement, AttestationError> {
        Ok(self)
    }

    async fn is_ready(&self) -> bool {
        self.service.is_ready()
    }
}

fn individual(item: EvaluationItem) -> Result<IndividualRequest, AttestationError> {
    let unknown = || AttestationError::Refused(format!("there is no verifier for TEE `{}`", item.tee));
    Ok(IndividualRequest {
        tee: item.tee.as_ref().parse().map_err(|_| unknown())?,
        evidence: item.evidence.into_bytes(),
        runtime_data: RuntimeData::Structured(item.runtime_data),
        init_data: item.init_data_toml.map_or(InitData::None, InitData::Toml),
        hash: match item.hash {
            HashAlgorithm::Sha384 => attestation_service::HashAlgorithm::Sha384,
            HashAlgorithm::Sha512 => attestation_service::HashAlgorithm::Sha512,
        },
    })
}

fn evaluate_error(error: EvaluateError) -> AttestationError {
    let check = attestation_service::FailedCheck::of(&error);
    let refusal = Refusal {
        reason: causes(&error),
        check: Some(FailedCheck {
            tee: check.tee.map(str::to_owned),
            check: check.check,
            fault: check.fault.to_owned(),
            expected: check.expected,
            came: check.came,
            advice: check.advice,
        }),
    };
    match error.fault() {
        Fault::Request | Fault::Attester => AttestationError::RefusedEvidence(Box::new(refusal)),
        fault => sort(fault, refusal),
    }
}

fn sort(fault: Fault, error: impl Error + Send + Sync + 'static) -> AttestationError {
    match fault {
        Fault::Request | Fault::Attester => AttestationError::Refused(causes(&error)),
        Fault::Operator => AttestationError::Setup(error.into()),
        Fault::Dependency => AttestationError::Unavailable(error.into()),
        Fault::Internal => AttestationError::Failed(error.into()),
    }
}
