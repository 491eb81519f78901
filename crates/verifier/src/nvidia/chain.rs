//! Who vouches for the key that signed the report: the device's certificate, then its issuers up to NVIDIA's Device
//! Identity CA.

use super::roots::Roots;
use super::{NvidiaError, SCHEME};
use crate::x509::{Certificate, Validity, common_name, pem_blocks};
use der::asn1::{ObjectIdentifier, OctetStringRef};
use der::{Decode, Reader, Sequence, SliceReader};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

/// The device, at least one issuer, the root; NVIDIA's have five.
const CERTIFICATES: std::ops::RangeInclusive<usize> = 3..=8;
/// Longer than any certificate of a chain.
const MAX_CERTIFICATE: usize = 8192;

/// The certificate of a device's own key says which firmware holds it: `CompositeDeviceID` of Microsoft's "RIoT:
/// Device Identity Composition Engine" under TCG's number for it.
const COMPOSITE_DEVICE_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.5.4.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");

/// What may be critical: basic constraints and key usage.
const UNDERSTOOD: [ObjectIdentifier; 2] = [
    ObjectIdentifier::new_unwrap("2.5.29.19"),
    ObjectIdentifier::new_unwrap("2.5.29.15"),
];

/// The chip of the Hopper architecture, as the issuer of a device's certificate is named.
const HOPPER: &str = "GH100 ";

/// A device that a trusted root vouches for, and what its certificate says.
#[derive(Debug)]
pub(super) struct VerifiedDevice {
    /// An uncompressed point of P-384.
    pub(super) key: [u8; 97],
    /// The digest of the firmware that holds the key.
    pub(super) fwid: [u8; 48],
    /// Does the chain say that it is a Hopper GPU?
    pub(super) is_hopper: bool,
    /// When the whole chain is valid.
    pub(super) validity: Validity,
}

/// Verifies a chain, PEM with the leaf first and the root last. Whether it is valid now is left to the caller.
pub(super) fn verify(pem: &[u8], roots: &Roots) -> Result<VerifiedDevice, NvidiaError> {
    let blocks = pem_blocks(pem).map_err(|reason| NvidiaError::Chain(reason.to_owned()))?;
    if !CERTIFICATES.contains(&blocks.len()) {
        return Err(NvidiaError::Chain(
            "it has too few or too many certificates".to_owned(),
        ));
    }
    if blocks.iter().any(|der| der.len() > MAX_CERTIFICATE) {
        return Err(NvidiaError::Chain("a certificate is too long".to_owned()));
    }
    if !blocks.last().is_some_and(|root| roots.contain(root)) {
        return Err(NvidiaError::UnknownRoot);
    }
    let certificates = blocks.iter().map(|der| Certificate::parse(der));
    let certificates: Vec<Certificate> = certificates
        .collect::<Result<_, _>>()
        .map_err(|error| NvidiaError::Chain(error.to_string()))?;
    let [leaf, issuer, ..] = certificates.as_slice() else {
        return Err(NvidiaError::UnknownRoot);
    };
    check_path(&certificates)?;
    let mut validity = leaf.validity();
    for certificate in &certificates {
        validity = validity.and(certificate.validity());
    }
    Ok(VerifiedDevice {
        key: leaf
            .p384_key()
            .ok_or(NvidiaError::Constraint("the device's key is not of P-384"))?,
        fwid: fwid(leaf)?,
        is_hopper: common_name(issuer.subject()).is_some_and(|name| name.starts_with(HOPPER)),
        validity,
    })
}

/// RFC 5280, chapter 6, as far as these chains go: names, signatures, who may sign what.
fn check_path(certificates: &[Certificate]) -> Result<(), NvidiaError> {
    for (place, pair) in certificates.windows(2).enumerate() {
        let [certificate, issuer] = pair else { continue };
        if certificate.issuer() != issuer.subject() || !issuer.signed(certificate, SCHEME) {
            return Err(NvidiaError::ChainSignature);
        }
        if !issuer.is_authority() {
            return Err(NvidiaError::Constraint("an issuer is no certificate authority"));
        }
        // `place` authorities stand between this issuer and the leaf.
        if !issuer.allows_below(place) {
            return Err(NvidiaError::Constraint(
                "the path is longer than an issuer allows",
            ));
        }
    }
    if certificates
        .iter()
        .any(|it| it.has_critical_extension_beside(&UNDERSTOOD))
    {
        return Err(NvidiaError::Constraint("it has an unknown critical extension"));
    }
    match certificates.first() {
        Some(leaf) if leaf.signs_messages() => Ok(()),
        _ => Err(NvidiaError::Constraint("the device's key may not sign reports")),
    }
}

/// `CompositeDeviceID ::= SEQUENCE { version INTEGER, deviceID SubjectPublicKeyInfo, fwid FWID }`
#[derive(Sequence)]
struct CompositeDeviceId<'a> {
    version: u8,
    _device_id: SubjectPublicKeyInfoOwned,
    fwid: Fwid<'a>,
}

/// `FWID ::= SEQUENCE { hashAlg OBJECT IDENTIFIER, fwid OCTET STRING }`
#[derive(Sequence)]
struct Fwid<'a> {
    algorithm: ObjectIdentifier,
    digest: OctetStringRef<'a>,
}

fn fwid(leaf: &Certificate) -> Result<[u8; 48], NvidiaError> {
    const MALFORMED: NvidiaError = NvidiaError::FwidExtension;
    let extension = leaf.extension(COMPOSITE_DEVICE_ID).map_err(|_| MALFORMED)?;
    let mut reader = SliceReader::new(extension.ok_or(MALFORMED)?).map_err(|_| MALFORMED)?;
    let id = CompositeDeviceId::decode(&mut reader).map_err(|_| MALFORMED)?;
    if !reader.is_finished() || id.version != 1 || id.fwid.algorithm != SHA384 {
        return Err(MALFORMED);
    }
    id.fwid.digest.as_bytes().try_into().map_err(|_| MALFORMED)
}
