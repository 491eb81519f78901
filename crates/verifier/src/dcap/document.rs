//! The two documents that Intel's TCB signing key signs: TCB info and the identity of the quoting enclave
//! (Intel SGX and TDX Provisioning Certification Service, API version 4).

use super::pck::KNOWN_CRITICAL;
use super::roots::Anchor;
use super::{DcapError, DcapTee, Fmspc, pem};
use crate::Endorsement;
use crate::x509::{Certificate, Validity, common_name, pem_blocks};
use dcap_qvl::{QeIdentity, TcbInfo};
use der::DateTime;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::value::RawValue;

const SIGNER_NAME: &str = "Intel SGX TCB Signing";
const SIGNER: &str = "TCB signing";

/// A document with Intel's signature.
#[derive(Debug)]
pub(super) struct Document {
    /// The JSON text as it was signed.
    pub(super) text: String,
    /// r and s, 32 bytes each.
    pub(super) signature: Vec<u8>,
    /// The signer and its root, PEM.
    pub(super) chain: String,
    /// From its issue to the issue of the next.
    pub(super) validity: Validity,
    pub(super) signer_serial: Vec<u8>,
    pub(super) signer_validity: Validity,
}

/// What the service sends. The signature is hex.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, alias = "tcbInfo", alias = "enclaveIdentity")]
    signed: &'a RawValue,
    signature: String,
}

impl Document {
    /// The TCB info of one kind of platform.
    pub(super) fn tcb_info(
        given: &Endorsement,
        tee: DcapTee,
        fmspc: Fmspc,
        anchor: &Anchor,
    ) -> Result<Self, DcapError> {
        let (text, signature) = unpack(given)?;
        let info: TcbInfo = parse(&text)?;
        let (id, oldest) = match tee {
            DcapTee::Sgx => ("SGX", 2),
            DcapTee::Tdx => ("TDX", 3),
        };
        if info.id != id || info.version < oldest {
            return Err(DcapError::OtherSubject("TEE"));
        }
        if !info.fmspc.eq_ignore_ascii_case(&fmspc.to_string()) {
            return Err(DcapError::OtherSubject("FMSPC"));
        }
        let validity = validity(&info.issue_date, &info.next_update)?;
        Self::verify(given, text, signature, validity, anchor)
    }

    /// The identity of the quoting enclave.
    pub(super) fn qe_identity(given: &Endorsement, tee: DcapTee, anchor: &Anchor) -> Result<Self, DcapError> {
        let (text, signature) = unpack(given)?;
        let identity: QeIdentity = parse(&text)?;
        let expected = match tee {
            DcapTee::Sgx => "QE",
            DcapTee::Tdx => "TD_QE",
        };
        if identity.id != expected {
            return Err(DcapError::OtherSubject("quoting enclave"));
        }
        let validity = validity(&identity.issue_date, &identity.next_update)?;
        Self::verify(given, text, signature, validity, anchor)
    }

    fn verify(
        given: &Endorsement,
        text: String,
        signature: Vec<u8>,
        validity: Validity,
        anchor: &Anchor,
    ) -> Result<Self, DcapError> {
        let chain = given.issuer_chain.as_deref().unwrap_or_default();
        let blocks =
            pem_blocks(chain.as_bytes()).map_err(|reason| DcapError::ChainForm(reason.to_owned()))?;
        let [signer_der, root_der] = blocks.as_slice() else {
            return Err(DcapError::ChainLength(blocks.len()));
        };
        let (signer, root) = (
            certificate(SIGNER, signer_der)?,
            certificate("root CA", root_der)?,
        );
        if root.subject() != anchor.certificate.subject() || root.p256_key() != anchor.certificate.p256_key()
        {
            return Err(DcapError::UnknownRoot);
        }
        if common_name(signer.subject()).as_deref() != Some(SIGNER_NAME)
            || signer.is_authority()
            || signer.has_critical_extension_beside(&KNOWN_CRITICAL)
        {
            return Err(unacceptable(
                "it is not that of Intel's TCB signing key".to_owned(),
            ));
        }
        if !anchor.signed(&signer) {
            return Err(DcapError::ChainSignature(SIGNER));
        }
        let key = signer
            .p256_key()
            .ok_or_else(|| unacceptable("its key is not of P-256".to_owned()))?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key)
            .verify(text.as_bytes(), &signature)
            .map_err(|_| DcapError::DocumentSignature)?;
        Ok(Self {
            text,
            signature,
            chain: pem(&[signer_der, &anchor.der]),
            validity,
            signer_serial: signer.serial().to_vec(),
            signer_validity: signer.validity().and(anchor.certificate.validity()),
        })
    }
}

fn unpack(given: &Endorsement) -> Result<(String, Vec<u8>), DcapError> {
    let malformed = |error: serde_json::Error| DcapError::Document(error.to_string());
    let body: Body<'_> = serde_json::from_slice(&given.bytes).map_err(malformed)?;
    let signature = hex::decode(&body.signature)
        .map_err(|_| DcapError::Document("its signature is not hex".to_owned()))?;
    Ok((body.signed.get().to_owned(), signature))
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, DcapError> {
    serde_json::from_str(text).map_err(|error| DcapError::Document(error.to_string()))
}

fn certificate(which: &'static str, der: &[u8]) -> Result<Certificate, DcapError> {
    Certificate::parse(der).map_err(|error| DcapError::Certificate {
        certificate: which,
        reason: error.to_string(),
    })
}

fn unacceptable(reason: String) -> DcapError {
    DcapError::Certificate {
        certificate: SIGNER,
        reason,
    }
}

fn validity(issued: &str, next: &str) -> Result<Validity, DcapError> {
    let seconds = |date: &str| {
        let date: DateTime = date.parse().ok()?;
        i64::try_from(date.unix_duration().as_secs()).ok()
    };
    let validity = seconds(issued)
        .zip(seconds(next))
        .map(|(from, until)| Validity { from, until });
    validity.ok_or_else(|| DcapError::Document("its dates are not of RFC 3339".to_owned()))
}
