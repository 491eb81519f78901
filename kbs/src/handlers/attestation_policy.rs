//! `attestation-policy`: set, listed and read by administrators, kept by the Attestation Service.

use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::json;
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
    /// base64url without padding.
    policy: String,
    digest: &'a str,
}

/// `POST attestation-policy`
pub async fn set(kbs: &Kbs, call: &Call) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let request: SetPolicy = serde_json::from_slice(&call.body)
        .map_err(|_| KbsError::BadPolicyBody("expected JSON with `policy_id` and `policy`"))?;
    let rego = decode(&request.policy)?;
    let set = kbs.attestation.set_policy(&request.policy_id, &rego).await;
    set.map_err(|error| error.into_kbs_error(KbsError::BadAttestationPolicy))?;
    tracing::info!(
        role = grant.role(),
        policy_id = request.policy_id,
        "attestation policy set"
    );
    Ok(().into_response())
}

/// `GET attestation-policy`
pub async fn list(kbs: &Kbs, call: &Call) -> Result<Response, KbsError> {
    kbs.administrator(call).await?;
    let policies = kbs.attestation.policies().await;
    json(&policies.map_err(|error| error.into_kbs_error(KbsError::BadAttestationPolicy))?)
}

/// `GET attestation-policy/{id}`
pub async fn get(kbs: &Kbs, call: &Call, id: &str) -> Result<Response, KbsError> {
    kbs.administrator(call).await?;
    let policy = kbs.attestation.policy(id).await;
    let policy = policy.map_err(|error| error.into_kbs_error(KbsError::BadAttestationPolicy))?;
    let policy = policy.ok_or_else(|| KbsError::PolicyNotFound(id.to_owned()))?;
    json(&Policy {
        policy_id: id,
        policy: URL_SAFE_NO_PAD.encode(&policy.rego),
        digest: &policy.digest,
    })
}

/// The Rego text of a `policy` member.
pub(crate) fn decode(policy: &str) -> Result<String, KbsError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(policy)
        .map_err(|_| KbsError::BadPolicyBody("Failed to decode policy: not base64url without padding"))?;
    String::from_utf8(bytes).map_err(|_| KbsError::BadPolicyBody("Failed to decode policy: not UTF-8"))
}
