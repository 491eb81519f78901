//! The service as its handlers see it.

use std::sync::Arc;

use axum::http::{HeaderMap, Method, StatusCode};
use daemon::clock::Clock;
use ring::rand::SystemRandom;
use storage::KeyValueStore;

use crate::admin::{Admin, AdminError, AdminGrant};
use crate::attestation::{AttestationClient, AttestationManagement};
use crate::audit::{Audit, Event, What};
use crate::body::Bodies;
use crate::call::Call;
use crate::decisions::{DecisionId, Decisions, FailedCheck, Noted, Occurrence, Outcome};
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
    /// The attestation policies that clients may choose.
    pub(crate) client_policy_ids: Vec<String>,
    /// What the bodies of requests may take up.
    pub(crate) bodies: Bodies,
    pub(crate) attestation: Arc<dyn AttestationClient>,
    pub(crate) tokens: TokenVerifier,
    pub(crate) admin: Admin,
    pub(crate) policy: PolicyStore,
    /// Where the policy is kept.
    pub(crate) store: Arc<dyn KeyValueStore>,
    pub(crate) plugins: Plugins,
    pub(crate) decisions: Decisions,
    pub(crate) audit: Audit,
    pub(crate) metrics: Arc<Metrics>,
}

impl Kbs {
    /// What the service counts.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Notes what was decided, and gives the name under which an administrator finds it.
    pub(crate) fn note(&self, what: Occurrence) -> Option<DecisionId> {
        let noted = self.named(what)?;
        let id = noted.id;
        self.audit.note(What::Decided(Arc::clone(&noted)));
        self.decisions.note(noted).then_some(id)
    }

    /// Notes a release before it happens. Where an audit record is required, it is on the disk when this returns.
    pub(crate) async fn note_release(&self, what: Occurrence) -> Result<(), KbsError> {
        let Some(noted) = self.named(what) else {
            return Ok(());
        };
        let written = self.audit.insist(What::Decided(Arc::clone(&noted))).await;
        written.map_err(|_| KbsError::AuditUnavailable)?;
        self.decisions.note(noted);
        Ok(())
    }

    /// `None` if nobody would write it down.
    fn named(&self, what: Occurrence) -> Option<Arc<Noted>> {
        let wanted = self.decisions.are_kept() || self.audit.is_on();
        wanted.then(|| Arc::new(self.decisions.name(what)))
    }

    /// Writes down how it ended what an administrator was allowed to do, if it was to change something.
    pub(crate) fn note_result(&self, call: &Call, status: StatusCode) {
        if let Some(role) = call.administrator.get().filter(|_| call.method != Method::GET) {
            let now = self.clock.now();
            self.audit.note(Event::done(call, role, status, now));
        }
    }

    /// Notes an error, if it says something about the guest.
    pub(crate) fn note_error(&self, error: KbsError, what: impl FnOnce(Outcome) -> Occurrence) -> KbsError {
        let noted = Outcome::of(&error).and_then(|outcome| {
            let mut what = what(outcome);
            what.failed_check = FailedCheck::behind(&error).cloned().map(Box::new);
            self.note(what)
        });
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
        let now = self.clock.now();
        match decided.await {
            Ok(grant) => {
                // Before it is done: what cannot be written down is not done.
                let written = self.audit.insist(Event::allowed(call, grant.role(), now)).await;
                written.map_err(|_| KbsError::AuditUnavailable)?;
                let _ = call.administrator.set(grant.role().to_owned());
                Ok(grant)
            }
            Err(error) => {
                self.audit.note(Event::refused(call, &error.to_string(), now));
                Err(refused(call, error))
            }
        }
    }

    /// What administrators do with the Attestation Service.
    pub(crate) fn management(&self, grant: &AdminGrant) -> Result<&dyn AttestationManagement, KbsError> {
        let management = self.attestation.management(grant);
        management.map_err(|error| error.into_kbs_error(KbsError::NotFound))
    }

    /// What is known of the guest that asks: from its session, else from its bearer token.
    pub(crate) async fn attested(&self, call: &Call) -> Result<Arc<AttestationResult>, KbsError> {
        let now = self.clock.now();
        if let Some(session) = self.attested_session(&call.headers, now) {
            return match &*session {
                Attested::Trusted(result) => Ok(Arc::clone(result)),
                Attested::Untrusted => Err(KbsError::TokenRefused(
                    "this attestation releases nothing here: the log of it, and its decision, say why".into(),
                )),
            };
        }
        let token = call.bearer().ok_or(KbsError::TokenNotFound)?;
        match self.tokens.verify(token, now).await {
            Ok(result) => Ok(Arc::new(result)),
            Err(error @ TokenError::KeysUnavailable) => Err(KbsError::KeysUnavailable(error.into())),
            Err(error) => Err(KbsError::TokenRefused(error.into())),
        }
    }

    fn attested_session(&self, headers: &HeaderMap, now: i64) -> Option<Arc<Attested>> {
        self.sessions.attested(&session_id(headers)?, now)
    }
}

fn refused(call: &Call, error: AdminError) -> KbsError {
    let segments = call.path.segments();
    let endpoint = segments.first().copied().unwrap_or_default().to_owned();
    let path = call.path.as_str();
    tracing::info!(method = %call.method, path, reason = %error, "administration refused");
    let unauthenticated = error.is_unauthenticated();
    let cause = error.into();
    match unauthenticated {
        true => KbsError::AdminUnauthenticated { endpoint, cause },
        false => KbsError::AdminForbidden { endpoint, cause },
    }
}
