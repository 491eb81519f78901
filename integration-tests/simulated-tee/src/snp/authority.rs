//! The roots and the certificates that sign endorsement keys, shaped like AMD's (AMD 57230, chapter 3).

use super::{Generation, SimulationError};
use crate::pem;
use crate::x509::validity;
use der::asn1::{BitString, ObjectIdentifier};
use der::flagset::FlagSet;
use der::{Any, Decode, Encode};
use ring::rand::SystemRandom;
use ring::signature::{KeyPair, RSA_PSS_SHA384, RsaKeyPair};
use std::str::FromStr;
use x509_cert::ext::AsExtension;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::{Certificate, TbsCertificate, Version};

/// The organisation in the simulated names.
const ORGANIZATION: &str = "Simulated platform of Trustee";
/// 2020-10-22, as AMD's first root.
const NOT_BEFORE: u64 = 1_603_324_800;
/// 2045-10-22.
const NOT_AFTER: u64 = 2_392_243_200;

const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// SHA-384, MGF1 with SHA-384, 48 bytes of salt, trailer field 1 (RFC 4055, 3.1).
const PSS_PARAMETERS: &str = "3039a00f300d06096086480165030402020500a11c301a06092a864886f70d010108300d\
                              06096086480165030402020500a203020130a303020101";

/// What a key of the hierarchy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The root.
    Ark,
    /// Signs VCEKs.
    Ask,
    /// Signs VLEKs.
    Asvk,
}

impl Role {
    pub(super) fn common_name(self, generation: Generation) -> String {
        let prefix = match self {
            Role::Ark => "ARK-",
            Role::Ask => "SEV-",
            Role::Asvk => "SEV-VLEK-",
        };
        format!("{prefix}{}", generation.as_str())
    }

    fn key_pem(self, generation: Generation) -> &'static str {
        macro_rules! key {
            ($name:literal) => {
                include_str!(concat!("../../keys/test-only-", $name, ".key.pem"))
            };
        }
        match (self, generation) {
            (Role::Ark, Generation::Milan) => key!("ark-milan"),
            (Role::Ask, Generation::Milan) => key!("ask-milan"),
            (Role::Asvk, Generation::Milan) => key!("asvk-milan"),
            (Role::Ark, Generation::Genoa) => key!("ark-genoa"),
            (Role::Ask, Generation::Genoa) => key!("ask-genoa"),
            (Role::Asvk, Generation::Genoa) => key!("asvk-genoa"),
            (Role::Ark, Generation::Turin) => key!("ark-turin"),
            (Role::Ask, Generation::Turin) => key!("ask-turin"),
            (Role::Asvk, Generation::Turin) => key!("asvk-turin"),
        }
    }
}

/// A signing key with its certificate.
pub(super) struct Authority {
    key: RsaKeyPair,
    pub(super) name: Name,
    pub(super) serial: Vec<u8>,
    pub(super) der: Vec<u8>,
}

/// The three of a product line.
pub(super) struct Authorities {
    pub(super) ark: Authority,
    pub(super) ask: Authority,
    pub(super) asvk: Authority,
}

impl Authorities {
    /// `organization`: `None` for the one that says that all this is simulated.
    pub(super) fn new(generation: Generation, organization: Option<&str>) -> Result<Self, SimulationError> {
        let make = |role, signer: Option<&Authority>| Authority::new(role, generation, organization, signer);
        let ark = make(Role::Ark, None)?;
        let ask = make(Role::Ask, Some(&ark))?;
        let asvk = make(Role::Asvk, Some(&ark))?;
        Ok(Self { ark, ask, asvk })
    }
}

impl Authority {
    fn new(
        role: Role,
        generation: Generation,
        organization: Option<&str>,
        signer: Option<&Authority>,
    ) -> Result<Self, SimulationError> {
        let key = RsaKeyPair::from_pkcs8(&pem::body(role.key_pem(generation))?)?;
        let subject = name(&role.common_name(generation), organization)?;
        let serial = vec![generation as u8 + 1, 0, role as u8];
        let usage = match role {
            Role::Ark => KeyUsages::KeyCertSign | KeyUsages::CRLSign,
            Role::Ask | Role::Asvk => FlagSet::from(KeyUsages::KeyCertSign),
        };
        let constraints = BasicConstraints {
            ca: true,
            path_len_constraint: signer.map(|_| 0),
        };
        let tbs = TbsCertificate {
            version: Version::V3,
            serial_number: SerialNumber::new(&serial)?,
            signature: pss()?,
            issuer: signer.map_or(&subject, |signer| &signer.name).clone(),
            validity: validity(NOT_BEFORE, NOT_AFTER)?,
            subject: subject.clone(),
            subject_public_key_info: rsa_key(&key)?,
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: Some(vec![
                constraints.to_extension(&subject, &[])?,
                KeyUsage(usage).to_extension(&subject, &[])?,
            ]),
        };
        let der = match signer {
            Some(signer) => signer.issue(tbs)?,
            None => issue(tbs, &key)?,
        };
        Ok(Self {
            key,
            name: subject,
            serial,
            der,
        })
    }

    /// Signs a certificate.
    pub(super) fn issue(&self, tbs: TbsCertificate) -> Result<Vec<u8>, SimulationError> {
        issue(tbs, &self.key)
    }

    /// Signs anything, as its certificates are signed.
    pub(super) fn sign(&self, message: &[u8]) -> Result<BitString, SimulationError> {
        sign(message, &self.key)
    }
}

fn issue(tbs_certificate: TbsCertificate, key: &RsaKeyPair) -> Result<Vec<u8>, SimulationError> {
    let signature = sign(&tbs_certificate.to_der()?, key)?;
    Ok(Certificate {
        tbs_certificate,
        signature_algorithm: pss()?,
        signature,
    }
    .to_der()?)
}

fn sign(message: &[u8], key: &RsaKeyPair) -> Result<BitString, SimulationError> {
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PSS_SHA384, &SystemRandom::new(), message, &mut signature)?;
    Ok(BitString::from_bytes(&signature)?)
}

/// RSASSA-PSS as AMD's certificates spell it.
pub(super) fn pss() -> Result<AlgorithmIdentifierOwned, SimulationError> {
    let parameters =
        hex::decode(PSS_PARAMETERS).map_err(|error| SimulationError::Encoding(error.to_string()))?;
    Ok(AlgorithmIdentifierOwned {
        oid: RSASSA_PSS,
        parameters: Some(Any::from_der(&parameters)?),
    })
}

/// A name with the parts and the order of AMD's.
pub(super) fn name(common_name: &str, organization: Option<&str>) -> Result<Name, SimulationError> {
    let organization = organization.unwrap_or(ORGANIZATION);
    // RFC 4514 writes the parts in reverse.
    let text = format!("CN={common_name},O={organization},ST=CA,L=Santa Clara,C=US,OU=Engineering");
    Ok(Name::from_str(&text)?)
}

fn rsa_key(key: &RsaKeyPair) -> Result<SubjectPublicKeyInfoOwned, SimulationError> {
    Ok(SubjectPublicKeyInfoOwned {
        algorithm: AlgorithmIdentifierOwned {
            oid: RSA_ENCRYPTION,
            parameters: Some(Any::null()),
        },
        subject_public_key: BitString::from_bytes(key.public_key().as_ref())?,
    })
}
