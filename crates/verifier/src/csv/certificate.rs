//! The two kinds of certificate: of Hygon's own keys, and of a platform's.

use super::reader::Reader;
use super::signature::{PublicKey, signature};
use super::{CsvCertificate, CsvError};
use sm2::dsa::Signature;

/// Bytes of a certificate of Hygon's own keys.
pub(super) const CA_LENGTH: usize = 832;
/// Bytes of it that are signed.
const CA_SIGNED: usize = 576;
/// Bytes of a certificate of a platform's keys.
pub(super) const PLATFORM_LENGTH: usize = 2084;
/// Bytes of it that are signed.
const PLATFORM_SIGNED: usize = 1044;

/// What a key is for.
pub(super) const HRK: u32 = 0x0000;
pub(super) const HSK: u32 = 0x0013;
pub(super) const PEK: u32 = 0x1002;
pub(super) const CEK: u32 = 0x1004;
/// Signing with SM2.
pub(super) const SM2_SIGNING: u32 = 4;

/// A certificate, unverified.
pub(super) struct Certificate {
    kind: CsvCertificate,
    key: PublicKey,
    signed: Vec<u8>,
    /// Who signed, and the signature.
    signatures: Vec<(u32, Option<Signature>)>,
}

impl Certificate {
    /// One of Hygon's: HRK, HSK.
    pub(super) fn of_hygon(kind: CsvCertificate, bytes: &[u8; CA_LENGTH]) -> Result<Self, CsvError> {
        let (wanted, signer) = match kind {
            CsvCertificate::Hrk => (HRK, HRK),
            _ => (HSK, HRK),
        };
        let mut reader = Reader::new(bytes, "certificate");
        let _version = reader.u32()?;
        let _ids: [u8; 32] = reader.array()?;
        let usage = reader.u32()?;
        let _reserved: [u8; 24] = reader.array()?;
        let key = PublicKey::read(&mut reader)?;
        let _reserved: [u8; 108] = reader.array()?;
        let signature = signature(&mut reader)?;
        if usage != wanted {
            return Err(CsvError::KeyUse(kind));
        }
        Ok(Self {
            kind,
            key: key.ok_or(CsvError::PublicKey(kind))?,
            signed: bytes.iter().take(CA_SIGNED).copied().collect(),
            signatures: vec![(signer, signature)],
        })
    }

    /// One of a platform's: CEK, PEK.
    pub(super) fn of_platform(kind: CsvCertificate, bytes: &[u8; PLATFORM_LENGTH]) -> Result<Self, CsvError> {
        let wanted = if kind == CsvCertificate::Cek { CEK } else { PEK };
        let mut reader = Reader::new(bytes, "certificate");
        let _version_and_firmware: [u8; 8] = reader.array()?;
        let (usage, algorithm) = (reader.u32()?, reader.u32()?);
        let key = PublicKey::read(&mut reader)?;
        let _signer_and_reserved: [u8; 624] = reader.array()?;
        let mut signatures = Vec::with_capacity(2);
        for _ in 0..2 {
            let (signer, algorithm) = (reader.u32()?, reader.u32()?);
            let found = signature(&mut reader)?;
            let _reserved: [u8; 368] = reader.array()?;
            signatures.push((signer, found.filter(|_| algorithm == SM2_SIGNING)));
        }
        if (usage, algorithm) != (wanted, SM2_SIGNING) {
            return Err(CsvError::KeyUse(kind));
        }
        Ok(Self {
            kind,
            key: key.ok_or(CsvError::PublicKey(kind))?,
            signed: bytes.iter().take(PLATFORM_SIGNED).copied().collect(),
            signatures,
        })
    }

    /// The key, if `issuer`, whose keys are for `usage`, signed this certificate.
    pub(super) fn verify(&self, issuer: &PublicKey, usage: u32) -> Result<&PublicKey, CsvError> {
        let of_issuer = self.signatures.iter().filter(|(signer, _)| *signer == usage);
        let mut valid = of_issuer.map(|(_, signature)| issuer.verifies(&self.signed, *signature));
        valid
            .any(|valid| valid)
            .then_some(&self.key)
            .ok_or(CsvError::CertificateSignature(self.kind))
    }

    /// Itself signed by itself.
    pub(super) fn into_root_key(self) -> Result<PublicKey, CsvError> {
        self.verify(&self.key, HRK)?;
        Ok(self.key)
    }
}
