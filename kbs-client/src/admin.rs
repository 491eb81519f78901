//! An administrator: resources, policies and reference values of a KBS.

mod credential;
mod policies;
mod policy_versions;
mod reference_values;
mod trial;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{Caller, ClientError};
use crate::http::{Http, bearer};
use crate::uri::ResourceUri;

pub use credential::{AdminCredential, AdminKey};
pub use policy_versions::{Author, PolicyChanged, PolicyKind, PolicyVersion};
pub use reference_values::{
    ReferenceValueHistory, Registrar, Revocation, RevokeWhat, ServedValue, ValueVersion,
};

/// An administrator's connection to a KBS.
pub struct AdminClient {
    http: Http,
    credential: AdminCredential,
}

impl AdminClient {
    /// A client of the KBS whose root is `url`. `roots`: PEM files of root certificates, beside the system's.
    pub fn new(url: &str, roots: &[Vec<u8>], credential: AdminCredential) -> Result<Self, ClientError> {
        Ok(Self {
            http: Http::new(url, roots)?,
            credential,
        })
    }

    /// Stores `content` under the name, in place of what was there.
    pub async fn set_resource(&self, uri: &ResourceUri, content: Vec<u8>) -> Result<(), ClientError> {
        let request = self.http.request(Method::POST, &uri.request_path());
        self.send(
            request
                .header(CONTENT_TYPE, "application/octet-stream")
                .body(content),
        )
        .await
        .map(drop)
    }

    /// Deletes a resource.
    pub async fn delete_resource(&self, uri: &ResourceUri) -> Result<(), ClientError> {
        self.send(self.http.request(Method::DELETE, &uri.request_path()))
            .await
            .map(drop)
    }

    /// The names of all resources. Only a KBS of this project offers it.
    pub async fn list_resources(&self) -> Result<Vec<ListEntry>, ClientError> {
        self.list("resource").await
    }

    /// The ids of the resource policies.
    pub async fn list_resource_policies(&self) -> Result<Vec<ListEntry>, ClientError> {
        self.list("resource-policy").await
    }

    /// A resource policy and what the KBS knows about it. Only a KBS of this project offers it.
    pub async fn get_resource_policy(&self, id: &str) -> Result<Policy, ClientError> {
        self.policy("resource-policy", id).await
    }

    /// The ids of the attestation policies. Only a KBS of this project offers it.
    pub async fn list_attestation_policies(&self) -> Result<Vec<ListEntry>, ClientError> {
        self.list("attestation-policy").await
    }

    /// An attestation policy. Only a KBS of this project offers it.
    pub async fn get_attestation_policy(&self, id: &str) -> Result<Policy, ClientError> {
        self.policy("attestation-policy", id).await
    }

    /// A reference value, as the JSON text that the KBS answers.
    pub async fn get_reference_value(&self, id: &str) -> Result<String, ClientError> {
        let request = self
            .http
            .request(Method::GET, &format!("reference-value/{}", segment(id)?));
        let body = self
            .send(request.header(CONTENT_TYPE, "application/json"))
            .await?;
        String::from_utf8(body).map_err(|_| ClientError::BadAnswer("it is no text"))
    }

    /// All reference values by name. Only a KBS of this project offers it.
    pub async fn list_reference_values(&self) -> Result<BTreeMap<String, Value>, ClientError> {
        self.list("reference-value").await
    }

    /// Registers `value` under `name`, in place of what was there, through the `sample` extractor.
    pub async fn set_sample_reference_value(&self, name: &str, value: &Value) -> Result<(), ClientError> {
        let payload = STANDARD.encode(json!({name: value}).to_string());
        let body = json!({"version": "0.1.0", "type": "sample", "payload": payload});
        self.send(self.http.request(Method::POST, "reference-value").json(&body))
            .await
            .map(drop)
    }

    async fn list<T: DeserializeOwned>(&self, what: &str) -> Result<T, ClientError> {
        let body = self.send(self.http.request(Method::GET, what)).await?;
        serde_json::from_slice(&body).map_err(|_| ClientError::BadAnswer("it is no list"))
    }

    async fn policy(&self, what: &str, id: &str) -> Result<Policy, ClientError> {
        let body = self
            .send(
                self.http
                    .request(Method::GET, &format!("{what}/{}", segment(id)?)),
            )
            .await?;
        serde_json::from_slice(&body).map_err(|_| ClientError::BadAnswer("it is no policy"))
    }

    /// A request to `/kbs/v0/<path>`.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, path)
    }

    /// Sends it with the credential, and gives the body of the answer.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Vec<u8>, ClientError> {
        let request = match self.credential.bearer()? {
            Some(token) => request.header(AUTHORIZATION, bearer(&token)?),
            None => request,
        };
        Ok(self.http.exchange(request, Caller::Admin).await?.body)
    }
}

/// One of a list: an id, and what else the KBS tells about it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "ListItem")]
pub struct ListEntry {
    /// The id, or `repository/type/tag`.
    pub id: String,
    /// SHA-384 of a policy's text, hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What a resource policy is asked about, if not about everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The number of a policy's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Why a policy does not compile; then it denies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}

/// Lists come as plain ids, or as objects that name one.
#[derive(Deserialize)]
#[serde(untagged)]
enum ListItem {
    Id(String),
    Object {
        #[serde(alias = "policy_id", alias = "path", alias = "name")]
        id: String,
        digest: Option<String>,
        scope: Option<String>,
        version: Option<u64>,
        broken: Option<String>,
    },
}

impl From<ListItem> for ListEntry {
    fn from(item: ListItem) -> Self {
        match item {
            ListItem::Id(id) => Self {
                id,
                digest: None,
                scope: None,
                version: None,
                broken: None,
            },
            ListItem::Object {
                id,
                digest,
                scope,
                version,
                broken,
            } => Self {
                id,
                digest,
                scope,
                version,
                broken,
            },
        }
    }
}

/// A policy as a KBS gives it back.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Policy {
    /// The id.
    #[serde(alias = "policy_id", default)]
    pub id: String,
    /// The Rego text, base64url.
    policy: String,
    /// Which of the documented dialects it speaks; resource policies only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialect: Option<Value>,
    /// SHA-384 of the text, hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Whether the policy asks for an affirming result; resource policies only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asks_for_affirming: Option<bool>,
}

impl Policy {
    /// The Rego text.
    pub fn text(&self) -> Result<String, ClientError> {
        let bytes = URL_SAFE_NO_PAD.decode(self.policy.trim_end_matches('=')).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        text.ok_or(ClientError::BadAnswer(
            "the policy in it is not base64url of text",
        ))
    }
}

/// An id as the end of a path: whatever is no letter, digit or `-._~/` is percent-encoded.
pub(crate) fn segment(id: &str) -> Result<String, ClientError> {
    if id.is_empty() || id.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(ClientError::Setup(format!("{id:?} is not an id")));
    }
    Ok(encoded(id))
}

/// A query of these parameters, with its question mark; empty if there are none.
pub(crate) fn query(parameters: &[(&str, String)]) -> String {
    let mut query = String::new();
    for (name, value) in parameters {
        query.push(if query.is_empty() { '?' } else { '&' });
        query.push_str(&format!("{name}={}", encoded(value)));
    }
    query
}

/// Percent-encodes all but letters, digits and `-._~/` (RFC 3986, sections 2.3 and 3.4).
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(char::from(byte))
            }
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
