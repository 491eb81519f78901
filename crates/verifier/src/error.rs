//! Why evidence is refused.

use crate::az_vtpm::AzVtpmError;
use crate::cca::CcaError;
use crate::csv::CsvError;
use crate::dcap::DcapError;
use crate::nvidia::NvidiaError;
use crate::snp::SnpError;
use crate::tdx::TdxError;
use crate::tpm::TpmError;
use crate::{EndorsementId, Tee};

/// The check that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The evidence has not the form of this TEE's evidence.
    #[error("malformed {tee} evidence: {reason}")]
    Format {
        /// The TEE it was sent as.
        tee: Tee,
        /// What is wrong with it.
        reason: String,
    },
    /// The report data in the evidence is not the expected one: not fresh, or of another key.
    #[error(
        "the report data in the evidence is not what was expected: it is bound to another nonce or another key than those \
         that came with it"
    )]
    ReportDataMismatch,
    /// The init data in the evidence is not the expected one.
    #[error(
        "the init data in the evidence is not what was expected: the guest was started with another init-data document \
         than the one that it sent, or with none"
    )]
    InitDataMismatch,
    /// The expected value cannot be the content of the register. The caller's fault.
    #[error("{length} bytes of {field} cannot be expected of this TEE")]
    BindingLength {
        /// Which value.
        field: &'static str,
        /// Its length in bytes.
        length: usize,
    },
    /// This TEE's evidence proves nothing without an expectation, and there was none. The caller's fault.
    #[error("this TEE cannot be verified without expected {field}")]
    BindingRequired {
        /// Which value.
        field: &'static str,
    },
    /// The evidence cannot be verified without this endorsement, and it was not supplied.
    #[error("no {0} at hand")]
    MissingEndorsement(EndorsementId),
    /// The endorsement that was supplied is not what was asked for.
    #[error("the {id} at hand does not fit the evidence: {reason}")]
    BadEndorsement {
        /// What was asked for.
        id: EndorsementId,
        /// The check that it failed.
        reason: Box<VerifyError>,
    },
    /// A check of Arm CCA evidence failed.
    #[error(transparent)]
    Cca(#[from] CcaError),
    /// A check of Hygon CSV evidence failed.
    #[error(transparent)]
    Csv(#[from] CsvError),
    /// A check of evidence of NVIDIA devices failed.
    #[error(transparent)]
    Nvidia(#[from] NvidiaError),
    /// A check of SEV-SNP evidence failed.
    #[error(transparent)]
    Snp(#[from] SnpError),
    /// A check of what Azure's vTPM adds failed.
    #[error(transparent)]
    AzVtpm(#[from] AzVtpmError),
    /// A check of a TPM's quote failed.
    #[error(transparent)]
    Tpm(#[from] TpmError),
    /// A check of an SGX or TDX quote failed.
    #[error(transparent)]
    Dcap(#[from] DcapError),
    /// A check of what comes with a TDX quote failed.
    #[error(transparent)]
    Tdx(#[from] TdxError),
}

/// Whose fault a [`VerifyError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The evidence is bad: a result about the attester.
    Attester,
    /// An endorsement is missing or bad: the evidence may be good.
    Endorsement,
    /// What the caller expects makes no sense.
    Caller,
    /// The verifier has not been told what it needs to judge such evidence.
    Operator,
}

impl VerifyError {
    /// The same failure, of an endorsement that did not come from the attester.
    pub(crate) fn of_endorsement(self, id: EndorsementId) -> Self {
        VerifyError::BadEndorsement {
            id,
            reason: Box::new(self),
        }
    }

    /// Whose fault it is.
    pub fn class(&self) -> Fault {
        match self {
            VerifyError::Format { .. } | VerifyError::ReportDataMismatch | VerifyError::InitDataMismatch => {
                Fault::Attester
            }
            VerifyError::BindingLength { .. } | VerifyError::BindingRequired { .. } => Fault::Caller,
            VerifyError::MissingEndorsement(_) | VerifyError::BadEndorsement { .. } => Fault::Endorsement,
            VerifyError::Cca(error) => error.class(),
            VerifyError::Csv(error) => error.class(),
            VerifyError::Nvidia(error) => error.class(),
            VerifyError::Snp(error) => error.class(),
            VerifyError::Tpm(error) => error.class(),
            VerifyError::AzVtpm(error) => error.class(),
            VerifyError::Dcap(error) => error.class(),
            VerifyError::Tdx(error) => error.class(),
        }
    }
}
