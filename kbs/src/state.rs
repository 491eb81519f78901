//! The service as its handlers see it.

use std::sync::Arc;

use axum::http::HeaderMap;
use daemon::clock::Clock;
use ring::rand::SystemRandom;
use storage::KeyValueStore;

use crate::admin::{Admin, AdminGrant};
use crate::attestation::AttestationClient;
use crate::call::Call;
use crate::decisions::{DecisionId, Decisions, Occurrence, Outcome};
use crate::error::KbsError;
use crate::metrics::Metrics;
use crate::plugins::Plugins;
use crate::resource::PolicyStore;
use crate::session::{Attested, Sessions, session_id};
use crate::token::{AttestationResult, TokenError, TokenVerifier};

/// Everything a request may need. Shared by all of them.
pub struct Kbs {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: SystemRandom,
    pub(crate) sessions: Sessions,
    /// Seconds from a challenge to the end of its session.
    pub(crate) session_life: i64,
    /// Largest body, in MiB.
    pub(crate) body_limit_mib: u32,
    pub(crate) attestation: Arc<dyn AttestationClient>,
    pub(crate) tokens: TokenVerifier,
    pub(crate) admin: Admin,
    pub(crate) policy: PolicyStore,
    /// Where the policy is kept.
    pub(crate) store: Arc<dyn KeyValueStore>,
    pub(crate) plugins: Plugins,
    pub(crate) decisions: Decisions,
    pub(crate) metrics: Arc<Metrics>,
}

impl Kbs {
    /// What the service counts.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Notes what was decided, and gives the name under which an administrator finds it.
    pub(crate) fn note(&self, what: Occurrence) -> Option<DecisionId> {
        if !self.decisions.are_kept() {
            return None;
        }
        let noted = Arc::new(self.decisions.name(what));
        let id = noted.id;
        self.decisions.note(noted).then_some(id)
    }

    /// Notes an error, if it says something about the guest.
    pub(crate) fn note_error(&self, error: KbsError, what: impl FnOnce(Outcome) -> Occurrence) -> KbsError {
        let noted = Outcome::of(&error).and_then(|outcome| self.note(what(outcome)));
        match noted {
            Some(decision) => error.decided(decision),
            None => error,
        }
    }

    /// Leave to administer, if the request shows that it has it.
    pub(crate) async fn administrator(&self, call: &Call) -> Result<AdminGrant, KbsError> {
        let path = call.path.as_str();
        let decided = self
            .admin
            .authorize(&call.method, path, call.authorization(), self.clock.now());
        decided.await.map_err(|error| {
            let endpoint = call
                .path
                .segments()
                .first()
                .copied()
                .unwrap_or_default()
                .to_owned();
            tracing::info!(method = %call.method, path, reason = %error, "administration refused");
            let unauthenticated = error.is_unauthenticated();
            let cause = error.into();
            match unauthenticated {
                true => KbsError::AdminUnauthenticated { endpoint, cause },
                false => KbsError::AdminForbidden { endpoint, cause },
            }
        })
    }

    /// What is known of the guest that asks: from its session, else from its bearer token.
    pub(crate) async fn attested(&self, call: &Call) -> Result<Arc<AttestationResult>, KbsError> {
        let now = self.clock.now();
        if let Some(session) = self.attested_session(&call.headers, now) {
            return match &*session {
                Attested::Trusted(result) => Ok(Arc::clone(result)),
                Attested::Untrusted => Err(KbsError::TokenRefused(
                    "[attestation_token] does not trust the attestation service's tokens".into(),
                )),
            };
        }
        let token = call.bearer().ok_or(KbsError::TokenNotFound)?;
        match self.tokens.verify(token, now).await {
            Ok(mut result) => {
                self.policy.expect(&mut result);
                Ok(Arc::new(result))
            }
            Err(error @ TokenError::KeysUnavailable) => Err(KbsError::KeysUnavailable(error.into())),
            Err(error) => Err(KbsError::TokenRefused(error.into())),
        }
    }

    fn attested_session(&self, headers: &HeaderMap, now: i64) -> Option<Arc<Attested>> {
        self.sessions.attested(&session_id(headers)?, now)
    }
}
