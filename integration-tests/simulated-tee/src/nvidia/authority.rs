//! Keys and certificates of P-384. Signatures are deterministic (RFC 6979), so that the root's certificate is the same
//! in every process.

use crate::SimulationError;
use crate::pem::certificate;
use der::asn1::{Any, BitString, GeneralizedTime, ObjectIdentifier};
use der::{DateTime, Encode};
use p384::ecdsa::signature::Signer;
use p384::ecdsa::{DerSignature, Signature, SigningKey};
use p384::pkcs8::DecodePrivateKey;
use ring::rand::{SecureRandom, SystemRandom};
use std::str::FromStr;
use std::time::Duration;
use x509_cert::ext::AsExtension;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};
use x509_cert::{Certificate, TbsCertificate, Version};

const ROOT_KEY: &str = include_str!("../../keys/test-only-nvidia-device-identity.key.pem");
/// 2021-11-05, as NVIDIA's root.
pub(super) const NOT_BEFORE: u64 = 1_636_070_400;
/// 9999-12-31, as all of NVIDIA's.
pub(super) const NOT_AFTER: u64 = 253_402_300_799;

const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// A signing key.
#[derive(Clone)]
pub(super) struct Key(SigningKey);

impl Key {
    pub(super) fn generate() -> Result<Self, SimulationError> {
        let random = SystemRandom::new();
        loop {
            let mut scalar = [0; 48];
            random.fill(&mut scalar)?;
            // Fails for zero and beyond the order: next to never.
            if let Ok(key) = SigningKey::from_slice(&scalar) {
                return Ok(Self(key));
            }
        }
    }

    /// The committed key of the root.
    pub(super) fn of_root() -> Result<Self, SimulationError> {
        SigningKey::from_pkcs8_pem(ROOT_KEY)
            .map(Self)
            .map_err(|error| SimulationError::Key(error.to_string()))
    }

    /// An uncompressed point.
    pub(super) fn public(&self) -> Vec<u8> {
        self.0.verifying_key().to_encoded_point(false).as_bytes().to_vec()
    }

    /// r and s, big-endian.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = self.0.sign(message);
        signature.to_bytes().to_vec()
    }

    pub(super) fn spki(&self) -> Result<SubjectPublicKeyInfoOwned, SimulationError> {
        Ok(SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned {
                oid: EC_PUBLIC_KEY,
                parameters: Some(Any::encode_from(&SECP384R1)?),
            },
            subject_public_key: BitString::from_bytes(&self.public())?,
        })
    }
}

/// What a certificate says.
pub(super) struct CertificateSpec<'a> {
    pub(super) subject: &'a Name,
    pub(super) issuer: &'a Name,
    pub(super) key: &'a Key,
    pub(super) serial: u8,
    pub(super) not_before: u64,
    pub(super) not_after: u64,
    /// Is it an authority?
    pub(super) authority: bool,
    pub(super) path_length: Option<u8>,
    pub(super) usage: Option<KeyUsages>,
    pub(super) extensions: Vec<Extension>,
}

impl CertificateSpec<'_> {
    /// Its DER, signed by `signer`.
    pub(super) fn issue(self, signer: &Key) -> Result<Vec<u8>, SimulationError> {
        let mut extensions = Vec::new();
        if self.authority {
            let constraints = BasicConstraints {
                ca: true,
                path_len_constraint: self.path_length,
            };
            extensions.push(constraints.to_extension(self.subject, &[])?);
        }
        if let Some(usage) = self.usage {
            extensions.push(KeyUsage(usage.into()).to_extension(self.subject, &[])?);
        }
        extensions.extend(self.extensions);
        let algorithm = AlgorithmIdentifierOwned {
            oid: ECDSA_WITH_SHA384,
            parameters: None,
        };
        let tbs_certificate = TbsCertificate {
            version: Version::V3,
            serial_number: SerialNumber::new(&[self.serial])?,
            signature: algorithm.clone(),
            issuer: self.issuer.clone(),
            validity: Validity {
                not_before: time(self.not_before)?,
                not_after: time(self.not_after)?,
            },
            subject: self.subject.clone(),
            subject_public_key_info: self.key.spki()?,
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: Some(extensions),
        };
        let signature: DerSignature = signer.0.sign(&tbs_certificate.to_der()?);
        Ok(Certificate {
            tbs_certificate,
            signature_algorithm: algorithm,
            signature: BitString::from_bytes(signature.as_bytes())?,
        }
        .to_der()?)
    }
}

/// The root's certificate, under NVIDIA's name or one that says that all this is simulated.
pub(super) fn root(key: &Key, name: &Name) -> Result<Vec<u8>, SimulationError> {
    CertificateSpec {
        subject: name,
        issuer: name,
        key,
        serial: 1,
        not_before: NOT_BEFORE,
        not_after: NOT_AFTER,
        authority: true,
        path_length: None,
        usage: Some(KeyUsages::KeyCertSign),
        extensions: Vec::new(),
    }
    .issue(key)
}

/// The certificate of the simulated device identity root, as `insecure_extra_roots` takes it. It is the same in every
/// process.
///
/// # Errors
/// The committed key is not what it should be.
pub fn root_pem() -> Result<String, SimulationError> {
    let key = Key::of_root()?;
    Ok(certificate(&root(&key, &name(ROOT_NAME, ORGANIZATION)?)?))
}

/// The common name of NVIDIA's root.
pub(super) const ROOT_NAME: &str = "NVIDIA Device Identity CA";
/// The organisation in the simulated names.
pub(super) const ORGANIZATION: &str = "Simulated platform of Trustee";

pub(super) fn name(common_name: &str, organization: &str) -> Result<Name, SimulationError> {
    // RFC 4514 writes the parts in reverse.
    Ok(Name::from_str(&format!("O={organization},CN={common_name}"))?)
}

fn time(seconds: u64) -> Result<Time, SimulationError> {
    let date = DateTime::from_unix_duration(Duration::from_secs(seconds))?;
    Ok(Time::GeneralTime(GeneralizedTime::from_date_time(date)))
}
