//! Revocation lists (RFC 5280, section 5), signed by the product line's root.

use super::authority::{Authorities, pss};
use super::{Platform, SimulationError};
use crate::x509::{extension, time};
use der::Encode;
use der::asn1::ObjectIdentifier;
use x509_cert::Version;
use x509_cert::crl::{CertificateList, RevokedCert, TbsCertList};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::{GeneralName, GeneralNames};
use x509_cert::serial_number::SerialNumber;

const CERTIFICATE_ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.29");

/// What is revoked.
#[derive(Clone, Debug)]
pub enum Revoked {
    /// The certificate that signs VCEKs.
    Ask,
    /// The certificate that signs VLEKs.
    Asvk,
    /// A certificate that the ASK signed, by serial number.
    Vcek(Vec<u8>),
    /// A certificate with this serial number that the root signed.
    Serial(Vec<u8>),
}

/// Who signs a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issuer {
    /// The root, as it must be.
    Ark,
    /// The ASK, under the root's name.
    AskAsArk,
}

/// What a list says.
#[derive(Clone, Debug)]
pub struct CrlSpec {
    /// Seconds since the Unix epoch.
    pub this_update: u64,
    /// Seconds since the Unix epoch.
    pub next_update: Option<u64>,
    /// The entries.
    pub revoked: Vec<Revoked>,
    /// The signer.
    pub issuer: Issuer,
}

impl Platform {
    /// A revocation list for this platform's chain, DER.
    ///
    /// # Errors
    /// [`SimulationError::Encoding`] for times after 2049 and the like.
    pub fn revocation_list(&self, spec: &CrlSpec) -> Result<Vec<u8>, SimulationError> {
        self.revocation_list_with(spec, &[])
    }

    /// The same with extensions.
    ///
    /// # Errors
    /// As for [`revocation_list`](Self::revocation_list).
    pub fn revocation_list_with(
        &self,
        spec: &CrlSpec,
        extensions: &[Extension],
    ) -> Result<Vec<u8>, SimulationError> {
        let Authorities { ark, ask, asvk } = self.authorities();
        let mut entries = Vec::new();
        for revoked in &spec.revoked {
            let (serial, issuer) = match revoked {
                Revoked::Ask => (&ask.serial, ark),
                Revoked::Asvk => (&asvk.serial, ark),
                Revoked::Vcek(serial) => (serial, ask),
                Revoked::Serial(serial) => (serial, ark),
            };
            let names: GeneralNames = vec![GeneralName::DirectoryName(issuer.name.clone())];
            entries.push(RevokedCert {
                serial_number: SerialNumber::new(serial)?,
                revocation_date: time(spec.this_update)?,
                crl_entry_extensions: Some(vec![extension(CERTIFICATE_ISSUER, names.to_der()?)?]),
            });
        }
        let tbs_cert_list = TbsCertList {
            version: Version::V2,
            signature: pss()?,
            issuer: ark.name.clone(),
            this_update: time(spec.this_update)?,
            next_update: spec.next_update.map(time).transpose()?,
            revoked_certificates: (!entries.is_empty()).then_some(entries),
            crl_extensions: (!extensions.is_empty()).then(|| extensions.to_vec()),
        };
        let signer = match spec.issuer {
            Issuer::Ark => ark,
            Issuer::AskAsArk => ask,
        };
        let signature = signer.sign(&tbs_cert_list.to_der()?)?;
        Ok(CertificateList {
            tbs_cert_list,
            signature_algorithm: pss()?,
            signature,
        }
        .to_der()?)
    }
}
