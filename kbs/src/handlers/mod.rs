//! What each route does. A handler reads the request, asks the parts that decide, and answers.

pub mod attest;
pub mod attestation_policy;
pub mod auth;
pub mod decisions;
pub mod health;
pub mod keys;
pub mod operator;
pub mod plugin;
pub mod policy_test;
pub mod reference_value;
pub mod resource_policy;

use std::collections::BTreeMap;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::error::KbsError;

pub(crate) use attestation_policy::decode as decode_policy;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A query parameter that is `true` or `false`; absent is `false`.
fn flag(query: &BTreeMap<String, String>, name: &str) -> Result<bool, KbsError> {
    match query.get(name).map(String::as_str) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        // Not to be taken for `false`: somebody meant something by it.
        Some(_) => Err(KbsError::BadQuery),
    }
}

/// 200 with a JSON body.
fn json(value: &impl Serialize) -> Result<Response, KbsError> {
    let body = serde_json::to_vec(value).map_err(|error| KbsError::Internal(error.into()))?;
    Ok(json_text(body))
}

/// 200 with a body that is JSON already.
fn json_text(body: impl Into<axum::body::Body>) -> Response {
    ([(header::CONTENT_TYPE, JSON)], body.into()).into_response()
}
