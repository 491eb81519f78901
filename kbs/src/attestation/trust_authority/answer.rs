//! What comes back: a token, or whose fault it is that there is none.

use kbs_types::Tee;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::attestation::{AttestationError, bounded};

/// The token of an answer.
pub(super) fn token(status: StatusCode, body: &[u8]) -> Result<String, AttestationError> {
    use StatusCode as S;
    if status == S::OK {
        #[derive(Deserialize)]
        struct Body {
            token: String,
        }
        return match serde_json::from_slice(body) {
            Ok(Body { token }) => Ok(token),
            Err(_) => Err(AttestationError::Failed("the answer holds no token".into())),
        };
    }
    let reason = format!("{}: {}", status.as_u16(), said(body));
    Err(match status {
        S::BAD_REQUEST | S::UNPROCESSABLE_ENTITY | S::PAYLOAD_TOO_LARGE => AttestationError::Refused(reason),
        S::UNAUTHORIZED | S::FORBIDDEN => {
            AttestationError::Setup(format!("the API key is refused, {reason}").into())
        }
        S::NOT_FOUND | S::METHOD_NOT_ALLOWED => {
            AttestationError::Setup(format!("`base_url` is not that of the service, {reason}").into())
        }
        S::REQUEST_TIMEOUT
        | S::TOO_MANY_REQUESTS
        | S::BAD_GATEWAY
        | S::SERVICE_UNAVAILABLE
        | S::GATEWAY_TIMEOUT => AttestationError::Unavailable(reason.into()),
        _ => AttestationError::Failed(reason.into()),
    })
}

/// What the service gives as its reason, for the log.
fn said(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Body {
        #[serde(alias = "message")]
        error: String,
    }
    match serde_json::from_slice(body) {
        Ok(Body { error }) => bounded(&error),
        Err(_) => "no reason given".to_owned(),
    }
}

/// What a token has to be about, beside the guest's key: the nonce of this handshake.
pub(super) struct Wanted {
    nonce: String,
    /// Where the service repeats the data that the guest bound.
    pointer: &'static str,
}

/// A token of the service, and not the one that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum AnswerError {
    #[error("the token's issuer is none of `issuers`")]
    Issuer,
    #[error("the token is not about this handshake: its nonce is another, or it has none")]
    Nonce,
}

impl Wanted {
    /// For evidence of this TEE, bound to that runtime data. `None` if the data holds no nonce.
    pub(super) fn of(tee: Tee, runtime_data: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct RuntimeData {
            nonce: String,
        }
        let RuntimeData { nonce } = serde_json::from_str(runtime_data).ok()?;
        let pointer = match tee {
            Tee::Tdx => "/tdx/attester_runtime_data/nonce",
            Tee::AzTdxVtpm => "/tdx/attester_user_data/nonce",
            Tee::Sgx => "/sgx/attester_runtime_data/nonce",
            _ => return None,
        };
        Some(Self { nonce, pointer })
    }

    /// Looks at the claims of a token whose signature and times hold.
    pub(super) fn check(&self, claims_json: &str, issuers: &[String]) -> Result<(), AnswerError> {
        let claims: Value = serde_json::from_str(claims_json).map_err(|_| AnswerError::Issuer)?;
        let issuer = claims.get("iss").and_then(Value::as_str);
        if !issuers.iter().any(|known| issuer == Some(known)) {
            return Err(AnswerError::Issuer);
        }
        match claims.pointer(self.pointer).and_then(Value::as_str) {
            Some(nonce) if nonce == self.nonce => Ok(()),
            _ => Err(AnswerError::Nonce),
        }
    }
}
