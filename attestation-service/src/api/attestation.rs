//! `attestation.AttestationService`.

use std::sync::Arc;

use daemon::audit::About;
use protos::attestation::attestation_service_server;
use protos::attestation::{
    AttestationRequest, AttestationResponse, ChallengeRequest, ChallengeResponse, SetPolicyRequest,
    SetPolicyResponse,
};
use tonic::{Request, Response, Status};

use super::{audited, decode, policies, status};
use crate::{AttestationService, PolicyChange};

/// Decodes, calls, encodes.
#[derive(Clone)]
pub(crate) struct Api(pub(crate) Arc<AttestationService>);

impl Api {
    async fn set_policy(&self, request: SetPolicyRequest) -> Result<SetPolicyResponse, Status> {
        let rego = decode::policy_text(&request.policy)?;
        let change = PolicyChange {
            author: policies::author(request.author)?,
            strict: request.strict,
            ..PolicyChange::new(&request.policy_id, &rego)
        };
        let set = self.0.set_policy(change).await;
        let set = set.map_err(|error| status::policy("Set Attestation Policy Failed: ", &error))?;
        Ok(SetPolicyResponse {
            warnings: set.warnings,
            version: Some(policies::version(set.version)),
            notes: set.notes,
        })
    }
}

#[tonic::async_trait]
impl attestation_service_server::AttestationService for Api {
    async fn attestation_evaluate(
        &self,
        request: Request<AttestationRequest>,
    ) -> Result<Response<AttestationResponse>, Status> {
        let request = request.into_inner();
        let explain = request.explain;
        let request = decode::attestation_request(request)?;
        let failed = |error| status::evaluate(&error, explain);
        let (attestation_token, explanation) = if explain {
            let explained = self.0.evaluate_explained(request).await.map_err(failed)?;
            (explained.token, explained.explanation)
        } else {
            (self.0.evaluate(request).await.map_err(failed)?, None)
        };
        Ok(Response::new(AttestationResponse {
            attestation_token: attestation_token.into(),
            explanation,
        }))
    }

    async fn set_attestation_policy(
        &self,
        request: Request<SetPolicyRequest>,
    ) -> Result<Response<SetPolicyResponse>, Status> {
        let behalf = |request: &SetPolicyRequest| audited::author(request.author.as_ref());
        let about = |request: &SetPolicyRequest| About::policy(&request.policy_id);
        let attempt = audited::admit(&self.0, &request, "SetAttestationPolicy", behalf, about).await?;
        let set = self.set_policy(request.into_inner()).await;
        let set = attempt.end(set, |set, about| {
            audited::learn_version(set.version.as_ref(), about);
        });
        set.map(Response::new)
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
