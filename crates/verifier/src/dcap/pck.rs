//! The chain of the Provisioning Certification Key, which signs the quoting enclave's report (Intel SGX PCK
//! Certificate and Certificate Revocation List Profile Specification, revision 1.5).

use super::roots::{Anchor, Roots};
use super::{DcapError, Fmspc, PckCa, SCHEME, pem};
use crate::x509::{Certificate, Validity, common_name, pem_blocks};
use dcap_qvl::intel::parse_pck_extension;
use der::asn1::ObjectIdentifier;

/// What Intel marks as critical: basic constraints and key usage.
pub(super) const KNOWN_CRITICAL: [ObjectIdentifier; 2] = [
    ObjectIdentifier::new_unwrap("2.5.29.19"),
    ObjectIdentifier::new_unwrap("2.5.29.15"),
];
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
const LEAF: &str = "PCK";
const CA: &str = "PCK CA";
const ROOT: &str = "root CA";
const LEAF_NAME: &str = "Intel SGX PCK Certificate";
const PLATFORM_NAME: &str = "Intel SGX PCK Platform CA";
const PROCESSOR_NAME: &str = "Intel SGX PCK Processor CA";

/// A chain that leads to a trusted root, and what its leaf says of the platform. Whether it is valid at some
/// time, and not revoked, is not checked yet.
#[derive(Debug)]
pub(super) struct PckChain {
    /// The place of the root in the list of roots.
    pub(super) anchor: usize,
    pub(super) ca: Certificate,
    pub(super) ca_kind: PckCa,
    pub(super) fmspc: Fmspc,
    pub(super) platform_instance_id: Option<[u8; 16]>,
    pub(super) leaf_serial: Vec<u8>,
    /// When all three certificates are valid.
    pub(super) validity: Validity,
    /// Leaf, CA and root again, as the verification library is to see them.
    pub(super) pem: String,
}

impl PckChain {
    /// Verifies leaf, CA and root, in this order and no others. `text` is PEM, with or without a zero at its
    /// end.
    pub(super) fn verify(text: &[u8], roots: &Roots) -> Result<Self, DcapError> {
        let text = text.strip_suffix(&[0]).unwrap_or(text);
        if !only_certificates(text) {
            return Err(DcapError::ChainForm(
                "there is something beside its certificates".to_owned(),
            ));
        }
        let blocks = pem_blocks(text).map_err(|reason| DcapError::ChainForm(reason.to_owned()))?;
        let [leaf_der, ca_der, root_der] = blocks.as_slice() else {
            return Err(DcapError::ChainLength(blocks.len()));
        };
        let (leaf, ca, root) = (parse(LEAF, leaf_der)?, parse(CA, ca_der)?, parse(ROOT, root_der)?);
        let (place, anchor) = roots.find(&root).ok_or(DcapError::UnknownRoot)?;
        if !anchor.signed(&root) {
            return Err(DcapError::ChainSignature(ROOT));
        }
        let ca_kind = check_ca(&ca, anchor)?;
        check_leaf(&leaf, &ca)?;
        let platform =
            parse_pck_extension(leaf_der).map_err(|error| DcapError::SgxExtension(format!("{error:#}")))?;
        let instance = platform.platform_instance_id;
        Ok(Self {
            anchor: place,
            ca_kind,
            fmspc: Fmspc(platform.fmspc),
            platform_instance_id: instance.map(|id| exactly(&id)).transpose()?,
            leaf_serial: leaf.serial().to_vec(),
            validity: leaf
                .validity()
                .and(ca.validity())
                .and(anchor.certificate.validity()),
            pem: pem(&[leaf_der, ca_der, &anchor.der]),
            ca,
        })
    }
}

/// Is there nothing but white space before, between and behind the blocks?
fn only_certificates(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else {
        return false;
    };
    let mut rest = text;
    while let Some((before, block)) = rest.split_once(BEGIN) {
        let Some((_, after)) = block.split_once(END) else {
            return false;
        };
        if !before.trim_ascii().is_empty() {
            return false;
        }
        rest = after;
    }
    rest.trim_ascii().is_empty()
}

fn check_ca(ca: &Certificate, anchor: &Anchor) -> Result<PckCa, DcapError> {
    let name = common_name(ca.subject()).unwrap_or_default();
    let kind = match name.as_str() {
        PLATFORM_NAME => PckCa::Platform,
        PROCESSOR_NAME => PckCa::Processor,
        _ => return Err(unacceptable(CA, "it has another name")),
    };
    if !ca.is_authority() || ca.has_critical_extension_beside(&KNOWN_CRITICAL) {
        return Err(unacceptable(
            CA,
            "it is no CA, or has an unknown critical extension",
        ));
    }
    anchor
        .signed(ca)
        .then_some(kind)
        .ok_or(DcapError::ChainSignature(CA))
}

fn check_leaf(leaf: &Certificate, ca: &Certificate) -> Result<(), DcapError> {
    if common_name(leaf.subject()).as_deref() != Some(LEAF_NAME) {
        return Err(unacceptable(LEAF, "it has another name"));
    }
    if leaf.is_authority() || leaf.has_critical_extension_beside(&KNOWN_CRITICAL) {
        return Err(unacceptable(
            LEAF,
            "it is a CA, or has an unknown critical extension",
        ));
    }
    (leaf.issuer() == ca.subject() && ca.signed(leaf, SCHEME))
        .then_some(())
        .ok_or(DcapError::ChainSignature(LEAF))
}

fn parse(certificate: &'static str, der: &[u8]) -> Result<Certificate, DcapError> {
    Certificate::parse(der).map_err(|error| DcapError::Certificate {
        certificate,
        reason: error.to_string(),
    })
}

fn unacceptable(certificate: &'static str, reason: &str) -> DcapError {
    DcapError::Certificate {
        certificate,
        reason: reason.to_owned(),
    }
}

fn exactly(id: &[u8]) -> Result<[u8; 16], DcapError> {
    id.try_into()
        .map_err(|_| DcapError::SgxExtension("the platform instance id has not 16 bytes".to_owned()))
}
