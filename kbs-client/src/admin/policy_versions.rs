//! The history of policies, and the way back. Only a KBS of this project offers it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{AdminClient, ListEntry, Policy, segment};
use crate::error::ClientError;

/// Which kind of policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyKind {
    /// Those of the KBS: which guest gets which resource.
    Resource,
    /// Those of the Attestation Service: how evidence is judged.
    Attestation,
}

impl PolicyKind {
    /// The first segment of its paths.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resource => "resource-policy",
            Self::Attestation => "attestation-policy",
        }
    }
}

/// One version of a policy.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct PolicyVersion {
    /// Counts from 1.
    pub number: u64,
    /// SHA-384 of the text, hex; `None` where the version is that there is no policy.
    pub digest: Option<String>,
    /// Seconds since the Unix epoch.
    pub at: i64,
    /// Who.
    pub by: Author,
    /// `set`, `deleted`, `rolled-back`, or `found`: changed in the storage by another program or by hand.
    pub event: String,
    /// To which version, if it was rolled back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    /// What else was said of it, such as its scope.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub labels: Value,
}

/// Who changed a policy.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Author {
    /// How that is known.
    pub how: String,
    /// The name, as far as there is one.
    pub name: String,
}

/// What a KBS says of a change.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
pub struct PolicyChanged {
    /// The number of the version that is in force now.
    pub version: Option<u64>,
    /// SHA-384 of its text, hex.
    pub digest: Option<String>,
    /// What the policy reads that is probably not there.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// What else whoever set it should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl AdminClient {
    /// Sets the resource policy that is asked about everything. With `strict`, one that reads what is not there is
    /// refused.
    pub async fn set_resource_policy(&self, rego: &[u8], strict: bool) -> Result<PolicyChanged, ClientError> {
        let body = json!({"policy": URL_SAFE_NO_PAD.encode(rego)});
        let path = checked("resource-policy".to_owned(), strict);
        let answer = self
            .send(self.http.request(Method::POST, &path).json(&body))
            .await?;
        match answer.as_slice() {
            [] if strict => Err(ClientError::BadAnswer(
                "it does not say that the policy was checked: this KBS sets policies unchecked",
            )),
            [] => Ok(PolicyChanged::default()),
            json => read(json),
        }
    }

    /// Sets a resource policy that is asked about what begins with `scope`, such as `repository/type`.
    pub async fn set_scoped_resource_policy(
        &self,
        id: &str,
        scope: &str,
        rego: &[u8],
        strict: bool,
    ) -> Result<PolicyChanged, ClientError> {
        let body = json!({"policy": URL_SAFE_NO_PAD.encode(rego), "scope": scope});
        let path = checked(format!("resource-policy/{}", segment(id)?), strict);
        let request = self.http.request(Method::PUT, &path).json(&body);
        read(&self.send(request).await?)
    }

    /// The resource policies with what the KBS tells of them: of each its id at least.
    pub async fn describe_resource_policies(&self) -> Result<Vec<ListEntry>, ClientError> {
        self.list("resource-policy?details=true").await
    }

    /// Every version of a policy that is known, the newest first.
    pub async fn policy_history(
        &self,
        kind: PolicyKind,
        id: &str,
    ) -> Result<Vec<PolicyVersion>, ClientError> {
        #[derive(Deserialize)]
        struct History {
            versions: Vec<PolicyVersion>,
        }
        let path = format!("{}/{}/history", kind.as_str(), segment(id)?);
        let body = self.send(self.http.request(Method::GET, &path)).await?;
        Ok(read::<History>(&body)?.versions)
    }

    /// One version of a policy.
    pub async fn policy_version(
        &self,
        kind: PolicyKind,
        id: &str,
        number: u64,
    ) -> Result<Policy, ClientError> {
        let path = format!("{}/{}/version/{number}", kind.as_str(), segment(id)?);
        read(&self.send(self.http.request(Method::GET, &path)).await?)
    }

    /// Puts an earlier version of a policy in force again.
    pub async fn roll_back_policy(
        &self,
        kind: PolicyKind,
        id: &str,
        number: u64,
    ) -> Result<PolicyChanged, ClientError> {
        let path = format!("{}/{}/rollback", kind.as_str(), segment(id)?);
        let request = self.http.request(Method::POST, &path);
        read(&self.send(request.json(&json!({"version": number}))).await?)
    }

    /// Takes a policy out of force. Its versions stay. Says whether one that is shipped is in its place now.
    pub async fn delete_policy(&self, kind: PolicyKind, id: &str) -> Result<bool, ClientError> {
        #[derive(Deserialize)]
        struct Deleted {
            #[serde(default)]
            restored: bool,
        }
        let path = format!("{}/{}", kind.as_str(), segment(id)?);
        let answer = self.send(self.http.request(Method::DELETE, &path)).await?;
        match answer.as_slice() {
            [] => Ok(false),
            json => Ok(read::<Deleted>(json)?.restored),
        }
    }
}

fn checked(path: String, strict: bool) -> String {
    match strict {
        true => format!("{path}?strict=true"),
        false => path,
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(body).map_err(|_| ClientError::BadAnswer("it does not say what was asked for"))
}
