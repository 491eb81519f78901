//! Whom the operator trusts to vouch for attestation keys. Nobody by default.

use super::TpmOptions;
use crate::x509::{Certificate, pem_blocks};
use ring::digest::{SHA256, digest};

/// Why a root is not accepted. The operator's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TpmRootError {
    /// It is no certificate.
    #[error("malformed certificate: {0}")]
    Malformed(String),
    /// It is not allowed to sign certificates.
    #[error(
        "the certificate of `{0}` cannot be a root: it is no certificate authority's (basicConstraints CA:TRUE, and \
         keyCertSign where it has a key usage)"
    )]
    NotAnAuthority(String),
}

/// The certificates in a PEM text, as DER, for [`TpmOptions`].
///
/// # Errors
/// There is none, or one that cannot be a root.
pub fn certificates_from_pem(text: &[u8]) -> Result<Vec<Vec<u8>>, TpmRootError> {
    let certificates = pem_blocks(text).map_err(|reason| TpmRootError::Malformed(reason.to_owned()))?;
    anchors(&certificates)?;
    Ok(certificates)
}

/// A certificate whose word is taken.
pub(super) struct Anchor {
    pub(super) certificate: Certificate,
    /// SHA-256 of all of it.
    pub(super) fingerprint: [u8; 32],
}

/// Trust anchors by what they are trusted for.
pub(super) struct Roots {
    /// Certificates of attestation keys.
    pub(super) ak: Vec<Anchor>,
    /// Certificates of endorsement keys.
    pub(super) ek: Vec<Anchor>,
}

impl Roots {
    pub(super) fn new(options: &TpmOptions) -> Result<Self, TpmRootError> {
        Ok(Self {
            ak: anchors(&options.ak_roots)?,
            ek: anchors(&options.ek_roots)?,
        })
    }
}

fn anchors(certificates: &[Vec<u8>]) -> Result<Vec<Anchor>, TpmRootError> {
    let anchor = |der: &Vec<u8>| {
        let certificate =
            Certificate::parse(der).map_err(|error| TpmRootError::Malformed(error.to_string()))?;
        if !certificate.may_be_authority() {
            return Err(TpmRootError::NotAnAuthority(certificate.subject().to_string()));
        }
        Ok(Anchor {
            certificate,
            fingerprint: fingerprint(der),
        })
    };
    certificates.iter().map(anchor).collect()
}

/// SHA-256 of a certificate's DER.
pub(super) fn fingerprint(der: &[u8]) -> [u8; 32] {
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest(&SHA256, der).as_ref());
    fingerprint
}
