//! Policies of a remote Attestation Service, by `attestation.AttestationManagementService`. Only a service of this
//! project has it; of the others, policies can be set and no more.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use daemon::text::bounded_lines;
use protos::attestation as wire;
use protos::attestation::attestation_management_service_client::AttestationManagementServiceClient;
use protos::attestation::attestation_service_client::AttestationServiceClient;
use storage::Event;
use tonic::{Code, Response, Status};

use super::{Transport, sort_for_administrator as sort};
use crate::attestation::{
    AttestationError, Author, DeletedPolicy, PolicyChange, PolicySet, PolicySummary, StoredPolicy, Version,
};

/// The longest warnings, and the longest notes, that are passed on, in bytes.
const MAX_TOLD: usize = 256 * 1024;

/// The longest reason for a refusal, in bytes: each thing that is wrong with a policy has a line in it.
const MAX_REASON: usize = 17 * 1024;

pub(super) async fn set(
    transport: &Transport,
    change: &PolicyChange<'_>,
) -> Result<PolicySet, AttestationError> {
    if change.strict {
        // A service that checks nothing would set whatever it is given: it has no management either.
        get(transport, change.id, None).await?;
    }
    let request = wire::SetPolicyRequest {
        policy_id: change.id.to_owned(),
        policy: URL_SAFE_NO_PAD.encode(change.rego),
        author: Some(author(&change.author)),
        strict: change.strict,
    };
    let mut client = AttestationServiceClient::new(transport.clone());
    let reply = client.set_attestation_policy(request).await;
    let reply = reply.map_err(policy_refusal)?.into_inner();
    Ok(PolicySet {
        version: reply.version.map(version).transpose()?,
        warnings: bounded_list(reply.warnings),
        notes: bounded_list(reply.notes),
    })
}

/// The same as [`sort`], with all that the service says of the policy.
fn policy_refusal(status: Status) -> AttestationError {
    match status.code() {
        Code::InvalidArgument | Code::Aborted => {
            AttestationError::Refused(bounded_lines(status.message(), MAX_REASON))
        }
        _ => sort(status),
    }
}

fn bounded_list(mut sentences: Vec<String>) -> Vec<String> {
    let all = sentences.len();
    let mut left = MAX_TOLD;
    let fit = sentences.iter().take_while(|sentence| {
        let rest = left.checked_sub(sentence.len());
        left = rest.unwrap_or_default();
        rest.is_some()
    });
    let fit = fit.count();
    sentences.truncate(fit);
    if fit < all {
        sentences.push(format!("and {} more", all - fit));
    }
    sentences
}

pub(super) async fn list(transport: &Transport) -> Result<Vec<PolicySummary>, AttestationError> {
    let request = wire::ListPoliciesRequest {};
    let reply = management(transport).list_attestation_policies(request).await;
    let summaries = reply.map_err(sort)?.into_inner().policies.into_iter();
    Ok(summaries
        .map(|summary| PolicySummary {
            policy_id: summary.policy_id,
            digest: summary.digest,
        })
        .collect())
}

pub(super) async fn get(
    transport: &Transport,
    id: &str,
    version: Option<u64>,
) -> Result<Option<StoredPolicy>, AttestationError> {
    let policy_id = id.to_owned();
    let request = wire::GetPolicyRequest { policy_id, version };
    let policy = existing(management(transport).get_attestation_policy(request).await)?;
    Ok(policy.map(|wire::GetPolicyResponse { policy, digest }| StoredPolicy { rego: policy, digest }))
}

pub(super) async fn history(
    transport: &Transport,
    id: &str,
) -> Result<Option<Vec<Version>>, AttestationError> {
    let policy_id = id.to_owned();
    let request = wire::PolicyHistoryRequest { policy_id };
    let reply = existing(
        management(transport)
            .get_attestation_policy_history(request)
            .await,
    )?;
    let versions = reply.map(|reply| reply.versions.into_iter().map(version).collect());
    versions.transpose()
}

pub(super) async fn delete(
    transport: &Transport,
    id: &str,
    by: &Author,
) -> Result<Option<DeletedPolicy>, AttestationError> {
    let request = wire::DeletePolicyRequest {
        policy_id: id.to_owned(),
        author: Some(author(by)),
    };
    let reply = existing(management(transport).delete_attestation_policy(request).await)?;
    let deleted = reply.map(|reply| {
        Ok(DeletedPolicy {
            version: told(reply.version)?,
            restored: reply.restored,
        })
    });
    deleted.transpose()
}

pub(super) async fn roll_back(
    transport: &Transport,
    id: &str,
    number: u64,
    by: &Author,
) -> Result<Option<PolicySet>, AttestationError> {
    let request = wire::RollBackPolicyRequest {
        policy_id: id.to_owned(),
        version: number,
        author: Some(author(by)),
    };
    let reply = existing(management(transport).roll_back_attestation_policy(request).await)?;
    let back = reply.map(|reply| {
        Ok(PolicySet {
            version: Some(told(reply.version)?),
            warnings: bounded_list(reply.warnings),
            notes: bounded_list(reply.notes),
        })
    });
    back.transpose()
}

pub(super) fn management(transport: &Transport) -> AttestationManagementServiceClient<Transport> {
    AttestationManagementServiceClient::new(transport.clone()).max_decoding_message_size(super::MAX_ANSWER)
}

/// What there is, or `None` where there is no such policy or version.
fn existing<T>(reply: Result<Response<T>, Status>) -> Result<Option<T>, AttestationError> {
    match reply {
        Ok(reply) => Ok(Some(reply.into_inner())),
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(sort(status)),
    }
}

fn author(author: &Author) -> wire::PolicyAuthor {
    wire::PolicyAuthor {
        how: author.how.clone(),
        name: author.name.clone(),
    }
}

fn told(version: Option<wire::PolicyVersion>) -> Result<Version, AttestationError> {
    version.map_or_else(|| Err(strange()), self::version)
}

fn version(version: wire::PolicyVersion) -> Result<Version, AttestationError> {
    let event = match (version.event.as_str(), version.to) {
        ("set", _) => Event::Set,
        ("deleted", _) => Event::Deleted,
        ("rolled-back", Some(to)) => Event::RolledBack { to },
        ("found", _) => Event::Found,
        _ => return Err(strange()),
    };
    let by = version.by.unwrap_or_default();
    Ok(Version {
        number: version.number,
        digest: version.digest,
        at: version.at,
        by: Author::new(by.how, by.name),
        event,
        labels: Default::default(),
    })
}

fn strange() -> AttestationError {
    AttestationError::Failed("its answer about a version of a policy cannot be read".into())
}
