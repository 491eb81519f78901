//! What a KBS decided about guests, and why. Only a KBS of this project offers it.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::admin::{AdminClient, query, segment};
use crate::error::ClientError;

/// One decision, as the KBS recorded it. The words are the KBS's own: they come from the network, and may quote a guest.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Decision {
    /// Its name.
    pub id: String,
    /// Seconds since the Unix epoch.
    pub at: i64,
    /// `attestation` or `release`.
    pub kind: String,
    /// How it ended, such as `affirming`, `denied`, `refused`.
    pub verdict: String,
    /// The type of the error that was answered.
    pub class: Option<String>,
    /// What failed, where no policy decided.
    pub reason: Option<String>,
    /// The id of the HTTP request, as the logs have it.
    pub request_id: Option<String>,
    /// The kind of attester.
    pub tee: Option<String>,
    /// What was asked for: `resource/default/key/1`.
    pub resource: Option<String>,
    /// The resource policies that decided.
    pub policies: Vec<PolicyUsed>,
    /// The attestation that a release relied on.
    pub attestation: Option<String>,
    /// The appraisal of each device.
    pub devices: BTreeMap<String, Device>,
    /// The Attestation Service's explanation.
    pub explanation: Option<Value>,
    /// The check that failed, where evidence was refused.
    pub failed_check: Option<FailedCheck>,
}

/// The check that evidence, or what came with it, did not pass.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct FailedCheck {
    /// Whose evidence.
    pub tee: Option<String>,
    /// A name that stays the same, such as `report-data-mismatch`.
    pub check: String,
    /// Whose fault it is: `attester`, `request` …
    pub fault: String,
    /// What would have been right.
    pub expected: Option<String>,
    /// What came instead.
    pub came: Option<String>,
    /// What to do about it.
    pub advice: String,
}

/// The appraisal of one device.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Device {
    /// `affirming`, `warning`, `contraindicated` or `none`.
    pub status: String,
    /// The trust claims and their values.
    pub vector: BTreeMap<String, i64>,
    /// The policy that it was appraised by.
    pub policy_id: Option<String>,
    /// SHA-384 of that policy's text, in hex.
    pub policy_digest: Option<String>,
    /// How many seconds the Attestation Service had not reached its RVPS, if that was so: the values may be old.
    pub reference_values_age: Option<u64>,
}

/// A resource policy that decided.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct PolicyUsed {
    /// Its id.
    pub id: String,
    /// SHA-384 of its text, in hex.
    pub digest: String,
    /// The number of that text in the policy's history.
    pub version: Option<u64>,
}

/// Which decisions to list. What is left out matches all.
#[derive(Debug, Clone, Default)]
pub struct DecisionFilter {
    /// Made after the decision of this id.
    pub after: Option<String>,
    /// Made in the last so many seconds.
    pub last_seconds: Option<u64>,
    /// `attestation` or `release`.
    pub kind: Option<String>,
    /// That ended so.
    pub verdict: Option<String>,
    /// Of this kind of attester.
    pub tee: Option<String>,
    /// Of resources below this name, with the plugin in front.
    pub resource: Option<String>,
    /// Of this request.
    pub request_id: Option<String>,
    /// So many at most.
    pub limit: Option<usize>,
}

/// A part of the list, oldest first.
#[derive(Debug, Clone)]
pub struct DecisionPage {
    /// The decisions as the KBS gave them.
    pub items: Vec<Value>,
    /// What to give as [`DecisionFilter::after`] to go on.
    pub next: Option<String>,
}

/// A decision in full.
#[derive(Debug, Clone)]
pub struct ShownDecision {
    /// The decision.
    pub decision: Decision,
    /// The attestation that a release relied on, where the KBS still has it.
    pub attestation: Option<Decision>,
    /// All of it as the KBS gave it, the claims included where they were asked for.
    pub json: Value,
}

impl AdminClient {
    /// The decisions that match. Where there are none, the KBS waits up to `wait` seconds for one (20 at most).
    pub async fn list_decisions(
        &self,
        filter: &DecisionFilter,
        wait: u64,
    ) -> Result<DecisionPage, ClientError> {
        #[derive(Deserialize)]
        struct Listed {
            decisions: Vec<Value>,
            next: Option<String>,
        }
        let path = format!("decisions{}", query(&filter.parameters(wait)));
        let request = self.request(Method::GET, &path);
        let listed: Listed = parse(&self.send(request).await?)?;
        Ok(DecisionPage {
            items: listed.decisions,
            next: listed.next,
        })
    }

    /// One decision, with the claims that it was made on if `claims` is set and the KBS has them.
    pub async fn show_decision(&self, id: &str, claims: bool) -> Result<ShownDecision, ClientError> {
        #[derive(Deserialize)]
        struct Shown {
            decision: Decision,
            attestation: Option<Decision>,
        }
        let claims = query(&[("claims", claims.to_string())]);
        let path = format!("decisions/{}{claims}", segment(id)?);
        let request = self.request(Method::GET, &path);
        let json: Value = parse(&self.send(request).await?)?;
        let shown = Shown::deserialize(&json).map_err(|_| NO_DECISION)?;
        Ok(ShownDecision {
            decision: shown.decision,
            attestation: shown.attestation,
            json,
        })
    }
}

impl DecisionFilter {
    fn parameters(&self, wait: u64) -> Vec<(&'static str, String)> {
        let texts = [
            ("after", &self.after),
            ("kind", &self.kind),
            ("verdict", &self.verdict),
            ("tee", &self.tee),
            ("resource", &self.resource),
            ("request_id", &self.request_id),
        ];
        let mut parameters: Vec<_> = texts
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.clone()?)))
            .collect();
        if let Some(seconds) = self.last_seconds {
            // Before the KBS's own now.
            parameters.push(("since", format!("-{seconds}")));
        }
        if let Some(limit) = self.limit {
            parameters.push(("limit", limit.to_string()));
        }
        if wait > 0 {
            parameters.push(("wait", wait.to_string()));
        }
        parameters
    }
}

impl Decision {
    /// Reads one of a list.
    pub fn read(json: &Value) -> Result<Self, ClientError> {
        Self::deserialize(json).map_err(|_| NO_DECISION)
    }
}

const NO_DECISION: ClientError = ClientError::BadAnswer("it is no decision");

fn parse<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(body).map_err(|_| NO_DECISION)
}
