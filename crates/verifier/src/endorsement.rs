//! What verifiers may need that the evidence does not carry. Typed ids, never a URL.

use crate::csv::CsvChipId;
use crate::dcap::{DcapTee, Fmspc, PckCa};
use crate::nvidia::NrasRequest;
use crate::snp::{HwId, SnpProduct, SnpTcb};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Names one endorsement. Where it comes from is the caller's affair.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EndorsementId {
    /// The VCEK certificate of one chip at one TCB. Asked for only if the evidence has none. DER or PEM.
    SnpVcek {
        /// The product lines it may be of, the likeliest first. A report of version 2 does not say.
        products: Vec<SnpProduct>,
        /// The chip.
        hwid: HwId,
        /// The reported TCB.
        tcb: SnpTcb,
    },
    /// The certificate that signs the VLEKs of a product line (KDS: `/vlek/v1/{product}/cert_chain`), alone
    /// or in a PEM bundle with its root. Asked for only for evidence with a VLEK whose issuer neither the
    /// evidence nor the configuration holds.
    SnpAsvk {
        /// The product line.
        product: SnpProduct,
    },
    /// The revocation list of a product line for reports by VCEKs (KDS: `/vcek/v1/{product}/crl`), DER. Used if
    /// present.
    SnpCrl {
        /// The product line.
        product: SnpProduct,
    },
    /// The same for reports by VLEKs (KDS: `/vlek/v1/{product}/crl`): the list that the certificates of ASVKs point
    /// to. The same root signs both, so that none can stand for the other.
    SnpVlekCrl {
        /// The product line.
        product: SnpProduct,
    },
    /// Intel's TCB info of one kind of platform: the JSON text as signed, with its issuer chain.
    DcapTcbInfo {
        /// Whose TCB levels.
        tee: DcapTee,
        /// The kind of platform.
        fmspc: Fmspc,
    },
    /// Intel's identity of the quoting enclave: the JSON text as signed, with its issuer chain.
    DcapQeIdentity {
        /// Whose quoting enclave.
        tee: DcapTee,
    },
    /// The revocation list of the CA that signs PCK certificates, DER, with its issuer chain.
    DcapPckCrl {
        /// Which of the two CAs.
        ca: PckCa,
    },
    /// The revocation list of Intel's SGX root CA, DER.
    DcapRootCrl,
    /// The certificates of Hygon's signing key and of a chip's key, one behind the other in Hygon's binary form.
    /// Asked for only if the evidence has none.
    CsvHskCek {
        /// The chip, as the guest names it.
        chip: CsvChipId,
    },
    /// What NVIDIA's Remote Attestation Service says of one device's evidence: its answer's JSON text. Never kept.
    NrasVerdict(Arc<NrasRequest>),
    /// The JWK Set that verifies [`EndorsementId::NrasVerdict`].
    NrasKeys,
}

impl EndorsementId {
    /// Can a verification succeed without it?
    pub fn is_optional(&self) -> bool {
        matches!(
            self,
            EndorsementId::SnpCrl { .. } | EndorsementId::SnpVlekCrl { .. }
        )
    }

    /// May an answer be given again, to whoever asks next?
    pub fn is_cacheable(&self) -> bool {
        !matches!(self, EndorsementId::NrasVerdict(_))
    }
}

impl fmt::Display for EndorsementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EndorsementId::SnpVcek { hwid, tcb, .. } => write!(f, "VCEK of chip {hwid} at TCB {tcb}"),
            EndorsementId::SnpAsvk { product } => write!(f, "ASVK of {product}"),
            EndorsementId::SnpCrl { product } => write!(f, "revocation list of {product}"),
            EndorsementId::SnpVlekCrl { product } => write!(f, "revocation list of {product} for VLEKs"),
            EndorsementId::DcapTcbInfo { tee, fmspc } => write!(f, "{tee} TCB info of FMSPC {fmspc}"),
            EndorsementId::DcapQeIdentity { tee } => write!(f, "{tee} quoting enclave identity"),
            EndorsementId::DcapPckCrl { ca } => write!(f, "revocation list of the PCK {ca} CA"),
            EndorsementId::DcapRootCrl => f.write_str("revocation list of Intel's SGX root CA"),
            EndorsementId::CsvHskCek { chip } => write!(f, "HSK and CEK of chip {chip}"),
            EndorsementId::NrasVerdict(request) => {
                write!(f, "NVIDIA's verdict on a {} {}", request.arch, request.kind)
            }
            EndorsementId::NrasKeys => f.write_str("keys of NVIDIA's Remote Attestation Service"),
        }
    }
}

/// One endorsement as a source gave it: unverified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endorsement {
    /// The certificate, list or document.
    pub bytes: Arc<[u8]>,
    /// PEM chain of who signed it, leaf first, for documents that do not carry one.
    pub issuer_chain: Option<Arc<str>>,
    /// When a source gave it, in seconds since the Unix epoch.
    pub fetched_at: Option<i64>,
}

impl From<Vec<u8>> for Endorsement {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            bytes: bytes.into(),
            issuer_chain: None,
            fetched_at: None,
        }
    }
}

/// The endorsements at hand, by id, unverified.
#[derive(Clone, Debug, Default)]
pub struct Endorsements(HashMap<EndorsementId, Endorsement>);

impl Endorsements {
    /// None at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, or replaces it.
    pub fn insert(&mut self, id: EndorsementId, endorsement: impl Into<Endorsement>) {
        self.0.insert(id, endorsement.into());
    }

    /// The bytes of one.
    pub fn get(&self, id: &EndorsementId) -> Option<&[u8]> {
        self.endorsement(id).map(|endorsement| &*endorsement.bytes)
    }

    /// One with what came beside it.
    pub fn endorsement(&self, id: &EndorsementId) -> Option<&Endorsement> {
        self.0.get(id)
    }
}

impl<E: Into<Endorsement>> FromIterator<(EndorsementId, E)> for Endorsements {
    fn from_iter<I: IntoIterator<Item = (EndorsementId, E)>>(entries: I) -> Self {
        Self(
            entries
                .into_iter()
                .map(|(id, given)| (id, given.into()))
                .collect(),
        )
    }
}
