//! Why there is no token, in parts that a record can hold: which check failed, what it wanted, what to do. For whoever
//! operates the relying party, beside the sentence that everybody gets.

use std::borrow::Cow;

use serde::Serialize;
use verifier::{DcapError, SnpError, TdxError, Tee, VerifyError};

use crate::error::{EvaluateError, Fault};
use crate::policies::PolicyStoreError;

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
        let fault = fault(error.fault());
        match failure(error) {
            Failure::Verification(tee, source) => {
                let expectation = source.expectation();
                let (expected, came) = expectation.map(|told| (told.expected, told.came)).unzip();
                Self {
                    tee: Some(tee.as_str()),
                    check: source.check(),
                    fault,
                    expected,
                    came,
                    advice: of_verification(source, tee),
                }
            }
            Failure::Other { tee, check, advice } => Self {
                tee: tee.map(Tee::as_str),
                check: check.to_owned(),
                fault,
                expected: None,
                came: None,
                advice: advice.into_owned(),
            },
        }
    }
}

/// What an error is to whoever reads a record of it.
enum Failure<'a> {
    /// A verifier found it, in evidence of this TEE or in what vouches for it.
    Verification(Tee, &'a VerifyError),
    /// No verifier did.
    Other {
        tee: Option<Tee>,
        check: &'static str,
        advice: Cow<'static, str>,
    },
}

fn failure(error: &EvaluateError) -> Failure<'_> {
    use EvaluateError as E;
    let other = |check, advice: &'static str| Failure::Other {
        tee: None,
        check,
        advice: advice.into(),
    };
    match error {
        E::Unexpectable { tee, source }
        | E::Evidence { tee, source }
        | E::NotSetUp { tee, source }
        | E::BadEndorsement { tee, source } => Failure::Verification(*tee, source),
        E::UnsupportedTee(tee) => Failure::Other {
            tee: Some(*tee),
            check: "unsupported-tee",
            advice: "Let the KBS use an Attestation Service that has a verifier for this TEE, over gRPC.".into(),
        },
        E::UnknownTee(_) => other(
            "unknown-tee",
            "Look for a typo in the name; the guest may also be newer than this service.",
        ),
        E::NoItems => other("no-evidence", BAD_REQUEST),
        E::TooManyItems(_) => other("too-much-evidence", BAD_REQUEST),
        E::PolicyId(_) => other("policy-id", BAD_REQUEST),
        E::Binding(_) => other("runtime-or-init-data", BAD_REQUEST),
        E::MachinesDisagree => other(
            "machines-disagree",
            "A guest is one machine and its devices: let it send no evidence of another one, such as a sample, beside \
             its own. `policy_map` has what each was started for (docs/policy.md).",
        ),
        E::NoEndorsement(_) => other(
            "no-endorsement",
            "The vendor does not know this chip, or does not at this firmware: see whether it is genuine, and the \
             sources of endorsements (docs/endorsements.md).",
        ),
        E::Policy(PolicyStoreError::NotFound(_)) => other("policy", NO_POLICY),
        E::Policy(_) => other("policy", BAD_POLICY),
        E::Appraisal { id, .. } => Failure::Other {
            tee: None,
            check: "appraisal",
            advice: format!(
                "The attestation policy `{id}` is at fault, not the guest: mend it, or go back to a version before \
                 (`kbs-client config attestation-policy-history --id {id}`, then `config roll-back-attestation-policy`)."
            )
            .into(),
        },
        E::Endless => other("endless-policy", BAD_POLICY),
        E::Endorsements(_) => other(
            "endorsements-unavailable",
            "See /status of the Attestation Service for the sources of endorsements (docs/endorsements.md).",
        ),
        E::ReferenceValues(_) => other(
            "reference-values",
            "See whether the Reference Value Provider Service answers (docs/rvps.md).",
        ),
        E::Overloaded => other(
            "overloaded",
            "Try again; if it goes on, give the service more processors.",
        ),
        E::NotWritten => other(
            "audit-log",
            "Look at the disk of the audit log of the Attestation Service, which must be written to.",
        ),
        E::Token(_) => other("token", DEFECT),
        E::Abandoned => other("abandoned", DEFECT),
    }
}

const BAD_REQUEST: &str = "The request itself cannot be used: the reason says what is wrong with it.";
const BAD_POLICY: &str =
    "Mend the attestation policy; `kbs-client policy test` shows what it makes of guests.";
const NO_POLICY: &str = "There is no policy of that id: set it (`kbs-client config set-attestation-policy --id …`), or \
                         mend what names it: `policy_map`, or the `policy-id` that the guest asked for.";
const DEFECT: &str = "This is a defect: the log has the rest, by the request id.";

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
