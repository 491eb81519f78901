//! Who is trusted from the start.

use super::certificate::{CA_LENGTH, Certificate};
use super::signature::PublicKey;
use super::{CsvCertificate, CsvError};

/// Coordinates of Hygon's root key, big-endian, and its user id: those of the certificate with key id
/// `3ae86a9701355cce333a589de21583d7` that Hygon publishes, for one in its package `csv-rs` 0.1.0
/// (`src/certs/builtin/hrk.cert`), signed by itself.
const HYGON_X: [u8; 32] = [
    0xbe, 0x62, 0xe1, 0x4d, 0x62, 0xa4, 0xf1, 0x4c, 0xf3, 0xd7, 0x02, 0xdb, 0x09, 0x56, 0x3a, 0x75, 0xc8,
    0x09, 0x35, 0xe7, 0x85, 0xcd, 0x1f, 0x50, 0x2a, 0xf5, 0xf2, 0x1d, 0x92, 0xc2, 0xf6, 0x2d,
];
const HYGON_Y: [u8; 32] = [
    0x3b, 0xab, 0x12, 0x3a, 0x57, 0xbb, 0x70, 0x15, 0x58, 0x4f, 0x8b, 0x97, 0x16, 0x4e, 0x95, 0x38, 0x4a,
    0x64, 0x0c, 0x10, 0xb9, 0xbe, 0x88, 0x47, 0x38, 0x74, 0x4d, 0x68, 0xb4, 0x1e, 0xb9, 0x46,
];
const HYGON_USER_ID: &str = "HYGON-SSD-HRK";

/// A root key.
#[derive(Clone, Debug)]
pub struct CsvRoot(pub(super) PublicKey);

/// What was given is no root.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsvRootError {
    /// It has not the length of an HRK certificate.
    #[error("an HRK certificate has 832 bytes, not {0}")]
    Length(usize),
    /// It is not an HRK certificate that is signed by itself.
    #[error("no root: {0}")]
    Certificate(#[from] CsvError),
}

impl CsvRoot {
    /// Reads an HRK certificate in Hygon's form, and checks that it is signed by itself.
    ///
    /// # Errors
    /// It is not.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CsvRootError> {
        let bytes: &[u8; CA_LENGTH] = bytes.try_into().map_err(|_| CsvRootError::Length(bytes.len()))?;
        let certificate = Certificate::of_hygon(CsvCertificate::Hrk, bytes)?;
        Ok(Self(certificate.into_root_key()?))
    }

    pub(super) fn hygon() -> Result<Self, CsvRootError> {
        let key = PublicKey::new(&HYGON_X, &HYGON_Y, HYGON_USER_ID);
        Ok(Self(key.ok_or(CsvError::PublicKey(CsvCertificate::Hrk))?))
    }
}
