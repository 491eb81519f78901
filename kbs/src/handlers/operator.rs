//! What the operator looks at, on the listener of `[metrics]` alone. It names chips and sources, but nothing secret, and
//! nothing can be changed there.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus::TEXT_FORMAT;
use serde_json::json;

use crate::state::Kbs;

/// What this service counts, and what a built-in Attestation Service does.
pub async fn metrics(State(kbs): State<Arc<Kbs>>) -> Response {
    match kbs.metrics().registry().text() {
        Ok(mut text) => {
            text.push_str(&kbs.attestation.counters().unwrap_or_default());
            ([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "metrics cannot be encoded");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A built-in Attestation Service's sources of endorsements, and what it remembers of them.
pub async fn status(State(kbs): State<Arc<Kbs>>) -> Response {
    match kbs.attestation.status() {
        Some(status) => Json(status).into_response(),
        None => {
            let detail =
                "the Attestation Service is not in this process: its own --admin-socket has its status";
            (StatusCode::NOT_FOUND, Json(json!({ "detail": detail }))).into_response()
        }
    }
}
