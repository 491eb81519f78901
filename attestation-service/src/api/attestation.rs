//! `attestation.AttestationService` and `attestation.AttestationManagementService`.

use std::sync::Arc;

use protos::attestation::attestation_management_service_server::AttestationManagementService;
use protos::attestation::attestation_service_server;
use protos::attestation::{
    AttestationRequest, AttestationResponse, ChallengeRequest, ChallengeResponse, GetPolicyRequest,
    GetPolicyResponse, ListPoliciesRequest, ListPoliciesResponse, PolicySummary, SetPolicyRequest,
    SetPolicyResponse, TryPoliciesRequest, TryPoliciesResponse,
};
use tonic::{Request, Response, Status};

use super::{decode, status, trial};
use crate::AttestationService;

/// Decodes, calls, encodes.
#[derive(Clone)]
pub(crate) struct Api(pub(crate) Arc<AttestationService>);

#[tonic::async_trait]
impl attestation_service_server::AttestationService for Api {
    async fn attestation_evaluate(
        &self,
        request: Request<AttestationRequest>,
    ) -> Result<Response<AttestationResponse>, Status> {
        let request = request.into_inner();
        let explain = request.explain;
        let request = decode::attestation_request(request)?;
        let failed = |error| status::evaluate(&error);
        let (attestation_token, explanation) = if explain {
            let explained = self.0.evaluate_explained(request).await.map_err(failed)?;
            (explained.token, explained.explanation)
        } else {
            (self.0.evaluate(request).await.map_err(failed)?, None)
        };
        Ok(Response::new(AttestationResponse {
            attestation_token,
            explanation,
        }))
    }

    async fn set_attestation_policy(
        &self,
        request: Request<SetPolicyRequest>,
    ) -> Result<Response<SetPolicyResponse>, Status> {
        let SetPolicyRequest { policy_id, policy } = request.into_inner();
        let rego = decode::policy_text(&policy)?;
        let set = self.0.set_policy(&policy_id, &rego).await;
        set.map_err(|error| status::policy("Set Attestation Policy Failed: ", &error))?;
        Ok(Response::new(SetPolicyResponse {}))
    }

    async fn get_attestation_challenge(
        &self,
        request: Request<ChallengeRequest>,
    ) -> Result<Response<ChallengeResponse>, Status> {
        let inner = request.into_inner().inner;
        let member = |name: &str| {
            inner
                .get(name)
                .ok_or_else(|| Status::invalid_argument(format!("Error parse inner_tee {name}")))
        };
        let challenge = self.0.challenge(member("tee")?, member("tee_params")?).await;
        let attestation_challenge = challenge.map_err(|error| status::challenge(&error))?;
        Ok(Response::new(ChallengeResponse {
            attestation_challenge,
        }))
    }
}

#[tonic::async_trait]
impl AttestationManagementService for Api {
    async fn list_attestation_policies(
        &self,
        _request: Request<ListPoliciesRequest>,
    ) -> Result<Response<ListPoliciesResponse>, Status> {
        let policies = self
            .0
            .list_policies()
            .await
            .map_err(|error| status::policy("", &error))?;
        let summaries = policies.into_iter().map(|policy| PolicySummary {
            policy_id: policy.id,
            digest: policy.digest,
        });
        Ok(Response::new(ListPoliciesResponse {
            policies: summaries.collect(),
        }))
    }

    async fn get_attestation_policy(
        &self,
        request: Request<GetPolicyRequest>,
    ) -> Result<Response<GetPolicyResponse>, Status> {
        let policy = self.0.get_policy(&request.into_inner().policy_id).await;
        let policy = policy.map_err(|error| status::policy("", &error))?;
        Ok(Response::new(GetPolicyResponse {
            policy: policy.text,
            digest: policy.digest,
        }))
    }

    async fn try_policies(
        &self,
        request: Request<TryPoliciesRequest>,
    ) -> Result<Response<TryPoliciesResponse>, Status> {
        let trial = trial::request(request.into_inner())?;
        let tried = self.0.try_out(trial).await;
        let tried = tried.map_err(|error| status::trial(&error))?;
        Ok(Response::new(trial::response(tried)))
    }
}
