//! PCK certificates and their SGX extension (PCK Certificate and CRL Profile, section 1.3.5).

use super::authority::{Authority, Issued, Key, any, basics, name, unknown_critical};
use crate::SimulationError;
use crate::x509::{extension, validity};
use der::asn1::{Any, ObjectIdentifier, OctetString};
use der::{Encode, Tag};
use x509_cert::ext::pkix::KeyUsages;

/// Intel's arc for SGX.
const SGX: &str = "1.2.840.113741.1.13.1";

/// What a PCK certificate says. Start from [`Platform::pck_spec`](super::Platform::pck_spec), and change what a test
/// needs.
#[derive(Clone, Debug)]
pub struct PckSpec {
    /// `Intel SGX PCK Certificate`.
    pub common_name: String,
    /// Big-endian.
    pub serial: Vec<u8>,
    /// Seconds since the Unix epoch.
    pub not_before: u64,
    /// Seconds since the Unix epoch.
    pub not_after: u64,
    /// Platform provisioning id.
    pub ppid: [u8; 16],
    /// Security versions of the processor's components.
    pub cpu_svn: [u8; 16],
    /// Security version of the provisioning certification enclave.
    pub pce_svn: u16,
    /// Id of the provisioning certification enclave.
    pub pce_id: [u8; 2],
    /// Kind of platform.
    pub fmspc: [u8; 6],
    /// 0 standard, 1 scalable, 2 scalable with integrity.
    pub sgx_type: u8,
    /// For a platform with several packages.
    pub platform_instance_id: Option<Vec<u8>>,
    /// Dynamic platform, cached keys, SMT: for a platform with several packages.
    pub configuration: Option<[bool; 3]>,
    /// Is the certificate a CA's?
    pub ca: bool,
    /// An extension that nobody knows, marked critical.
    pub unknown_critical: bool,
    /// Leave out the SGX extension.
    pub without_extension: bool,
}

impl PckSpec {
    pub(super) fn certificate(
        &self,
        key: &Key,
        issuer: &Authority,
        organization: &str,
    ) -> Result<Vec<u8>, SimulationError> {
        let subject = name(&self.common_name, organization)?;
        let usage = if self.ca {
            KeyUsages::KeyCertSign | KeyUsages::CRLSign
        } else {
            KeyUsages::DigitalSignature | KeyUsages::NonRepudiation
        };
        let mut extensions = basics(&subject, self.ca.then_some(0), usage)?;
        if !self.without_extension {
            extensions.push(extension(oid("")?, self.sgx_extension()?)?);
        }
        if self.unknown_critical {
            extensions.push(unknown_critical()?);
        }
        let issued = Issued {
            serial: &self.serial,
            issuer: issuer.name.clone(),
            validity: validity(self.not_before, self.not_after)?,
            subject,
            key,
            extensions,
        };
        issued.by(&issuer.key)
    }

    fn sgx_extension(&self) -> Result<Vec<u8>, SimulationError> {
        let octets =
            |bytes: &[u8]| -> Result<Any, SimulationError> { any(&OctetString::new(bytes)?.to_der()?) };
        let mut tcb = Vec::new();
        for (number, svn) in (1..).zip(self.cpu_svn) {
            tcb.push(entry(&format!(".2.{number}"), any(&svn.to_der()?)?)?);
        }
        tcb.push(entry(".2.17", any(&self.pce_svn.to_der()?)?)?);
        tcb.push(entry(".2.18", octets(&self.cpu_svn)?)?);
        let mut entries = vec![
            entry(".1", octets(&self.ppid)?)?,
            entry(".2", any(&tcb.to_der()?)?)?,
            entry(".3", octets(&self.pce_id)?)?,
            entry(".4", octets(&self.fmspc)?)?,
            entry(".5", Any::new(Tag::Enumerated, vec![self.sgx_type])?)?,
        ];
        if let Some(id) = &self.platform_instance_id {
            entries.push(entry(".6", octets(id)?)?);
        }
        if let Some(flags) = self.configuration {
            let mut configuration = Vec::new();
            for (number, flag) in (1..).zip(flags) {
                configuration.push(entry(&format!(".7.{number}"), any(&flag.to_der()?)?)?);
            }
            entries.push(entry(".7", any(&configuration.to_der()?)?)?);
        }
        Ok(entries.to_der()?)
    }
}

/// An id with its value: a sequence of two.
fn entry(part: &str, value: Any) -> Result<Any, SimulationError> {
    let id = any(&oid(part)?.to_der()?)?;
    any(&vec![id, value].to_der()?)
}

fn oid(part: &str) -> Result<ObjectIdentifier, SimulationError> {
    ObjectIdentifier::new(&format!("{SGX}{part}"))
        .map_err(|error| SimulationError::Encoding(error.to_string()))
}
