//! What administrators do with the service: one call each.

use std::error::Error;

use async_trait::async_trait;
use attestation_service::{Deleted, Fault, PolicyStoreError, ReferenceValueError};
use daemon::audit::Names;
use protos::reference::ReferenceValueHistoryRequest;

use super::super::{
    AttestationError, AttestationManagement, Author, Change, DeletedPolicy, Left, PolicyChange, PolicySet,
    PolicySummary, PolicyTrial, ReferenceValueHistory, RevokeWhat, StoredPolicy, Tried, TriedAppraisal,
    TriedResult, Version, reference_values,
};
use super::BuiltInAttestation;

#[async_trait]
impl AttestationManagement for BuiltInAttestation {
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
        let tried = tried.map(|each| Tried {
            now: tried_result(each.now),
            then: tried_result(each.then),
        });
        Ok(tried.collect())
    }
}

fn tried_result(result: attestation_service::TriedResult) -> TriedResult {
    result.map(|appraisal| TriedAppraisal::new(appraisal.submodule, appraisal.explanation))
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

/// As the service's own, with the reason: only administrators call these.
fn sort(fault: Fault, error: impl Error + Send + Sync + 'static) -> AttestationError {
    super::sort(fault, error).for_administrator()
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
