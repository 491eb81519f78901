//! Certificate chains, right or deliberately wrong: device key, boot ROM, provisioner, product, root.

use super::authority::{CertificateSpec, Key, NOT_AFTER, NOT_BEFORE, ORGANIZATION, ROOT_NAME, name, root};
use crate::SimulationError;
use crate::pem::certificate;
use crate::x509::extension;
use der::Encode;
use der::asn1::{ObjectIdentifier, OctetString};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::KeyUsages;

const FWID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.5.4.1");
const UNKNOWN: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.99999.1");
/// SHA-384, encoded.
const SHA384: [u8; 11] = [0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02];

/// How the firmware id stands in the device's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fwid {
    /// Once, as it should.
    Once,
    /// Not at all.
    Missing,
    /// In two extensions.
    Twice,
    /// With bytes behind it.
    Trailing,
    /// With another hash's id before it.
    OtherHash,
    /// In the form of another version.
    OtherVersion,
}

/// What a chain says. Start from the default and change what a test needs.
#[derive(Clone, Debug)]
pub struct ChainSpec {
    /// The chip in the names: `GH100` for Hopper.
    pub chip: String,
    /// NVIDIA's organisation in the names, and a root key that nobody knows.
    pub impostor: bool,
    /// When the device's certificate begins to be valid, in seconds since the Unix epoch.
    pub not_before: u64,
    /// When it ends to be.
    pub not_after: u64,
    /// How the firmware id stands in it.
    pub fwid: Fwid,
    /// Is the device's certificate one of an authority?
    pub leaf_is_authority: bool,
    /// What the device's key is for.
    pub leaf_usage: Option<KeyUsages>,
    /// Is the boot ROM's certificate one of an authority?
    pub issuer_is_authority: bool,
    /// How many authorities the product's certificate allows below it.
    pub path_length: Option<u8>,
    /// An extension that nobody knows, marked critical, in the device's certificate.
    pub unknown_critical: bool,
    /// The device's certificate is signed by a key that is nowhere in the chain.
    pub wrong_signer: bool,
    /// The device's certificate names the root as its issuer, though the boot ROM signed it.
    pub wrong_issuer: bool,
    /// Leaves the root out.
    pub without_root: bool,
}

impl Default for ChainSpec {
    fn default() -> Self {
        Self {
            chip: "GH100".to_owned(),
            impostor: false,
            not_before: NOT_BEFORE,
            not_after: NOT_AFTER,
            fwid: Fwid::Once,
            leaf_is_authority: false,
            leaf_usage: Some(KeyUsages::DigitalSignature),
            issuer_is_authority: true,
            path_length: None,
            unknown_critical: false,
            wrong_signer: false,
            wrong_issuer: false,
            without_root: false,
        }
    }
}

impl ChainSpec {
    /// The chain for a device's key, PEM, leaf first.
    pub(super) fn issue(&self, device: &Key, fwid: &[u8; 48]) -> Result<String, SimulationError> {
        let organization = if self.impostor { "NVIDIA" } else { ORGANIZATION };
        let named = |common_name: &str| name(common_name, organization);
        let mut signer = if self.impostor {
            Key::generate()?
        } else {
            Key::of_root()?
        };
        let mut issuer = named(ROOT_NAME)?;
        let mut chain = vec![root(&signer, &issuer)?];
        let authorities = [
            format!("NVIDIA {} Identity", self.chip),
            format!("NVIDIA {} Provisioner ICA 1", self.chip),
            format!("{} A01 GSP BROM", self.chip),
        ];
        for (place, common_name) in (0_u8..).zip(&authorities) {
            let (subject, key) = (named(common_name)?, Key::generate()?);
            chain.push(
                CertificateSpec {
                    subject: &subject,
                    issuer: &issuer,
                    key: &key,
                    serial: place + 2,
                    not_before: NOT_BEFORE,
                    not_after: NOT_AFTER,
                    authority: place < 2 || self.issuer_is_authority,
                    path_length: self.path_length.filter(|_| place == 0),
                    usage: Some(KeyUsages::KeyCertSign),
                    extensions: Vec::new(),
                }
                .issue(&signer)?,
            );
            (signer, issuer) = (key, subject);
        }
        if self.wrong_issuer {
            issuer = named(ROOT_NAME)?;
        }
        let extensions = self.leaf_extensions(&signer, fwid)?;
        let leaf = CertificateSpec {
            subject: &named(&format!("{} A01 GSP FMC LF", self.chip))?,
            issuer: &issuer,
            key: device,
            serial: 9,
            not_before: self.not_before,
            not_after: self.not_after,
            authority: self.leaf_is_authority,
            path_length: None,
            usage: match self.leaf_is_authority {
                true => Some(KeyUsages::KeyCertSign),
                false => self.leaf_usage,
            },
            extensions,
        };
        chain.push(leaf.issue(&if self.wrong_signer {
            Key::generate()?
        } else {
            signer
        })?);
        let skipped = usize::from(self.without_root);
        Ok(chain
            .iter()
            .skip(skipped)
            .rev()
            .map(|der| certificate(der))
            .collect())
    }

    fn leaf_extensions(&self, boot_rom: &Key, fwid: &[u8; 48]) -> Result<Vec<Extension>, SimulationError> {
        let version = if self.fwid == Fwid::OtherVersion { 2 } else { 1 };
        let mut content = vec![2, 1, version];
        content.extend(boot_rom.spki()?.to_der()?);
        let mut hashed = SHA384.to_vec();
        if self.fwid == Fwid::OtherHash
            && let Some(last) = hashed.last_mut()
        {
            *last = 3;
        }
        hashed.extend(OctetString::new(fwid.as_slice())?.to_der()?);
        content.extend(sequence(&hashed)?);
        let mut value = sequence(&content)?;
        if self.fwid == Fwid::Trailing {
            value.push(0);
        }
        let copies = match self.fwid {
            Fwid::Missing => 0,
            Fwid::Twice => 2,
            _ => 1,
        };
        let mut extensions = vec![extension(FWID, value)?; copies];
        if self.unknown_critical {
            extensions.push(Extension {
                critical: true,
                ..extension(UNKNOWN, vec![5, 0])?
            });
        }
        Ok(extensions)
    }
}

/// A DER sequence of what is encoded already.
fn sequence(content: &[u8]) -> Result<Vec<u8>, SimulationError> {
    Ok(der::Any::new(der::Tag::Sequence, content)?.to_der()?)
}
