//! Everything that can go wrong with a request, sorted by whose fault it is, and the one place that
//! turns it into a status and a body.
//!
//! The body says what the caller may know; the cause goes to the log, once, under the same request
//! id. The `type` of the body keeps the names existing clients know (wire: kbs-http, section 2.1).

use std::error::Error;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use daemon::causes::causes_below;
use daemon::telemetry::RequestContext;
use daemon::text::bounded_lines;
use serde::Serialize;
use storage::StorageError;

use crate::decisions::DecisionId;
use crate::path::PathError;
use crate::session::NoRoom;

/// Why something failed, for the log only.
pub type Cause = Box<dyn Error + Send + Sync>;

const TYPE_PREFIX: &str = "https://github.com/confidential-containers/kbs/errors/";

/// The longest text of an error in the log, in bytes.
const MAX_LOGGED: usize = 4096;

/// Seconds a client is asked to wait when a dependency or a place is missing.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// What was wrong with a handshake message, in the words existing clients know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthRequestError {
    /// Not the JSON of a Request, or an unknown TEE.
    #[error("deserialize Request")]
    Malformed,
    /// Not a semantic version.
    #[error("failed to parse KBS version")]
    BadVersion,
    /// Another version of the protocol.
    #[error("KBS Client Protocol Version Mismatch: expect =0.4.0 while the request is {0}")]
    VersionMismatch(String),
    /// The extra parameters do not suit the TEE.
    #[error("{0}")]
    BadExtraParams(&'static str),
}

/// The error of a request. `Display` is what the caller may read.
#[derive(Debug, thiserror::Error)]
pub enum KbsError {
    // The caller has not shown who it is.
    /// Neither an attested session nor a bearer token.
    #[error("Attestation Token not found")]
    TokenNotFound,
    /// The attestation token does not hold.
    #[error("Token Verifier error")]
    TokenRefused(#[source] Cause),
    /// No session, a spent challenge, another nonce, or evidence that does not hold.
    #[error("Attestation error: RCAR handshake Attest failed")]
    AttestRefused(#[source] Cause),
    /// No admin credential, or one that does not hold.
    #[error("admin access denied for endpoint {endpoint}: {cause}")]
    AdminUnauthenticated {
        /// The first segment of the path.
        endpoint: String,
        /// Short, and free of the credential.
        cause: Cause,
    },

    // The caller is known, and the answer is no.
    /// The resource policy said no.
    #[error("Access denied by policy")]
    PolicyDenied,
    /// The administrator lacks the right.
    #[error("admin access denied for endpoint {endpoint}: {cause}")]
    AdminForbidden {
        /// The first segment of the path.
        endpoint: String,
        /// Short, and free of the credential.
        cause: Cause,
    },

    // There is no such thing.
    /// The first segment names nothing that is served.
    #[error("Plugin {0} not found")]
    PluginNotFound(String),
    /// A permitted read or a delete of a resource that is not there.
    #[error("Resource not found")]
    ResourceNotFound,
    /// No reference value has this id.
    #[error(
        "RVPS configuration failed: Failed to get reference_values: No reference value found for the given id: {0}"
    )]
    ReferenceValueNotFound(String),
    /// No policy has this id.
    #[error("Policy {0} not found")]
    PolicyNotFound(String),
    /// A service behind this one knows no such thing.
    #[error("{0}")]
    NotFound(String),
    /// No decision has this id, any more.
    #[error("Decision {0} not found: it has left the records, or was never made here")]
    DecisionNotFound(String),
    /// `[decisions]` says that none are kept.
    #[error("this KBS keeps no decisions: `decisions.enabled` is false in its configuration")]
    NoDecisions,
    /// The Attestation Service in use does not offer this.
    #[error("the attestation service in use does not offer this")]
    NotOffered,

    // The request is malformed.
    /// The path does not decode to something that could be served.
    #[error("Request path is invalid: {0}")]
    BadPath(#[from] PathError),
    /// The query is not a map of strings.
    #[error("Request query is invalid")]
    BadQuery,
    /// A parameter of the query is not what it has to be.
    #[error("Request query is invalid: {0}")]
    BadParameter(String),
    /// The path is not one the plugin understands.
    #[error("Request path is invalid: {0}")]
    BadResourcePath(#[source] Cause),
    /// A Request message that starts no handshake.
    #[error("Attestation error: RCAR handshake Auth failed: {0}")]
    BadAuthRequest(#[from] AuthRequestError),
    /// The Attestation Service makes no challenge for a TEE that needs one.
    #[error("Attestation error: RCAR handshake Auth failed: Attestation Service generate challenge failed")]
    ChallengeRefused(#[source] Cause),
    /// An Attestation message that cannot be read.
    #[error("Attestation error: RCAR handshake Attest failed: {0}")]
    BadAttestRequest(&'static str),
    /// The body that should carry a policy does not.
    #[error("Failed to parse policy: {0}")]
    BadPolicyBody(&'static str),
    /// The resource policy is not Rego, or not one that can decide a release.
    #[error("Policy engine error: {0}")]
    BadResourcePolicy(#[source] Cause),
    /// The Attestation Service does not take this policy.
    #[error("Attestation error: Set Attestation Policy failed: {0}")]
    BadAttestationPolicy(String),
    /// What should be tried cannot be: the reason is for the administrator.
    #[error("Policy test failed: {0}")]
    BadTrial(String),
    /// The Attestation Service does not do this with a policy.
    #[error("Attestation error: {0}")]
    AttestationPolicyRefused(String),
    /// The Attestation Service does not take these reference values.
    #[error("RVPS configuration failed: {0}")]
    BadReferenceValue(String),
    /// The body is over the limit.
    #[error("the body is larger than {limit_mib} MiB")]
    TooLarge {
        /// `http_server.payload_request_size`.
        limit_mib: u32,
    },
    /// The body broke off.
    #[error("the body could not be read")]
    BrokenBody,
    /// Not a method of this path.
    #[error("method not allowed")]
    MethodNotAllowed {
        /// What is allowed, as the `Allow` header has it.
        allow: &'static str,
    },

    // The operator has to mend something.
    /// The resource policy in force cannot decide.
    #[error("Policy engine error")]
    PolicyBroken(#[source] Cause),
    /// A policy cannot be kept: to an administrator, who is told where and why.
    #[error("Policy engine error: {0}")]
    PolicyNotWritable(#[source] StorageError),
    /// The Attestation Service says that its own set-up is wrong.
    #[error("Attestation error: the attestation service is not set up for this")]
    AttestationSetup(#[source] Cause),
    /// The same, to an administrator, who is told what it says.
    #[error("Attestation error: the attestation service is not set up for this: {0}")]
    NotSetUp(String),
    /// A store, or something else of ours, failed.
    #[error("Plugin internal error")]
    Internal(#[source] Cause),
    /// A resource cannot be changed: to an administrator, who is told where and why.
    #[error("Plugin internal error: {0}")]
    ResourceNotWritable(#[source] StorageError),
    /// The secret could not be sealed.
    #[error("JWE failed")]
    Seal(#[source] Cause),

    // A dependency is down, or there is no room.
    /// The Attestation Service cannot be reached, or its storage or another service that it needs.
    #[error(
        "Attestation error: the attestation service, or what it depends on, is unavailable: the log of the KBS says \
         which, by the request id"
    )]
    AttestationUnavailable(#[source] Cause),
    /// The Attestation Service failed for a reason of its own.
    #[error("Attestation error: the attestation service failed")]
    AttestationFailed(#[source] Cause),
    /// The keys of the issuer of tokens have never been read since the start.
    #[error("Token Verifier error: the issuer's keys are not available yet")]
    KeysUnavailable(#[source] Cause),
    /// Policies are checked and tried already, as many as may be at once.
    #[error("Policy engine error: {0}")]
    Busy(#[source] daemon::aside::AsideError),
    /// What has to be written down cannot be.
    #[error("the audit record cannot be written, so this is not done: try again later")]
    AuditUnavailable,
    /// The bodies of requests that are worked on take up all the room there is for them.
    #[error("too many or too large requests at once, try again later")]
    TooBusy,
    /// One session may not keep what was found out about this guest.
    #[error(
        "the claims of this attestation are larger than a session may keep: the operator can raise \
         `attestation_service.session_memory_mib`"
    )]
    ClaimsTooLarge,
    /// Every session is in use.
    #[error("too many sessions, try again later")]
    TooManySessions,

    // Any of them.
    /// An error that an administrator finds more about.
    #[error("{error}")]
    Decided {
        /// Where.
        decision: DecisionId,
        /// What the caller may know.
        error: Box<KbsError>,
    },
}

/// The body of every error.
#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<DecisionId>,
}

impl KbsError {
    /// The status, and the last part of the `type` of the body.
    fn class(&self) -> (StatusCode, &'static str) {
        use KbsError as E;
        match self {
            E::TokenNotFound => (StatusCode::UNAUTHORIZED, "TokenNotFound"),
            E::TokenRefused(_) => (StatusCode::UNAUTHORIZED, "TokenVerifierError"),
            E::AttestRefused(_) => (StatusCode::UNAUTHORIZED, "AttestationError"),
            E::AdminUnauthenticated { .. } => (StatusCode::UNAUTHORIZED, "AdminAuthAccess"),
            E::PolicyDenied => (StatusCode::FORBIDDEN, "PolicyDeny"),
            E::AdminForbidden { .. } => (StatusCode::FORBIDDEN, "AdminAuthAccess"),
            E::PluginNotFound(_) => (StatusCode::NOT_FOUND, "PluginNotFound"),
            E::ResourceNotFound => (StatusCode::NOT_FOUND, "ResourceNotFound"),
            E::ReferenceValueNotFound(_) => (StatusCode::NOT_FOUND, "RvpsError"),
            E::PolicyNotFound(_) => (StatusCode::NOT_FOUND, "PolicyNotFound"),
            E::NotFound(_) => (StatusCode::NOT_FOUND, "NotFound"),
            E::DecisionNotFound(_) => (StatusCode::NOT_FOUND, "DecisionNotFound"),
            E::NotOffered | E::NoDecisions => (StatusCode::NOT_FOUND, "NotOffered"),
            E::BadPath(_) | E::BadQuery | E::BadParameter(_) | E::BadResourcePath(_) => {
                (StatusCode::BAD_REQUEST, "InvalidRequestPath")
            }
            E::BadAuthRequest(_) | E::ChallengeRefused(_) | E::BadAttestRequest(_) => {
                (StatusCode::BAD_REQUEST, "AttestationError")
            }
            E::BadPolicyBody(_) => (StatusCode::BAD_REQUEST, "ParsePolicyError"),
            E::BadResourcePolicy(_) => (StatusCode::BAD_REQUEST, "PolicyEngineError"),
            E::BadAttestationPolicy(_) | E::AttestationPolicyRefused(_) => {
                (StatusCode::BAD_REQUEST, "AttestationError")
            }
            E::BadTrial(_) => (StatusCode::BAD_REQUEST, "PolicyTestError"),
            E::BadReferenceValue(_) => (StatusCode::BAD_REQUEST, "RvpsError"),
            E::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLarge"),
            E::BrokenBody => (StatusCode::BAD_REQUEST, "BrokenBody"),
            E::MethodNotAllowed { .. } => (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
            E::PolicyBroken(_) | E::PolicyNotWritable(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "PolicyEngineError")
            }
            E::AttestationSetup(_) | E::NotSetUp(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "AttestationError")
            }
            E::Internal(_) | E::ResourceNotWritable(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "PluginInternalError")
            }
            E::Seal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "JweError"),
            E::AttestationUnavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "AttestationError"),
            E::AttestationFailed(_) => (StatusCode::BAD_GATEWAY, "AttestationError"),
            E::KeysUnavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "TokenVerifierError"),
            E::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "PolicyEngineError"),
            E::AuditUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "AuditUnavailable"),
            E::ClaimsTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLarge"),
            E::TooBusy => (StatusCode::SERVICE_UNAVAILABLE, "TooBusy"),
            E::TooManySessions => (StatusCode::SERVICE_UNAVAILABLE, "TooManySessions"),
            E::Decided { error, .. } => error.class(),
        }
    }

    /// The last part of the `type` of the body.
    pub(crate) fn name(&self) -> &'static str {
        self.class().1
    }

    /// The same error, which an administrator finds more about.
    pub(crate) fn decided(self, decision: DecisionId) -> Self {
        let error = Box::new(self);
        Self::Decided { decision, error }
    }

    /// The status this error is answered with.
    pub fn status(&self) -> StatusCode {
        self.class().0
    }

    /// Why the store of sessions has no place.
    pub(crate) fn of_sessions(error: NoRoom) -> Self {
        match error {
            NoRoom::Full => Self::TooManySessions,
            NoRoom::TooLarge => Self::ClaimsTooLarge,
        }
    }

    /// Whether the log has a line about this already: from who decided, with what it knows.
    fn is_recorded(&self) -> bool {
        matches!(
            self,
            Self::AttestRefused(_)
                | Self::ChallengeRefused(_)
                | Self::PolicyDenied
                | Self::AdminUnauthenticated { .. }
                | Self::AdminForbidden { .. }
        )
    }

    /// Of what is wrong with a policy, each thing has a line.
    fn in_one_line(&self) -> String {
        bounded_lines(&self.to_string(), MAX_LOGGED).replace('\n', ";")
    }

    fn log(&self, status: StatusCode) {
        let causes = causes_below(self);
        let causes = (!causes.is_empty()).then_some(causes);
        let status = status.as_u16();
        if status >= 500 {
            tracing::error!(status, causes, "{}", self.in_one_line());
        } else if self.is_recorded() || matches!(self, Self::TokenNotFound) {
            // Without a token: how every guest of the existing ecosystem begins.
            tracing::debug!(status, causes, "{}", self.in_one_line());
        } else {
            tracing::info!(status, causes, "{}", self.in_one_line());
        }
    }
}

impl IntoResponse for KbsError {
    fn into_response(self) -> Response {
        let (decision, this) = match self {
            Self::Decided { decision, error } => (Some(decision), *error),
            error => (None, error),
        };
        this.respond(decision)
    }
}

impl KbsError {
    fn respond(self, decision: Option<DecisionId>) -> Response {
        let (status, name) = self.class();
        self.log(status);
        let request_id = RequestContext::with_current(|context| context.request_id().to_string());
        let body = Body {
            r#type: format!("{TYPE_PREFIX}{name}"),
            detail: &self.to_string(),
            request_id,
            decision,
        };
        // A struct of strings always serialises.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
        let headers = response.headers_mut();
        if let Self::MethodNotAllowed { allow } = self {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn body(error: KbsError) -> (StatusCode, String, HeaderValue) {
        let response = error.into_response();
        let status = response.status();
        let content_type = response.headers()[header::CONTENT_TYPE].clone();
        let bytes = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap(), content_type)
    }

    #[tokio::test]
    async fn the_body_has_the_type_and_the_detail_existing_clients_read() {
        let (status, text, content_type) = body(KbsError::TokenNotFound).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert_eq!(content_type, "application/json");
        assert_eq!(
            text,
            r#"{"type":"https://github.com/confidential-containers/kbs/errors/TokenNotFound","detail":"Attestation Token not found"}"#
        );
    }

    #[tokio::test]
    async fn the_cause_of_a_failure_stays_inside() {
        let cause: Cause = "connection to 10.0.0.7 refused".into();
        let (status, text, _) = body(KbsError::AttestationUnavailable(cause)).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(!text.contains("10.0.0.7"));
    }

    #[test]
    fn a_caller_who_may_try_again_is_told_when() {
        let response = KbsError::TooManySessions.into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }

    #[test]
    fn a_refused_method_names_the_allowed_ones() {
        let allow = "GET, POST, PUT, DELETE";
        let response = KbsError::MethodNotAllowed { allow }.into_response();
        assert_eq!(response.headers()[header::ALLOW], allow);
    }
}
