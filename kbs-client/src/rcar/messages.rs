//! The messages of the handshake on the wire (RCAR 0.4.0).

use jose::tee_key::TeePublicJwk;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::binding::HashAlgorithm;
use crate::error::ClientError;

/// `POST auth`.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Request<'a> {
    version: &'static str,
    tee: &'a str,
    extra_params: RequestParams<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct RequestParams<'a> {
    supported_hash_algorithms: [&'static str; 4],
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_id: Option<&'a str>,
}

impl<'a> Request<'a> {
    pub(super) fn new(tee: &'a str, policy_id: Option<&'a str>) -> Self {
        let extra_params = RequestParams {
            supported_hash_algorithms: HashAlgorithm::NAMES,
            policy_id,
        };
        Self {
            version: "0.4.0",
            tee,
            extra_params,
        }
    }
}

/// The answer to `POST auth`.
pub(super) struct Challenge {
    pub(super) nonce: String,
    pub(super) hash: HashAlgorithm,
}

impl Challenge {
    pub(super) fn read(body: &[u8]) -> Result<Self, ClientError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case")]
        struct Body {
            nonce: String,
            extra_params: Value,
        }
        let body: Body =
            serde_json::from_slice(body).map_err(|_| ClientError::BadAnswer("it is no challenge"))?;
        let hash = match body.extra_params.get("selected-hash-algorithm") {
            None => HashAlgorithm::default(),
            Some(name) => name
                .as_str()
                .and_then(|name| name.parse().ok())
                .ok_or(ClientError::BadAnswer("the challenge selects an unknown hash"))?,
        };
        Ok(Self {
            nonce: body.nonce,
            hash,
        })
    }
}

/// `POST attest`.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Attestation<'a> {
    init_data: Option<InitDataMessage<'a>>,
    runtime_data: RuntimeData<'a>,
    tee_evidence: CompositeEvidence,
}

/// Evidence as it is kept to be tried again.
#[derive(Serialize)]
pub(super) struct Kept<'a> {
    pub(super) tee: &'a str,
    pub(super) attestation: &'a Attestation<'a>,
}

#[derive(Serialize)]
struct InitDataMessage<'a> {
    format: &'static str,
    body: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct RuntimeData<'a> {
    nonce: &'a str,
    tee_pubkey: &'a TeePublicJwk,
}

#[derive(Serialize)]
struct CompositeEvidence {
    primary_evidence: Value,
    additional_evidence: String,
}

impl<'a> Attestation<'a> {
    pub(super) fn new(
        nonce: &'a str,
        tee_pubkey: &'a TeePublicJwk,
        init_data: Option<&'a str>,
        primary_evidence: Value,
        additional_evidence: String,
    ) -> Self {
        Self {
            init_data: init_data.map(|body| InitDataMessage { format: "toml", body }),
            runtime_data: RuntimeData { nonce, tee_pubkey },
            tee_evidence: CompositeEvidence {
                primary_evidence,
                additional_evidence,
            },
        }
    }
}

/// The answer to `POST attest`.
pub(super) struct TokenAnswer;

impl TokenAnswer {
    pub(super) fn read(body: &[u8]) -> Result<String, ClientError> {
        #[derive(Deserialize)]
        struct Body {
            token: String,
        }
        let body: Body =
            serde_json::from_slice(body).map_err(|_| ClientError::BadAnswer("it is no token"))?;
        Ok(body.token)
    }
}
