//! The bytes of a quote: header, body, and what vouches for them.
//!
//! Version 3 is described in "Intel SGX ECDSA QuoteLibReference DCAP API" (revision 1.22), appendix A.4;
//! versions 4 and 5 in "Intel TDX DCAP: Quote Generation Library and Quote Verification Library" (revision 0.9),
//! appendices A.3 and A.4. Every number is little-endian.

use super::reader::Reader;
use super::{DcapError, DcapTee, EnclaveReport, TdReport};

const TEE_SGX: u32 = 0;
const TEE_TDX: u32 = 0x81;
const ECDSA_P256: u16 = 2;
const INTEL: [u8; 16] = [
    0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07,
];
/// More than any quote has: the largest body, a certificate chain, and the padding to 8000 bytes that some
/// platforms add.
const MAX_LENGTH: usize = 64 * 1024;
const BODY_TD_1_0: u16 = 2;
const BODY_TD_1_5: u16 = 3;
const BODY_TD_1_5_EX: u16 = 4;
/// Certification data types of version 4 and 5, outside and inside.
const QE_REPORT: u16 = 6;
const PCK_CHAIN: u16 = 5;
const QE_AUTHENTICATION_DATA: usize = 32;

/// A quote in form. Nothing of it is proved.
#[derive(Clone, Debug)]
pub(crate) struct Quote {
    /// All of it, without padding.
    pub(super) bytes: Vec<u8>,
    pub(crate) header: Header,
    pub(crate) body: Body,
    /// The PEM text of the PCK certificate chain.
    pub(super) pck_chain: Vec<u8>,
}

/// The first 48 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) version: u16,
    pub(crate) att_key_type: u16,
    pub(crate) tee_type: u32,
    /// The versions of quoting and provisioning certification enclave in version 3; reserved in the others.
    pub(crate) svns: [u8; 4],
    pub(crate) vendor_id: [u8; 16],
    pub(crate) user_data: [u8; 20],
}

/// What is attested.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// An enclave.
    Enclave(Box<EnclaveReport>),
    /// A trust domain. A version 5 quote says its type and size.
    Td {
        /// What the module measured.
        report: Box<TdReport>,
        /// Type and size, in version 5.
        kind: Option<(u16, u32)>,
    },
}

impl Quote {
    /// Reads a quote of this TEE.
    pub(super) fn parse(bytes: &[u8], tee: DcapTee) -> Result<Self, DcapError> {
        if bytes.len() > MAX_LENGTH {
            return Err(DcapError::TooLong);
        }
        let mut reader = Reader::new(bytes);
        let header = Header::read(&mut reader, tee)?;
        let body = Body::read(&mut reader, &header)?;
        let authentication = reader.sized()?;
        let padding = reader.rest();
        if padding.iter().any(|byte| *byte != 0) {
            return Err(DcapError::TrailingBytes);
        }
        Ok(Self {
            bytes: bytes.get(..bytes.len() - padding.len()).unwrap_or(bytes).to_vec(),
            header,
            body,
            pck_chain: pck_chain(authentication, header.version)?.to_vec(),
        })
    }
}

impl Header {
    fn read(reader: &mut Reader<'_>, expected: DcapTee) -> Result<Self, DcapError> {
        let header = Self {
            version: reader.u16()?,
            att_key_type: reader.u16()?,
            tee_type: reader.u32()?,
            svns: reader.array()?,
            vendor_id: reader.array()?,
            user_data: reader.array()?,
        };
        let tee = match header.tee_type {
            TEE_SGX => DcapTee::Sgx,
            TEE_TDX => DcapTee::Tdx,
            other => return Err(DcapError::UnknownTee(other)),
        };
        if tee != expected {
            return Err(DcapError::OtherTee { expected });
        }
        let version = header.version;
        if !matches!((tee, version), (DcapTee::Sgx, 3) | (DcapTee::Tdx, 4 | 5)) {
            return Err(DcapError::Version { tee, version });
        }
        if header.att_key_type != ECDSA_P256 {
            return Err(DcapError::AttestationKeyType(header.att_key_type));
        }
        if header.vendor_id != INTEL {
            return Err(DcapError::QeVendor);
        }
        Ok(header)
    }
}

impl Body {
    fn read(reader: &mut Reader<'_>, header: &Header) -> Result<Self, DcapError> {
        match header.version {
            3 => EnclaveReport::read(reader).map(|report| Body::Enclave(Box::new(report))),
            4 => {
                let report = TdReport::read_1_0(reader)?;
                Ok(Body::Td {
                    report: Box::new(report),
                    kind: None,
                })
            }
            _ => Self::read_with_type(reader),
        }
    }

    fn read_with_type(reader: &mut Reader<'_>) -> Result<Self, DcapError> {
        let (body_type, size) = (reader.u16()?, reader.u32()?);
        let (expected, read): (u32, fn(&mut Reader<'_>) -> _) = match body_type {
            BODY_TD_1_0 => (584, TdReport::read_1_0),
            BODY_TD_1_5 => (648, TdReport::read_1_5),
            BODY_TD_1_5_EX => (885, TdReport::read_1_5_ex),
            other => return Err(DcapError::BodyType(other)),
        };
        if size != expected {
            return Err(DcapError::BodySize { body_type, size });
        }
        Ok(Body::Td {
            report: Box::new(read(reader)?),
            kind: Some((body_type, size)),
        })
    }
}

/// What follows the body: two signatures and their keys, down to the certificate chain. Versions 4 and 5 wrap
/// the quoting enclave's part in certification data of its own.
fn pck_chain(authentication: &[u8], version: u16) -> Result<&[u8], DcapError> {
    let mut reader = Reader::new(authentication);
    // The signature of header and body, and the attestation key.
    reader.take(64 + 64)?;
    if version == 3 {
        return qe_certification(reader);
    }
    let kind = reader.u16()?;
    if kind != QE_REPORT {
        return Err(DcapError::CertificationData { kind });
    }
    let inner = reader.sized()?;
    reader.end()?;
    qe_certification(Reader::new(inner))
}

/// The quoting enclave's report with its signature, its authentication data, and what vouches for the key of
/// that signature.
fn qe_certification(mut reader: Reader<'_>) -> Result<&[u8], DcapError> {
    reader.take(384 + 64)?;
    let length = usize::from(reader.u16()?);
    reader.take(length)?;
    if length != QE_AUTHENTICATION_DATA {
        return Err(DcapError::QeAuthenticationData(length));
    }
    let kind = reader.u16()?;
    if kind != PCK_CHAIN {
        return Err(DcapError::CertificationData { kind });
    }
    let chain = reader.sized()?;
    reader.end()?;
    Ok(chain)
}
