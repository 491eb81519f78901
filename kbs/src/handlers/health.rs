//! `healthz`: the process answers. `readyz`: what it depends on answers too.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::JSON;
use crate::app::POLICY_KEY;
use crate::state::Kbs;

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    attestation_service: bool,
    storage: bool,
    /// Whether it can be written; only where it is required.
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_log: Option<bool>,
}

/// 200 for as long as the process serves.
pub async fn healthz() -> StatusCode {
    StatusCode::OK
}

/// 200, or 503 if evidence could not be appraised, resources not be read, or what must be written down not be written
/// now.
pub async fn readyz(State(kbs): State<Arc<Kbs>>) -> Response {
    let attestation_service = kbs.attestation.is_ready().await;
    let storage = kbs.store.get(POLICY_KEY).await.is_ok() && kbs.plugins.are_ready().await;
    let audit_log = kbs.audit.is_ready();
    let ready = attestation_service && storage && audit_log != Some(false);
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let readiness = Readiness {
        ready,
        attestation_service,
        storage,
        audit_log,
    };
    let body = serde_json::to_vec(&readiness).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, JSON)], body).into_response()
}
