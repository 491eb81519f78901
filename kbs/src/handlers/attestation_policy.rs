//! `attestation-policy`: set, listed, read, deleted and rolled back by administrators, kept by the Attestation Service.

use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::{is_strict, json, roll_back_to};
use crate::admin::AdminGrant;
use crate::attestation::{Author, PolicyChange, Version};
use crate::body::policy_text;
use crate::call::Call;
use crate::error::KbsError;
use crate::state::Kbs;

#[derive(Deserialize)]
struct SetPolicy {
    policy_id: String,
    policy: String,
}

#[derive(Serialize)]
struct Policy<'a> {
    policy_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// base64url without padding.
    policy: String,
    digest: &'a str,
}

#[derive(Serialize)]
struct Changed<'a> {
    policy_id: &'a str,
    /// Absent where the Attestation Service keeps no history, as is the digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// Of a policy that was set or rolled back.
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<&'a [String]>,
    /// Likewise, if there are any.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'a [String],
    /// Of a deletion: whether the shipped text is in force again.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored: Option<bool>,
}

impl<'a> Changed<'a> {
    fn new(policy_id: &'a str, version: Option<Version>) -> Self {
        let number = version.as_ref().map(|version| version.number);
        Self {
            policy_id,
            version: number,
            digest: version.and_then(|version| version.digest),
            warnings: None,
            notes: &[],
            restored: None,
        }
    }
}

#[derive(Serialize)]
struct History<'a> {
    policy_id: &'a str,
    versions: &'a [Version],
}

/// `POST attestation-policy[?strict=true]`
pub async fn set(kbs: &Kbs, call: &Call) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let strict = is_strict(call)?;
    let request: SetPolicy = serde_json::from_slice(&call.body_of(&grant, &kbs.bodies).await?)
        .map_err(|_| KbsError::BadPolicyBody("expected JSON with `policy_id` and `policy`"))?;
    let rego = policy_text(&request.policy)?;
    let change = PolicyChange {
        id: &request.policy_id,
        rego: &rego,
        author: author(&grant),
        strict,
    };
    let set = kbs.management(&grant)?.set_policy(&change).await;
    let set = set.map_err(|error| error.into_kbs_error(KbsError::BadAttestationPolicy))?;
    tracing::info!(
        role = grant.role(),
        policy_id = request.policy_id,
        version = set.version.as_ref().map(|version| version.number),
        "attestation policy set"
    );
    note(call, &request.policy_id, set.version.as_ref());
    json(&Changed {
        warnings: Some(&set.warnings),
        notes: &set.notes,
        ..Changed::new(&request.policy_id, set.version)
    })
}

/// `GET attestation-policy`
pub async fn list(kbs: &Kbs, call: &Call) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let policies = kbs.management(&grant)?.policies().await;
    json(&policies.map_err(|error| error.into_kbs_error(KbsError::BadAttestationPolicy))?)
}

/// `GET attestation-policy/{id}` and `GET attestation-policy/{id}/version/{n}`
pub async fn get(kbs: &Kbs, call: &Call, id: &str, version: Option<&str>) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let missing = || match version {
        None => KbsError::PolicyNotFound(id.to_owned()),
        Some(number) => KbsError::PolicyNotFound(format!("{id}, version {number}")),
    };
    let version: Option<u64> = version.map(str::parse).transpose().map_err(|_| missing())?;
    let policy = kbs.management(&grant)?.policy(id, version).await;
    let policy = policy.map_err(|error| error.into_kbs_error(KbsError::AttestationPolicyRefused))?;
    let policy = policy.ok_or_else(missing)?;
    json(&Policy {
        policy_id: id,
        version,
        policy: URL_SAFE_NO_PAD.encode(&policy.rego),
        digest: &policy.digest,
    })
}

/// `GET attestation-policy/{id}/history`
pub async fn history(kbs: &Kbs, call: &Call, id: &str) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let versions = kbs.management(&grant)?.policy_history(id).await;
    let versions = versions.map_err(|error| error.into_kbs_error(KbsError::AttestationPolicyRefused))?;
    json(&History {
        policy_id: id,
        versions: &versions.ok_or_else(|| KbsError::PolicyNotFound(id.to_owned()))?,
    })
}

/// `DELETE attestation-policy/{id}`
pub async fn delete(kbs: &Kbs, call: &Call, id: &str) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let deleted = kbs.management(&grant)?.delete_policy(id, &author(&grant)).await;
    let deleted = deleted.map_err(|error| error.into_kbs_error(KbsError::AttestationPolicyRefused))?;
    let deleted = deleted.ok_or_else(|| KbsError::PolicyNotFound(id.to_owned()))?;
    tracing::info!(
        role = grant.role(),
        policy_id = id,
        restored = deleted.restored,
        "attestation policy deleted"
    );
    note(call, id, Some(&deleted.version));
    json(&Changed {
        restored: Some(deleted.restored),
        ..Changed::new(id, Some(deleted.version))
    })
}

/// `POST attestation-policy/{id}/rollback`
pub async fn roll_back(kbs: &Kbs, call: &Call, id: &str) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let version = roll_back_to(kbs, call, &grant).await?;
    let back = kbs
        .management(&grant)?
        .roll_back_policy(id, version, &author(&grant))
        .await;
    let back = back.map_err(|error| error.into_kbs_error(KbsError::AttestationPolicyRefused))?;
    let back = back.ok_or_else(|| KbsError::PolicyNotFound(format!("{id}, version {version}")))?;
    tracing::info!(
        role = grant.role(),
        policy_id = id,
        to = version,
        "attestation policy rolled back"
    );
    note(call, id, back.version.as_ref());
    json(&Changed {
        warnings: Some(&back.warnings),
        notes: &back.notes,
        ..Changed::new(id, back.version)
    })
}

/// For the audit log.
fn note(call: &Call, id: &str, version: Option<&Version>) {
    let _ = call.changed.set(crate::audit::Changed {
        policy_id: Some(id.to_owned()),
        version: version.map(|version| version.number),
        digest: version.and_then(|version| version.digest.clone()),
        ..Default::default()
    });
}

/// The administrator, as a history names it.
pub(super) fn author(grant: &AdminGrant) -> Author {
    Author::new("role", grant.role())
}
