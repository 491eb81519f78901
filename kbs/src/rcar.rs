//! The messages of the handshake, protocol version 0.4.0 (wire: kbs-http, sections 3 and 5).
//!
//! The shapes are those of the `kbs-types` crate. Evidence is kept as the text it came as: it is
//! for the Attestation Service to read.

use std::collections::BTreeMap;

use kbs_types::{InitData, Tee, TeePubKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::attestation::{Evaluation, EvaluationItem, HashAlgorithm, HashChoice};
use crate::error::{AuthRequestError, KbsError};

/// Most kinds of devices one guest may present besides its CPU.
const MAX_DEVICES: usize = 16;

/// What a client asks for with `POST auth`.
#[derive(Debug, Deserialize)]
pub struct Request {
    version: String,
    /// The kind of the attester.
    pub tee: Tee,
    /// What else the client has to say.
    #[serde(rename = "extra-params")]
    pub extra_params: Value,
}

impl Request {
    /// Reads the message and holds it to version 0.4.0.
    pub fn parse(body: &[u8]) -> Result<Self, AuthRequestError> {
        let request: Self = serde_json::from_slice(body).map_err(|_| AuthRequestError::Malformed)?;
        match version(&request.version) {
            Some("0.4.0") => Ok(request),
            Some(_) => Err(AuthRequestError::VersionMismatch(request.version)),
            None => Err(AuthRequestError::BadVersion),
        }
    }

    /// The attestation policy that the client asks to be judged by, if it does: one of those that it may.
    pub fn policy_id(&self, allowed: &[String]) -> Result<Option<String>, AuthRequestError> {
        let Some(asked) = self.extra_params.get("policy-id") else {
            return Ok(None);
        };
        let chosen = allowed.iter().find(|id| asked.as_str() == Some(id));
        let chosen = chosen.ok_or(AuthRequestError::BadExtraParams(
            "`policy-id` names no policy that clients may choose here: leave it out, or have the operator add it to \
             `client_policy_ids`",
        ))?;
        Ok(Some(chosen.clone()))
    }

    /// The hash algorithms that the client offers, if it says so.
    pub fn offered_hashes(&self) -> Option<&Value> {
        self.extra_params.get("supported-hash-algorithms")
    }
}

/// What is answered to a [`Request`].
#[derive(Serialize)]
pub struct Challenge<'a> {
    /// 32 random bytes as base64, or a TEE's own challenge.
    pub nonce: &'a str,
    /// `""`, or what the server chose.
    #[serde(rename = "extra-params")]
    pub extra_params: Value,
}

impl<'a> Challenge<'a> {
    /// With the hash algorithm that was chosen.
    pub fn new(nonce: &'a str, hash: HashChoice) -> Self {
        let extra_params = match hash {
            HashChoice::Unsaid => Value::String(String::new()),
            HashChoice::Selected(name) => serde_json::json!({ "selected-hash-algorithm": name }),
        };
        Self { nonce, extra_params }
    }
}

/// What is answered to an [`Attestation`].
#[derive(Serialize)]
pub struct TokenResponse<'a> {
    /// A compact JWS.
    pub token: &'a str,
}

/// The answer to a challenge: `POST attest`.
#[derive(Deserialize)]
pub struct Attestation<'a> {
    #[serde(rename = "init-data", default)]
    init_data: Option<InitData>,
    #[serde(rename = "runtime-data")]
    runtime_data: RuntimeData,
    #[serde(rename = "tee-evidence", borrow)]
    evidence: CompositeEvidence<'a>,
}

#[derive(Deserialize)]
struct RuntimeData {
    nonce: String,
    #[serde(rename = "tee-pubkey")]
    tee_pubkey: TeePubKey,
}

#[derive(Deserialize)]
struct CompositeEvidence<'a> {
    #[serde(borrow)]
    primary_evidence: &'a RawValue,
    #[serde(default)]
    additional_evidence: String,
}

impl<'a> Attestation<'a> {
    /// Reads the message.
    pub fn parse(body: &'a [u8]) -> Result<Self, KbsError> {
        serde_json::from_slice(body).map_err(|_| KbsError::BadAttestRequest("deserialize Attestation"))
    }

    /// The nonce the client says it answers.
    pub fn nonce(&self) -> &str {
        &self.runtime_data.nonce
    }

    /// The key the client asks secrets to be sealed to.
    pub fn tee_pubkey(&self) -> Result<Value, KbsError> {
        serde_json::to_value(&self.runtime_data.tee_pubkey)
            .map_err(|_| KbsError::BadAttestRequest("tee-pubkey"))
    }

    /// What the Attestation Service has to appraise: the evidence of the TEE that began the
    /// handshake, then that of each device, each with what it must be bound to.
    pub fn evaluation(&self, tee: Tee, policy_id: Option<String>) -> Result<Evaluation, KbsError> {
        let init_data_toml = match &self.init_data {
            None => None,
            Some(init_data) if init_data.format == "toml" => Some(init_data.body.clone()),
            Some(_) => return Err(KbsError::BadAttestRequest("init-data is not `toml`")),
        };
        let mut items = vec![EvaluationItem {
            tee,
            evidence: self.evidence.primary_evidence.get().to_owned(),
            runtime_data: self.binding(Some(&self.evidence.additional_evidence))?,
            hash: hash_algorithm(tee),
            init_data_toml,
        }];
        for (tee, evidence) in self.devices()? {
            items.push(EvaluationItem {
                tee,
                evidence: evidence.get().to_owned(),
                runtime_data: self.binding(None)?,
                hash: hash_algorithm(tee),
                init_data_toml: None,
            });
        }
        Ok(Evaluation {
            items,
            policy_id,
            explain: true,
        })
    }

    fn devices(&self) -> Result<Vec<(Tee, &RawValue)>, KbsError> {
        let text = &self.evidence.additional_evidence;
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let malformed = KbsError::BadAttestRequest("additional_evidence");
        let Ok(devices) = serde_json::from_str::<BTreeMap<String, &RawValue>>(text) else {
            return Err(malformed);
        };
        if devices.len() > MAX_DEVICES {
            return Err(malformed);
        }
        devices
            .into_iter()
            .map(|(tee, evidence)| match tee.parse() {
                Ok(tee) => Ok((tee, evidence)),
                Err(_) => Err(KbsError::BadAttestRequest("additional_evidence: unknown TEE")),
            })
            .collect()
    }

    /// The object whose RFC 8785 form is hashed into the evidence.
    fn binding(&self, additional_evidence: Option<&str>) -> Result<String, KbsError> {
        #[derive(Serialize)]
        struct Binding<'a> {
            #[serde(rename = "additional-evidence", skip_serializing_if = "Option::is_none")]
            additional_evidence: Option<&'a str>,
            nonce: &'a str,
            #[serde(rename = "tee-pubkey")]
            tee_pubkey: &'a TeePubKey,
        }
        let binding = Binding {
            additional_evidence,
            nonce: &self.runtime_data.nonce,
            tee_pubkey: &self.runtime_data.tee_pubkey,
        };
        serde_json::to_string(&binding).map_err(|_| KbsError::BadAttestRequest("runtime-data"))
    }
}

fn hash_algorithm(tee: Tee) -> HashAlgorithm {
    match tee {
        Tee::Se => HashAlgorithm::Sha512,
        _ => HashAlgorithm::Sha384,
    }
}

/// The version without its build metadata, if it is a semantic version (semver.org, 2.0.0).
fn version(text: &str) -> Option<&str> {
    let (version, build) = text.split_once('+').unwrap_or((text, "0"));
    let (core, pre) = version.split_once('-').unwrap_or((version, "0"));
    let number = |part: &str| {
        !part.is_empty()
            && part.len() < 20
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    let label = |part: &str| {
        part.split('.')
            .all(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
    };
    let whole = core.split('.').count() == 3 && core.split('.').all(number);
    (whole && label(pre) && label(build)).then_some(version)
}

#[cfg(test)]
#[path = "rcar_tests.rs"]
mod tests;
