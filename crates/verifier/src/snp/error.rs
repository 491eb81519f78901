//! Why SEV-SNP evidence is refused.

use super::{SnpProduct, SnpTcb};
use crate::Fault;

/// The check that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnpError {
    /// Versions 2 to 5 are known.
    #[error("attestation report version {0} is not supported")]
    ReportVersion(u32),
    /// A member that the report's version does not have, or lacks one that it has.
    #[error("the report has no {member} in version {version}, or must have it")]
    FieldOfOtherVersion {
        /// The report's version.
        version: u32,
        /// The member.
        member: &'static str,
    },
    /// The TCBs of one report have different layouts, or not the layout of the processor.
    #[error("the TCB versions do not have the layout of the processor")]
    TcbLayout,
    /// Processor family and model of no product line whose roots we have.
    #[error("unknown processor family {family:#x} model {model:#x}")]
    UnknownProcessor {
        /// Combined family.
        family: u8,
        /// Combined model.
        model: u8,
    },
    /// A reserved byte of the report is not zero.
    #[error("a reserved byte of the report is not zero")]
    Reserved,
    /// Only ECDSA P-384 with SHA-384 (1) is defined.
    #[error("signature algorithm {0} is not supported")]
    SignatureAlgorithm(u32),
    /// The report is signed by neither VCEK nor VLEK.
    #[error("the report names signing key {0}, which is neither VCEK nor VLEK")]
    SigningKey(u32),
    /// The bytes behind r or s are not zero.
    #[error("the padding of the report's signature is not zero")]
    SignaturePadding,
    /// The signature is not the endorsement key's signature of this report.
    #[error("the report's signature is not valid")]
    ReportSignature,
    /// The report was asked for at another privilege level than 0.
    #[error("the report is of VMPL {0}, not 0")]
    Vmpl(u32),
    /// A certificate that is needed cannot be read.
    #[error("the {certificate} certificate is malformed: {reason}")]
    Certificate {
        /// Which certificate.
        certificate: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A VLEK for a report signed by a VCEK, or the reverse.
    #[error("the report is signed by a {expected}, the certificate is not of one")]
    OtherKeyKind {
        /// What the report names: `VCEK` or `VLEK`.
        expected: &'static str,
    },
    /// The report is signed by a VLEK and the evidence has none; the KDS gives none out either.
    #[error("the evidence has no VLEK certificate")]
    MissingVlek,
    /// The certificate's issuer is no signing certificate of a known product line.
    #[error("the endorsement key's certificate is not issued by AMD for a known product line")]
    UnknownIssuer,
    /// The certificate is of another product line than the processor.
    #[error("the processor is of {report}, the certificate of {certificate}")]
    OtherProduct {
        /// By the report.
        report: SnpProduct,
        /// By the certificate.
        certificate: SnpProduct,
    },
    /// No trusted signing certificate of the right name signed the endorsement key's certificate.
    #[error("the endorsement key's certificate is not signed by a trusted key")]
    ChainSignature,
    /// A certificate of the chain is not valid at this time.
    #[error("a certificate of the chain is expired or not yet valid")]
    Validity,
    /// An extension that must be there once is missing, there twice, or malformed.
    #[error("the certificate's {0} extension is missing, malformed or there twice")]
    Extension(&'static str),
    /// The certificate was made for another TCB.
    #[error("the certificate is of another TCB ({certificate}) than reported ({report})")]
    TcbMismatch {
        /// By the report.
        report: SnpTcb,
        /// By the certificate.
        certificate: SnpTcb,
    },
    /// The certificate was made for another chip.
    #[error("the certificate is of another chip than the report")]
    ChipIdMismatch,
    /// The report hides its chip id, so that no VCEK can be compared with it.
    #[error("the chip id in the report is masked or malformed")]
    ChipIdMasked,
    /// A certificate of the chain is revoked.
    #[error("the {0} certificate is revoked")]
    Revoked(&'static str),
    /// The revocation list is no valid list of the chain's root at this time.
    #[error("the revocation list is not valid: {0}")]
    RevocationList(String),
}

impl SnpError {
    /// Whose fault it is.
    pub fn class(&self) -> Fault {
        match self {
            SnpError::RevocationList(_) => Fault::Endorsement,
            _ => Fault::Attester,
        }
    }
}
