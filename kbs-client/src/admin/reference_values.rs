//! What is remembered of reference values, and how they are taken back. Only a KBS of this project offers it.

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{AdminClient, encoded, segment};
use crate::error::ClientError;

/// What there is to know about one reference value.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct ReferenceValueHistory {
    /// Its name.
    pub id: String,
    /// The value that counts now; `None` if none does.
    pub current: Option<ServedValue>,
    /// Whether that is the value of the newest version. If not, somebody changed the storage by hand.
    pub current_is_newest: bool,
    /// The newest first.
    pub versions: Vec<ValueVersion>,
    /// What never counts again.
    pub revoked: Vec<Revocation>,
}

/// The value that counts now.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct ServedValue {
    /// The value.
    pub value: Value,
    /// Seconds since the Unix epoch, as all times here.
    pub expires_at: i64,
}

/// One version of a reference value.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct ValueVersion {
    /// Counts from 1.
    pub number: u64,
    /// `registered`, `deleted` or `revoked`.
    pub event: String,
    /// When.
    pub at: i64,
    /// Who.
    pub by: Option<Registrar>,
    /// Why, if that one said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The value, if any was left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// When the same came last, if it came again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renewed_at: Option<i64>,
    /// The message that brought it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Value>,
}

/// Who changed a reference value.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Registrar {
    /// How the RVPS knows that one.
    pub how: String,
    /// The name under which it does.
    pub name: String,
    /// For whom that one asked, in its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
}

/// What never counts again.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Revocation {
    /// The value, or the element of values.
    pub value: Value,
    /// When.
    pub at: i64,
    /// Who.
    pub by: Option<Registrar>,
    /// Why, if that one said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What to revoke.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum RevokeWhat {
    /// Everything in the value that counts now.
    #[default]
    Current,
    /// Everything in the value that a version had.
    Version(u64),
    /// This value, or this element of values.
    Element(Value),
}

impl AdminClient {
    /// The versions of a reference value, who brought them and why, and what of it is revoked.
    pub async fn reference_value_history(&self, id: &str) -> Result<ReferenceValueHistory, ClientError> {
        let path = format!("reference-value-history/{}", segment(id)?);
        let body = self.send(self.http.request(Method::GET, &path)).await?;
        serde_json::from_slice(&body).map_err(|_| ClientError::BadAnswer("it is no history"))
    }

    /// Takes a reference value out of service. With `forget`, what is remembered of it goes, too, but for what is
    /// revoked.
    pub async fn delete_reference_value(
        &self,
        id: &str,
        reason: Option<&str>,
        forget: bool,
    ) -> Result<(), ClientError> {
        let mut path = format!("reference-value/{}?forget={forget}", segment(id)?);
        if let Some(reason) = reason {
            path.push_str("&reason=");
            path.push_str(&encoded(reason));
        }
        self.send(self.http.request(Method::DELETE, &path))
            .await
            .map(drop)
    }

    /// Revokes a reference value, or a part of it: it never counts again, whoever registers it. Gives what is left.
    pub async fn revoke_reference_value(
        &self,
        id: &str,
        what: &RevokeWhat,
        reason: Option<&str>,
    ) -> Result<Option<Value>, ClientError> {
        #[derive(Deserialize)]
        struct Revoked {
            left: Option<Value>,
        }
        let mut body = json!({});
        match what {
            RevokeWhat::Current => {}
            RevokeWhat::Version(number) => body["version"] = json!(number),
            RevokeWhat::Element(element) => body["element"] = element.clone(),
        }
        if let Some(reason) = reason {
            body["reason"] = json!(reason);
        }
        let path = format!("reference-value/{}/revoke", segment(id)?);
        let answer = self
            .send(self.http.request(Method::POST, &path).json(&body))
            .await?;
        let revoked: Result<Revoked, _> = serde_json::from_slice(&answer);
        let revoked = revoked.map_err(|_| ClientError::BadAnswer("it does not say what is left"))?;
        Ok(revoked.left)
    }
}
