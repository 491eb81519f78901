//! What a refusal is called, and what was expected: for records, where a sentence is not enough.

use std::fmt::{self, Debug, Write};

use crate::VerifyError;
use crate::az_vtpm::AzVtpmError;
use crate::cca::CcaError;
use crate::dcap::{DcapError, DcapTee};
use crate::snp::SnpError;
use crate::tpm::TpmError;

/// What a check wanted, and what it got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// What would have been right.
    pub expected: String,
    /// What the evidence has.
    pub came: String,
}

impl VerifyError {
    /// The name of the check that failed: that of the error's variant, behind that of the part of the verifier if it
    /// is one of a part. `report-data-mismatch`, `snp.tcb-mismatch`. Of an endorsement that does not hold: the check
    /// that it failed.
    pub fn check(&self) -> String {
        match self {
            Self::Cca(error) => part("cca", error),
            Self::Csv(error) => part("csv", error),
            Self::Nvidia(error) => part("nvidia", error),
            Self::Snp(error) => part("snp", error),
            Self::AzVtpm(error) => part("az-vtpm", error),
            Self::Tpm(error) => part("tpm", error),
            Self::Dcap(error) => part("dcap", error),
            Self::Tdx(error) => part("tdx", error),
            Self::BadEndorsement { reason, .. } => reason.check(),
            error => variant(error),
        }
    }

    /// What was expected and what came, where the error has both.
    pub fn expectation(&self) -> Option<Expectation> {
        let (expected, came) = match self {
            Self::Format { tee, .. } => (
                format!("evidence in the form of {}", tee.as_str()),
                "another form".to_owned(),
            ),
            Self::ReportDataMismatch => (
                "the hash of the nonce and the key that came with the evidence".to_owned(),
                "another value".to_owned(),
            ),
            Self::InitDataMismatch => (
                "the digest of the init-data document that came with the evidence".to_owned(),
                "another value, or none".to_owned(),
            ),
            Self::Snp(error) => snp(error)?,
            Self::Dcap(error) => dcap(error)?,
            Self::Tpm(error) => tpm(error)?,
            Self::AzVtpm(AzVtpmError::DigestType(kind)) => {
                ("digest 1 (SHA-256)".to_owned(), kind.to_string())
            }
            Self::AzVtpm(AzVtpmError::OtherProcessor(processor)) => (
                format!("a report of {processor}"),
                "one of another processor".to_owned(),
            ),
            Self::Cca(CcaError::Claim { expected, .. }) => {
                ((*expected).to_owned(), "another value".to_owned())
            }
            Self::BadEndorsement { reason, .. } => return reason.expectation(),
            _ => return None,
        };
        Some(Expectation { expected, came })
    }
}

fn snp(error: &SnpError) -> Option<(String, String)> {
    Some(match error {
        SnpError::ReportVersion(version) => ("report version 2 to 5".to_owned(), version.to_string()),
        SnpError::SignatureAlgorithm(algorithm) => (
            "signature algorithm 1 (ECDSA P-384 with SHA-384)".to_owned(),
            algorithm.to_string(),
        ),
        SnpError::SigningKey(key) => ("signing key 0 (VCEK) or 1 (VLEK)".to_owned(), key.to_string()),
        SnpError::Vmpl(level) => ("VMPL 0".to_owned(), format!("VMPL {level}")),
        SnpError::OtherKeyKind { expected } => (
            format!("a certificate of a {expected}"),
            "one of another kind of key".to_owned(),
        ),
        SnpError::OtherProduct { report, certificate } => (
            format!("a certificate of {report}"),
            format!("one of {certificate}"),
        ),
        SnpError::TcbMismatch { report, certificate } => (
            format!("a certificate of the reported TCB ({report})"),
            format!("one of {certificate}"),
        ),
        _ => return None,
    })
}

fn dcap(error: &DcapError) -> Option<(String, String)> {
    Some(match error {
        DcapError::OtherTee { expected } => {
            (format!("a quote of {expected}"), "one of another TEE".to_owned())
        }
        DcapError::Version { tee, version } => {
            let known = match tee {
                DcapTee::Sgx => "3",
                DcapTee::Tdx => "4 or 5",
            };
            (format!("quote version {known}"), version.to_string())
        }
        DcapError::AttestationKeyType(kind) => (
            "attestation key type 2 (ECDSA P-256)".to_owned(),
            kind.to_string(),
        ),
        DcapError::QeAuthenticationData(length) => ("32 bytes".to_owned(), format!("{length} bytes")),
        DcapError::ChainLength(length) => ("3 certificates".to_owned(), length.to_string()),
        _ => return None,
    })
}

fn tpm(error: &TpmError) -> Option<(String, String)> {
    Some(match error {
        TpmError::SignatureHash(hash) => ("hash 0x000b (SHA-256)".to_owned(), format!("{hash:#06x}")),
        TpmError::PcrBanks(count) => ("one selection of PCRs".to_owned(), count.to_string()),
        TpmError::PcrBank(bank) => ("bank 0x000b (SHA-256)".to_owned(), format!("{bank:#06x}")),
        _ => return None,
    })
}

fn part(name: &str, error: &impl Debug) -> String {
    format!("{name}.{}", variant(error))
}

/// The name of the variant, which is what a derived `Debug` begins with, as words with dashes.
fn variant(error: &impl Debug) -> String {
    let mut name = Name(String::new());
    // It stops at the first character of something else, before what is in the variant is even looked at.
    let _ = write!(name, "{error:?}");
    name.0
}

struct Name(String);

impl Write for Name {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if !character.is_ascii_alphanumeric() {
                return Err(fmt::Error);
            }
            if character.is_ascii_uppercase() && !self.0.is_empty() {
                self.0.push('-');
            }
            self.0.push(character.to_ascii_lowercase());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nvidia::NvidiaError;
    use crate::{EndorsementId, SnpProduct, Tee};

    #[test]
    fn a_check_has_the_name_of_its_error_behind_that_of_its_part() {
        let asked = EndorsementId::SnpAsvk {
            product: SnpProduct::Milan,
        };
        for (error, name) in [
            (VerifyError::ReportDataMismatch, "report-data-mismatch"),
            (
                VerifyError::Format {
                    tee: Tee::Snp,
                    reason: "Vec { .. }".to_owned(),
                },
                "format",
            ),
            (SnpError::Vmpl(1).into(), "snp.vmpl"),
            (
                SnpError::OtherKeyKind { expected: "VCEK" }.into(),
                "snp.other-key-kind",
            ),
            (
                DcapError::TdAttributes("it is profiled").into(),
                "dcap.td-attributes",
            ),
            (NvidiaError::ReportSignature.into(), "nvidia.report-signature"),
            (
                VerifyError::from(SnpError::Validity).of_endorsement(asked),
                "snp.validity",
            ),
        ] {
            assert_eq!(error.check(), name);
        }
    }

    #[test]
    fn what_was_expected_is_told_where_the_error_knows_it() {
        let told = |error: VerifyError| error.expectation().map(|told| (told.expected, told.came));
        let pair = |expected: &str, came: &str| Some((expected.to_owned(), came.to_owned()));
        assert_eq!(told(SnpError::Vmpl(3).into()), pair("VMPL 0", "VMPL 3"));
        let version = DcapError::Version {
            tee: DcapTee::Tdx,
            version: 9,
        };
        assert_eq!(told(version.into()), pair("quote version 4 or 5", "9"));
        assert_eq!(
            told(SnpError::ReportVersion(1).into()),
            pair("report version 2 to 5", "1")
        );
        assert_eq!(told(SnpError::ReportSignature.into()), None);
    }
}
