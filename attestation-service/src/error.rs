//! What can go wrong, sorted by whose fault it is.

use std::path::Path;

use verifier::{EndorsementId, SnpError, Tee, VerifyError};

use crate::binding::BindingError;
use crate::endorsements::EndorsementError;
use crate::policies::PolicyStoreError;
use crate::reference_values::ReferenceValueError;

/// Who has to do something about an error. Every edge derives its status from this, in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The caller: the request is malformed.
    Request,
    /// The attester: its evidence does not hold.
    Attester,
    /// The operator: a policy is missing or broken.
    Operator,
    /// Something this service depends on is down. Trying again may help.
    Dependency,
    /// This service itself.
    Internal,
}

/// There is no token.
#[derive(Debug, thiserror::Error)]
#[allow(private_interfaces)] // causes are for reading, not for matching
pub enum EvaluateError {
    /// The request holds no evidence.
    #[error("No verification requests provided.")]
    NoItems,
    /// The request holds more evidence than a node can have.
    #[error("{0} verification requests, more than the {max} allowed", max = crate::request::MAX_ITEMS)]
    TooManyItems(usize),
    /// A policy id that cannot be one.
    #[error(transparent)]
    PolicyId(PolicyStoreError),
    /// Not the name of a TEE.
    #[error("Unsupported TEE type: {0}")]
    UnknownTee(String),
    /// This version has no verifier for the TEE.
    #[error("there is no verifier for TEE `{}` in this version{}", .0.as_str(), advice(*.0))]
    UnsupportedTee(Tee),
    /// Runtime data or init data cannot be used.
    #[error(transparent)]
    Binding(BindingError),
    /// No evidence of this TEE could be bound to what is expected.
    #[error("Verifier evaluate failed: TEE `{}`", .tee.as_str())]
    Unexpectable {
        /// Whose evidence.
        tee: Tee,
        /// What is wrong with the expectation.
        source: VerifyError,
    },

    /// The evidence does not hold.
    #[error("Verifier evaluate failed: TEE `{}`", .tee.as_str())]
    Evidence {
        /// Whose evidence.
        tee: Tee,
        /// Which check failed.
        source: VerifyError,
    },
    /// What is measured of one machine asks for another policy than what is measured of another.
    #[error("the evidence is of several machines, which were started for different policies")]
    MachinesDisagree,
    /// Nobody vouches for the attester's hardware.
    #[error("nothing vouches for this TEE")]
    NoEndorsement(#[source] EndorsementError),

    /// There is no such policy, or it cannot be evaluated.
    #[error("appraisal failed")]
    Policy(#[source] PolicyStoreError),
    /// The verifier of this TEE has not been told what it needs.
    #[error("the verifier of TEE `{}` is not set up", .tee.as_str())]
    NotSetUp {
        /// Whose verifier.
        tee: Tee,
        /// What it needs.
        source: VerifyError,
    },
    /// The policy of this id failed on this evidence.
    #[error("Failed to eval policy: `{id}`")]
    Appraisal {
        /// With the class suffix.
        id: String,
        /// What is wrong with it.
        source: policy::PolicyError,
    },
    /// However many reference values a policy gets, it asks for more.
    #[error("the policy asks for ever more reference values")]
    Endless,

    /// An endorsement is needed and its source does not answer.
    #[error("cannot fetch what vouches for this TEE")]
    Endorsements(#[source] EndorsementError),
    /// What was fetched to vouch for the TEE does not hold.
    #[error("what was fetched to vouch for TEE `{}` does not hold", .tee.as_str())]
    BadEndorsement {
        /// Whose endorsement.
        tee: Tee,
        /// Which check failed.
        source: VerifyError,
    },
    /// Reference values cannot be had.
    #[error(transparent)]
    ReferenceValues(ReferenceValueError),
    /// More is being evaluated than this machine can do in time.
    #[error("too many evaluations are waiting")]
    Overloaded,
    /// The result has to be in the audit log and cannot be written there.
    #[error("the audit record cannot be written, so there is no token: try again later")]
    NotWritten,

    /// The token could not be made.
    #[error("cannot make the token: {0}")]
    Token(String),
    /// A defect of this service: the evaluation did not end as it should.
    #[error("the evaluation was abandoned")]
    Abandoned,
}

impl EvaluateError {
    pub(crate) fn unknown_tee(name: &str) -> Self {
        Self::UnknownTee(name.chars().take(32).collect())
    }

    /// Which of the endorsements that were asked for did not hold: a later fetch may bring better ones. A bad report
    /// is no reason for doubt.
    pub(crate) fn doubted<'a>(&self, wanted: &'a [EndorsementId]) -> Vec<&'a EndorsementId> {
        let is_doubted = |asked: &EndorsementId| match self {
            Self::BadEndorsement { source, .. } => match source {
                VerifyError::BadEndorsement { id, .. } => id == asked,
                VerifyError::MissingEndorsement(_) => false,
                // One of those used, without saying which.
                _ => true,
            },
            // The evidence's own certificate, which an intermediate one that was fetched should have signed.
            Self::Evidence {
                source: VerifyError::Snp(SnpError::UnknownIssuer | SnpError::ChainSignature),
                ..
            } => matches!(asked, EndorsementId::SnpAsvk { .. }),
            _ => false,
        };
        wanted.iter().filter(|asked| is_doubted(asked)).collect()
    }

    /// Who has to do something about it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::NoItems
            | Self::TooManyItems(_)
            | Self::PolicyId(_)
            | Self::UnknownTee(_)
            | Self::UnsupportedTee(_)
            | Self::Binding(_)
            | Self::Unexpectable { .. } => Fault::Request,
            Self::Evidence { .. } | Self::MachinesDisagree | Self::NoEndorsement(_) => Fault::Attester,
            Self::NotSetUp { .. } | Self::Appraisal { .. } | Self::Endless => Fault::Operator,
            Self::Policy(error) => error.fault(),
            Self::ReferenceValues(error) => error.fault(),
            Self::Endorsements(_) | Self::BadEndorsement { .. } | Self::Overloaded | Self::NotWritten => {
                Fault::Dependency
            }
            Self::Token(_) | Self::Abandoned => Fault::Internal,
        }
    }
}

impl From<EndorsementError> for EvaluateError {
    fn from(error: EndorsementError) -> Self {
        match error {
            EndorsementError::Unknown(_) => Self::NoEndorsement(error),
            EndorsementError::Unavailable { .. } | EndorsementError::Busy => Self::Endorsements(error),
        }
    }
}

/// What someone can do whose TEE this version cannot verify.
fn advice(tee: Tee) -> &'static str {
    match tee {
        Tee::Se => {
            ": IBM Secure Execution needs a library that there is in C alone; let the KBS use an Attestation Service \
             that has it, over gRPC (docs/tees/se.md)"
        }
        Tee::HygonDcu => {
            ": let the KBS use an Attestation Service that has one, over gRPC (docs/tees/hygondcu.md)"
        }
        Tee::NvidiaDpu => {
            ": let the KBS use an Attestation Service that has one, over gRPC (docs/tees/nvidia-dpu.md)"
        }
        _ => "",
    }
}

/// The service cannot start: the operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting cannot be used.
    #[error("{0}")]
    Config(String),
    /// A file that the configuration names cannot be used.
    #[error("cannot use `{path}`: {reason}")]
    File {
        /// As configured.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The storage cannot be opened.
    #[error("cannot open the storage: {0}")]
    Storage(#[from] storage::StorageError),
    /// The policies cannot be read or seeded.
    #[error("cannot prepare the policies")]
    Policies(#[source] PolicyStoreError),
    /// The audit log cannot be opened, continued or written.
    #[error("audit: {0}")]
    Audit(#[from] daemon::audit::AuditSetupError),
}

impl StartError {
    pub(crate) fn file(path: &Path, error: impl std::fmt::Display) -> Self {
        Self::File {
            path: path.display().to_string(),
            reason: error.to_string(),
        }
    }
}

/// An error and its causes, numbered from 0, one a line: the form that the ecosystem's logs know.
pub(crate) fn numbered_causes(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut cause = Some(error);
    let mut number = 0;
    while let Some(error) = cause {
        text.push_str(&format!("\n{number}: {error}"));
        cause = error.source();
        number += 1;
    }
    text
}
