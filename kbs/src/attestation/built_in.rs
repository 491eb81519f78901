//! The Attestation Service in this process. The only place that names its crate.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use attestation_service::{
    AttestationRequest, AttestationService, Deleted, EvaluateError, Fault, IndividualRequest, InitData,
    PolicyStoreError, ReferenceValueError, RuntimeData,
};
use daemon::audit::Names;
use daemon::causes::all_causes;
use daemon::clock::Clock;
use kbs_types::Tee;
use protos::reference::ReferenceValueHistoryRequest;

pub use attestation_service::StartError;
pub use attestation_service::config::{
    Config, PolicyMapEntry, RvpsConfig, TokenConfig, VerifierConfig, upgrade,
};

use crate::decisions::{FailedCheck, Refusal};

use super::{
    AttestationClient, AttestationError, Author, Change, DeletedPolicy, Evaluated, Evaluation,
    EvaluationItem, HashAlgorithm, Left, POLICY_ID, PolicyChange, PolicySet, PolicySummary, PolicyTrial,
    ReferenceValueHistory, RevokeWhat, StoredPolicy, Tried, TriedAppraisal, TriedResult, Version,
    reference_values,
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

    async fn set_policy(&self, change: &PolicyChange<'_>) -> Result<PolicySet, AttestationError> {
        let change = attestation_service::PolicyChange {
            id: change.id,
            rego: change.rego,
            author: change.author.clone(),
            strict: change.strict,
        };
        Ok(policy_set(
            self.service.set_policy(change).await.map_err(policy_error)?,
        ))
    }

    async fn policies(&self) -> Result<Vec<PolicySummary>, AttestationError> {
        let policies = self.service.list_policies().await.map_err(policy_error)?;
        let policies = policies.into_iter().map(|policy| PolicySummary {
            policy_id: policy.id,
            digest: policy.digest,
        });
        Ok(policies.collect())
    }

    async fn policy(&self, id: &str, version: Option<u64>) -> Result<Option<StoredPolicy>, AttestationError> {
        let policy = existing(self.service.get_policy(id, version).await)?;
        Ok(policy.map(|policy| StoredPolicy {
            rego: policy.text,
            digest: policy.digest,
        }))
    }

    async fn policy_history(&self, id: &str) -> Result<Option<Vec<Version>>, AttestationError> {
        existing(self.service.policy_history(id).await)
    }

    async fn delete_policy(
        &self,
        id: &str,
        author: &Author,
    ) -> Result<Option<DeletedPolicy>, AttestationError> {
        let deleted = existing(self.service.delete_policy(id, author).await)?;
        Ok(deleted.map(|deleted| match deleted {
            Deleted::Gone(version) => DeletedPolicy {
                version,
                restored: false,
            },
            Deleted::Restored(version) => DeletedPolicy {
                version,
                restored: true,
            },
        }))
    }

    async fn roll_back_policy(
        &self,
        id: &str,
        number: u64,
        author: &Author,
    ) -> Result<Option<PolicySet>, AttestationError> {
        let back = existing(self.service.roll_back_policy(id, number, author).await)?;
        Ok(back.map(policy_set))
    }

    async fn reference_value(&self, id: &str) -> Result<Option<String>, AttestationError> {
        self.service
            .query_reference_value(id)
            .await
            .map_err(reference_value_error)
    }

    async fn reference_values(&self) -> Result<Vec<(String, String)>, AttestationError> {
        let values = self
            .service
            .list_reference_values()
            .await
            .map_err(reference_value_error)?;
        Ok(values.into_iter().map(|value| (value.id, value.value)).collect())
    }

    async fn register_reference_value(
        &self,
        message: &str,
        on_behalf_of: &str,
    ) -> Result<Names, AttestationError> {
        let registered = self
            .service
            .register_reference_value(message, Some(on_behalf_of))
            .await
            .map_err(reference_value_error)?;
        Ok(Names::received(&registered.names, registered.more_names))
    }

    async fn reference_value_history(&self, id: &str) -> Result<ReferenceValueHistory, AttestationError> {
        let request = ReferenceValueHistoryRequest { id: id.to_owned() };
        let history = self.service.reference_value_history(request).await;
        reference_values::history(id, history.map_err(reference_values::sort)?)
    }

    async fn delete_reference_value(&self, change: Change, forget: bool) -> Result<(), AttestationError> {
        let request = change.deletion(forget);
        let deleted = self.service.delete_reference_value(request).await;
        deleted.map(drop).map_err(reference_values::sort)
    }

    async fn revoke_reference_value(
        &self,
        change: Change,
        what: RevokeWhat,
    ) -> Result<Left, AttestationError> {
        let request = change.revocation(what);
        let revoked = self.service.revoke_reference_value(request).await;
        reference_values::left(revoked.map_err(reference_values::sort)?)
    }

    async fn try_out(&self, trial: PolicyTrial) -> Result<Vec<Tried>, AttestationError> {
        let claims = trial
            .claims
            .into_iter()
            .map(|each| attestation_service::TriedClaims {
                policy_id: each.policy_id,
                claims: each.claims,
            });
        let trial = attestation_service::PolicyTrial {
            policies: trial.policies,
            reference_values: trial.reference_values,
            claims: claims.collect(),
            explain_affirming: trial.explain_affirming,
        };
        let tried = self.service.try_out(trial).await;
        let tried = tried.map_err(|error| sort(error.fault(), error))?.into_iter();
        tried
            .map(|each| {
                Ok(Tried {
                    now: tried_result(each.now)?,
                    then: tried_result(each.then)?,
                })
            })
            .collect()
    }

    async fn is_ready(&self) -> bool {
        self.service.is_ready()
    }
}

fn tried_result(result: attestation_service::TriedResult) -> Result<TriedResult, AttestationError> {
    let appraisal = match result {
        Ok(appraisal) => appraisal,
        Err(reason) => return Ok(Err(reason)),
    };
    TriedAppraisal::read(&appraisal.submodule, appraisal.explanation)
        .map(Ok)
        .map_err(|error| AttestationError::Failed(error.into()))
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
        reason: all_causes(&error),
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

/// What there is, or `None` where there is no such policy or version.
fn existing<T>(found: Result<T, PolicyStoreError>) -> Result<Option<T>, AttestationError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(PolicyStoreError::NotFound(_) | PolicyStoreError::NoVersion(_)) => Ok(None),
        Err(error) => Err(policy_error(error)),
    }
}

fn policy_set(set: attestation_service::PolicySet) -> PolicySet {
    PolicySet {
        version: Some(set.version),
        warnings: set.warnings,
        notes: set.notes,
    }
}

fn policy_error(error: PolicyStoreError) -> AttestationError {
    sort(error.fault(), error)
}

fn reference_value_error(error: ReferenceValueError) -> AttestationError {
    match error {
        ReferenceValueError::NotOffered => AttestationError::NotOffered,
        error => sort(error.fault(), error),
    }
}

fn sort(fault: Fault, error: impl Error + Send + Sync + 'static) -> AttestationError {
    match fault {
        Fault::Request | Fault::Attester => AttestationError::Refused(all_causes(&error)),
        Fault::Operator => AttestationError::Setup(error.into()),
        Fault::Dependency => AttestationError::Unavailable(error.into()),
        Fault::Internal => AttestationError::Failed(error.into()),
    }
}
