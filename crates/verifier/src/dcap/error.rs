//! Why a quote, or Intel's collateral for it, is refused.

use super::DcapTee;
use crate::Fault;

/// The check that failed. Checks of collateral reach the caller inside a
/// [`VerifyError::BadEndorsement`](crate::VerifyError::BadEndorsement).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DcapError {
    /// The quote ends before its last field.
    #[error("the quote is shorter than it says")]
    Truncated,
    /// More than any quote has.
    #[error("the quote is too long")]
    TooLong,
    /// Bytes other than zero behind the end of the quote, or any behind the end of one of its parts.
    #[error("there are bytes behind the end of the quote or of one of its parts")]
    TrailingBytes,
    /// The quote is of no TEE that we know.
    #[error("the quote is of the unknown TEE type {0:#x}")]
    UnknownTee(u32),
    /// An SGX quote for TDX, or the reverse.
    #[error("the quote is not of {expected}")]
    OtherTee {
        /// The TEE it was sent as.
        expected: DcapTee,
    },
    /// SGX has version 3, TDX 4 and 5.
    #[error("quote version {version} is not supported for {tee}")]
    Version {
        /// The TEE.
        tee: DcapTee,
        /// The version.
        version: u16,
    },
    /// A version 5 quote with a body that is none of a TD's.
    #[error("quote body type {0} is not supported")]
    BodyType(u16),
    /// The body has not the size that its type has.
    #[error("a quote body of type {body_type} does not have {size} bytes")]
    BodySize {
        /// The type.
        body_type: u16,
        /// The size that the quote gives.
        size: u32,
    },
    /// Only ECDSA P-256 (2) is defined.
    #[error("attestation key type {0} is not supported")]
    AttestationKeyType(u16),
    /// Another quoting enclave than Intel's.
    #[error("the quote is not by Intel's quoting enclave")]
    QeVendor,
    /// What vouches for the quoting enclave is not in a form that can be verified.
    #[error("certification data of type {kind} ({}) cannot be verified", certification_data(*kind))]
    CertificationData {
        /// The type (1 to 7 are defined).
        kind: u16,
    },
    /// Intel's quoting enclave puts 32 bytes there.
    #[error("the quoting enclave's authentication data has {0} bytes, not 32")]
    QeAuthenticationData(usize),
    /// The PCK certificate chain is not PEM.
    #[error("malformed PCK certificate chain: {0}")]
    ChainForm(String),
    /// Leaf, CA and root, and no other.
    #[error("the PCK certificate chain has {0} certificates, not 3")]
    ChainLength(usize),
    /// A certificate that cannot be read, or is not what it must be.
    #[error("the {certificate} certificate is not acceptable: {reason}")]
    Certificate {
        /// Which certificate.
        certificate: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The chain ends in a root that nobody trusts.
    #[error("the root of the certificate chain is not trusted")]
    UnknownRoot,
    /// A certificate is not signed by the next one of its chain.
    #[error("the {0} certificate is not signed by its issuer")]
    ChainSignature(&'static str),
    /// A certificate of the PCK chain is expired or not yet valid.
    #[error("a certificate of the PCK chain is expired or not yet valid")]
    ChainValidity,
    /// The SGX extension of the PCK certificate (Intel SGX PCK Certificate and CRL Profile, section 1.3.5).
    #[error("the SGX extension of the PCK certificate is malformed: {0}")]
    SgxExtension(String),
    /// A certificate is on its CA's revocation list.
    #[error("the {0} certificate is revoked")]
    Revoked(&'static str),
    /// The PCK did not sign the quoting enclave's report.
    #[error("the signature of the quoting enclave's report is not valid")]
    QeReportSignature,
    /// The quoting enclave's report does not vouch for the attestation key.
    #[error("the quoting enclave's report is not about this attestation key")]
    QeReportData,
    /// The quoting enclave is not the one that Intel says.
    #[error("the quoting enclave is not Intel's: {0}")]
    QeIdentity(String),
    /// The quoting enclave is older than every level that Intel knows.
    #[error("the quoting enclave is at no TCB level")]
    QeTcbLevel,
    /// The attestation key did not sign header and body.
    #[error("the quote's signature is not valid")]
    QuoteSignature,
    /// The platform is older than every level that Intel knows.
    #[error("the platform is at no TCB level")]
    NoTcbLevel,
    /// The TDX module is not the one that Intel says.
    #[error("the TDX module is not Intel's: {0}")]
    TdxModule(String),
    /// The TCB is revoked: its keys are known to others.
    #[error("the platform's TCB is revoked")]
    TcbRevoked,
    /// Attributes under which the TD cannot keep a secret, whatever a policy says.
    #[error("the TD's attributes rule it out: {0}")]
    TdAttributes(&'static str),
    /// A document of Intel's that is not of the form that its service sends.
    #[error("malformed document: {0}")]
    Document(String),
    /// The document is about something else than was asked for.
    #[error("the document is about another {0}")]
    OtherSubject(&'static str),
    /// The document is not signed by Intel's TCB signing key.
    #[error("the document's signature is not valid")]
    DocumentSignature,
    /// The revocation list cannot be used.
    #[error("unusable revocation list: {0}")]
    RevocationList(&'static str),
    /// It is dated later than now.
    #[error("it is not valid yet")]
    NotYetValid,
    /// Some of the collateral was expired before the rest was issued.
    #[error("it was expired before the rest of the collateral was issued")]
    NeverValidTogether,
    /// Any other check of the verification library.
    #[error("the quote cannot be verified: {0}")]
    Verification(String),
}

impl DcapError {
    /// Whose fault it is, where nobody has said otherwise by wrapping it.
    pub fn class(&self) -> Fault {
        Fault::Attester
    }
}

/// What the types of certification data are (Intel SGX ECDSA QuoteGenReference, table 9; the TDX document's
/// table 11).
fn certification_data(kind: u16) -> &'static str {
    match kind {
        1 => "a PPID",
        2 => "a PPID encrypted with RSA-2048",
        3 => "a PPID encrypted with RSA-3072",
        4 => "a PCK certificate alone",
        5 => "a PCK certificate chain",
        6 => "a quoting enclave's report",
        7 => "a platform manifest",
        _ => "unknown",
    }
}
