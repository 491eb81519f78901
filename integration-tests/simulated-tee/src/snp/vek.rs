//! Endorsement keys (VCEK, VLEK) and their certificates, right or deliberately wrong.

use super::authority::{Authority, name, pss};
use super::{Generation, SimulationError, TcbVersion};
use crate::x509::{extension, validity};
use der::Encode;
use der::asn1::{Any, BitString, Ia5String, ObjectIdentifier};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use sev::certs::snp::ecdsa::Signature;
use x509_cert::ext::Extension;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::{TbsCertificate, Version};

/// 2024-01-01.
const NOT_BEFORE: u64 = 1_704_067_200;
/// 2044-01-01. AMD's are good for seven years.
const NOT_AFTER: u64 = 2_335_219_200;
/// Bytes of a number of P-384.
const WIDTH: usize = 48;

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// What a certificate of an endorsement key says. Start from [`Platform::vcek_spec`](super::Platform::vcek_spec)
/// or [`Platform::vlek_spec`](super::Platform::vlek_spec), and change what a test needs.
#[derive(Clone, Debug)]
pub struct VekSpec {
    /// The common name: `SEV-VCEK` or `SEV-VLEK`.
    pub common_name: String,
    /// 0 in AMD's, big-endian.
    pub serial: Vec<u8>,
    /// Seconds since the Unix epoch.
    pub not_before: u64,
    /// Seconds since the Unix epoch.
    pub not_after: u64,
    /// The product name with stepping.
    pub product_name: String,
    /// The TCB that the key is of.
    pub tcb: TcbVersion,
    /// The chip id; VLEKs have none.
    pub hwid: Option<Vec<u8>>,
    /// Is the chip id an OCTET STRING inside the extension, and not the bare bytes?
    pub hwid_wrapped: bool,
    /// The cloud provider; VCEKs have none.
    pub csp_id: Option<String>,
    /// The extension with this last part of its id is left out (`3.1`: the bootloader's version).
    pub leave_out: Option<&'static str>,
    /// The extension with this last part of its id is there twice.
    pub repeat: Option<&'static str>,
    /// An extension that nobody knows, marked critical.
    pub unknown_critical: bool,
}

impl VekSpec {
    pub(super) fn new(generation: Generation, common_name: &str, tcb: TcbVersion) -> Self {
        Self {
            common_name: common_name.to_owned(),
            serial: vec![0],
            not_before: NOT_BEFORE,
            not_after: NOT_AFTER,
            product_name: format!("{}-B0", generation.as_str()),
            tcb,
            hwid: None,
            hwid_wrapped: false,
            csp_id: None,
            leave_out: None,
            repeat: None,
            unknown_critical: false,
        }
    }

    fn extensions(&self) -> Result<Vec<Extension>, SimulationError> {
        let mut values = vec![
            ("1", 1_u8.to_der()?),
            ("2", Ia5String::new(&self.product_name)?.to_der()?),
            ("3.1", self.tcb.bootloader.to_der()?),
            ("3.2", self.tcb.tee.to_der()?),
            ("3.3", self.tcb.snp.to_der()?),
            ("3.4", 0_u8.to_der()?),
            ("3.5", 0_u8.to_der()?),
            ("3.6", 0_u8.to_der()?),
            ("3.7", 0_u8.to_der()?),
            ("3.8", self.tcb.microcode.to_der()?),
        ];
        if let Some(fmc) = self.tcb.fmc {
            values.push(("3.9", fmc.to_der()?));
        }
        if let Some(hwid) = &self.hwid {
            let wrapped = der::asn1::OctetString::new(hwid.clone())?.to_der()?;
            values.push(("4", if self.hwid_wrapped { wrapped } else { hwid.clone() }));
        }
        if let Some(csp_id) = &self.csp_id {
            values.push(("5", Ia5String::new(csp_id)?.to_der()?));
        }
        let mut extensions = Vec::new();
        for (part, value) in values {
            let copies = match Some(part) {
                part if part == self.leave_out => 0,
                part if part == self.repeat => 2,
                _ => 1,
            };
            let one = extension(oid(part)?, value)?;
            extensions.extend(std::iter::repeat_n(one, copies));
        }
        if self.unknown_critical {
            extensions.push(Extension {
                critical: true,
                ..extension(oid("99")?, vec![5, 0])?
            });
        }
        Ok(extensions)
    }
}

/// An endorsement key.
pub(super) struct Vek {
    key: EcdsaKeyPair,
}

impl Vek {
    pub(super) fn generate() -> Result<Self, SimulationError> {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random)?;
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, pkcs8.as_ref(), &random)?;
        Ok(Self { key })
    }

    /// The certificate of this key, signed by `issuer`.
    pub(super) fn certificate(
        &self,
        spec: &VekSpec,
        issuer: &Authority,
        organization: Option<&str>,
    ) -> Result<Vec<u8>, SimulationError> {
        issuer.issue(TbsCertificate {
            version: Version::V3,
            serial_number: SerialNumber::new(&spec.serial)?,
            signature: pss()?,
            issuer: issuer.name.clone(),
            validity: validity(spec.not_before, spec.not_after)?,
            subject: name(&spec.common_name, organization)?,
            subject_public_key_info: SubjectPublicKeyInfoOwned {
                algorithm: AlgorithmIdentifierOwned {
                    oid: EC_PUBLIC_KEY,
                    parameters: Some(Any::encode_from(&SECP384R1)?),
                },
                subject_public_key: BitString::from_bytes(self.key.public_key().as_ref())?,
            },
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: Some(spec.extensions()?),
        })
    }

    /// Signs a report's bytes: r and s as little-endian numbers in 72 bytes each.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Signature, SimulationError> {
        let fixed = self.key.sign(&SystemRandom::new(), message)?;
        let (r, s) = fixed.as_ref().split_at(WIDTH);
        let little_endian = |number: &[u8]| {
            let mut field = [0; 72];
            field
                .iter_mut()
                .zip(number.iter().rev())
                .for_each(|(to, from)| *to = *from);
            field
        };
        Ok(Signature::new(little_endian(r), little_endian(s)))
    }
}

/// An id under AMD's arc for SEV-SNP.
fn oid(part: &str) -> Result<ObjectIdentifier, SimulationError> {
    let id = format!("1.3.6.1.4.1.3704.1.{part}");
    ObjectIdentifier::new(&id).map_err(|error| SimulationError::Encoding(error.to_string()))
}
