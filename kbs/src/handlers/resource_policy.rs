//! `resource-policy`: set, listed and read by administrators.

use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use policy::ReleaseDialect;
use serde::{Deserialize, Serialize};

use super::attestation_policy::decode;
use super::json;
use crate::call::Call;
use crate::error::KbsError;
use crate::resource::PolicyStoreError;
use crate::state::Kbs;

#[derive(Deserialize)]
struct SetPolicy {
    policy: String,
}

#[derive(Serialize)]
struct Policy<'a> {
    policy_id: &'a str,
    /// base64url without padding.
    policy: String,
    digest: &'a str,
    /// Absent if the stored policy does not compile.
    #[serde(skip_serializing_if = "Option::is_none")]
    dialect: Option<ReleaseDialect>,
    asks_for_affirming: bool,
}

/// `POST resource-policy`
pub async fn set(kbs: &Kbs, call: &Call) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let request: SetPolicy = serde_json::from_slice(&call.body)
        .map_err(|_| KbsError::BadPolicyBody("Illegal SetPolicy Request Json"))?;
    let rego = decode(&request.policy)?;
    kbs.policy.set(&grant, &rego).await.map_err(sort)?;
    Ok(().into_response())
}

/// `GET resource-policy`
pub async fn list(kbs: &Kbs, call: &Call) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    json(&kbs.policy.ids(&grant).await.map_err(sort)?)
}

/// `GET resource-policy/{id}`
pub async fn get(kbs: &Kbs, call: &Call, id: &str) -> Result<Response, KbsError> {
    kbs.administrator(call).await?;
    let active = kbs.policy.active();
    if id != active.id() {
        return Err(KbsError::PolicyNotFound(id.to_owned()));
    }
    json(&Policy {
        policy_id: id,
        policy: URL_SAFE_NO_PAD.encode(active.rego()),
        digest: active.digest(),
        dialect: active.dialect(),
        asks_for_affirming: active.asks_for_affirming(),
    })
}

fn sort(error: PolicyStoreError) -> KbsError {
    match error {
        PolicyStoreError::Policy(_) | PolicyStoreError::TooLarge => KbsError::BadResourcePolicy(error.into()),
        PolicyStoreError::Store(_) | PolicyStoreError::NotText => KbsError::PolicyBroken(error.into()),
    }
}
