//! `resource-policy`: set, listed, read, deleted and rolled back by administrators.

use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use policy::ReleaseDialect;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use storage::{StorageError, Version, VersionsError};

use super::{Parameters, is_strict, json, roll_back_to};
use crate::body::policy_text;
use crate::call::Call;
use crate::error::KbsError;
use crate::resource::{ActivePolicy, MAIN, NewPolicy, PolicyChanged, PolicyStoreError, Scope};
use crate::state::Kbs;

/// What is wrong with it is told in the words of the existing implementation.
#[derive(Deserialize)]
struct SetPolicy {
    #[serde(default, deserialize_with = "present")]
    policy: Option<Value>,
}

/// A member that is null is there, and no text.
fn present<'de, D: Deserializer<'de>>(member: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(member).map(Some)
}

impl SetPolicy {
    fn rego(&self) -> Result<String, KbsError> {
        let policy = self.policy.as_ref().ok_or(KbsError::BadPolicyBody(
            "No `policy` field inside SetPolicy Request Json",
        ))?;
        let policy = policy.as_str().ok_or(KbsError::BadPolicyBody(
            "`policy` field is not a string in SetPolicy Request Json",
        ))?;
        policy_text(policy)
    }
}

/// The body of a `PUT`, which no other implementation knows, so that nothing in it is passed over.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PutPolicy {
    /// base64url without padding.
    policy: String,
    /// Needed by every policy but the one for everything.
    scope: Option<String>,
}

/// One policy of a list.
#[derive(Serialize)]
struct Summary<'a> {
    policy_id: &'a str,
    /// Absent where it is asked about everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    digest: &'a str,
    /// Absent where the history does not know this text.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// Absent if the stored policy does not compile.
    #[serde(skip_serializing_if = "Option::is_none")]
    dialect: Option<ReleaseDialect>,
    asks_for_affirming: bool,
    /// Why it does not compile: it denies whatever it is asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<&'a str>,
}

#[derive(Serialize)]
struct Policy<'a> {
    #[serde(flatten)]
    summary: Summary<'a>,
    /// base64url without padding.
    policy: String,
}

#[derive(Serialize)]
struct Changed<'a> {
    #[serde(flatten)]
    summary: Summary<'a>,
    /// What the policy reads that is probably not there.
    warnings: &'a [String],
}

#[derive(Serialize)]
struct History<'a> {
    policy_id: &'a str,
    /// The newest first.
    versions: Vec<Version>,
}

#[derive(Serialize)]
struct OldPolicy<'a> {
    policy_id: &'a str,
    version: u64,
    /// base64url without padding.
    policy: String,
}

/// `POST resource-policy[?strict=true]`: of the policy for everything.
pub async fn set(kbs: &Kbs, call: &Call) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let request: SetPolicy = serde_json::from_slice(&call.body_of(&grant, &kbs.bodies).await?)
        .map_err(|_| KbsError::BadPolicyBody("Illegal SetPolicy Request Json"))?;
    let rego = request.rego()?;
    let new = NewPolicy {
        strict: is_strict(call)?,
        ..NewPolicy::for_everything(&rego)
    };
    let set = kbs.policy.set(&grant, new, kbs.clock.now()).await;
    changed(call, &set.map_err(sort)?)
}

/// `PUT resource-policy/{id}[?strict=true]`: with a scope, unless it is the policy for everything.
pub async fn put(kbs: &Kbs, call: &Call, id: &str) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let request: PutPolicy = serde_json::from_slice(&call.body_of(&grant, &kbs.bodies).await?)
        .map_err(|_| KbsError::BadPolicyBody("expected JSON with `policy`, and `scope` if it has one"))?;
    let rego = policy_text(&request.policy)?;
    let scope = request.scope.map(|scope| scope.parse::<Scope>()).transpose();
    let scope = scope.map_err(|error| sort(PolicyStoreError::Scope(error)))?;
    let new = NewPolicy {
        id,
        scope,
        rego: &rego,
        strict: is_strict(call)?,
    };
    let set = kbs.policy.set(&grant, new, kbs.clock.now()).await;
    changed(call, &set.map_err(sort)?)
}

/// `POST resource-policy/{id}/rollback`
pub async fn roll_back(kbs: &Kbs, call: &Call, id: &str) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let version = roll_back_to(kbs, call, &grant).await?;
    let now = kbs.clock.now();
    let set = kbs.policy.roll_back(&grant, id, version, now).await;
    changed(call, &set.map_err(sort)?)
}

/// `DELETE resource-policy/{id}`
pub async fn delete(kbs: &Kbs, call: &Call, id: &str) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let deleted = kbs.policy.delete(&grant, id, kbs.clock.now()).await;
    let deleted = deleted.map_err(sort)?;
    let _ = call.changed.set(crate::audit::Changed {
        policy_id: Some(id.to_owned()),
        version: Some(deleted.number),
        ..Default::default()
    });
    Ok(().into_response())
}

/// `GET resource-policy`: the ids; with `?details=true`, what is known of each.
pub async fn list(kbs: &Kbs, call: &Call) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let policies = kbs.policy.list(&grant);
    match Parameters::of(call, &["details"])?.flag("details")? {
        true => json(&policies.iter().map(|policy| summary(policy)).collect::<Vec<_>>()),
        false => json(&policies.iter().map(|policy| policy.id()).collect::<Vec<_>>()),
    }
}

/// `GET resource-policy/{id}`
pub async fn get(kbs: &Kbs, call: &Call, id: &str) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let policy = kbs.policy.get(id, &grant);
    let policy = policy.ok_or_else(|| KbsError::PolicyNotFound(id.to_owned()))?;
    json(&Policy {
        summary: summary(&policy),
        policy: URL_SAFE_NO_PAD.encode(policy.rego()),
    })
}

/// `GET resource-policy/{id}/history`
pub async fn history(kbs: &Kbs, call: &Call, id: &str) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let versions = kbs.policy.history(&grant, id, kbs.clock.now()).await;
    json(&History {
        policy_id: id,
        versions: versions.map_err(sort)?,
    })
}

/// `GET resource-policy/{id}/version/{number}`
pub async fn version(kbs: &Kbs, call: &Call, id: &str, number: &str) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let version = number
        .parse()
        .map_err(|_| KbsError::NotFound(format!("`{MAIN}/{id}/version` is followed by a number")))?;
    let rego = kbs.policy.text(&grant, id, version).await.map_err(sort)?;
    json(&OldPolicy {
        policy_id: id,
        version,
        policy: URL_SAFE_NO_PAD.encode(rego),
    })
}

fn changed(call: &Call, changed: &PolicyChanged) -> Result<Response, KbsError> {
    let _ = call.changed.set(crate::audit::Changed {
        policy_id: Some(changed.policy.id().to_owned()),
        version: changed.policy.version(),
        digest: Some(changed.policy.digest().to_owned()),
        ..Default::default()
    });
    json(&Changed {
        summary: summary(&changed.policy),
        warnings: &changed.warnings,
    })
}

fn summary(policy: &ActivePolicy) -> Summary<'_> {
    Summary {
        policy_id: policy.id(),
        scope: policy.scope().map(Scope::as_str),
        digest: policy.digest(),
        version: policy.version(),
        dialect: policy.dialect(),
        asks_for_affirming: policy.asks_for_affirming(),
        broken: policy.broken(),
    }
}

fn sort(error: PolicyStoreError) -> KbsError {
    use PolicyStoreError as E;
    match error {
        E::Versions(VersionsError::NotFound(id)) => KbsError::PolicyNotFound(id),
        E::Versions(error @ (VersionsError::NoVersion { .. } | VersionsError::NoText { .. })) => {
            KbsError::NotFound(error.to_string())
        }
        E::Versions(VersionsError::Storage(cause @ StorageError::NotWritable { .. })) => {
            KbsError::PolicyNotWritable(cause)
        }
        E::Versions(error) => KbsError::PolicyBroken(error.into()),
        E::Unchecked(error) => KbsError::Busy(error),
        error => KbsError::BadResourcePolicy(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn an_administrator_is_told_that_policies_are_on_a_read_only_storage() {
        let cause = std::io::ErrorKind::ReadOnlyFilesystem.into();
        let error = StorageError::change("write", "/storage/kbs".as_ref())(cause);
        let error = sort(PolicyStoreError::Versions(VersionsError::Storage(error)));
        assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(error.name(), "PolicyEngineError");
        let text = error.to_string();
        assert!(
            text.contains("/storage/kbs") && text.contains("make it writable"),
            "{text}"
        );
    }
}
