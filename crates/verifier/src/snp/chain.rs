//! Who vouches for the key that signed the report: ARK, then ASK or ASVK, then VCEK or VLEK (together VEK).

use super::roots::{Anchor, Roots};
use super::{HwId, SCHEME, SnpError, SnpProduct, SnpTcb};
use crate::x509::{Certificate, Validity, common_name, name_der};
use crate::{EndorsementId, VerifyError};
use der::Decode;
use der::asn1::{Ia5StringRef, ObjectIdentifier, OctetStringRef, Utf8StringRef};

/// The extensions of AMD 57230, table 8 (VCEK) and table 9 (VLEK).
mod oid {
    use super::ObjectIdentifier;

    pub(super) const PRODUCT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.2");
    pub(super) const BOOTLOADER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.1");
    pub(super) const TEE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.2");
    pub(super) const SNP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.3");
    pub(super) const MICROCODE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.8");
    pub(super) const FMC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.9");
    pub(super) const HWID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.4");
    pub(super) const CSP_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.5");
}

/// Which kind of key signed a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VekKind {
    /// The chip's own key.
    Vcek,
    /// A key that AMD gave to a cloud provider.
    Vlek,
}

impl VekKind {
    /// From the report's SIGNING_KEY (AMD 56860, table 23).
    pub(super) fn from_signing_key(value: u32) -> Result<Self, SnpError> {
        match value {
            0 => Ok(VekKind::Vcek),
            1 => Ok(VekKind::Vlek),
            other => Err(SnpError::SigningKey(other)),
        }
    }

    /// The name, also of the certificate's type in the evidence.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            VekKind::Vcek => "VCEK",
            VekKind::Vlek => "VLEK",
        }
    }

    /// Where it would be said that a key of this kind, or what signed it, is revoked.
    pub(super) fn revocation_list(self, product: SnpProduct) -> EndorsementId {
        match self {
            VekKind::Vcek => EndorsementId::SnpCrl { product },
            VekKind::Vlek => EndorsementId::SnpVlekCrl { product },
        }
    }

    fn from_subject(common_name: &str) -> Option<Self> {
        match common_name {
            "SEV-VCEK" | "VCEK" => Some(VekKind::Vcek),
            "SEV-VLEK" | "VLEK" => Some(VekKind::Vlek),
            _ => None,
        }
    }

    /// What the common name of the issuer starts with, before the product line.
    fn issuer_prefix(self) -> &'static str {
        match self {
            VekKind::Vcek => "SEV-",
            VekKind::Vlek => "SEV-VLEK-",
        }
    }
}

/// A VCEK or VLEK that a trusted root vouches for, and what its certificate says.
#[derive(Debug)]
pub(super) struct VerifiedVek {
    pub(super) kind: VekKind,
    pub(super) product: SnpProduct,
    /// An uncompressed point of P-384.
    pub(super) key: [u8; 97],
    pub(super) tcb: SnpTcb,
    /// Every VCEK has it, no VLEK.
    pub(super) hwid: Option<HwId>,
    /// The cloud provider, for a VLEK.
    pub(super) csp_id: Option<String>,
    /// The product name with stepping, `Milan-B0`.
    pub(super) product_name: Option<String>,
    /// When the whole chain is valid.
    pub(super) validity: Validity,
    pub(super) links: Links,
}

/// What a revocation list is searched for.
#[derive(Debug)]
pub(super) struct Links {
    /// The place of the root in the list of roots.
    pub(super) anchor: usize,
    /// The DER of the signer's name.
    pub(super) signer_name: Vec<u8>,
    pub(super) signer_serial: Vec<u8>,
    pub(super) vek_serial: Vec<u8>,
}

/// Kind and product line as the certificate claims them.
pub(super) fn claimed(vek: &Certificate) -> Result<(VekKind, SnpProduct), SnpError> {
    let subject = common_name(vek.subject()).unwrap_or_default();
    let issuer = common_name(vek.issuer()).unwrap_or_default();
    let kind = VekKind::from_subject(&subject).ok_or(SnpError::UnknownIssuer)?;
    let product = SnpProduct::from_common_name(&issuer, kind.issuer_prefix());
    Ok((kind, product.ok_or(SnpError::UnknownIssuer)?))
}

/// Verifies the certificate of a VEK up to a trusted root.
///
/// `supplied` are signing certificates that came with it; they count only if a trusted root signed them, and
/// what cannot be read among them is passed over: what we hold ourselves is tried first.
pub(super) fn verify(vek: &[u8], supplied: &[&[u8]], roots: &Roots) -> Result<VerifiedVek, VerifyError> {
    let vek = Certificate::parse(vek).map_err(|error| SnpError::Certificate {
        certificate: "VCEK or VLEK",
        reason: error.to_string(),
    })?;
    let (kind, product) = claimed(&vek)?;
    let supplied = supplied.iter().filter_map(|bytes| Certificate::parse(bytes).ok());
    let supplied: Vec<Certificate> = supplied
        .filter(|signer| signer.subject() == vek.issuer())
        .collect();

    let mut any_of_the_name = false;
    for (place, anchor) in roots.of(product) {
        for signer in anchor.signers.iter().chain(&supplied) {
            if signer.subject() != vek.issuer() {
                continue;
            }
            any_of_the_name = true;
            if signer.signed(&vek, SCHEME) && anchor.vouches_for(signer) {
                return Ok(read(kind, product, &vek, signer, anchor, place)?);
            }
        }
    }
    match kind {
        VekKind::Vlek if !any_of_the_name => Err(VerifyError::MissingEndorsement(EndorsementId::SnpAsvk {
            product,
        })),
        _ => Err(SnpError::ChainSignature.into()),
    }
}

fn read(
    kind: VekKind,
    product: SnpProduct,
    vek: &Certificate,
    signer: &Certificate,
    anchor: &Anchor,
    place: usize,
) -> Result<VerifiedVek, SnpError> {
    let malformed = |reason: &str| SnpError::Certificate {
        certificate: kind.as_str(),
        reason: reason.to_owned(),
    };
    if vek.has_critical_extension_beside(&[]) {
        return Err(malformed("it has an unknown critical extension"));
    }
    Ok(VerifiedVek {
        kind,
        product,
        key: vek
            .p384_key()
            .ok_or_else(|| malformed("its key is not of P-384"))?,
        tcb: tcb(vek, product)?,
        hwid: hwid(vek, kind)?,
        csp_id: text(vek, oid::CSP_ID, "cspID")?,
        product_name: text(vek, oid::PRODUCT_NAME, "productName")?,
        validity: vek.validity().and(signer.validity()).and(anchor.ark.validity()),
        links: Links {
            anchor: place,
            signer_name: name_der(signer.subject()).ok_or(SnpError::UnknownIssuer)?,
            signer_serial: signer.serial().to_vec(),
            vek_serial: vek.serial().to_vec(),
        },
    })
}

fn tcb(vek: &Certificate, product: SnpProduct) -> Result<SnpTcb, SnpError> {
    let component = |id, name| {
        let value = vek
            .extension(id)
            .ok()
            .flatten()
            .and_then(|bytes| u8::from_der(bytes).ok());
        value.ok_or(SnpError::Extension(name))
    };
    Ok(SnpTcb {
        fmc: if product.has_fmc() {
            Some(component(oid::FMC, "fmcSPL")?)
        } else {
            None
        },
        bootloader: component(oid::BOOTLOADER, "blSPL")?,
        tee: component(oid::TEE, "teeSPL")?,
        snp: component(oid::SNP, "snpSPL")?,
        microcode: component(oid::MICROCODE, "ucodeSPL")?,
    })
}

/// The value is the bare bytes in most certificates, and an OCTET STRING of them in some.
fn hwid(vek: &Certificate, kind: VekKind) -> Result<Option<HwId>, SnpError> {
    const NAME: SnpError = SnpError::Extension("hwID");
    match (kind, vek.extension(oid::HWID).map_err(|_| NAME)?) {
        (VekKind::Vlek, None) => Ok(None),
        (VekKind::Vcek, Some(bytes)) => {
            let wrapped = || {
                OctetStringRef::from_der(bytes)
                    .ok()
                    .and_then(|inner| HwId::from_bytes(inner.as_bytes()))
            };
            HwId::from_bytes(bytes).or_else(wrapped).ok_or(NAME).map(Some)
        }
        (VekKind::Vcek, None) | (VekKind::Vlek, Some(_)) => Err(NAME),
    }
}

fn text(vek: &Certificate, id: ObjectIdentifier, name: &'static str) -> Result<Option<String>, SnpError> {
    let Some(bytes) = vek.extension(id).map_err(|_| SnpError::Extension(name))? else {
        return Ok(None);
    };
    let ia5 = Ia5StringRef::from_der(bytes).map(|text| text.to_string());
    let any = ia5.or_else(|_| Utf8StringRef::from_der(bytes).map(|text| text.to_string()));
    any.map(Some).map_err(|_| SnpError::Extension(name))
}
