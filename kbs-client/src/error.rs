//! What can go wrong, sorted by what one can do about it.

mod hints;

use std::fmt;
use std::time::Duration;

use jose::jwe::JweError;
use serde::Deserialize;

use crate::attester::AttesterError;
use crate::binding::InitDataError;
use crate::uri::UriError;

/// Why a call to a KBS did not succeed. The text says what happened; [`ClientError::hint`] what to do.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The name of a resource is none.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// The init-data is not usable.
    #[error(transparent)]
    InitData(#[from] InitDataError),
    /// A root certificate, a URL, a token that cannot be used.
    #[error("{0}")]
    Setup(String),
    /// No evidence could be made.
    #[error("no evidence could be made: {0}")]
    Attester(#[from] AttesterError),
    /// The resource policy said no to this guest.
    #[error("the KBS's resource policy does not release this to this guest ({0})")]
    Denied(Refusal),
    /// There is no such resource, policy or value, or the KBS does not offer what was asked.
    #[error("the KBS has no such thing ({0})")]
    NotFound(Refusal),
    /// The admin credential is missing, wrong, expired, or not allowed to do this.
    #[error("the KBS does not accept the admin credential for this ({0})")]
    Unauthorized(Refusal),
    /// The evidence, or the token of an earlier attestation, was not accepted.
    #[error("the KBS does not accept the attestation ({0})")]
    AttestationRefused(Refusal),
    /// The KBS, or a service behind it, is overloaded or down.
    #[error("the KBS cannot serve this at the moment ({0})")]
    Unavailable(Refusal),
    /// The KBS does not take what was sent.
    #[error("the KBS does not take what was sent ({0})")]
    Rejected(Refusal),
    /// The KBS failed.
    #[error("the KBS failed ({0})")]
    Failed(Refusal),
    /// Nobody answers, or not in time, or TLS does not come about.
    #[error("the KBS at {url} cannot be reached: {cause}")]
    Unreachable {
        /// The base URL that was tried.
        url: String,
        /// The chain of causes.
        cause: String,
    },
    /// The answer is not one that a KBS gives.
    #[error("the answer is not that of a KBS: {0}")]
    BadAnswer(&'static str),
    /// The secret came, but cannot be opened.
    #[error("the secret cannot be opened: {0}")]
    Seal(#[from] JweError),
}

impl ClientError {
    /// What the user can do, in one sentence or two.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Denied(_) => {
                "An administrator of the KBS sees why with `kbs-client decisions show` and the id of the decision. Mostly \
                 the guest's measurements are not registered as reference values, or the policy \
                 (`config get-resource-policy`) asks for more."
            }
            Self::NotFound(refusal) => return hints::not_found(refusal),
            Self::Unauthorized(refusal) => hints::unauthorized(refusal),
            Self::AttestationRefused(_) => {
                "An administrator of the KBS sees which check failed with `kbs-client decisions show` and the id of the \
                 decision. A token may have expired: attest again."
            }
            Self::Unavailable(refusal) => hints::unavailable(refusal),
            Self::Unreachable { url, cause } => hints::unreachable(url, cause),
            Self::Attester(_) => "Choose what makes the evidence with --attester.",
            Self::Seal(_) => "Use the --tee-key-file that the token was made with.",
            _ => return None,
        })
    }

    /// What the KBS said, if it is the KBS that refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Denied(refusal)
            | Self::NotFound(refusal)
            | Self::Unauthorized(refusal)
            | Self::AttestationRefused(refusal)
            | Self::Unavailable(refusal)
            | Self::Rejected(refusal)
            | Self::Failed(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether the same call may succeed a moment later.
    pub(crate) fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Unreachable { .. })
    }
}

/// What a KBS says when it refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The last part of the error's `type`, for example `PolicyDeny`; empty when there is none.
    pub kind: String,
    /// The KBS's own words, free of control characters.
    pub detail: String,
    /// The id under which the KBS's log tells more.
    pub request_id: Option<String>,
    /// The id under which an administrator finds what was decided, and why.
    pub decision: Option<Box<str>>,
    /// How long the KBS asks to wait.
    pub retry_after: Option<Duration>,
}

/// Who asked, which decides what a bare 401 or 403 means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    Guest,
    Admin,
}

impl Refusal {
    /// Reads the body of an error; bodies that are not the KBS's JSON form are shown as they are.
    pub(crate) fn read(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        #[derive(Deserialize)]
        struct Body {
            r#type: String,
            detail: String,
            request_id: Option<String>,
            decision: Option<String>,
        }
        match serde_json::from_slice::<Body>(body) {
            Ok(body) => Self {
                status,
                kind: printable(body.r#type.rsplit('/').next().unwrap_or_default()),
                detail: printable_lines(&body.detail),
                request_id: body.request_id.as_deref().map(printable),
                decision: body.decision.as_deref().map(|id| printable(id).into()),
                retry_after,
            },
            Err(_) => Self {
                status,
                kind: String::new(),
                detail: printable(&String::from_utf8_lossy(body)),
                request_id: None,
                decision: None,
                retry_after,
            },
        }
    }

    /// Sorts the refusal. The existing implementation answers nearly everything with 401, so the error's type
    /// counts before the status.
    pub(crate) fn into_error(self, caller: Caller) -> ClientError {
        use ClientError as E;
        let unknown_value = self.detail.contains("No reference value found");
        match (self.status, self.kind.as_str(), caller) {
            (429 | 502..=504, _, _) => E::Unavailable(self),
            (500.., _, _) => E::Failed(self),
            (_, "PolicyDeny", _) => E::Denied(self),
            (_, "AdminAuthAccess" | "AdminAuthInitialization", _) => E::Unauthorized(self),
            (404, _, _) | (_, "PluginNotFound" | "ResourceNotFound" | "PolicyNotFound", _) => {
                E::NotFound(self)
            }
            // The existing implementation's word for a resource that is not there, among other things.
            (401, "PluginInternalError", _) => E::NotFound(self),
            (401, "RvpsError", _) if unknown_value => E::NotFound(self),
            (401, "TokenNotFound" | "TokenVerifierError" | "AttestationError", Caller::Guest) => {
                E::AttestationRefused(self)
            }
            (
                401,
                "ParsePolicyError" | "PolicyEngineError" | "RvpsError" | "AttestationError" | "JweError"
                | "SerdeError",
                _,
            ) => E::Rejected(self),
            (401 | 403, _, Caller::Admin) => E::Unauthorized(self),
            (401, _, Caller::Guest) => E::AttestationRefused(self),
            (403, _, Caller::Guest) => E::Denied(self),
            _ => E::Rejected(self),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.status)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        if let Some(id) = &self.request_id {
            write!(f, "; request id {id}")?;
        }
        match &self.decision {
            Some(id) => write!(f, "; decision {id}"),
            None => Ok(()),
        }
    }
}

/// A bounded text without control characters: it comes from the network and goes to a terminal.
pub(crate) fn printable(text: &str) -> String {
    shown(text, 2000)
}

/// The same for a text that has a line for each thing that is wrong with a policy.
fn printable_lines(text: &str) -> String {
    shown(text, 20_000)
}

fn shown(text: &str, most: usize) -> String {
    text.chars()
        .take(most)
        .map(|c| {
            if c.is_control() && c != '\n' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sort(status: u16, kind: &str, detail: &str, caller: Caller) -> String {
        let body = format!(r#"{{"type":"https://github.com/x/kbs/errors/{kind}","detail":"{detail}"}}"#);
        let text = format!(
            "{:?}",
            Refusal::read(status, body.as_bytes(), None).into_error(caller)
        );
        text.split('(').next().unwrap().to_owned()
    }

    /// Recorded answers of the existing implementation, and those of ours.
    #[test]
    fn answers_are_sorted_by_type_first_and_then_by_status() {
        let cases = [
            (401, "PolicyDeny", Caller::Guest, "Denied"),
            (403, "PolicyDeny", Caller::Guest, "Denied"),
            (401, "PluginInternalError", Caller::Guest, "NotFound"),
            (404, "ResourceNotFound", Caller::Guest, "NotFound"),
            (404, "PluginNotFound", Caller::Admin, "NotFound"),
            (401, "TokenNotFound", Caller::Guest, "AttestationRefused"),
            (401, "TokenVerifierError", Caller::Guest, "AttestationRefused"),
            (401, "AttestationError", Caller::Guest, "AttestationRefused"),
            (400, "AttestationError", Caller::Guest, "Rejected"),
            (503, "TokenVerifierError", Caller::Guest, "Unavailable"),
            (503, "TooManySessions", Caller::Guest, "Unavailable"),
            (502, "AttestationError", Caller::Guest, "Unavailable"),
            (429, "", Caller::Guest, "Unavailable"),
            (500, "PluginInternalError", Caller::Guest, "Failed"),
            (500, "PolicyEngineError", Caller::Guest, "Failed"),
            (401, "AdminAuthInitialization", Caller::Admin, "Unauthorized"),
            (401, "AdminAuthAccess", Caller::Admin, "Unauthorized"),
            (403, "AdminAuthAccess", Caller::Admin, "Unauthorized"),
            (401, "AttestationError", Caller::Admin, "Rejected"),
            (401, "ParsePolicyError", Caller::Admin, "Rejected"),
            (400, "PolicyEngineError", Caller::Admin, "Rejected"),
            (413, "", Caller::Admin, "Rejected"),
            (401, "", Caller::Admin, "Unauthorized"),
        ];
        for (status, kind, caller, expected) in cases {
            assert_eq!(sort(status, kind, "", caller), expected, "{status} {kind}");
        }
        let detail = "Failed to get reference_values: No reference value found for the given id: none";
        assert_eq!(sort(401, "RvpsError", detail, Caller::Admin), "NotFound");
        assert_eq!(sort(401, "RvpsError", "other", Caller::Admin), "Rejected");
    }

    #[test]
    fn what_a_server_says_cannot_drive_the_terminal() {
        let refusal = Refusal::read(400, b"\x1b[2Jgone\x07", None);
        assert_eq!(refusal.detail, "\u{fffd}[2Jgone\u{fffd}");
        assert_eq!(refusal.to_string(), "status 400: \u{fffd}[2Jgone\u{fffd}");
    }
}
