use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest text that is kept, in characters.
const MAX_TEXT: usize = 600;

/// The check that evidence, or what came with it, did not pass. Nothing in it is secret; it is for whoever operates
/// the service and not for the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedCheck {
    /// Whose evidence, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tee: Option<String>,
    /// A name that stays the same: `nonce`, `report-data-mismatch`, `snp.report-signature`.
    pub check: String,
    /// Whose fault it is: `attester`, `request`, `operator`, `dependency` or `internal`.
    #[serde(default)]
    pub fault: String,
    /// What would have been right, where the check knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What came instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came: Option<String>,
    /// What to do about it.
    #[serde(default)]
    pub advice: String,
}

/// Evidence is refused: why, in a sentence, and as far as it is known in parts.
#[derive(Debug)]
pub struct Refusal {
    /// In a sentence.
    pub reason: String,
    /// In parts.
    pub check: Option<FailedCheck>,
}

impl FailedCheck {
    /// A check of this service's own, on what a guest sends.
    pub(crate) fn of_handshake(check: &str, expected: &str, came: &str, advice: &str) -> Self {
        Self {
            tee: None,
            check: check.to_owned(),
            fault: "attester".to_owned(),
            expected: Some(expected.to_owned()),
            came: Some(came.to_owned()),
            advice: advice.to_owned(),
        }
    }

    /// What another service says, with texts that are short and on one line. `None` if it says nothing of this kind.
    pub(crate) fn read(json: &[u8]) -> Option<Self> {
        let said: Self = serde_json::from_slice(json).ok()?;
        Some(Self {
            tee: said.tee.as_deref().map(bounded),
            check: bounded(&said.check),
            fault: bounded(&said.fault),
            expected: said.expected.as_deref().map(bounded),
            came: said.came.as_deref().map(bounded),
            advice: bounded(&said.advice),
        })
    }

    /// The check that led to an error.
    pub(crate) fn behind(error: &dyn Error) -> Option<&Self> {
        let mut next = error.source();
        while let Some(cause) = next {
            if let Some(refusal) = cause.downcast_ref::<Refusal>() {
                return refusal.check.as_ref();
            }
            next = cause.source();
        }
        None
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Error for Refusal {}

fn bounded(text: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(MAX_TEXT).map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::KbsError;

    fn check() -> FailedCheck {
        FailedCheck::of_handshake("nonce", "the one of the session", "another", "Begin anew.")
    }

    #[test]
    fn the_check_behind_an_error_is_found_however_deep_it_is() {
        let refusal = || Refusal {
            reason: "r".to_owned(),
            check: Some(check()),
        };
        let error = KbsError::AttestRefused(refusal().into());
        assert_eq!(FailedCheck::behind(&error), Some(&check()));
        let wrapped = crate::attestation::AttestationError::Unavailable(refusal().into());
        let error = KbsError::AttestationUnavailable(wrapped.into());
        assert_eq!(FailedCheck::behind(&error), Some(&check()));
        assert_eq!(FailedCheck::behind(&KbsError::AttestRefused("r".into())), None);
    }

    #[test]
    fn what_another_service_says_is_short_and_on_one_line() {
        let text = serde_json::json!({"check": "x\ny".repeat(1000), "new": 1}).to_string();
        let read = FailedCheck::read(text.as_bytes()).unwrap();
        assert_eq!(read.check.chars().count(), MAX_TEXT);
        assert!(!read.check.contains('\n'));
        for other in ["", "7", "{}", r#"{"check": 7}"#] {
            assert_eq!(FailedCheck::read(other.as_bytes()), None, "{other}");
        }
        let json = serde_json::to_vec(&check()).unwrap();
        assert_eq!(FailedCheck::read(&json), Some(check()));
    }
}
