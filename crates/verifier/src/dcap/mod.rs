//! What SGX and TDX share: quotes signed by a quoting enclave, Intel's collateral, and the claims about both
//! (Intel SGX and TDX Data Center Attestation Primitives, DCAP).
//!
//! A verifier holds one [`Dcap`]. [`Dcap::read`] brings a quote into form and verifies its PCK chain up to a
//! trusted root; [`DcapQuote::endorsements_for`] names Intel's collateral for it, none for a chain that nobody
//! trusts; [`DcapQuote::verify`] does all the rest and gives the claims about the platform, which are the same
//! for SGX, TDX and TDX on Azure. The claims about the enclave or TD are its verifier's: see
//! [`quote_claims`](crate::tdx::claims::quote_claims).
//!
//! Modules in reading order: `quote` over `report` and `reader` (the bytes), `pck` (who vouches for the quoting
//! enclave) over `roots`, `collateral` over `document` and `revocation` (what Intel says of the platform),
//! `library` (the verification), `claims`.

mod claims;
mod collateral;
mod document;
mod error;
mod ids;
mod library;
mod pck;
mod quote;
mod reader;
mod report;
mod revocation;
mod roots;
#[cfg(test)]
pub(crate) mod tests;

pub use error::DcapError;
pub use ids::{DcapTee, Fmspc, PckCa};
pub use roots::{DcapRoot, DcapRootError};

pub(crate) use quote::{Body, Header, Quote};
pub(crate) use report::{EnclaveReport, TdReport};

use crate::cache::Cache;
use crate::x509::Scheme;
use crate::{EndorsementId, Endorsements, VerifyError};
use base64::Engine;
use collateral::{Collateral, Ids, Kept};
use pck::PckChain;
use roots::Roots;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Intel signs with nothing else.
const SCHEME: Scheme = Scheme::EcdsaP256Sha256;
/// One fleet of machines; a chain costs about six kilobytes.
const CHAINS: usize = 4096;

/// What the operator chose.
#[derive(Clone, Debug, Default)]
pub struct DcapOptions {
    /// Roots trusted beside Intel's own. Whoever holds such a root's key can make any evidence.
    pub extra_roots: Vec<DcapRoot>,
}

/// Roots and caches. Made once, and shared by all verifiers of quotes.
pub(crate) struct Dcap {
    roots: Roots,
    chains: Cache<PckChain>,
    collateral: Kept,
}

/// A quote in form, with its PCK chain.
pub(crate) struct DcapQuote {
    dcap: Arc<Dcap>,
    tee: DcapTee,
    quote: Quote,
    /// Up to a trusted root, or why not.
    chain: Result<Arc<PckChain>, DcapError>,
}

impl Dcap {
    /// Reads Intel's root and the extra ones.
    ///
    /// # Errors
    /// An extra root that is no self-signed root.
    pub(crate) fn new(options: &DcapOptions) -> Result<Arc<Self>, DcapRootError> {
        Ok(Arc::new(Self {
            roots: Roots::new(&options.extra_roots)?,
            chains: Cache::new(CHAINS),
            collateral: Kept::default(),
        }))
    }

    /// Reads the raw bytes of a quote.
    ///
    /// # Errors
    /// The quote is not one of this TEE, or is in a form that cannot be verified. A chain that is not trusted is
    /// an error of [`DcapQuote::verify`] only.
    pub(crate) fn read(self: &Arc<Self>, bytes: &[u8], tee: DcapTee) -> Result<DcapQuote, DcapError> {
        let quote = Quote::parse(bytes, tee)?;
        let chain = self.chains.get_or(&quote.pck_chain, || {
            PckChain::verify(&quote.pck_chain, &self.roots)
        });
        Ok(DcapQuote {
            dcap: Arc::clone(self),
            tee,
            quote,
            chain,
        })
    }
}

impl DcapQuote {
    /// Header and body, unverified before [`verify`](Self::verify).
    pub(crate) fn quote(&self) -> &Quote {
        &self.quote
    }

    /// What the TD reports of itself, unverified before [`verify`](Self::verify).
    ///
    /// # Errors
    /// The quote is an enclave's.
    pub(crate) fn td_report(&self) -> Result<&TdReport, DcapError> {
        match &self.quote.body {
            Body::Td { report, .. } => Ok(report),
            Body::Enclave(_) => Err(DcapError::OtherTee {
                expected: DcapTee::Tdx,
            }),
        }
    }

    /// What the enclave reports of itself, unverified before [`verify`](Self::verify).
    ///
    /// # Errors
    /// The quote is a TD's.
    pub(crate) fn enclave_report(&self) -> Result<&EnclaveReport, DcapError> {
        match &self.quote.body {
            Body::Enclave(report) => Ok(report),
            Body::Td { .. } => Err(DcapError::OtherTee {
                expected: DcapTee::Sgx,
            }),
        }
    }

    /// As policies know it: the last byte of the certificate's value comes first.
    pub(crate) fn platform_instance_id(&self) -> Option<String> {
        let mut id = self.chain.as_ref().ok()?.platform_instance_id?;
        id.reverse();
        Some(crate::digits::hex(id))
    }

    /// Intel's collateral for the platform: all four pieces are needed. None if the chain is not trusted, so that
    /// nobody is asked about platforms that somebody made up.
    pub(crate) fn endorsements_for(&self) -> Vec<EndorsementId> {
        match &self.chain {
            Ok(chain) => Ids::of(self.tee, chain).into_vec(),
            Err(_) => Vec::new(),
        }
    }

    /// Verifies the quote, and gives the claims about its platform (wire name by wire name those of section 4
    /// "DCAP claims", with `platform_instance_id`).
    ///
    /// Collateral past the date of its next issue is used, and said to be expired
    /// (`collateral_expiration_status`); a PCK chain past its date is refused.
    ///
    /// # Errors
    /// [`DcapError`] for a bad quote; `MissingEndorsement` and `BadEndorsement` for what a source is to blame for.
    pub(crate) fn verify(
        &self,
        endorsements: &Endorsements,
        now: i64,
    ) -> Result<Map<String, Value>, VerifyError> {
        let chain = self.chain.as_ref().map_err(DcapError::clone)?;
        let anchor = self.dcap.roots.at(chain.anchor).ok_or(DcapError::UnknownRoot)?;
        if !chain.validity.contains(now) {
            return Err(DcapError::ChainValidity.into());
        }
        let collateral = Collateral::verify(&self.dcap, self.tee, chain, endorsements, now)?;
        collateral.check_revocation(chain, anchor)?;
        let time = collateral.time(now).map_err(|error| {
            let tcb_info = Ids::of(self.tee, chain).tcb_info;
            VerifyError::from(error).of_endorsement(tcb_info)
        })?;
        let verified = library::verify(&self.quote.bytes, collateral.for_library(chain), anchor, time)?;
        check_attributes(&self.quote.body)?;
        let mut claims = claims::of(&verified, &collateral, time, now);
        if let Some(id) = self.platform_instance_id() {
            claims.insert("platform_instance_id".to_owned(), id.into());
        }
        Ok(claims)
    }
}

/// Bits 1 to 7 of the attributes (TD under debug or profiling) leave nothing to a policy that looks at
/// debugging, bit 0, alone.
fn check_attributes(body: &Body) -> Result<(), DcapError> {
    match body {
        Body::Td { report, .. } if report.td_attributes.first().is_none_or(|group| group & 0xfe != 0) => {
            Err(DcapError::TdAttributes("it is profiled"))
        }
        _ => Ok(()),
    }
}

/// Certificates as PEM (RFC 7468).
fn pem(certificates: &[&[u8]]) -> String {
    let blocks = certificates.iter().map(|der| {
        let body = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
    });
    blocks.collect()
}
