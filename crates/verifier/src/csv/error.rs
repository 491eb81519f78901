//! Why Hygon CSV evidence is refused.

use crate::Fault;
use eventlog::EventLogError;
use std::fmt;

/// A certificate of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsvCertificate {
    /// Hygon's root key.
    Hrk,
    /// Hygon's signing key.
    Hsk,
    /// The chip's endorsement key.
    Cek,
    /// The platform's endorsement key.
    Pek,
}

impl fmt::Display for CsvCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CsvCertificate::Hrk => "HRK",
            CsvCertificate::Hsk => "HSK",
            CsvCertificate::Cek => "CEK",
            CsvCertificate::Pek => "PEK",
        })
    }
}

/// The check that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    /// Neither a report of version 1 nor one of version 2.
    #[error("magic and flags are of no attestation report")]
    ReportKind,
    /// The report, or a certificate, is shorter than its layout.
    #[error("the {0} is too short")]
    TooShort(&'static str),
    /// The serial number is no text that a chip could have.
    #[error("the serial number is not 1 to 64 letters and digits")]
    SerialNumber,
    /// Only SM2 signatures by the PEK are defined.
    #[error("the report is not signed by a PEK with SM2")]
    ReportSigner,
    /// A certificate is of another kind of key than its place.
    #[error("the {0} certificate is of a key for another use")]
    KeyUse(CsvCertificate),
    /// The public key in a certificate is no point of the curve, or its user id is malformed.
    #[error("the public key of the {0} certificate is malformed")]
    PublicKey(CsvCertificate),
    /// The certificate is not signed by the one above it, or by no trusted root.
    #[error("the {0} certificate is not signed by a trusted key")]
    CertificateSignature(CsvCertificate),
    /// The report is not signed by the PEK.
    #[error("the signature of the report is not valid")]
    ReportSignature,
    /// The event log cannot be read or replayed.
    #[error("event log: {0}")]
    EventLog(#[from] EventLogError),
    /// The log has a record in a register that no report vouches for.
    #[error("the event log has a record in register {0}, which the report does not have")]
    EventLogRegister(u32),
    /// The replayed register is not the signed one.
    #[error("the event log does not replay to register {0} of the report")]
    EventLogMismatch(u32),
}

impl CsvError {
    /// Whose fault it is.
    pub fn class(&self) -> Fault {
        Fault::Attester
    }
}
