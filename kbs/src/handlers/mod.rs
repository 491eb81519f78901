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
use serde::{Deserialize, Serialize};

use crate::admin::AdminGrant;
use crate::call::Call;
use crate::error::KbsError;
use crate::state::Kbs;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The query parameters of a request that knows which there can be. One that is not known was meant for something.
struct Parameters(BTreeMap<String, String>);

impl Parameters {
    fn of(call: &Call, known: &[&str]) -> Result<Self, KbsError> {
        let given = call.query()?;
        match given.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(Self(given)),
            Some(name) => Err(KbsError::BadParameter(format!(
                "`{name}` is not known: there {} {}",
                if known.len() == 1 { "is" } else { "are" },
                known.join(" and ")
            ))),
        }
    }

    /// One that is `true` or `false`; absent is `false`, and `?name` alone is `true`.
    fn flag(&self, name: &str) -> Result<bool, KbsError> {
        match self.0.get(name).map(String::as_str) {
            None | Some("false") => Ok(false),
            Some("" | "true") => Ok(true),
            // Not to be taken for `false`.
            Some(_) => Err(KbsError::BadParameter(format!("`{name}` is `true` or `false`"))),
        }
    }
}

/// Whether what a policy reads that is not there is a reason to refuse it.
fn is_strict(call: &Call) -> Result<bool, KbsError> {
    Parameters::of(call, &["strict"])?.flag("strict")
}

/// The number of the version to go back to.
async fn roll_back_to(kbs: &Kbs, call: &Call, grant: &AdminGrant) -> Result<u64, KbsError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct RollBack {
        version: u64,
    }
    let body = call.body_of(grant, &kbs.bodies).await?;
    let request = serde_json::from_slice(&body);
    let RollBack { version } = request
        .map_err(|_| KbsError::BadPolicyBody("expected JSON with `version`, the number to go back to"))?;
    Ok(version)
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
