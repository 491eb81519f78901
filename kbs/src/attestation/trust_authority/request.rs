//! What is sent: the evidence of the CPU and of GPUs, each with the data that it must be bound to.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kbs_types::Tee;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::Wanted;
use super::azure::{self, AzureError};
use super::gpu::{GpuError, GpuEvidence};
use crate::attestation::{Evaluation, EvaluationItem};

/// The body of a call, and what its answer has to be about.
pub(super) struct Request<'a> {
    body: Body<'a>,
    azure: bool,
    wanted: Wanted,
}

#[derive(Serialize)]
struct Body<'a> {
    policy_ids: &'a [String],
    policy_must_match: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    tdx: Option<CpuEvidence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sgx: Option<CpuEvidence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nvgpu: Option<GpuEvidence>,
}

/// All base64, with padding.
#[derive(Default, Serialize)]
struct CpuEvidence {
    quote: String,
    runtime_data: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_log: Option<String>,
}

/// `tdx` and `sgx` on the wire.
#[derive(Deserialize)]
struct WireQuote {
    quote: String,
    #[serde(default)]
    cc_eventlog: Option<String>,
}

/// The guest sent something that the service does not appraise.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    #[error("Intel Trust Authority does not appraise TEE `{0}`")]
    Tee(Tee),
    #[error("the evidence of `{0}` is malformed")]
    Evidence(Tee),
    #[error("the evidence of two CPUs was sent, or of none")]
    Cpus,
    #[error("the runtime data cannot be hashed")]
    RuntimeData,
    #[error(transparent)]
    Azure(#[from] AzureError),
    #[error(transparent)]
    Gpu(#[from] GpuError),
}

impl<'a> Request<'a> {
    pub(super) fn of(
        evaluation: &Evaluation,
        policy_ids: &'a [String],
        policy_must_match: bool,
    ) -> Result<Self, RequestError> {
        let mut body = Body {
            policy_ids,
            policy_must_match,
            tdx: None,
            sgx: None,
            nvgpu: None,
        };
        let mut cpus = Vec::new();
        for item in &evaluation.items {
            let data = canonical(&item.runtime_data)?;
            match item.tee {
                Tee::Tdx | Tee::AzTdxVtpm => body.tdx = Some(cpu(item, &data)?),
                Tee::Sgx => body.sgx = Some(cpu(item, &data)?),
                Tee::Nvidia => {
                    body.nvgpu = GpuEvidence::of(&item.evidence, &data)?;
                    continue;
                }
                other => return Err(RequestError::Tee(other)),
            }
            cpus.push(Wanted::of(item.tee, &item.runtime_data).ok_or(RequestError::RuntimeData)?);
        }
        let azure = evaluation.items.iter().any(|item| item.tee == Tee::AzTdxVtpm);
        match <[Wanted; 1]>::try_from(cpus) {
            Ok([wanted]) => Ok(Self { body, azure, wanted }),
            Err(_) => Err(RequestError::Cpus),
        }
    }

    /// Whether it is for the endpoint that knows Azure's form of binding.
    pub(super) fn is_azure(&self) -> bool {
        self.azure
    }

    pub(super) fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    pub(super) fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&self.body)
    }
}

/// The very text that the guest hashed: RFC 8785, members sorted, no space. The service hashes what it is sent.
fn canonical(runtime_data: &str) -> Result<String, RequestError> {
    let value: Value = serde_json::from_str(runtime_data).map_err(|_| RequestError::RuntimeData)?;
    serde_json_canonicalizer::to_string(&value).map_err(|_| RequestError::RuntimeData)
}

fn cpu(item: &EvaluationItem, runtime_data: &str) -> Result<CpuEvidence, RequestError> {
    let data = STANDARD.encode(runtime_data);
    if item.tee == Tee::AzTdxVtpm {
        let parts = azure::parse(&item.evidence)?;
        return Ok(CpuEvidence {
            quote: STANDARD.encode(parts.td_quote),
            runtime_data: STANDARD.encode(parts.variable_data),
            user_data: Some(data),
            event_log: None,
        });
    }
    let malformed = |()| RequestError::Evidence(item.tee);
    let wire: WireQuote = serde_json::from_str(&item.evidence).map_err(|_| malformed(()))?;
    let is_base64 = |text: &str| STANDARD.decode(text).is_ok_and(|bytes| !bytes.is_empty());
    let log_is_good = wire.cc_eventlog.as_deref().is_none_or(is_base64);
    if !is_base64(&wire.quote) || !log_is_good {
        return Err(malformed(()));
    }
    Ok(CpuEvidence {
        quote: wire.quote,
        runtime_data: data,
        user_data: None,
        event_log: wire.cc_eventlog.filter(|_| item.tee == Tee::Tdx),
    })
}
