//! `reference-value`: registered, read, deleted and revoked by administrators, kept by the RVPS behind the
//! Attestation Service.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Parameters, json, json_text};
use crate::attestation::{Change, Left, RevokeWhat};
use crate::call::Call;
use crate::error::KbsError;
use crate::state::Kbs;

/// The body of a revocation; without one, everything in the current value is revoked.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {
    reason: Option<String>,
    /// Everything in the value of this version.
    version: Option<u64>,
    /// This value, or this element of values.
    element: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Revoked<'a> {
    id: &'a str,
    /// `null` if nothing is.
    left: Left,
}

/// `POST reference-value`
pub async fn register(kbs: &Kbs, call: &Call) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let body = call.body_of(&grant, &kbs.bodies).await?;
    let message = std::str::from_utf8(&body)
        .map_err(|_| KbsError::BadReferenceValue("Failed to parse reference value message".into()))?;
    let registered = kbs
        .management(&grant)?
        .register_reference_value(message, grant.role())
        .await;
    let names = registered.map_err(|error| {
        error.into_kbs_error(|reason| {
            KbsError::BadReferenceValue(format!("Failed to register reference value: {reason}"))
        })
    })?;
    let digest = ring::digest::digest(&ring::digest::SHA256, message.as_bytes());
    let _ = call.changed.set(crate::audit::Changed {
        names,
        message_sha256: Some(hex::encode(digest)),
        ..Default::default()
    });
    tracing::info!(role = grant.role(), "reference values registered");
    Ok(json_text(""))
}

/// `GET reference-value/{id}`
pub async fn get(kbs: &Kbs, call: &Call, id: &str) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let value = kbs.management(&grant)?.reference_value(id).await;
    let value = value.map_err(|error| error.into_kbs_error(refused))?;
    value
        .map(json_text)
        .ok_or_else(|| KbsError::ReferenceValueNotFound(id.to_owned()))
}

/// `GET reference-value-history/{id}`: its versions with who and why, and what of it is revoked. The id may have any
/// number of segments, so that the word cannot stand behind it.
pub async fn history(kbs: &Kbs, call: &Call, id: &str) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let history = kbs.management(&grant)?.reference_value_history(id).await;
    json(&history.map_err(|error| error.into_kbs_error(refused))?)
}

/// `DELETE reference-value/{id}?reason=…&forget=true`
pub async fn delete(kbs: &Kbs, call: &Call, id: &str) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let mut query = Parameters::of(call, &["reason", "forget"])?;
    let forget = query.flag("forget")?;
    let change = Change {
        id: id.to_owned(),
        reason: query.0.remove("reason"),
        on_behalf_of: grant.role().to_owned(),
    };
    let deleted = kbs
        .management(&grant)?
        .delete_reference_value(change, forget)
        .await;
    deleted.map_err(|error| error.into_kbs_error(not_changed))?;
    tracing::info!(role = grant.role(), id, forget, "reference value deleted");
    Ok(().into_response())
}

/// `POST reference-value/{id}/revoke`
pub async fn revoke(kbs: &Kbs, call: &Call, id: &str) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let body = call.body_of(&grant, &kbs.bodies).await?;
    let request = match body.is_empty() {
        true => Revoke::default(),
        false => serde_json::from_slice(&body).map_err(|_| {
            not_changed("expected JSON with none or some of `reason`, `version`, `element`".into())
        })?,
    };
    let what = match (request.version, request.element) {
        (None, None) => RevokeWhat::Current,
        (Some(number), None) => RevokeWhat::Version(number),
        (None, Some(element)) => RevokeWhat::Element(element.get().to_owned()),
        (Some(_), Some(_)) => {
            return Err(not_changed("`version` and `element` exclude each other".into()));
        }
    };
    let change = Change {
        id: id.to_owned(),
        reason: request.reason,
        on_behalf_of: grant.role().to_owned(),
    };
    let left = kbs.management(&grant)?.revoke_reference_value(change, what).await;
    let left = left.map_err(|error| error.into_kbs_error(not_changed))?;
    tracing::info!(role = grant.role(), id, "reference value revoked");
    json(&Revoked { id, left })
}

/// `GET reference-value`: all of them, by id.
pub async fn list(kbs: &Kbs, call: &Call) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let values = kbs.management(&grant)?.reference_values().await;
    let values = values.map_err(|error| error.into_kbs_error(refused))?;
    let values: Result<BTreeMap<String, Box<RawValue>>, _> = values
        .into_iter()
        .map(|(id, value)| RawValue::from_string(value).map(|value| (id, value)))
        .collect();
    json(&values.map_err(|error| KbsError::Internal(error.into()))?)
}

fn not_changed(reason: String) -> KbsError {
    KbsError::BadReferenceValue(format!("Failed to change reference value: {reason}"))
}

fn refused(reason: String) -> KbsError {
    KbsError::BadReferenceValue(format!("Failed to get reference_values: {reason}"))
}
