//! Quotes, right or deliberately wrong.

use super::authority::Key;
use super::report::{Body, EnclaveBody};
use crate::SimulationError;
use ring::digest::{SHA256, digest};

/// Intel's quoting enclave.
const VENDOR: [u8; 16] = [
    0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07,
];

/// What a quote says. Start from [`Platform::td_quote`](super::Platform::td_quote) or
/// [`Platform::enclave_quote`](super::Platform::enclave_quote), and change what a test needs.
#[derive(Clone, Debug)]
pub struct QuoteSpec {
    /// 3, 4 or 5.
    pub version: u16,
    /// 2: ECDSA with P-256.
    pub attestation_key_type: u16,
    /// 0 for SGX, 0x81 for TDX.
    pub tee_type: u32,
    /// The versions of quoting and provisioning certification enclave; zeros from version 4 on.
    pub svns: [u8; 4],
    /// Intel's.
    pub vendor_id: [u8; 16],
    /// The quoting enclave's id.
    pub user_data: [u8; 20],
    /// What it is about.
    pub body: Body,
    /// The type of a version 5 quote's body, if not that of `body`.
    pub body_type: Option<u16>,
    /// The quoting enclave. Its report data is filled in.
    pub qe: EnclaveBody,
    /// 32 bytes.
    pub qe_authentication_data: Vec<u8>,
    /// What vouches for the quoting enclave.
    pub certification: CertificationData,
    /// From version 4 on: the type of what is around that, 6.
    pub outer_certification_type: u16,
    /// What is behind the quote.
    pub trailing: Vec<u8>,
    /// Deliberate faults.
    pub faults: Vec<Fault>,
}

/// What vouches for the quoting enclave.
#[derive(Clone, Debug)]
pub struct CertificationData {
    /// 5: a chain of certificates.
    pub kind: u16,
    /// PEM texts, one after the other, with a zero at the end.
    pub data: Vec<u8>,
}

/// What is wrong with a quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The quoting enclave's report is signed by another key than the certified one.
    QeReportSignature,
    /// The quoting enclave's report is about another attestation key.
    QeReportData,
    /// Header and body are signed by another key than the attestation key.
    QuoteSignature,
}

impl QuoteSpec {
    pub(super) fn new(version: u16, tee_type: u32, body: Body, qe: EnclaveBody, chain: String) -> Self {
        let mut data = chain.into_bytes();
        data.push(0);
        Self {
            version,
            attestation_key_type: 2,
            tee_type,
            svns: if version == 3 { [8, 0, 13, 0] } else { [0; 4] },
            vendor_id: VENDOR,
            user_data: [0xda; 20],
            body,
            body_type: None,
            qe,
            qe_authentication_data: (0..32).collect(),
            certification: CertificationData { kind: 5, data },
            outer_certification_type: 6,
            trailing: Vec::new(),
            faults: Vec::new(),
        }
    }

    pub(super) fn sign(&self, pck: &Key) -> Result<Vec<u8>, SimulationError> {
        let attestation_key = Key::generate()?;
        let other = Key::generate()?;
        let or_other = |fault, key| if self.faults.contains(&fault) { &other } else { key };

        let mut quote = self.signed_part()?;
        let signature = or_other(Fault::QuoteSignature, &attestation_key).sign_fixed(&quote)?;
        let vouched = or_other(Fault::QeReportData, &attestation_key).coordinates();
        let mut qe = self.qe.clone();
        let hash = digest(&SHA256, &[&vouched[..], &self.qe_authentication_data].concat());
        qe.report_data = padded(hash.as_ref());
        let qe_report = qe.bytes();
        let qe_signature = or_other(Fault::QeReportSignature, pck).sign_fixed(&qe_report)?;

        let mut inner = [&qe_report[..], &qe_signature].concat();
        inner.extend(length16(self.qe_authentication_data.len())?);
        inner.extend(&self.qe_authentication_data);
        inner.extend(self.certification.kind.to_le_bytes());
        inner.extend(length32(self.certification.data.len())?);
        inner.extend(&self.certification.data);

        let mut authentication = [&signature[..], &attestation_key.coordinates()].concat();
        if self.version > 3 {
            authentication.extend(self.outer_certification_type.to_le_bytes());
            authentication.extend(length32(inner.len())?);
        }
        authentication.extend(inner);
        quote.extend(length32(authentication.len())?);
        quote.extend(authentication);
        quote.extend(&self.trailing);
        Ok(quote)
    }

    /// Header and body.
    fn signed_part(&self) -> Result<Vec<u8>, SimulationError> {
        let mut bytes = Vec::new();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(self.attestation_key_type.to_le_bytes());
        bytes.extend(self.tee_type.to_le_bytes());
        bytes.extend(self.svns);
        bytes.extend(self.vendor_id);
        bytes.extend(self.user_data);
        let (number, body) = match &self.body {
            Body::Enclave(report) => (1, report.bytes()),
            Body::Td(report) => (report.kind.number(), report.bytes()),
        };
        if self.version > 4 {
            bytes.extend(self.body_type.unwrap_or(number).to_le_bytes());
            bytes.extend(length32(body.len())?);
        }
        bytes.extend(body);
        Ok(bytes)
    }
}

fn padded(bytes: &[u8]) -> [u8; 64] {
    let mut field = [0; 64];
    field.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    field
}

fn length16(length: usize) -> Result<[u8; 2], SimulationError> {
    let length = u16::try_from(length).map_err(|error| SimulationError::Encoding(error.to_string()))?;
    Ok(length.to_le_bytes())
}

fn length32(length: usize) -> Result<[u8; 4], SimulationError> {
    let length = u32::try_from(length).map_err(|error| SimulationError::Encoding(error.to_string()))?;
    Ok(length.to_le_bytes())
}
