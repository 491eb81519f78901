//! What is remembered of reference values, and how an administrator takes them back.

use protos::reference as wire;
use serde::Serialize;
use serde_json::value::RawValue;
use tonic::{Code, Status};

use super::{AttestationError, bounded};

/// What there is to know about one reference value.
#[derive(Debug, Serialize)]
pub struct ReferenceValueHistory {
    /// Its name.
    pub id: String,
    /// The value that counts now; `None` if none does.
    pub current: Option<ServedValue>,
    /// Whether that is the value of the newest version. If not, somebody changed the storage by hand.
    pub current_is_newest: bool,
    /// The newest first. Old ones are forgotten.
    pub versions: Vec<ValueVersion>,
    /// What never counts again.
    pub revoked: Vec<Revocation>,
}

/// The value that counts now.
#[derive(Debug, Serialize)]
pub struct ServedValue {
    /// The value.
    pub value: Box<RawValue>,
    /// Seconds since the Unix epoch, as all times here.
    pub expires_at: i64,
}

/// One version of a reference value.
#[derive(Debug, Serialize)]
pub struct ValueVersion {
    /// Counts from 1.
    pub number: u64,
    /// `registered`, `deleted` or `revoked`.
    pub event: String,
    /// When.
    pub at: i64,
    /// Who.
    pub by: Option<Registrar>,
    /// Why, if that one said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The value; absent where none was left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Box<RawValue>>,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// When the same came last, if it came again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renewed_at: Option<i64>,
    /// The message that brought it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
}

/// Who changed a reference value.
#[derive(Debug, Serialize)]
pub struct Registrar {
    /// `local`, `anyone`, `certificate`, `token` or `jwt`.
    pub how: String,
    /// The name under which the RVPS knows that one.
    pub name: String,
    /// For whom that one asked, in its own words: of a KBS, the role of its administrator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
}

/// The message that brought a value.
#[derive(Debug, Serialize)]
pub struct Message {
    /// The extractor that read it.
    pub r#type: String,
    /// SHA-256 in hex.
    pub digest: String,
    /// When it was issued, if it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<i64>,
    /// The trust anchor of its signer, if somebody signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anchor: Option<String>,
    /// SHA-256 of the signer's key in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// What never counts again.
#[derive(Debug, Serialize)]
pub struct Revocation {
    /// The value, or the element of values.
    pub value: Box<RawValue>,
    /// When.
    pub at: i64,
    /// Who.
    pub by: Option<Registrar>,
    /// Why, if that one said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What to do with a reference value besides what its name says.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// The name of the value.
    pub id: String,
    /// Why, for the history.
    pub reason: Option<String>,
    /// Who asks, for the history.
    pub on_behalf_of: String,
}

/// What to revoke.
#[derive(Debug, Clone, Default)]
pub enum RevokeWhat {
    /// Everything in the value that counts now.
    #[default]
    Current,
    /// Everything in the value that a version had.
    Version(u64),
    /// This value, or this element of values, as JSON text.
    Element(String),
}

/// What is left of a value of which something was revoked, as JSON text.
pub type Left = Option<Box<RawValue>>;

impl Change {
    pub(super) fn deletion(self, forget: bool) -> wire::ReferenceValueDeleteRequest {
        wire::ReferenceValueDeleteRequest {
            id: self.id,
            reason: self.reason,
            forget,
            on_behalf_of: Some(self.on_behalf_of),
        }
    }

    pub(super) fn revocation(self, what: RevokeWhat) -> wire::ReferenceValueRevokeRequest {
        use wire::reference_value_revoke_request::What;
        wire::ReferenceValueRevokeRequest {
            id: self.id,
            reason: self.reason,
            what: match what {
                RevokeWhat::Current => None,
                RevokeWhat::Version(number) => Some(What::Version(number)),
                RevokeWhat::Element(json) => Some(What::Element(json)),
            },
            on_behalf_of: Some(self.on_behalf_of),
        }
    }
}

/// Reads an answer about `id`.
pub(super) fn history(
    id: &str,
    answer: wire::ReferenceValueHistoryResponse,
) -> Result<ReferenceValueHistory, AttestationError> {
    let current = answer.current.map(|current| {
        Ok(ServedValue {
            value: json(current.value)?,
            expires_at: current.expires_at,
        })
    });
    Ok(ReferenceValueHistory {
        id: id.to_owned(),
        current: current.transpose()?,
        current_is_newest: answer.current_is_newest,
        versions: answer
            .versions
            .into_iter()
            .map(version)
            .collect::<Result<_, _>>()?,
        revoked: answer
            .revoked
            .into_iter()
            .map(revocation)
            .collect::<Result<_, _>>()?,
    })
}

/// Reads what is left of a value.
pub(super) fn left(answer: wire::ReferenceValueRevokeResponse) -> Result<Left, AttestationError> {
    answer.left.map(json).transpose()
}

/// Sorts the status of a call about reference values. That there is no such value, or version, is an answer.
pub(super) fn sort(status: Status) -> AttestationError {
    match status.code() {
        Code::NotFound => AttestationError::NotFound(bounded(status.message())),
        _ => super::grpc::sort_for_administrator(status),
    }
}

fn version(version: wire::ReferenceValueVersion) -> Result<ValueVersion, AttestationError> {
    Ok(ValueVersion {
        number: version.number,
        event: version.event,
        at: version.at,
        by: version.by.map(registrar),
        reason: version.reason,
        value: version.value.map(json).transpose()?,
        expires_at: version.expires_at,
        renewed_at: version.renewed_at,
        message: version.message.map(|message| Message {
            r#type: message.r#type,
            digest: message.digest,
            issued_at: message.issued_at,
            anchor: message.anchor,
            key: message.key,
        }),
    })
}

fn revocation(revoked: wire::ReferenceValueRevocation) -> Result<Revocation, AttestationError> {
    Ok(Revocation {
        value: json(revoked.value)?,
        at: revoked.at,
        by: revoked.by.map(registrar),
        reason: revoked.reason,
    })
}

fn registrar(by: wire::ReferenceValueRegistrar) -> Registrar {
    Registrar {
        how: by.how,
        name: by.name,
        on_behalf_of: by.on_behalf_of,
    }
}

fn json(text: String) -> Result<Box<RawValue>, AttestationError> {
    RawValue::from_string(text)
        .map_err(|_| AttestationError::Failed("it sent a reference value that is not JSON".into()))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;
    use crate::error::KbsError;

    #[test]
    fn who_asks_for_what_cannot_be_is_told_apart_from_an_rvps_that_cannot_store() {
        let answered = |code| {
            let error = sort(Status::new(code, "the reason"));
            let error = error.into_kbs_error(KbsError::BadReferenceValue);
            assert!(error.to_string().contains("the reason"), "{error}");
            error.status()
        };
        assert_eq!(answered(Code::InvalidArgument), StatusCode::BAD_REQUEST);
        assert_eq!(answered(Code::NotFound), StatusCode::NOT_FOUND);
        assert_eq!(
            answered(Code::FailedPrecondition),
            StatusCode::INTERNAL_SERVER_ERROR
        );
    }
}
