//! The two steps of a verification, as traits.

use serde::Deserialize;
use serde_json::error::Category;

use crate::{EndorsementId, Endorsements, ExpectedBinding, Tee, VerifiedClaims, VerifyError};

/// Evidence as a client sent it: JSON text that nobody has looked at.
///
/// The one thing to do with it is to hand it to [`EvidenceVerifier::parse`].
#[derive(Clone, Copy)]
pub struct UnverifiedEvidence<'a>(&'a [u8]);

impl<'a> UnverifiedEvidence<'a> {
    /// Wraps the JSON text. The caller bounds its length.
    pub fn new(json: &'a [u8]) -> Self {
        Self(json)
    }

    /// The evidence as a `T`. What is wrong with it is said by place; its content is not repeated.
    pub(crate) fn parse<T: Deserialize<'a>>(self, tee: Tee) -> Result<T, VerifyError> {
        serde_json::from_slice(self.0).map_err(|error| {
            let text = error.to_string();
            let reason = match error.classify() {
                Category::Data if !text.starts_with("missing field") => {
                    let (line, column) = (error.line(), error.column());
                    format!("something of another type than expected at line {line} column {column}")
                }
                _ => text,
            };
            VerifyError::Format { tee, reason }
        })
    }
}

/// Reads the evidence of one TEE.
pub trait EvidenceVerifier: Send + Sync {
    /// The TEE whose evidence this reads.
    fn tee(&self) -> Tee;

    /// Brings the evidence into form. Proves nothing about it.
    ///
    /// # Errors
    /// [`VerifyError`] of the attester's fault, if it has not the form of this TEE's evidence.
    fn parse(&self, evidence: UnverifiedEvidence<'_>) -> Result<Box<dyn ParsedEvidence>, VerifyError>;
}

/// Evidence in form, of which nothing is proved yet.
pub trait ParsedEvidence: Send + Sync {
    /// What [`verify`](Self::verify) could use beyond the evidence. An id asked for is not always needed:
    /// revocation lists, for one, are used if present.
    fn endorsements_for(&self) -> Vec<EndorsementId>;

    /// What can be found wrong before anything is asked for, where asking costs somebody else something. It is no proof
    /// of anything; [`verify`](Self::verify) checks it again.
    ///
    /// # Errors
    /// [`VerifyError`] naming the check that failed.
    fn foresee(&self, _expected: &ExpectedBinding) -> Result<(), VerifyError> {
        Ok(())
    }

    /// Is verifying it so little work that a thread which serves connections may do it?
    fn is_cheap(&self) -> bool {
        false
    }

    /// Makes every check that this TEE calls for.
    ///
    /// `now` is in seconds since the Unix epoch.
    ///
    /// # Errors
    /// [`VerifyError`] naming the first check that failed.
    fn verify(
        &self,
        expected: &ExpectedBinding,
        endorsements: &Endorsements,
        now: i64,
    ) -> Result<Vec<VerifiedClaims>, VerifyError>;
}
