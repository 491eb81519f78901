//! From a root to the key that signs reports.

use super::certificate::{CA_LENGTH, CEK, Certificate, HRK, HSK, PLATFORM_LENGTH};
use super::signature::PublicKey;
use super::{CsvCertificate, CsvError, CsvRoot};

/// HSK and CEK as bytes: they come with the evidence or from elsewhere.
#[derive(Clone)]
pub(super) struct HskCek {
    pub(super) hsk: [u8; CA_LENGTH],
    pub(super) cek: [u8; PLATFORM_LENGTH],
}

impl HskCek {
    /// One behind the other, as Hygon's service gives them, and nothing else.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, CsvError> {
        let too_short = || CsvError::TooShort("HSK and CEK");
        let (hsk, rest) = bytes.split_first_chunk().ok_or_else(too_short)?;
        Ok(Self {
            hsk: *hsk,
            cek: rest.try_into().map_err(|_| too_short())?,
        })
    }

    /// The chip's key, vouched for by one of the roots.
    pub(super) fn verify(&self, roots: &[CsvRoot]) -> Result<PublicKey, CsvError> {
        let hsk = Certificate::of_hygon(CsvCertificate::Hsk, &self.hsk)?;
        let mut trusted = roots.iter().filter_map(|root| hsk.verify(&root.0, HRK).ok());
        let hsk = trusted
            .next()
            .ok_or(CsvError::CertificateSignature(CsvCertificate::Hsk))?;
        let cek = Certificate::of_platform(CsvCertificate::Cek, &self.cek)?;
        cek.verify(hsk, HSK).cloned()
    }
}

/// The platform's key, vouched for by the chip's.
pub(super) fn platform_key(pek: &[u8; PLATFORM_LENGTH], cek: &PublicKey) -> Result<PublicKey, CsvError> {
    let pek = Certificate::of_platform(CsvCertificate::Pek, pek)?;
    pek.verify(cek, CEK).cloned()
}
