//! `POST auth`: a Request comes in, a challenge goes out, and a session begins.

use axum::http::header;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kbs_types::Tee;
use ring::rand::SecureRandom;

use super::json;
use crate::attestation::{AttestationError, HashChoiceError};
use crate::call::Call;
use crate::decisions::{Occurrence, Refusal};
use crate::error::{AuthRequestError, KbsError};
use crate::rcar::{Challenge, Request};
use crate::session::{Challenged, Session, SessionId, set_cookie};
use crate::state::Kbs;

/// Sends a challenge. A session of the client's own choosing is never taken up.
pub async fn challenge(kbs: &Kbs, call: &Call) -> Result<Response, KbsError> {
    kbs.metrics.auth_requests.inc();
    let answer = begin(kbs, call).await;
    match &answer {
        Ok(_) => kbs.metrics.auth_successes.inc(),
        Err(_) => kbs.metrics.auth_errors.inc(),
    }
    answer
}

async fn begin(kbs: &Kbs, call: &Call) -> Result<Response, KbsError> {
    let request = Request::parse(&call.body(&kbs.bodies).await?)?;
    let hash = kbs.attestation.choose_hash(request.tee, request.offered_hashes());
    let hash = hash.map_err(|error| match error {
        HashChoiceError::NotOffered => KbsError::NotOffered,
        HashChoiceError::Unsuitable(reason) => AuthRequestError::BadExtraParams(reason).into(),
    })?;
    let policy_id = request.policy_id(&kbs.client_policy_ids)?;
    let nonce = nonce(kbs, &request).await?;
    let mut response = json(&Challenge::new(&nonce, hash))?;

    let now = kbs.clock.now();
    let id = SessionId::random(&kbs.random).map_err(no_randomness)?;
    let challenge = Challenged {
        nonce: nonce.into_boxed_str(),
        tee: request.tee,
        policy_id,
    };
    let session = Session::begin(id, now + kbs.session_life, challenge);
    if let Some(cookie) = set_cookie(session.id(), session.expires_at()) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    let kept = kbs.sessions.insert_challenged(session, now);
    kept.map_err(KbsError::of_sessions)?;
    Ok(response)
}

/// 32 random bytes, except for `se`, whose challenge the Attestation Service makes.
async fn nonce(kbs: &Kbs, request: &Request) -> Result<String, KbsError> {
    if request.tee == Tee::Se {
        let params = request.extra_params.to_string();
        let challenge = kbs.attestation.challenge(request.tee, &params).await;
        return challenge.map_err(|error| {
            let error = no_challenge(request.tee, error);
            kbs.note_error(error, |outcome| {
                Occurrence::attestation(Some(request.tee), outcome)
            })
        });
    }
    let mut bytes = [0; 32];
    kbs.random.fill(&mut bytes).map_err(no_randomness)?;
    Ok(STANDARD.encode(bytes))
}

/// Why there is no challenge: for the log and the record of decisions, and not for the guest.
fn no_challenge(tee: Tee, error: AttestationError) -> KbsError {
    let refusal = match error {
        AttestationError::RefusedEvidence(refusal) => *refusal,
        AttestationError::Refused(reason) => Refusal { reason, check: None },
        // Another implementation than one that knows this TEE.
        AttestationError::NotOffered => Refusal {
            reason: format!("the attestation service in use makes no challenges, and TEE `{tee}` needs one"),
            check: None,
        },
        error => return error.into_kbs_error(|reason| KbsError::ChallengeRefused(reason.into())),
    };
    let check = refusal.check.as_ref();
    tracing::info!(
        %tee,
        verdict = "refused",
        reason = refusal.reason,
        check = check.map(|check| &check.check),
        advice = check.map(|check| &check.advice),
        "attestation: no challenge"
    );
    KbsError::ChallengeRefused(refusal.into())
}

fn no_randomness(_: ring::error::Unspecified) -> KbsError {
    KbsError::Internal("the system has no randomness".into())
}
