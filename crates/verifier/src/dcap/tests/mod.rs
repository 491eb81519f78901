//! Tests of quotes and collateral, through the TDX and SGX verifiers.

mod real;

use super::{Dcap, DcapError, DcapOptions};
use crate::sgx::SgxVerifier;
use crate::tdx::TdxVerifier;
use crate::{
    Endorsement, EndorsementId, Endorsements, EvidenceVerifier, ExpectedBinding, Tee, UnverifiedEvidence,
    VerifiedClaims, VerifyError,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::sync::Arc;

/// The pieces as a service gives them.
#[derive(Clone)]
pub(crate) struct Collateral {
    pub(crate) tcb_info: Vec<u8>,
    pub(crate) qe_identity: Vec<u8>,
    /// Of both documents, PEM.
    pub(crate) signer_chain: String,
    pub(crate) pck_crl: Vec<u8>,
    pub(crate) root_crl: Vec<u8>,
    pub(crate) fetched_at: Option<i64>,
}

impl Collateral {
    fn piece(&self, id: &EndorsementId) -> Endorsement {
        let (bytes, chain) = match id {
            EndorsementId::DcapTcbInfo { .. } => (&self.tcb_info, Some(self.signer_chain.as_str().into())),
            EndorsementId::DcapQeIdentity { .. } => {
                (&self.qe_identity, Some(self.signer_chain.as_str().into()))
            }
            EndorsementId::DcapPckCrl { .. } => (&self.pck_crl, None),
            EndorsementId::DcapRootCrl => (&self.root_crl, None),
            other => panic!("{other}"),
        };
        Endorsement {
            bytes: bytes.as_slice().into(),
            issuer_chain: chain,
            fetched_at: self.fetched_at,
        }
    }
}

/// Verifies with every choice open.
#[derive(Clone)]
pub(crate) struct Attempt {
    pub(crate) dcap: Arc<Dcap>,
    pub(crate) tee: Tee,
    pub(crate) evidence: Value,
    pub(crate) collateral: Collateral,
    pub(crate) expected: ExpectedBinding,
    pub(crate) now: i64,
}

impl Attempt {
    /// A quote alone, with no expectation.
    pub(crate) fn of_quote(
        dcap: &Arc<Dcap>,
        tee: Tee,
        quote: &[u8],
        collateral: &Collateral,
        now: i64,
    ) -> Self {
        Self {
            dcap: Arc::clone(dcap),
            tee,
            evidence: json!({"quote": STANDARD.encode(quote)}),
            collateral: collateral.clone(),
            expected: ExpectedBinding::default(),
            now,
        }
    }

    pub(crate) fn run(&self) -> Result<VerifiedClaims, VerifyError> {
        let parsed = self.parsed()?;
        let ids = parsed.endorsements_for();
        let endorsements: Endorsements = ids
            .into_iter()
            .map(|id| (id.clone(), self.collateral.piece(&id)))
            .collect();
        Ok(parsed.verify(&self.expected, &endorsements, self.now)?.remove(0))
    }

    fn parsed(&self) -> Result<Box<dyn crate::ParsedEvidence>, VerifyError> {
        let text = self.evidence.to_string();
        let evidence = UnverifiedEvidence::new(text.as_bytes());
        match self.tee {
            Tee::Sgx => SgxVerifier::new(Arc::clone(&self.dcap)).parse(evidence),
            _ => TdxVerifier::new(Arc::clone(&self.dcap)).parse(evidence),
        }
    }
}

pub(crate) fn refused(error: DcapError) -> Result<VerifiedClaims, VerifyError> {
    Err(VerifyError::Dcap(error))
}

/// Trusts Intel's root alone.
pub(crate) fn production() -> Arc<Dcap> {
    Dcap::new(&DcapOptions::default()).unwrap()
}
