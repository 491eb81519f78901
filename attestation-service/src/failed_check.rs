//! Why there is no token, in parts that a record can hold: which check failed, what it wanted, what to do. For whoever
//! operates the relying party, beside the sentence that everybody gets.

use serde::Serialize;
use verifier::{DcapError, SnpError, TdxError, Tee, VerifyError};

use crate::error::{EvaluateError, Fault};

/// The check that an evaluation stumbled on. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedCheck {
    /// Whose evidence, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tee: Option<&'static str>,
    /// A name that stays the same: `report-data-mismatch`, `snp.report-signature`.
    pub check: String,
    /// Whose fault it is: `attester`, `request`, `operator`, `dependency` or `internal`.
    pub fault: &'static str,
    /// What would have been right, where the check knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What came instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub came: Option<String>,
    /// What to do about it.
    pub advice: String,
}

impl FailedCheck {
    /// The check that gave an error.
    #[must_use]
    pub fn of(error: &EvaluateError) -> Self {
        let (tee, verification) = parts(error);
        let expectation = verification.and_then(VerifyError::expectation);
        let (expected, came) = match expectation {
            Some(told) => (Some(told.expected), Some(told.came)),
            None => (None, None),
        };
        Self {
            tee: tee.map(Tee::as_str),
            check: verification.map_or_else(|| name(error).to_owned(), VerifyError::check),
            fault: fault(error.fault()),
            expected,
            came,
            advice: match (verification, tee) {
                (Some(verification), Some(tee)) => of_verification(verification, tee),
                _ => otherwise(error).to_owned(),
            },
        }
    }
}

/// Whose evidence it was, and the verifier's own error.
fn parts(error: &EvaluateError) -> (Option<Tee>, Option<&VerifyError>) {
    use EvaluateError as E;
    match error {
        E::Unexpectable { tee, source }
        | E::Evidence { tee, source }
        | E::NotSetUp { tee, source }
        | E::BadEndorsement { tee, source } => (Some(*tee), Some(source)),
        E::UnsupportedTee(tee) => (Some(*tee), None),
        _ => (None, None),
    }
}

/// What the check is called that no verifier made.
fn name(error: &EvaluateError) -> &'static str {
    use EvaluateError as E;
    match error {
        E::NoItems => "no-evidence",
        E::TooManyItems(_) => "too-much-evidence",
        E::PolicyId(_) => "policy-id",
        E::UnknownTee(_) => "unknown-tee",
        E::UnsupportedTee(_) => "unsupported-tee",
        E::Binding(_) => "runtime-or-init-data",
        E::Unexpectable { .. } | E::Evidence { .. } => "evidence",
        E::NoEndorsement(_) => "no-endorsement",
        E::Policy(_) => "policy",
        E::NotSetUp { .. } => "verifier-not-set-up",
        E::Appraisal { .. } => "appraisal",
        E::Endless => "endless-policy",
        E::Endorsements(_) => "endorsements-unavailable",
        E::BadEndorsement { .. } => "bad-endorsement",
        E::ReferenceValues(_) => "reference-values",
        E::Overloaded => "overloaded",
        E::Token(_) => "token",
        E::Abandoned => "abandoned",
    }
}

fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Request => "request",
        Fault::Attester => "attester",
        Fault::Operator => "operator",
        Fault::Dependency => "dependency",
        Fault::Internal => "internal",
    }
}

fn of_verification(error: &VerifyError, tee: Tee) -> String {
    let page = format!("docs/tees/{}.md", tee.as_str());
    match error {
        VerifyError::ReportDataMismatch => {
            "Let the guest begin anew: evidence is good for one nonce and one key. If that does not help, something \
             between the guest and here changes its messages, or the guest hashes its runtime data otherwise than with \
             the algorithm that it names."
                .to_owned()
        }
        VerifyError::InitDataMismatch => {
            "Start the guest with the init-data document that it sends, or let it send the one that it was started with; \
             `kbs-client init-data digest` prints what a platform has of a document."
                .to_owned()
        }
        VerifyError::Format { .. } => {
            format!("The guest sends this TEE's evidence in a form that is not known here: compare the forms in {page}.")
        }
        VerifyError::BindingLength { .. } | VerifyError::BindingRequired { .. } => format!(
            "What the evidence should be bound to cannot be what this TEE binds: see the registers in {page}, and the hash \
             algorithm that the request names."
        ),
        VerifyError::Snp(SnpError::Vmpl(_)) => {
            "Evidence is taken from VMPL 0 only: take it there, or by the vTPM (az-snp-vtpm).".to_owned()
        }
        VerifyError::Snp(SnpError::TcbMismatch { .. }) => {
            "The platform's firmware was updated, or rolled back, after the certificate was fetched: have the host fetch \
             its certificates again, or leave them out of the evidence."
                .to_owned()
        }
        VerifyError::Snp(SnpError::Validity) | VerifyError::Dcap(DcapError::ChainValidity) => {
            "Look at the clock of this machine. If it is right, a certificate has run out: have the host fetch its \
             certificates again."
                .to_owned()
        }
        VerifyError::Dcap(DcapError::TdAttributes(_)) => {
            "Start the guest without what the reason names.".to_owned()
        }
        VerifyError::Dcap(DcapError::TcbRevoked | DcapError::NoTcbLevel | DcapError::QeTcbLevel) => {
            "The host's firmware, microcode or quoting enclave is too old to be trusted: have it updated.".to_owned()
        }
        VerifyError::Tdx(TdxError::EventLog(_) | TdxError::Replay(_) | TdxError::UnquotedRegister(_)) => {
            "The event log is not the one of this boot, or was cut: the guest has to send its log whole, as the firmware and \
             the kernel wrote it."
                .to_owned()
        }
        error if error.check().contains("signature") => format!(
            "Genuine hardware does not make this: the evidence was changed on its way, is put together of two, or is from \
             something that only looks like this TEE. {page} says whose roots are trusted."
        ),
        error if error.check().contains("revoked") => {
            "The vendor does not trust this platform any more: do not use it before the vendor says how.".to_owned()
        }
        _ => format!("No policy or reference value can change this: {page} says what is checked, and against what."),
    }
}

/// What to do about what no verifier found.
fn otherwise(error: &EvaluateError) -> &'static str {
    use EvaluateError as E;
    match error {
        E::UnknownTee(_) => "Look for a typo in the name; the guest may also be newer than this service.",
        E::UnsupportedTee(_) => {
            "Let the KBS use an Attestation Service that has a verifier for this TEE, over gRPC."
        }
        E::NoItems | E::TooManyItems(_) | E::PolicyId(_) | E::Binding(_) => {
            "The request itself cannot be used: the reason says what is wrong with it."
        }
        E::NoEndorsement(_) => {
            "The vendor does not know this chip, or does not at this firmware: see whether it is genuine, and the sources of \
             endorsements (docs/endorsements.md)."
        }
        E::Policy(_) | E::Appraisal { .. } | E::Endless => {
            "Mend the attestation policy; `kbs-client policy test` shows what it makes of guests."
        }
        E::Endorsements(_) | E::BadEndorsement { .. } => {
            "See /status of the Attestation Service for the sources of endorsements (docs/endorsements.md)."
        }
        E::ReferenceValues(_) => "See whether the Reference Value Provider Service answers (docs/rvps.md).",
        E::Unexpectable { .. } | E::Evidence { .. } | E::NotSetUp { .. } => {
            "See the page of the TEE in docs/tees."
        }
        E::Overloaded => "Try again; if it goes on, give the service more processors.",
        E::Token(_) | E::Abandoned => "This is a defect: the log has the rest, by the request id.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mismatch_says_what_was_expected_and_what_to_do() {
        let error = EvaluateError::Evidence {
            tee: Tee::Snp,
            source: VerifyError::ReportDataMismatch,
        };
        let check = FailedCheck::of(&error);
        assert_eq!(
            (check.tee, check.check.as_str(), check.fault),
            (Some("snp"), "report-data-mismatch", "attester")
        );
        assert!(check.expected.unwrap().contains("nonce"));
        assert!(check.advice.starts_with("Let the guest begin anew"));
    }

    #[test]
    fn advice_names_the_page_of_the_tee_and_every_tee_has_one() {
        for tee in Tee::ALL {
            let source = VerifyError::Format {
                tee,
                reason: String::new(),
            };
            let advice = FailedCheck::of(&EvaluateError::Evidence { tee, source }).advice;
            let page = format!("docs/tees/{}.md", tee.as_str());
            assert!(advice.contains(&page), "{advice}");
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("..")
                .join(&page);
            assert!(path.is_file(), "{page}");
        }
    }

    #[test]
    fn a_forged_signature_a_profiled_guest_and_a_bad_request_are_told_apart() {
        let of = |source: VerifyError| {
            FailedCheck::of(&EvaluateError::Evidence {
                tee: Tee::Tdx,
                source,
            })
        };
        let forged = of(DcapError::QuoteSignature.into());
        assert_eq!(forged.check, "dcap.quote-signature");
        assert!(forged.advice.contains("Genuine hardware does not make this"));
        let profiled = of(DcapError::TdAttributes("it is profiled").into());
        assert_eq!(profiled.check, "dcap.td-attributes");
        assert!(profiled.advice.contains("without what the reason names"));
        let none = FailedCheck::of(&EvaluateError::NoItems);
        assert_eq!((none.tee, none.fault), (None, "request"));
        assert_eq!(none.check, "no-evidence");
    }
}
