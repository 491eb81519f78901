//! Intel's keys and certificates (Intel SGX PCK Certificate and CRL Profile Specification, sections 1 and 2).

use crate::SimulationError;
use crate::pem;
use crate::x509::{extension, validity};
use der::asn1::{Any, BitString, ObjectIdentifier};
use der::flagset::FlagSet;
use der::{Decode, Encode};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    KeyPair,
};
use std::str::FromStr;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::ext::{AsExtension, Extension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::Validity;
use x509_cert::{Certificate, TbsCertificate, Version};

/// The organisation in the simulated names, and in Intel's.
const ORGANIZATION: &str = "Simulated platform of Trustee";
const INTEL: &str = "Intel Corporation";
const ROOT_NAME: &str = "Intel SGX Root CA";
/// 2018-05-21, as Intel's root.
const NOT_BEFORE: u64 = 1_526_899_810;
/// 2045-10-22.
const NOT_AFTER: u64 = 2_392_243_200;

const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// The two CAs that sign PCK certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PckCa {
    /// For platforms with one processor package.
    Processor,
    /// For platforms with several.
    Platform,
}

/// Whose certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The root's.
    Root,
    /// That of a CA that signs PCK certificates.
    Ca(PckCa),
    /// That of the key that signs TCB infos and identities.
    TcbSigning,
}

/// What such a certificate says. Start from [`Pki::spec`], and change what a test needs.
#[derive(Clone, Debug)]
pub struct AuthoritySpec {
    /// Of the subject.
    pub common_name: String,
    /// Of the issuer: the root's.
    pub issuer: String,
    /// How many CAs may be below it, or none for a certificate that is no CA's.
    pub ca: Option<u8>,
    /// Seconds since the Unix epoch.
    pub not_before: u64,
    /// Seconds since the Unix epoch.
    pub not_after: u64,
    /// An extension that nobody knows, marked critical.
    pub unknown_critical: bool,
}

impl AuthoritySpec {
    fn new(common_name: &str, ca: Option<u8>) -> Self {
        Self {
            common_name: common_name.to_owned(),
            issuer: ROOT_NAME.to_owned(),
            ca,
            not_before: NOT_BEFORE,
            not_after: NOT_AFTER,
            unknown_critical: false,
        }
    }

    fn certificate(
        &self,
        key: &Key,
        serial: &[u8],
        organization: &str,
        signer: &Key,
    ) -> Result<Vec<u8>, SimulationError> {
        let subject = name(&self.common_name, organization)?;
        let usage = match self.ca {
            Some(_) => KeyUsages::KeyCertSign | KeyUsages::CRLSign,
            None => KeyUsages::DigitalSignature | KeyUsages::NonRepudiation,
        };
        let mut extensions = basics(&subject, self.ca, usage)?;
        if self.unknown_critical {
            extensions.push(unknown_critical()?);
        }
        let issued = Issued {
            serial,
            issuer: name(&self.issuer, organization)?,
            validity: validity(self.not_before, self.not_after)?,
            subject,
            key,
            extensions,
        };
        issued.by(signer)
    }
}

/// Intel: the root, the two PCK CAs, and the TCB signing key.
pub struct Pki {
    pub(super) organization: &'static str,
    pub(super) root: Authority,
    pub(super) processor: Authority,
    pub(super) platform: Authority,
    pub(super) tcb_signing: Authority,
}

impl Pki {
    /// With the committed keys: the same in every process.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn new() -> Result<Self, SimulationError> {
        Self::with(ORGANIZATION, committed_keys()?)
    }

    /// The same but for the CA of platforms with several packages: another of its name under the same root.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn with_another_platform_ca() -> Result<Self, SimulationError> {
        let [root, processor, _, tcb_signing] = committed_keys()?;
        Self::with(ORGANIZATION, [root, processor, Key::generate()?, tcb_signing])
    }

    /// Of the same names, with other keys.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn other() -> Result<Self, SimulationError> {
        Self::generated(ORGANIZATION)
    }

    /// With Intel's names to the letter, and other keys.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn impostor() -> Result<Self, SimulationError> {
        Self::generated(INTEL)
    }

    fn generated(organization: &'static str) -> Result<Self, SimulationError> {
        let key = Key::generate;
        Self::with(organization, [key()?, key()?, key()?, key()?])
    }

    fn with(organization: &'static str, keys: [Key; 4]) -> Result<Self, SimulationError> {
        let [root, processor, platform, tcb_signing] = keys;
        let make = |key, number, which, signer: Option<&Authority>| {
            Authority::new(key, number, &spec_of(which), organization, signer)
        };
        let root = make(root, 1, Which::Root, None)?;
        let ca = |key, number, ca| make(key, number, Which::Ca(ca), Some(&root));
        Ok(Self {
            organization,
            processor: ca(processor, 2, PckCa::Processor)?,
            platform: ca(platform, 3, PckCa::Platform)?,
            tcb_signing: make(tcb_signing, 4, Which::TcbSigning, Some(&root))?,
            root,
        })
    }

    /// What a certificate says.
    pub fn spec(&self, which: Which) -> AuthoritySpec {
        spec_of(which)
    }

    /// Another certificate of the same key, signed by the root, DER.
    ///
    /// # Errors
    /// [`SimulationError::Encoding`] for names and times that cannot be.
    pub fn reissue(&self, which: Which, spec: &AuthoritySpec) -> Result<Vec<u8>, SimulationError> {
        let of = match which {
            Which::Root => &self.root,
            Which::Ca(ca) => self.ca(ca),
            Which::TcbSigning => &self.tcb_signing,
        };
        spec.certificate(&of.key, &of.serial, self.organization, &self.root.key)
    }

    /// The root's serial number.
    pub fn root_serial(&self) -> Vec<u8> {
        self.root.serial.clone()
    }

    /// The root's certificate.
    pub fn root_der(&self) -> &[u8] {
        &self.root.der
    }

    /// The root's certificate, as `insecure_extra_roots` takes it.
    pub fn root_pem(&self) -> String {
        pem::certificate(&self.root.der)
    }

    /// The certificate of a PCK CA.
    pub fn ca_der(&self, ca: PckCa) -> &[u8] {
        &self.ca(ca).der
    }

    /// The certificate of the TCB signing key.
    pub fn tcb_signing_der(&self) -> &[u8] {
        &self.tcb_signing.der
    }

    /// The serial number of a PCK CA's certificate.
    pub fn ca_serial(&self, ca: PckCa) -> Vec<u8> {
        self.ca(ca).serial.clone()
    }

    /// The serial number of the TCB signing key's certificate.
    pub fn tcb_signing_serial(&self) -> Vec<u8> {
        self.tcb_signing.serial.clone()
    }

    /// The TCB signing key's certificate and the root's, as the service sends them beside a document.
    pub fn tcb_signing_chain(&self) -> String {
        [&self.tcb_signing.der, &self.root.der]
            .map(|der| pem::certificate(der))
            .concat()
    }

    /// A PCK CA's certificate and the root's, as the service sends them beside a revocation list.
    pub fn ca_chain(&self, ca: PckCa) -> String {
        [&self.ca(ca).der, &self.root.der]
            .map(|der| pem::certificate(der))
            .concat()
    }

    pub(super) fn ca(&self, ca: PckCa) -> &Authority {
        match ca {
            PckCa::Processor => &self.processor,
            PckCa::Platform => &self.platform,
        }
    }
}

/// Of the root, the two PCK CAs, and for TCB infos.
fn committed_keys() -> Result<[Key; 4], SimulationError> {
    let key = Key::from_pem;
    Ok([
        key(include_str!("../../keys/test-only-intel-root-ca.key.pem"))?,
        key(include_str!(
            "../../keys/test-only-intel-pck-processor-ca.key.pem"
        ))?,
        key(include_str!("../../keys/test-only-intel-pck-platform-ca.key.pem"))?,
        key(include_str!("../../keys/test-only-intel-tcb-signing.key.pem"))?,
    ])
}

/// A key with its certificate.
pub(super) struct Authority {
    pub(super) key: Key,
    pub(super) name: Name,
    pub(super) serial: Vec<u8>,
    pub(super) der: Vec<u8>,
}

impl Authority {
    fn new(
        key: Key,
        number: u8,
        spec: &AuthoritySpec,
        organization: &str,
        signer: Option<&Authority>,
    ) -> Result<Self, SimulationError> {
        let serial = vec![0x22, 0x65, number];
        let signer = signer.map_or(&key, |signer| &signer.key);
        let der = spec.certificate(&key, &serial, organization, signer)?;
        Ok(Self {
            name: name(&spec.common_name, organization)?,
            key,
            serial,
            der,
        })
    }
}

fn spec_of(which: Which) -> AuthoritySpec {
    match which {
        Which::Root => AuthoritySpec::new(ROOT_NAME, Some(1)),
        Which::Ca(PckCa::Processor) => AuthoritySpec::new("Intel SGX PCK Processor CA", Some(0)),
        Which::Ca(PckCa::Platform) => AuthoritySpec::new("Intel SGX PCK Platform CA", Some(0)),
        Which::TcbSigning => AuthoritySpec::new("Intel SGX TCB Signing", None),
    }
}

/// A key of P-256.
pub(super) struct Key {
    /// For certificates and lists.
    asn1: EcdsaKeyPair,
    /// For documents and quotes.
    fixed: EcdsaKeyPair,
}

impl Key {
    pub(super) fn generate() -> Result<Self, SimulationError> {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())?;
        Self::from_pkcs8(pkcs8.as_ref())
    }

    fn from_pem(text: &str) -> Result<Self, SimulationError> {
        Self::from_pkcs8(&pem::body(text)?)
    }

    fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, SimulationError> {
        let read =
            |how: &'static EcdsaSigningAlgorithm| EcdsaKeyPair::from_pkcs8(how, pkcs8, &SystemRandom::new());
        Ok(Self {
            asn1: read(&ECDSA_P256_SHA256_ASN1_SIGNING)?,
            fixed: read(&ECDSA_P256_SHA256_FIXED_SIGNING)?,
        })
    }

    /// A DER signature.
    pub(super) fn sign(&self, message: &[u8]) -> Result<BitString, SimulationError> {
        let signature = self.asn1.sign(&SystemRandom::new(), message)?;
        Ok(BitString::from_bytes(signature.as_ref())?)
    }

    /// r and s, 32 bytes each.
    pub(super) fn sign_fixed(&self, message: &[u8]) -> Result<Vec<u8>, SimulationError> {
        Ok(self.fixed.sign(&SystemRandom::new(), message)?.as_ref().to_vec())
    }

    /// x and y, 32 bytes each.
    pub(super) fn coordinates(&self) -> Vec<u8> {
        let point = self.asn1.public_key().as_ref();
        point.strip_prefix(&[4]).unwrap_or(point).to_vec()
    }

    pub(super) fn public_key_info(&self) -> Result<SubjectPublicKeyInfoOwned, SimulationError> {
        Ok(SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned {
                oid: EC_PUBLIC_KEY,
                parameters: Some(Any::encode_from(&SECP256R1)?),
            },
            subject_public_key: BitString::from_bytes(self.asn1.public_key().as_ref())?,
        })
    }
}

/// What a certificate says, before it is signed.
pub(super) struct Issued<'a> {
    pub(super) serial: &'a [u8],
    pub(super) issuer: Name,
    pub(super) validity: Validity,
    pub(super) subject: Name,
    pub(super) key: &'a Key,
    pub(super) extensions: Vec<Extension>,
}

impl Issued<'_> {
    /// The certificate, in DER.
    pub(super) fn by(self, signer: &Key) -> Result<Vec<u8>, SimulationError> {
        let tbs_certificate = TbsCertificate {
            version: Version::V3,
            serial_number: SerialNumber::new(self.serial)?,
            signature: ecdsa(),
            issuer: self.issuer,
            validity: self.validity,
            subject: self.subject,
            subject_public_key_info: self.key.public_key_info()?,
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: Some(self.extensions),
        };
        let signature = signer.sign(&tbs_certificate.to_der()?)?;
        let certificate = Certificate {
            tbs_certificate,
            signature_algorithm: ecdsa(),
            signature,
        };
        Ok(certificate.to_der()?)
    }
}

/// A critical extension that nobody knows.
pub(super) fn unknown_critical() -> Result<Extension, SimulationError> {
    Ok(Extension {
        critical: true,
        ..extension(ObjectIdentifier::new_unwrap("1.2.3.4"), vec![5, 0])?
    })
}

pub(super) fn ecdsa() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid: ECDSA_WITH_SHA256,
        parameters: None,
    }
}

/// Basic constraints and key usage, both critical, as in Intel's.
pub(super) fn basics(
    subject: &Name,
    ca: Option<u8>,
    usage: FlagSet<KeyUsages>,
) -> Result<Vec<Extension>, SimulationError> {
    let constraints = BasicConstraints {
        ca: ca.is_some(),
        path_len_constraint: ca,
    };
    let critical = |extension: Extension| Extension {
        critical: true,
        ..extension
    };
    Ok(vec![
        critical(constraints.to_extension(subject, &[])?),
        critical(KeyUsage(usage).to_extension(subject, &[])?),
    ])
}

/// A name with the parts and the order of Intel's.
pub(super) fn name(common_name: &str, organization: &str) -> Result<Name, SimulationError> {
    // RFC 4514 writes the parts in reverse.
    let text = format!("C=US,ST=CA,L=Santa Clara,O={organization},CN={common_name}");
    Ok(Name::from_str(&text)?)
}

/// A DER value that is already encoded.
pub(super) fn any(der: &[u8]) -> Result<Any, SimulationError> {
    Ok(Any::from_der(der)?)
}
