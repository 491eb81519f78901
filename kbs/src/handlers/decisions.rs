//! `decisions`: what was decided, and why. For administrators.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Parameters, json};
use crate::call::Call;
use crate::decisions::{Decision, DecisionId, Query};
use crate::error::KbsError;
use crate::state::Kbs;

#[derive(Serialize)]
struct Listed<'a> {
    /// Oldest first.
    decisions: &'a [Arc<Decision>],
    /// What to give as `after`, to go on from here.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<DecisionId>,
}

#[derive(Serialize)]
struct Shown<'a> {
    decision: &'a Decision,
    /// The attestation that a release relied on, as long as it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    attestation: Option<Arc<Decision>>,
    /// The claims of the token, if they were asked for and are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<&'a RawValue>,
}

/// `GET decisions`: those that match the query; `wait=<seconds>` waits until there is one.
pub async fn list(kbs: &Kbs, call: &Call) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    kept(kbs)?;
    let (query, wait) = Query::read(&call.query()?, kbs.clock.now()).map_err(KbsError::BadParameter)?;
    let page = match wait {
        0 => kbs.decisions.find(&grant, &query),
        seconds => {
            kbs.decisions
                .wait(&grant, &query, Duration::from_secs(seconds))
                .await
        }
    };
    json(&Listed {
        decisions: &page.decisions,
        next: page.next,
    })
}

/// `GET decisions/{id}`, with `claims=true` for the claims it was made on.
pub async fn show(kbs: &Kbs, call: &Call, id: &str) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    kept(kbs)?;
    let with_claims = Parameters::of(call, &["claims"])?.flag("claims")?;
    let unknown = || KbsError::DecisionNotFound(id.to_owned());
    let known = id.parse().ok().and_then(|id| kbs.decisions.get(&grant, id));
    let (decision, claims) = known.ok_or_else(unknown)?;
    let attestation = decision.attestation.and_then(|id| kbs.decisions.get(&grant, id));
    let claims = claims.or_else(|| attestation.as_ref()?.1.clone());
    let claims = claims.filter(|_| with_claims);
    json(&Shown {
        decision: &decision,
        attestation: attestation.as_ref().map(|(decision, _)| Arc::clone(decision)),
        claims: claims
            .as_deref()
            .and_then(|claims| serde_json::from_str(claims).ok()),
    })
}

fn kept(kbs: &Kbs) -> Result<(), KbsError> {
    match kbs.decisions.are_kept() {
        true => Ok(()),
        false => Err(KbsError::NoDecisions),
    }
}
