//! Revocation lists (RFC 5280, section 5; PCK Certificate and CRL Profile, section 3).

use super::authority::{Authority, ecdsa};
use super::{PckCa, Pki};
use crate::SimulationError;
use crate::x509::{extension, time};
use der::Encode;
use der::asn1::{ObjectIdentifier, Uint};
use x509_cert::Version;
use x509_cert::crl::{CertificateList, RevokedCert, TbsCertList};
use x509_cert::ext::Extension;
use x509_cert::serial_number::SerialNumber;

const CRL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");

/// Who signs a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issuer {
    /// The CA that the list is of.
    Ca,
    /// Another key, under the CA's name.
    Impostor,
}

/// What a list says.
#[derive(Clone, Debug)]
pub struct CrlSpec {
    /// Seconds since the Unix epoch.
    pub this_update: u64,
    /// Seconds since the Unix epoch.
    pub next_update: u64,
    /// Leave the next update out.
    pub without_end: bool,
    /// Its number.
    pub number: u32,
    /// Serial numbers of revoked certificates.
    pub revoked: Vec<Vec<u8>>,
    /// The signer.
    pub issuer: Issuer,
    /// An extension that nobody knows, marked critical.
    pub unknown_critical: bool,
}

impl CrlSpec {
    /// A list that revokes nothing, valid between these times.
    pub fn new(this_update: u64, next_update: u64) -> Self {
        Self {
            this_update,
            next_update,
            without_end: false,
            number: 1,
            revoked: Vec::new(),
            issuer: Issuer::Ca,
            unknown_critical: false,
        }
    }
}

impl Pki {
    /// A list of the root CA, DER.
    ///
    /// # Errors
    /// [`SimulationError::Encoding`] for times after 2049 and the like.
    pub fn root_crl(&self, spec: &CrlSpec) -> Result<Vec<u8>, SimulationError> {
        self.list(&self.root, spec)
    }

    /// A list of one of the PCK CAs, DER.
    ///
    /// # Errors
    /// As for [`root_crl`](Self::root_crl).
    pub fn pck_crl(&self, ca: PckCa, spec: &CrlSpec) -> Result<Vec<u8>, SimulationError> {
        self.list(self.ca(ca), spec)
    }

    fn list(&self, of: &Authority, spec: &CrlSpec) -> Result<Vec<u8>, SimulationError> {
        let mut entries = Vec::new();
        for serial in &spec.revoked {
            entries.push(RevokedCert {
                serial_number: SerialNumber::new(serial)?,
                revocation_date: time(spec.this_update)?,
                crl_entry_extensions: None,
            });
        }
        let number = Uint::new(&spec.number.to_be_bytes())?;
        let mut extensions = vec![extension(CRL_NUMBER, number.to_der()?)?];
        if spec.unknown_critical {
            let unknown = extension(ObjectIdentifier::new_unwrap("1.2.3.4"), vec![5, 0])?;
            extensions.push(Extension {
                critical: true,
                ..unknown
            });
        }
        let tbs_cert_list = TbsCertList {
            version: Version::V2,
            signature: ecdsa(),
            issuer: of.name.clone(),
            this_update: time(spec.this_update)?,
            next_update: (!spec.without_end).then(|| time(spec.next_update)).transpose()?,
            revoked_certificates: (!entries.is_empty()).then_some(entries),
            crl_extensions: Some(extensions),
        };
        let signer = match spec.issuer {
            Issuer::Ca => of,
            Issuer::Impostor => &self.tcb_signing,
        };
        let signature = signer.key.sign(&tbs_cert_list.to_der()?)?;
        let list = CertificateList {
            tbs_cert_list,
            signature_algorithm: ecdsa(),
            signature,
        };
        Ok(list.to_der()?)
    }
}
