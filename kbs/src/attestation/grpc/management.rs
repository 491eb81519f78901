//! What administrators do with the service: one call each.

use async_trait::async_trait;
use daemon::audit::Names;
use protos::attestation as wire;
use protos::reference::{
    ReferenceValueHistoryRequest, ReferenceValueListRequest, ReferenceValueQueryRequest,
    ReferenceValueRegisterRequest,
};

use super::super::{
    AttestationError, AttestationManagement, Author, Change, DeletedPolicy, Left, PolicyChange, PolicySet,
    PolicySummary, PolicyTrial, ReferenceValueHistory, RevokeWhat, StoredPolicy, Tried, TriedAppraisal,
    Version, bounded, reference_values,
};
use super::{GrpcAttestation, policies, sort_for_administrator as sort};

#[async_trait]
impl AttestationManagement for GrpcAttestation {
    async fn set_policy(&self, change: &PolicyChange<'_>) -> Result<PolicySet, AttestationError> {
        let _permit = self.call().await?;
        policies::set(&self.transport, change).await
    }

    async fn policies(&self) -> Result<Vec<PolicySummary>, AttestationError> {
        let _permit = self.call().await?;
        policies::list(&self.transport).await
    }

    async fn policy(&self, id: &str, version: Option<u64>) -> Result<Option<StoredPolicy>, AttestationError> {
        let _permit = self.call().await?;
        policies::get(&self.transport, id, version).await
    }

    async fn policy_history(&self, id: &str) -> Result<Option<Vec<Version>>, AttestationError> {
        let _permit = self.call().await?;
        policies::history(&self.transport, id).await
    }

    async fn delete_policy(
        &self,
        id: &str,
        author: &Author,
    ) -> Result<Option<DeletedPolicy>, AttestationError> {
        let _permit = self.call().await?;
        policies::delete(&self.transport, id, author).await
    }

    async fn roll_back_policy(
        &self,
        id: &str,
        number: u64,
        author: &Author,
    ) -> Result<Option<PolicySet>, AttestationError> {
        let _permit = self.call().await?;
        policies::roll_back(&self.transport, id, number, author).await
    }

    async fn reference_value(&self, id: &str) -> Result<Option<String>, AttestationError> {
        let _permit = self.call().await?;
        let reference_value_id = id.to_owned();
        let request = ReferenceValueQueryRequest { reference_value_id };
        let reply = self.values().query_reference_value(request).await;
        Ok(reply.map_err(sort)?.into_inner().reference_value_results)
    }

    async fn reference_values(&self) -> Result<Vec<(String, String)>, AttestationError> {
        let _permit = self.call().await?;
        let request = ReferenceValueListRequest {};
        let reply = self.value_management().list_reference_values(request).await;
        let values = reply.map_err(sort)?.into_inner().values.into_iter();
        Ok(values.map(|value| (value.id, value.value)).collect())
    }

    async fn register_reference_value(
        &self,
        message: &str,
        on_behalf_of: &str,
    ) -> Result<Names, AttestationError> {
        let _permit = self.call().await?;
        let request = ReferenceValueRegisterRequest {
            message: message.to_owned(),
            on_behalf_of: Some(on_behalf_of.to_owned()),
        };
        let reply = self.values().register_reference_value(request).await;
        let registered = reply.map_err(sort)?.into_inner();
        Ok(Names::received(&registered.names, registered.more_names))
    }

    async fn reference_value_history(&self, id: &str) -> Result<ReferenceValueHistory, AttestationError> {
        let _permit = self.call().await?;
        let request = ReferenceValueHistoryRequest { id: id.to_owned() };
        let reply = self.value_management().get_reference_value_history(request).await;
        reference_values::history(id, reply.map_err(reference_values::sort)?.into_inner())
    }

    async fn delete_reference_value(&self, change: Change, forget: bool) -> Result<(), AttestationError> {
        let _permit = self.call().await?;
        let request = change.deletion(forget);
        let reply = self.value_management().delete_reference_value(request).await;
        reply.map(drop).map_err(reference_values::sort)
    }

    async fn revoke_reference_value(
        &self,
        change: Change,
        what: RevokeWhat,
    ) -> Result<Left, AttestationError> {
        let _permit = self.call().await?;
        let request = change.revocation(what);
        let reply = self.value_management().revoke_reference_value(request).await;
        reference_values::left(reply.map_err(reference_values::sort)?.into_inner())
    }

    async fn try_out(&self, trial: PolicyTrial) -> Result<Vec<Tried>, AttestationError> {
        let _permit = self.call().await?;
        let claims = trial.claims.into_iter().map(|each| wire::AppraisedClaims {
            policy_id: each.policy_id,
            claims: each.claims,
        });
        let request = wire::TryPoliciesRequest {
            policies: trial.policies.into_iter().collect(),
            reference_values: serde_json::Value::Object(trial.reference_values).to_string(),
            claims: claims.collect(),
            explain_affirming: trial.explain_affirming,
        };
        let mut client = policies::management(&self.transport);
        let reply = client.try_policies(request).await.map_err(sort)?;
        let tried = reply.into_inner().appraisals.into_iter();
        tried.map(tried_claims).collect()
    }
}

fn tried_claims(tried: wire::TriedClaims) -> Result<Tried, AttestationError> {
    let result = |side: Option<wire::TriedAppraisal>| {
        let side = side.ok_or_else(|| AttestationError::Failed("it left out a result".into()))?;
        Ok(match side.error {
            Some(reason) => Err(bounded(&reason)),
            None => Ok(TriedAppraisal::read(&side.submodule, side.explanation)
                .map_err(|error| AttestationError::Failed(error.into()))?),
        })
    };
    Ok(Tried {
        now: result(tried.now)?,
        then: result(tried.then)?,
    })
}
