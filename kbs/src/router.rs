//! What is served where. Below `/kbs/v0/` requests are told apart by their decoded path, the same that
//! access control sees.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use axum::routing::{any, get};

use crate::call::Call;
use crate::error::KbsError;
use crate::handlers::{
    attest, attestation_policy, auth, decisions, health, keys, operator, plugin, policy_test,
    reference_value, resource_policy,
};
use crate::middleware::count;
use crate::state::Kbs;

/// What the listener of `[metrics]` serves. Nothing of it is for guests.
pub fn operators(kbs: Arc<Kbs>) -> Router {
    Router::new()
        .route("/metrics", get(operator::metrics))
        .route("/status", get(operator::status))
        .with_state(kbs)
}

/// Everything but `/metrics`.
pub fn router(kbs: Arc<Kbs>) -> Router {
    let counted = axum::middleware::from_fn_with_state(Arc::clone(&kbs), count);
    Router::new()
        .route("/kbs/v0/{*path}", any(dispatch))
        .layer(counted)
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/.well-known/jwks.json", get(keys::published))
        .with_state(kbs)
}

async fn dispatch(State(kbs): State<Arc<Kbs>>, request: Request) -> Result<Response, KbsError> {
    let call = Call::new(request)?;
    let answer = route(&kbs, &call).await;
    if answer.is_err() {
        call.discard_body(&kbs.bodies).await;
    }
    let status = answer.as_ref().map_or_else(KbsError::status, Response::status);
    kbs.note_result(&call, status);
    answer
}

async fn route(kbs: &Kbs, call: &Call) -> Result<Response, KbsError> {
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    const PUT: Method = Method::PUT;
    const DELETE: Method = Method::DELETE;
    match (&call.method, &call.path.segments()[..]) {
        (&POST, ["auth"]) => auth::challenge(kbs, call).await,
        (&POST, ["attest"]) => attest::attest(kbs, call).await,
        (&GET, ["attestation-policy"]) => attestation_policy::list(kbs, call).await,
        (&GET, ["attestation-policy", id]) => attestation_policy::get(kbs, call, id, None).await,
        (&GET, ["attestation-policy", id, "version", number]) => {
            attestation_policy::get(kbs, call, id, Some(number)).await
        }
        (&GET, ["attestation-policy", id, "history"]) => attestation_policy::history(kbs, call, id).await,
        (&DELETE, ["attestation-policy", id]) => attestation_policy::delete(kbs, call, id).await,
        (&POST, ["attestation-policy", id, "rollback"]) => attestation_policy::roll_back(kbs, call, id).await,
        (&POST, ["attestation-policy"]) => attestation_policy::set(kbs, call).await,
        (&GET, ["reference-value"]) => reference_value::list(kbs, call).await,
        (&GET, ["reference-value", id @ ..]) => reference_value::get(kbs, call, &id.join("/")).await,
        (&POST, ["reference-value"]) => reference_value::register(kbs, call).await,
        (&POST, ["reference-value", id @ .., "revoke"]) if !id.is_empty() => {
            reference_value::revoke(kbs, call, &id.join("/")).await
        }
        (&DELETE, ["reference-value", id @ ..]) if !id.is_empty() => {
            reference_value::delete(kbs, call, &id.join("/")).await
        }
        (&GET, ["reference-value-history", id @ ..]) if !id.is_empty() => {
            reference_value::history(kbs, call, &id.join("/")).await
        }
        (&GET, ["resource-policy"]) => resource_policy::list(kbs, call).await,
        (&GET, ["resource-policy", id]) => resource_policy::get(kbs, call, id).await,
        (&POST, ["resource-policy"]) => resource_policy::set(kbs, call).await,
        (&PUT, ["resource-policy", id]) => resource_policy::put(kbs, call, id).await,
        (&DELETE, ["resource-policy", id]) => resource_policy::delete(kbs, call, id).await,
        (&GET, ["resource-policy", id, "history"]) => resource_policy::history(kbs, call, id).await,
        (&GET, ["resource-policy", id, "version", number]) => {
            resource_policy::version(kbs, call, id, number).await
        }
        (&POST, ["resource-policy", id, "rollback"]) => resource_policy::roll_back(kbs, call, id).await,
        (&GET, ["decisions"]) => decisions::list(kbs, call).await,
        (&GET, ["decisions", id]) => decisions::show(kbs, call, id).await,
        (&POST, ["policy-test"]) => policy_test::run(kbs, call).await,
        (_, [name, rest @ ..]) => plugin::serve(kbs, call, name, rest).await,
        (_, []) => Err(KbsError::PluginNotFound(String::new())),
    }
}

#[cfg(test)]
mod tests;
