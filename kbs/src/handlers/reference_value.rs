//! `reference-value`: registered and read by administrators, kept by the RVPS behind the Attestation
//! Service.

use std::collections::BTreeMap;

use axum::response::Response;
use serde_json::value::RawValue;

use super::{json, json_text};
use crate::call::Call;
use crate::error::KbsError;
use crate::state::Kbs;

/// `POST reference-value`
pub async fn register(kbs: &Kbs, call: &Call) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let message = std::str::from_utf8(&call.body)
        .map_err(|_| KbsError::BadReferenceValue("Failed to parse reference value message".into()))?;
    let registered = kbs.attestation.register_reference_value(message).await;
    registered.map_err(|error| {
        error.into_kbs_error(|reason| {
            KbsError::BadReferenceValue(format!("Failed to register reference value: {reason}"))
        })
    })?;
    tracing::info!(role = grant.role(), "reference values registered");
    Ok(json_text(""))
}

/// `GET reference-value/{id}`
pub async fn get(kbs: &Kbs, call: &Call, id: &str) -> Result<Response, KbsError> {
    kbs.administrator(call).await?;
    let value = kbs.attestation.reference_value(id).await;
    let value = value.map_err(|error| error.into_kbs_error(refused))?;
    value
        .map(json_text)
        .ok_or_else(|| KbsError::ReferenceValueNotFound(id.to_owned()))
}

/// `GET reference-value`: all of them, by id.
pub async fn list(kbs: &Kbs, call: &Call) -> Result<Response, KbsError> {
    kbs.administrator(call).await?;
    let values = kbs.attestation.reference_values().await;
    let values = values.map_err(|error| error.into_kbs_error(refused))?;
    let values: Result<BTreeMap<String, Box<RawValue>>, _> = values
        .into_iter()
        .map(|(id, value)| RawValue::from_string(value).map(|value| (id, value)))
        .collect();
    json(&values.map_err(|error| KbsError::Internal(error.into()))?)
}

fn refused(reason: String) -> KbsError {
    KbsError::BadReferenceValue(format!("Failed to get reference_values: {reason}"))
}
