//! What verifiers may need that the evidence does not carry. Typed ids, never a URL.

use crate::snp::{HwId, SnpProduct, SnpTcb};
use std::collections::HashMap;
use std::fmt;

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
    /// The revocation list of a product line (KDS: `/vcek/v1/{product}/crl`), DER. Used if present.
    SnpCrl {
        /// The product line.
        product: SnpProduct,
    },
}

impl EndorsementId {
    /// Can a verification succeed without it?
    pub fn is_optional(&self) -> bool {
        matches!(self, EndorsementId::SnpCrl { .. })
    }
}

impl fmt::Display for EndorsementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EndorsementId::SnpVcek { hwid, tcb, .. } => write!(f, "VCEK of chip {hwid} at TCB {tcb}"),
            EndorsementId::SnpAsvk { product } => write!(f, "ASVK of {product}"),
            EndorsementId::SnpCrl { product } => write!(f, "revocation list of {product}"),
        }
    }
}

/// The endorsements at hand: bytes by id, unverified.
#[derive(Clone, Debug, Default)]
pub struct Endorsements(HashMap<EndorsementId, Vec<u8>>);

impl Endorsements {
    /// None at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, or replaces it.
    pub fn insert(&mut self, id: EndorsementId, bytes: Vec<u8>) {
        self.0.insert(id, bytes);
    }

    /// The bytes of one.
    pub fn get(&self, id: &EndorsementId) -> Option<&[u8]> {
        self.0.get(id).map(Vec::as_slice)
    }
}

impl FromIterator<(EndorsementId, Vec<u8>)> for Endorsements {
    fn from_iter<I: IntoIterator<Item = (EndorsementId, Vec<u8>)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}
