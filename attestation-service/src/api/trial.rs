//! `attestation.AttestationManagementService.TryPolicies`: from the wire and back.

use protos::attestation as wire;
use serde_json::{Map, Value};
use tonic::Status;

use crate::service::{PolicyTrial, Tried, TriedClaims, TriedResult};

/// Decodes a trial.
pub(crate) fn request(request: wire::TryPoliciesRequest) -> Result<PolicyTrial, Status> {
    let reference_values: Map<String, Value> = match request.reference_values.as_str() {
        "" => Map::new(),
        text => serde_json::from_str(text).map_err(|error| {
            Status::invalid_argument(format!("the reference values are no JSON object: {error}"))
        })?,
    };
    let claims = request.claims.into_iter().map(|each| TriedClaims {
        policy_id: each.policy_id,
        claims: each.claims,
    });
    Ok(PolicyTrial {
        policies: request.policies.into_iter().collect(),
        reference_values,
        claims: claims.collect(),
        explain_affirming: request.explain_affirming,
    })
}

/// Encodes what came of it.
pub(crate) fn response(tried: Vec<Tried>) -> wire::TryPoliciesResponse {
    let appraisals = tried.into_iter().map(|each| wire::TriedClaims {
        now: Some(result(each.now)),
        then: Some(result(each.then)),
    });
    wire::TryPoliciesResponse {
        appraisals: appraisals.collect(),
    }
}

fn result(result: TriedResult) -> wire::TriedAppraisal {
    match result {
        Ok(appraisal) => wire::TriedAppraisal {
            submodule: serde_json::Value::Object(appraisal.submodule).to_string(),
            explanation: appraisal.explanation,
            error: None,
        },
        Err(error) => wire::TriedAppraisal {
            submodule: String::new(),
            explanation: None,
            error: Some(error),
        },
    }
}
