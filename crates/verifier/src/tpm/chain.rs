//! Who vouches for an attestation key: a certificate of the key itself, up to a root that the operator trusts.
//!
//! An endorsement key that only decrypts cannot vouch for an attestation key in one message: that both are in
//! the same TPM is proved by credential activation, a conversation that an authority has with the TPM before it
//! gives out a certificate for the attestation key. That certificate is what counts here. Some vTPMs have an
//! endorsement key that signs; then its own certificate is what counts.

use super::roots::{Anchor, Roots, fingerprint};
use super::{AttestationKey, TpmError};
use crate::x509::{Certificate, Scheme, Validity};
use der::asn1::ObjectIdentifier;

/// tcg-kp-AIKCertificate.
const ATTESTATION_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.8.3");
/// tcg-kp-EKCertificate.
const ENDORSEMENT_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.8.1");

/// Extensions that may be critical: basic constraints, key usage, its extension, the subject's other names
/// (where endorsement certificates name the TPM) and certificate policies. What they limit is either checked
/// here or says nothing about keys.
const UNDERSTOOD: [ObjectIdentifier; 5] = [
    ObjectIdentifier::new_unwrap("2.5.29.19"),
    ObjectIdentifier::new_unwrap("2.5.29.15"),
    ObjectIdentifier::new_unwrap("2.5.29.37"),
    ObjectIdentifier::new_unwrap("2.5.29.17"),
    ObjectIdentifier::new_unwrap("2.5.29.32"),
];

/// A trusted root's word that the key is a TPM's, for as long as `validity` says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Vouched {
    pub(super) by: VouchedBy,
    /// SHA-256 of the root's certificate.
    pub(super) root: [u8; 32],
    /// The serial number of the key's certificate.
    pub(super) serial: Vec<u8>,
    /// When the whole chain is valid.
    pub(super) validity: Validity,
}

/// What it says of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VouchedBy {
    /// It is an attestation key.
    AkCertificate,
    /// It is an endorsement key.
    EkCertificate,
}

impl VouchedBy {
    /// The value of the claim.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            VouchedBy::AkCertificate => "ak_certificate",
            VouchedBy::EkCertificate => "ek_certificate",
        }
    }
}

/// Verifies a chain, the key's certificate first, each followed by its issuer's. The root may be at its end or
/// left out. The caller compares the time.
pub(super) fn verify(key: &AttestationKey, chain: &[Vec<u8>], roots: &Roots) -> Result<Vouched, TpmError> {
    let last_der = chain.last().ok_or(TpmError::UntrustedChain)?;
    let chain: Vec<Certificate> = chain.iter().enumerate().map(parse).collect::<Result<_, _>>()?;
    let (Some(leaf), Some(last)) = (chain.first(), chain.last()) else {
        return Err(TpmError::UntrustedChain);
    };
    if leaf
        .spki_der()
        .and_then(|spki| AttestationKey::from_spki(&spki).ok())
        .as_ref()
        != Some(key)
    {
        return Err(TpmError::CertificateOfOtherKey);
    }
    let (by, anchors) = if leaf.is_for(ATTESTATION_KEY) {
        (VouchedBy::AkCertificate, &roots.ak)
    } else if leaf.is_for(ENDORSEMENT_KEY) {
        (VouchedBy::EkCertificate, &roots.ek)
    } else {
        return Err(TpmError::CertificatePurpose);
    };
    if !leaf.signs_messages() {
        return Err(TpmError::CertificatePurpose);
    }
    for (position, (signed, signer)) in chain.iter().zip(chain.iter().skip(1)).enumerate() {
        if !signer.allows_below(position) || !issued(signer, signed) {
            return Err(TpmError::ChainSignature(position));
        }
    }
    let below = chain.len() - 1;
    let last_is = fingerprint(last_der);
    let ends_at = |anchor: &&Anchor| {
        let above = &anchor.certificate;
        anchor.fingerprint == last_is || (above.allows_below(below) && issued(above, last))
    };
    let anchor = anchors.iter().find(ends_at).ok_or(TpmError::UntrustedChain)?;
    let validity = chain
        .iter()
        .map(Certificate::validity)
        .fold(anchor.certificate.validity(), Validity::and);
    Ok(Vouched {
        by,
        root: anchor.fingerprint,
        serial: leaf.serial().to_vec(),
        validity,
    })
}

fn parse((position, der): (usize, &Vec<u8>)) -> Result<Certificate, TpmError> {
    let malformed = |reason| TpmError::Certificate { position, reason };
    let certificate = Certificate::parse(der).map_err(|error| malformed(error.to_string()))?;
    if certificate.has_critical_extension_beside(&UNDERSTOOD) {
        return Err(malformed("it has an unknown critical extension".to_owned()));
    }
    Ok(certificate)
}

/// Is `signer` an authority, of the name that `signed` gives, whose key signed it?
fn issued(signer: &Certificate, signed: &Certificate) -> bool {
    signer.may_be_authority()
        && signer.subject() == signed.issuer()
        && signer.signed(signed, Scheme::RsaOrEcdsa)
}
