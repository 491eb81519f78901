//! What the operator looks at, on a listener of its own: nothing in it is secret, and nothing can be changed there.
//!
//! | path | what |
//! |---|---|
//! | `GET /status` | JSON: version, readiness, sources of endorsements, what is remembered of them |
//! | `GET /metrics` | metrics in the Prometheus text format |

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use crate::AttestationService;
use crate::endorsements::Report;

/// Everything that listener answers to.
pub fn router(service: Arc<AttestationService>) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/metrics", get(metrics))
        .with_state(service)
}

/// What is at `/status`.
#[derive(Serialize)]
pub struct Status {
    version: &'static str,
    ready: bool,
    /// Whether it can be written; only where it is required.
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_log: Option<bool>,
    #[serde(flatten)]
    report: Report,
}

impl Status {
    /// The service as it is now.
    pub fn of(service: &AttestationService) -> Self {
        Self {
            version: daemon::build_info::VERSION,
            ready: service.is_ready(),
            audit_log: service.audit().is_ready(),
            report: service.report(),
        }
    }
}

async fn status(State(service): State<Arc<AttestationService>>) -> Json<Status> {
    Json(Status::of(&service))
}

async fn metrics(State(service): State<Arc<AttestationService>>) -> Response {
    match service.metrics().text() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be encoded");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
