//! From the messages of the wire to the types of [`crate::request`]. What cannot be decoded is INVALID_ARGUMENT,
//! in the words that the ecosystem's logs know.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protos::attestation as wire;
use protos::attestation::individual_attestation_request as oneof;
use tonic::Status;

use crate::request::{
    AttestationRequest, HashAlgorithm, IndividualRequest, InitData, RuntimeData, UnknownHashAlgorithm,
};

/// Decodes a whole request.
pub(crate) fn attestation_request(request: wire::AttestationRequest) -> Result<AttestationRequest, Status> {
    let items = request
        .verification_requests
        .into_iter()
        .map(individual_request)
        .collect::<Result<_, _>>()?;
    Ok(AttestationRequest {
        items,
        policy_ids: request.policy_ids,
    })
}

/// Decodes the text of a policy.
pub(crate) fn policy_text(encoded: &str) -> Result<String, Status> {
    let refuse =
        |reason: String| Status::invalid_argument(format!("Set Attestation Policy Failed: {reason}"));
    let bytes = URL_SAFE_NO_PAD
        .decode(encoded)
        .map_err(|error| refuse(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| refuse(error.to_string()))
}

fn individual_request(request: wire::IndividualAttestationRequest) -> Result<IndividualRequest, Status> {
    let tee = request.tee.parse().map_err(|_| {
        let name: String = request.tee.chars().take(32).collect();
        Status::invalid_argument(format!("parse TEE type: Unsupported TEE type: {name}"))
    })?;
    let runtime_data = match request.runtime_data {
        None => RuntimeData::None,
        Some(oneof::RuntimeData::RawRuntimeData(raw)) => {
            RuntimeData::Raw(bytes("base64 decode runtime data", &raw)?)
        }
        Some(oneof::RuntimeData::StructuredRuntimeData(text)) => RuntimeData::Structured(text),
    };
    let init_data = match request.init_data {
        None => InitData::None,
        Some(oneof::InitData::InitDataDigest(digest)) => {
            InitData::Digest(bytes("base64 decode init data", &digest)?)
        }
        Some(oneof::InitData::InitDataToml(text)) => InitData::Toml(text),
    };
    Ok(IndividualRequest {
        tee,
        evidence: bytes("Illegal input Evidence", &request.evidence)?,
        runtime_data,
        init_data,
        hash: hash(&request.runtime_data_hash_algorithm)?,
    })
}

fn hash(name: &str) -> Result<HashAlgorithm, Status> {
    if name.is_empty() {
        return Ok(HashAlgorithm::default());
    }
    name.parse().map_err(|error: UnknownHashAlgorithm| {
        Status::invalid_argument(format!("parse runtime data HashAlgorithm failed: {error}"))
    })
}

fn bytes(what: &str, encoded: &str) -> Result<Vec<u8>, Status> {
    URL_SAFE_NO_PAD
        .decode(encoded)
        .map_err(|error| Status::invalid_argument(format!("{what}: {error}")))
}
