//! `POST attest`: evidence comes in, a token goes out, and the session is attested.

use axum::http::header;
use axum::response::Response;
use daemon::causes::causes;
use jose::TeePublicKey;
use kbs_types::Tee;

use super::json;
use crate::attestation::{AttestationError, Evaluated};
use crate::call::Call;
use crate::decisions::{FailedCheck, Occurrence, Outcome, Refusal, Verdict};
use crate::error::KbsError;
use crate::rcar::{Attestation, TokenResponse};
use crate::session::{Attested, Challenged, session_id, set_cookie};
use crate::state::Kbs;
use crate::token::{FreshToken, TokenError};
use crate::verdict::Verdict as Summary;

/// Answers a challenge. It is spent by the first answer, whatever that is worth.
pub async fn attest(kbs: &Kbs, call: &Call) -> Result<Response, KbsError> {
    kbs.metrics.attestation_requests.inc();
    let mut tee = None;
    let answer = answer(kbs, call, &mut tee).await;
    answer.map_err(|error| {
        kbs.metrics.attestation_errors.inc();
        kbs.note_error(error, |outcome| Occurrence::attestation(tee, outcome))
    })
}

/// `known` is the kind of attester, as soon as it is known.
async fn answer(kbs: &Kbs, call: &Call, known: &mut Option<Tee>) -> Result<Response, KbsError> {
    let id = session_id(&call.headers).ok_or_else(no_cookie)?;
    let body = call.evidence(&kbs.bodies).await?;
    let taken = kbs.sessions.take_challenged(&id, kbs.clock.now());
    let session = taken.ok_or_else(spent)?;
    let Challenged {
        nonce,
        tee,
        policy_id,
    } = session.state();
    let tee = *tee;
    *known = Some(tee);

    let attestation = Attestation::parse(&body)?;
    if attestation.nonce() != &**nonce {
        return Err(other_nonce(tee));
    }
    let key = TeePublicKey::try_from(&attestation.tee_pubkey()?);
    let key = key.map_err(|_| KbsError::BadAttestRequest("tee-pubkey cannot be used"))?;

    let Evaluated { token, explanation } = evaluate(kbs, tee, policy_id.clone(), &attestation).await?;
    let mut response = json(&TokenResponse {
        token: token.as_str(),
    })?;
    if let Some(cookie) = set_cookie(session.id(), session.expires_at()) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    let now = kbs.clock.now();
    let mut what = Occurrence::attestation(Some(tee), Outcome::Appraised);
    what.explanation = explanation;
    let attested = believe(kbs, what, tee, token, &key, now).await;
    let kept = kbs.sessions.insert_attested(session.answered(attested), now);
    kept.map_err(KbsError::of_sessions)?;
    let successes = &kbs.metrics.attestation_successes;
    successes.with_label_values(&[tee.as_ref()]).inc();
    Ok(response)
}

async fn evaluate(
    kbs: &Kbs,
    tee: Tee,
    policy_id: Option<String>,
    attestation: &Attestation<'_>,
) -> Result<Evaluated, KbsError> {
    let mut evaluation = attestation.evaluation(tee, policy_id)?;
    evaluation.explain = kbs.decisions.are_kept();
    kbs.attestation.evaluate(evaluation).await.map_err(|error| {
        let failures = &kbs.metrics.attestation_failures;
        failures.with_label_values(&[tee.as_ref()]).inc();
        match error {
            AttestationError::RefusedEvidence(refusal) => refused(Some(tee), *refusal),
            error => error.into_kbs_error(|reason| refused(Some(tee), Refusal { reason, check: None })),
        }
    })
}

/// What the session is good for: a token that this service trusts, for the key that was attested.
async fn believe(
    kbs: &Kbs,
    mut what: Occurrence,
    tee: Tee,
    token: FreshToken,
    key: &TeePublicKey,
    now: i64,
) -> Attested {
    match kbs.tokens.believe(token, now).await {
        Ok(mut result) if result.tee_key() == key => {
            tracing::info!(%tee, verdict = %Summary::of(result.claims_json()), "attestation");
            result.began_as(tee);
            what.cheap = result.is_cheap();
            what.claims = Some(result.claims());
            result.recorded_as(kbs.note(what));
            Attested::Trusted(result.into())
        }
        Ok(_) => {
            let reason = "the attestation service's token is for another key than the guest's";
            tracing::error!(%tee, reason, "attestation");
            untrusted(kbs, tee, reason)
        }
        Err(error @ TokenError::NoCpu) => {
            let reason = error.to_string();
            tracing::info!(%tee, verdict = "untrusted", reason, "attestation");
            untrusted(kbs, tee, &format!("{reason}: it releases nothing here"))
        }
        Err(error) => {
            let reason = &error as &dyn std::error::Error;
            tracing::error!(
                %tee,
                reason,
                "the attestation service's token is not trusted by [attestation_token]: it releases nothing here"
            );
            untrusted(
                kbs,
                tee,
                &format!("[attestation_token] does not trust it: {}", causes(&error)),
            )
        }
    }
}

/// The record of a token that was handed out, and is worth nothing here.
fn untrusted(kbs: &Kbs, tee: Tee, reason: &str) -> Attested {
    let outcome = Outcome::Error(Verdict::Untrusted, "TokenVerifierError", reason.to_owned());
    kbs.note(Occurrence::attestation(Some(tee), outcome));
    Attested::Untrusted
}

fn no_cookie() -> KbsError {
    let check = FailedCheck::of_handshake(
        "session-cookie",
        "the cookie that came with the challenge",
        "no cookie of a session",
        "The client has to send back the cookie of `POST auth`; a proxy in between must not take it out.",
    );
    refused_by("no session cookie", None, check)
}

fn spent() -> KbsError {
    let check = FailedCheck::of_handshake(
        "session",
        "a session whose challenge was not answered yet",
        "one that is unknown, expired, or was answered",
        "Let the guest begin anew. If it did: several KBSs behind one address do not know each other's sessions, and a \
         guest that takes longer than `attestation_service.timeout` finds none.",
    );
    let reason = "the session is unknown, expired or its challenge is spent";
    refused_by(reason, None, check)
}

fn other_nonce(tee: Tee) -> KbsError {
    let check = FailedCheck::of_handshake(
        "nonce",
        "the nonce of the session's challenge",
        "another one",
        "Evidence is good for one challenge: let the guest begin anew. If it goes on, it answers a challenge of another \
         session, or somebody plays an old answer again.",
    );
    refused_by("the nonce is not that of the session", Some(tee), check)
}

fn refused_by(reason: &str, tee: Option<Tee>, mut check: FailedCheck) -> KbsError {
    check.tee = tee.map(|tee| tee.to_string());
    let refusal = Refusal {
        reason: reason.to_owned(),
        check: Some(check),
    };
    refused(tee, refusal)
}

/// A refusal with its record in the log. `tee` is known once there is a session.
fn refused(tee: Option<Tee>, refusal: Refusal) -> KbsError {
    let tee = tee.as_ref().map(AsRef::as_ref);
    let (reason, check) = (&refusal.reason, refusal.check.as_ref().map(|check| &check.check));
    tracing::info!(tee, verdict = "refused", reason, check, "attestation");
    KbsError::AttestRefused(refusal.into())
}
