//! Everything else below `/kbs/v0/`: the plugin that the first segment names.

use std::sync::Arc;
use std::time::Instant;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use jose::Jwe;
use policy::ReleaseRequest;

use super::json;
use crate::call::Call;
use crate::decisions::{Occurrence, Outcome, Verdict};
use crate::error::KbsError;
use crate::plugins::{Access, AdminRequest, Plugin};
use crate::resource::{ActivePolicy, AuthorizeError, Denial, ReleasePermit};
use crate::state::Kbs;
use crate::token::AttestationResult;

/// Lets a plugin answer, once it is clear that the caller may ask.
pub async fn serve(kbs: &Kbs, call: &Call, name: &str, rest: &[&str]) -> Result<Response, KbsError> {
    let Some((name, plugin)) = kbs.plugins.get(name) else {
        return Err(KbsError::PluginNotFound(name.to_owned()));
    };
    let path: Vec<String> = rest.iter().map(ToString::to_string).collect();
    let start = Instant::now();
    let answer = match plugin.access(&call.method, &path) {
        Access::Administrator => administer(kbs, call, plugin, &path).await,
        Access::Guest => release(kbs, call, name, plugin, &path).await,
        Access::Nobody(allow) => Err(KbsError::MethodNotAllowed { allow }),
    };
    kbs.metrics.plugin(name, start.elapsed(), answer.is_err());
    answer
}

async fn administer(
    kbs: &Kbs,
    call: &Call,
    plugin: &dyn Plugin,
    path: &[String],
) -> Result<Response, KbsError> {
    let grant = kbs.administrator(call).await?;
    let request = AdminRequest {
        method: &call.method,
        path,
        body: call.body_of(&grant, &kbs.bodies).await?.bytes(),
    };
    let reply = plugin.administer(&grant, request).await?;
    Ok(([(header::CONTENT_TYPE, reply.content_type)], reply.body).into_response())
}

async fn release(
    kbs: &Kbs,
    call: &Call,
    name: &str,
    plugin: &dyn Plugin,
    path: &[String],
) -> Result<Response, KbsError> {
    let result = kbs.attested(call).await.map_err(|error| {
        // By a token that does not hold; without any token nothing was asked yet.
        kbs.note_error(error, |outcome| Occurrence::release(name, path, outcome))
    })?;
    let mut asked = Vec::new();
    let sealed = sealed(kbs, call, name, plugin, path, &result, &mut asked).await;
    let explanation = match (&sealed, asked.last()) {
        (Err(KbsError::PolicyDenied), Some(policy)) if kbs.decisions.explains_now() => {
            let denial = Denial {
                policy: Arc::clone(policy),
                claims: result.claims(),
                plugin: name.to_owned(),
                path: path.to_vec(),
                query: call.query()?,
            };
            denial.explain().await
        }
        _ => None,
    };
    let what = |outcome| {
        let mut what = Occurrence::release(name, path, outcome);
        what.attestation = result.decision();
        what.claims = Some(result.claims());
        what.cheap = result.is_cheap();
        what.policies = asked.clone();
        what.explanation = explanation.clone();
        what
    };
    match sealed {
        Ok(sealed) => match kbs.note_release(what(Outcome::Decided(Verdict::Released))).await {
            Ok(()) => {
                let resource = path.join("/");
                tracing::info!(plugin = name, resource, verdict = "released", "release");
                json(&sealed)
            }
            Err(error) => Err(kbs.note_error(error, what)),
        },
        Err(error) => Err(kbs.note_error(error, what)),
    }
}

/// What the plugin has, for this guest's eyes only. `asked` gets the policies that had a say.
async fn sealed(
    kbs: &Kbs,
    call: &Call,
    name: &str,
    plugin: &dyn Plugin,
    path: &[String],
    result: &AttestationResult,
    asked: &mut Vec<Arc<ActivePolicy>>,
) -> Result<Jwe, KbsError> {
    let query = call.query()?;
    let request = ReleaseRequest {
        plugin: name,
        path,
        query: &query,
    };
    let _turn = kbs.policy.turn(result, &request).await.ok_or(KbsError::TooBusy)?;
    let permit = permit(kbs, result, &request, asked)?;
    let secret = plugin.release(&permit).await?;
    permit.seal(&secret).map_err(|error| KbsError::Seal(error.into()))
}

fn permit<'r>(
    kbs: &Kbs,
    result: &'r AttestationResult,
    request: &ReleaseRequest<'r>,
    asked: &mut Vec<Arc<ActivePolicy>>,
) -> Result<ReleasePermit<'r>, KbsError> {
    let metrics = &kbs.metrics;
    metrics.policy_evaluations.inc();
    let decided = kbs.policy.authorize(result, request, kbs.clock.now());
    let had_a_say = match &decided {
        Ok(permit) => permit.decided_by(),
        Err(error) => error.asked(),
    };
    asked.extend_from_slice(had_a_say);
    match decided {
        Ok(permit) => {
            metrics.policy_approvals.inc();
            Ok(permit)
        }
        Err(error @ AuthorizeError::Denied(_)) => {
            metrics.policy_violations.inc();
            let resource = request.path.join("/");
            let policy = error.asked().last().map(|policy| policy.id());
            tracing::info!(
                plugin = request.plugin,
                resource,
                policy,
                verdict = "denied",
                "release"
            );
            Err(KbsError::PolicyDenied)
        }
        Err(error @ AuthorizeError::Expired) => Err(KbsError::TokenRefused(error.into())),
        Err(error) => {
            metrics.policy_errors.inc();
            Err(KbsError::PolicyBroken(error.into()))
        }
    }
}
