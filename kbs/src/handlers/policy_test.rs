//! `policy-test`: what a policy would change, for administrators.

use axum::response::Response;

use super::json;
use crate::call::Call;
use crate::dry_run::Trial;
use crate::error::KbsError;
use crate::state::Kbs;

/// `POST policy-test`
pub async fn run(kbs: &Kbs, call: &Call) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let trial: Trial = serde_json::from_slice(&call.body_of(&grant, &kbs.bodies).await?)
        .map_err(|error| KbsError::BadTrial(error.to_string()))?;
    let report = trial.run(kbs, &grant).await?;
    tracing::info!(
        role = grant.role(),
        tried = report.tried,
        gained = report.gained,
        lost = report.lost,
        "policy tried"
    );
    json(&report)
}
