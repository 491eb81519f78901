//! Attestation reports of both versions (`TeeInfoV1` and `TeeInfoV2` of Hygon's library).

use super::certificate::{PEK, SM2_SIGNING};
use super::reader::Reader;
use super::signature::{PublicKey, signature};
use super::{CsvError, wire};
use sm2::dsa::Signature;

/// The magic of version 2, and of version 1 if asked for in the newer way.
const EXTENDED: [u8; 16] = *b"ATTESTATION_EXT\0";
/// Bytes that are signed, from the beginning.
const SIGNED_V1: usize = 180;
const SIGNED_V2: usize = 1024;

/// A report in form. Nothing of it is proved.
pub(super) struct Report {
    pub(super) user_pubkey_digest: [u8; 32],
    pub(super) vm_id: [u8; 16],
    pub(super) vm_version: [u8; 16],
    pub(super) report_data: [u8; 64],
    pub(super) mnonce: [u8; 16],
    pub(super) measure: [u8; 32],
    pub(super) policy: u32,
    pub(super) sig_usage: u32,
    pub(super) sig_algo: u32,
    pub(super) version: Version,
    signed: Vec<u8>,
    signature: Option<Signature>,
}

/// What only one version has.
pub(super) enum Version {
    V1 {
        /// Every field is xored with it, four bytes at a time. It is not signed.
        anonce: u32,
    },
    V2 {
        build: u32,
        rtmr_version: u16,
        reserved0: [u8; 14],
        rtmrs: [[u8; 32]; 5],
        reserved1: Box<[u8; 656]>,
    },
}

impl Report {
    pub(super) fn parse(wrapper: &wire::Report) -> Result<Self, CsvError> {
        let bytes = &wrapper.data.0;
        match (wrapper.magic.0, wrapper.flags) {
            ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] | EXTENDED, 0) => Self::v1(bytes),
            (EXTENDED, 1) => Self::read(bytes, SIGNED_V2, |reader| {
                Ok(Version::V2 {
                    build: reader.u32()?,
                    rtmr_version: reader.u16()?,
                    reserved0: reader.array()?,
                    rtmrs: [
                        reader.array()?,
                        reader.array()?,
                        reader.array()?,
                        reader.array()?,
                        reader.array()?,
                    ],
                    reserved1: Box::new(reader.array()?),
                })
            }),
            _ => Err(CsvError::ReportKind),
        }
    }

    fn v1(bytes: &[u8]) -> Result<Self, CsvError> {
        let masked = Self::read(bytes, SIGNED_V1, |reader| {
            Ok(Version::V1 {
                anonce: reader.u32()?,
            })
        })?;
        let Version::V1 { anonce } = masked.version else {
            return Ok(masked);
        };
        Ok(Self {
            user_pubkey_digest: unmasked(masked.user_pubkey_digest, anonce),
            vm_id: unmasked(masked.vm_id, anonce),
            vm_version: unmasked(masked.vm_version, anonce),
            report_data: unmasked(masked.report_data, anonce),
            mnonce: unmasked(masked.mnonce, anonce),
            measure: unmasked(masked.measure, anonce),
            policy: masked.policy ^ anonce,
            sig_usage: masked.sig_usage ^ anonce,
            sig_algo: masked.sig_algo ^ anonce,
            ..masked
        })
    }

    fn read(
        bytes: &[u8],
        signed: usize,
        version: impl FnOnce(&mut Reader<'_>) -> Result<Version, CsvError>,
    ) -> Result<Self, CsvError> {
        let reader = &mut Reader::new(bytes, "report");
        Ok(Self {
            user_pubkey_digest: reader.array()?,
            vm_id: reader.array()?,
            vm_version: reader.array()?,
            report_data: reader.array()?,
            mnonce: reader.array()?,
            measure: reader.array()?,
            policy: reader.u32()?,
            sig_usage: reader.u32()?,
            sig_algo: reader.u32()?,
            version: version(reader)?,
            signature: signature(reader)?,
            signed: bytes.iter().take(signed).copied().collect(),
        })
    }

    /// Signed by the platform's key, and saying so.
    pub(super) fn verify(&self, platform: &PublicKey) -> Result<(), CsvError> {
        if (self.sig_usage, self.sig_algo) != (PEK, SM2_SIGNING) {
            return Err(CsvError::ReportSigner);
        }
        platform
            .verifies(&self.signed, self.signature)
            .then_some(())
            .ok_or(CsvError::ReportSignature)
    }
}

/// Without the mask of version 1.
fn unmasked<const N: usize>(mut bytes: [u8; N], anonce: u32) -> [u8; N] {
    let mask = anonce.to_le_bytes();
    for (byte, mask) in bytes.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    bytes
}
