use super::occurrence::Outcome;
use super::record::Verdict;
use daemon::causes::causes_below;

use crate::error::KbsError;

impl Outcome {
    /// What an error says about the guest, or about this service on behalf of the guest. `None` if nothing was decided:
    /// the request could not be read, or the guest has yet to begin.
    pub(crate) fn of(error: &KbsError) -> Option<Self> {
        use KbsError as E;
        let verdict = match error {
            E::PolicyDenied => Verdict::Denied,
            E::AttestRefused(_) | E::ChallengeRefused(_) | E::BadAttestRequest(_) | E::TokenRefused(_) => {
                Verdict::Refused
            }
            E::AttestationSetup(_)
            | E::AttestationUnavailable(_)
            | E::AttestationFailed(_)
            | E::NotOffered
            | E::KeysUnavailable(_)
            | E::AuditUnavailable
            | E::Busy(_)
            | E::PolicyBroken(_)
            | E::ResourceNotFound
            | E::BadResourcePath(_)
            | E::Internal(_)
            | E::Seal(_) => Verdict::Failed,
            _ => return None,
        };
        // The causes are in the log as well; the text alone is what the guest reads.
        let causes = causes_below(error);
        let reason = match (error, causes.is_empty()) {
            (E::PolicyDenied, _) => String::new(),
            (_, true) => error.to_string(),
            (_, false) => causes,
        };
        Some(Self::Error(verdict, error.name(), reason))
    }
}
