//! Authorities that give out certificates for TPM keys, right or deliberately wrong.

use crate::{SimulationError, pem};
use der::asn1::{BitString, ObjectIdentifier, OctetString, UtcTime};
use der::flagset::FlagSet;
use der::{Any, Decode, Encode};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use std::str::FromStr;
use std::time::Duration;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages};
use x509_cert::ext::{AsExtension, Extension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};
use x509_cert::{Certificate, TbsCertificate, Version};

/// 2024-01-01.
const NOT_BEFORE: u64 = 1_704_067_200;
/// 2044-01-01.
const NOT_AFTER: u64 = 2_335_219_200;
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
/// An extension that nobody knows.
const UNKNOWN: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.99.1");

/// What a key is for, by its extended key usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// tcg-kp-AIKCertificate.
    AttestationKey,
    /// tcg-kp-EKCertificate.
    EndorsementKey,
    /// id-kp-serverAuth: something else.
    WebServer,
}

impl Purpose {
    fn oid(self) -> ObjectIdentifier {
        match self {
            Purpose::AttestationKey => ObjectIdentifier::new_unwrap("2.23.133.8.3"),
            Purpose::EndorsementKey => ObjectIdentifier::new_unwrap("2.23.133.8.1"),
            Purpose::WebServer => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1"),
        }
    }
}

/// What a certificate says. Start from [`CertificateSpec::leaf`] or [`CertificateSpec::authority`].
#[derive(Clone, Debug)]
pub struct CertificateSpec {
    /// The subject's common name.
    pub common_name: String,
    /// Seconds since the Unix epoch.
    pub not_before: u64,
    /// Seconds since the Unix epoch.
    pub not_after: u64,
    /// Is it an authority's?
    pub ca: bool,
    /// How many authorities may be below it.
    pub path_length: Option<u8>,
    /// May its key sign messages (a leaf's) or certificates (an authority's)?
    pub signs: bool,
    /// Does it say what its key may do at all? What people make for themselves often does not.
    pub key_usage: bool,
    /// What the key is for.
    pub purpose: Option<Purpose>,
    /// An extension that nobody knows, marked critical.
    pub unknown_critical: bool,
}

impl CertificateSpec {
    /// A TPM key's.
    pub fn leaf(purpose: Purpose) -> Self {
        Self {
            common_name: "TPM key".to_owned(),
            not_before: NOT_BEFORE,
            not_after: NOT_AFTER,
            ca: false,
            path_length: None,
            signs: true,
            key_usage: true,
            purpose: Some(purpose),
            unknown_critical: false,
        }
    }

    /// An authority's.
    pub fn authority(common_name: &str) -> Self {
        Self {
            common_name: common_name.to_owned(),
            ca: true,
            purpose: None,
            ..Self::leaf(Purpose::AttestationKey)
        }
    }

    fn extensions(&self, subject: &Name) -> Result<Vec<Extension>, SimulationError> {
        let usage = match (self.signs, self.ca) {
            (true, true) => FlagSet::from(KeyUsages::KeyCertSign),
            (true, false) => FlagSet::from(KeyUsages::DigitalSignature),
            (false, _) => FlagSet::from(KeyUsages::KeyEncipherment),
        };
        let constraints = BasicConstraints {
            ca: self.ca,
            path_len_constraint: self.path_length,
        };
        let mut extensions = vec![constraints.to_extension(subject, &[])?];
        if self.key_usage {
            extensions.push(KeyUsage(usage).to_extension(subject, &extensions)?);
        }
        if let Some(purpose) = self.purpose {
            extensions.push(ExtendedKeyUsage(vec![purpose.oid()]).to_extension(subject, &extensions)?);
        }
        if self.unknown_critical {
            extensions.push(Extension {
                extn_id: UNKNOWN,
                critical: true,
                extn_value: OctetString::new([5, 0])?,
            });
        }
        Ok(extensions)
    }
}

/// An authority: a root, or one below another.
pub struct Authority {
    pair: EcdsaKeyPair,
    name: Name,
    der: Vec<u8>,
}

impl Authority {
    /// A self-signed root with a new key.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn root(spec: &CertificateSpec) -> Result<Self, SimulationError> {
        let (pair, spki) = new_key()?;
        let name = name(&spec.common_name)?;
        let der = issue(spec, &spki, &name, &pair)?;
        Ok(Self { pair, name, der })
    }

    /// A root with a committed key, whose certificate everybody can make for himself: it is always the same but
    /// for its signature.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn known() -> Result<Self, SimulationError> {
        let pkcs8 = pem::body(include_str!("../../keys/test-only-tpm-ak-ca.key.pem"))?;
        let (pair, spki) = key(&pkcs8)?;
        let spec = CertificateSpec::authority("Known AK root");
        let name = name(&spec.common_name)?;
        let der = issue(&spec, &spki, &name, &pair)?;
        Ok(Self { pair, name, der })
    }

    /// An authority below this one, with a new key.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn below(&self, spec: &CertificateSpec) -> Result<Self, SimulationError> {
        let (pair, spki) = new_key()?;
        Ok(Self {
            pair,
            name: name(&spec.common_name)?,
            der: self.certify(spec, &spki)?,
        })
    }

    /// A certificate for the key with this SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// What `spec` says cannot be encoded.
    pub fn certify(&self, spec: &CertificateSpec, spki: &[u8]) -> Result<Vec<u8>, SimulationError> {
        issue(spec, spki, &self.name, &self.pair)
    }

    /// Its own certificate.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The same as PEM text.
    pub fn pem(&self) -> String {
        pem::certificate(&self.der)
    }
}

fn new_key() -> Result<(EcdsaKeyPair, Vec<u8>), SimulationError> {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())?;
    key(pkcs8.as_ref())
}

fn key(pkcs8: &[u8]) -> Result<(EcdsaKeyPair, Vec<u8>), SimulationError> {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, &SystemRandom::new())?;
    let spki = SubjectPublicKeyInfoOwned {
        algorithm: AlgorithmIdentifierOwned {
            oid: EC_PUBLIC_KEY,
            parameters: Some(Any::encode_from(&SECP256R1)?),
        },
        subject_public_key: BitString::from_bytes(pair.public_key().as_ref())?,
    }
    .to_der()?;
    Ok((pair, spki))
}

fn name(common_name: &str) -> Result<Name, SimulationError> {
    Ok(Name::from_str(&format!(
        "CN={common_name},O=Simulated TPM of Trustee"
    ))?)
}

fn issue(
    spec: &CertificateSpec,
    spki: &[u8],
    issuer: &Name,
    pair: &EcdsaKeyPair,
) -> Result<Vec<u8>, SimulationError> {
    let time = |seconds| UtcTime::from_unix_duration(Duration::from_secs(seconds)).map(Time::UtcTime);
    let subject = name(&spec.common_name)?;
    let algorithm = AlgorithmIdentifierOwned {
        oid: ECDSA_WITH_SHA256,
        parameters: None,
    };
    let tbs_certificate = TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::new(&[0x4d, 0x2a])?,
        signature: algorithm.clone(),
        issuer: issuer.clone(),
        validity: Validity {
            not_before: time(spec.not_before)?,
            not_after: time(spec.not_after)?,
        },
        extensions: Some(spec.extensions(&subject)?),
        subject,
        subject_public_key_info: SubjectPublicKeyInfoOwned::from_der(spki)?,
        issuer_unique_id: None,
        subject_unique_id: None,
    };
    let signature = pair.sign(&SystemRandom::new(), &tbs_certificate.to_der()?)?;
    Ok(Certificate {
        tbs_certificate,
        signature_algorithm: algorithm,
        signature: BitString::from_bytes(signature.as_ref())?,
    }
    .to_der()?)
}
