//! Whom we trust: NVIDIA's Device Identity CA, and what the operator adds.

use super::SCHEME;
use crate::x509::{Certificate, Malformed, pem_blocks};
use ring::digest::{SHA256, digest};

/// SHA-256 over the DER of "NVIDIA Device Identity CA" (serial 2d3670b1ca100411c1fec0e82a065b54, from 2021-11-05 on),
/// the certificate that every device's chain ends in. Its SHA-1 is 72be15b8b2c8d3f482f84237a6fcc45b8a1354e8.
const DEVICE_IDENTITY_CA: [u8; 32] = [
    0x10, 0x2b, 0xf6, 0x59, 0xd5, 0x41, 0x96, 0x14, 0xc9, 0xd8, 0xe6, 0xae, 0xce, 0xbc, 0x80, 0x45, 0x4e,
    0xb2, 0x6b, 0x1d, 0xf6, 0xa7, 0x69, 0xac, 0x72, 0x0b, 0x9a, 0x69, 0x0b, 0x16, 0x7b, 0x48,
];

/// A root trusted beside NVIDIA's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NvidiaRoot(Vec<u8>);

impl NvidiaRoot {
    /// Reads every certificate of a PEM text.
    ///
    /// # Errors
    /// [`NvidiaRootError`] for a text without certificates, or with one that is no self-signed authority.
    pub fn from_pem(text: &[u8]) -> Result<Vec<NvidiaRoot>, NvidiaRootError> {
        let blocks = pem_blocks(text).map_err(|reason| NvidiaRootError::Malformed(reason.to_owned()))?;
        blocks.into_iter().map(Self::from_der).collect()
    }

    /// Takes one certificate.
    ///
    /// # Errors
    /// [`NvidiaRootError`] if it is no self-signed authority.
    pub fn from_der(der: Vec<u8>) -> Result<NvidiaRoot, NvidiaRootError> {
        let certificate =
            Certificate::parse(&der).map_err(|Malformed(reason)| NvidiaRootError::Malformed(reason))?;
        let is_root = certificate.is_authority()
            && certificate.subject() == certificate.issuer()
            && certificate.signed(&certificate, SCHEME);
        is_root
            .then_some(NvidiaRoot(der))
            .ok_or(NvidiaRootError::NotARoot)
    }
}

/// Why a root is not accepted. The operator's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NvidiaRootError {
    /// It is no certificate.
    #[error("malformed root certificate: {0}")]
    Malformed(String),
    /// It is not self-signed with P-384, or not allowed to sign.
    #[error("it is no self-signed certificate authority with a key of P-384")]
    NotARoot,
}

/// The trusted roots, by the SHA-256 of their DER.
pub(super) struct Roots(Vec<[u8; 32]>);

impl Roots {
    pub(super) fn new(extra: &[NvidiaRoot]) -> Self {
        let extra = extra.iter().filter_map(|root| fingerprint(&root.0));
        Self([DEVICE_IDENTITY_CA].into_iter().chain(extra).collect())
    }

    /// Is this, to the last bit, a trusted root?
    pub(super) fn contain(&self, der: &[u8]) -> bool {
        fingerprint(der).is_some_and(|found| self.0.contains(&found))
    }
}

fn fingerprint(der: &[u8]) -> Option<[u8; 32]> {
    digest(&SHA256, der).as_ref().try_into().ok()
}
