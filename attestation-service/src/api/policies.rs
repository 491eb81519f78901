//! `attestation.AttestationManagementService`: policies, listed, read, deleted, rolled back and tried.

use daemon::audit::About;
use protos::attestation::attestation_management_service_server::AttestationManagementService;
use protos::attestation::{
    DeletePolicyRequest, DeletePolicyResponse, GetPolicyRequest, GetPolicyResponse, ListPoliciesRequest,
    ListPoliciesResponse, PolicyAuthor, PolicyHistoryRequest, PolicyHistoryResponse, PolicySummary,
    PolicyVersion, RollBackPolicyRequest, RollBackPolicyResponse, TryPoliciesRequest, TryPoliciesResponse,
};
use storage::{Author, Event, Version};
use tonic::{Request, Response, Status};

use super::attestation::Api;
use super::{audited, status, trial};
use crate::Deleted;

/// The longest name of an author, in bytes.
const MAX_NAME: usize = 256;

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
        let GetPolicyRequest { policy_id, version } = request.into_inner();
        let policy = self.0.get_policy(&policy_id, version).await;
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

    async fn get_attestation_policy_history(
        &self,
        request: Request<PolicyHistoryRequest>,
    ) -> Result<Response<PolicyHistoryResponse>, Status> {
        let versions = self.0.policy_history(&request.into_inner().policy_id).await;
        let versions = versions.map_err(|error| status::policy("", &error))?;
        Ok(Response::new(PolicyHistoryResponse {
            versions: versions.into_iter().map(version).collect(),
        }))
    }

    async fn delete_attestation_policy(
        &self,
        request: Request<DeletePolicyRequest>,
    ) -> Result<Response<DeletePolicyResponse>, Status> {
        let behalf = |request: &DeletePolicyRequest| audited::author(request.author.as_ref());
        let about = |request: &DeletePolicyRequest| About::policy(&request.policy_id);
        let attempt = audited::admit(&self.0, &request, "DeleteAttestationPolicy", behalf, about).await?;
        let deleted = self.delete(request.into_inner()).await;
        let deleted = attempt.end(deleted, |deleted, about| {
            audited::learn_version(deleted.version.as_ref(), about);
        });
        deleted.map(Response::new)
    }

    async fn roll_back_attestation_policy(
        &self,
        request: Request<RollBackPolicyRequest>,
    ) -> Result<Response<RollBackPolicyResponse>, Status> {
        let behalf = |request: &RollBackPolicyRequest| audited::author(request.author.as_ref());
        let about = |request: &RollBackPolicyRequest| About::policy(&request.policy_id);
        let attempt = audited::admit(&self.0, &request, "RollBackAttestationPolicy", behalf, about).await?;
        let back = self.roll_back(request.into_inner()).await;
        let back = attempt.end(back, |back, about| {
            audited::learn_version(back.version.as_ref(), about);
        });
        back.map(Response::new)
    }
}

impl Api {
    async fn delete(&self, request: DeletePolicyRequest) -> Result<DeletePolicyResponse, Status> {
        let author = author(request.author)?;
        let deleted = self.0.delete_policy(&request.policy_id, &author).await;
        let (gone, restored) = match deleted.map_err(|error| status::policy("", &error))? {
            Deleted::Gone(version) => (version, false),
            Deleted::Restored(version) => (version, true),
        };
        Ok(DeletePolicyResponse {
            version: Some(version(gone)),
            restored,
        })
    }

    async fn roll_back(&self, request: RollBackPolicyRequest) -> Result<RollBackPolicyResponse, Status> {
        let author = author(request.author)?;
        let back = self
            .0
            .roll_back_policy(&request.policy_id, request.version, &author)
            .await;
        let back = back.map_err(|error| status::policy("", &error))?;
        Ok(RollBackPolicyResponse {
            version: Some(version(back.version)),
            warnings: back.warnings,
            notes: back.notes,
        })
    }
}

/// Who the caller says that it is: whoever may call may say so.
pub(super) fn author(author: Option<PolicyAuthor>) -> Result<Author, Status> {
    let Some(PolicyAuthor { how, name }) = author else {
        return Ok(Author::new("anyone", ""));
    };
    let good = |text: &str| text.len() <= MAX_NAME && !text.contains(char::is_control);
    if good(&how) && good(&name) {
        Ok(Author::new(how, name))
    } else {
        Err(Status::invalid_argument(format!(
            "the author must be of at most {MAX_NAME} bytes, without control characters"
        )))
    }
}

pub(super) fn version(version: Version) -> PolicyVersion {
    let (event, to) = match version.event {
        Event::Set => ("set", None),
        Event::Deleted => ("deleted", None),
        Event::RolledBack { to } => ("rolled-back", Some(to)),
        Event::Found => ("found", None),
    };
    PolicyVersion {
        number: version.number,
        digest: version.digest,
        at: version.at,
        by: Some(PolicyAuthor {
            how: version.by.how,
            name: version.by.name,
        }),
        event: event.to_owned(),
        to,
    }
}
