//! `az-tdx-vtpm`: an Intel TDX machine on Azure.

use super::hcl::HclReport;
use super::wire::{self, GuestQuote};
use super::{AzVtpmError, claims, vtpm};
use crate::dcap::{Dcap, DcapQuote, DcapTee};
use crate::tdx::claims::quote_claims;
use crate::{
    EndorsementId, Endorsements, EvidenceVerifier, ExpectedBinding, ParsedEvidence, Tee, UnverifiedEvidence,
    VerifiedClaims, VerifyError,
};
use std::sync::Arc;

/// The verifier. Shares the roots and caches of those for bare SGX and TDX.
#[derive(Clone)]
pub struct AzTdxVtpmVerifier(Arc<Dcap>);

impl AzTdxVtpmVerifier {
    pub(crate) fn new(dcap: Arc<Dcap>) -> Self {
        Self(dcap)
    }
}

impl EvidenceVerifier for AzTdxVtpmVerifier {
    fn tee(&self) -> Tee {
        Tee::AzTdxVtpm
    }

    fn parse(&self, evidence: UnverifiedEvidence<'_>) -> Result<Box<dyn ParsedEvidence>, VerifyError> {
        let parts = wire::tdx(evidence)?;
        Ok(Box::new(AzTdxEvidence {
            quote: parts.quote,
            hcl_report: HclReport::tdx(parts.hcl_report)?,
            td_quote: self.0.read(&parts.endorsement, DcapTee::Tdx)?,
        }))
    }
}

/// Evidence in form. Nothing of it is proved.
struct AzTdxEvidence {
    quote: GuestQuote,
    hcl_report: HclReport,
    td_quote: DcapQuote,
}

impl ParsedEvidence for AzTdxEvidence {
    fn endorsements_for(&self) -> Vec<EndorsementId> {
        self.td_quote.endorsements_for()
    }

    fn verify(
        &self,
        expected: &ExpectedBinding,
        endorsements: &Endorsements,
        now: i64,
    ) -> Result<Vec<VerifiedClaims>, VerifyError> {
        let platform = self.td_quote.verify(endorsements, now)?;
        let td_quote = self.td_quote.quote();
        let report = self.td_quote.td_report()?;
        if !self.hcl_report.is_about(report) {
            return Err(AzVtpmError::OtherTdReport.into());
        }
        let runtime_data = self.hcl_report.runtime_data(&report.report_data)?;
        let quote = vtpm::verify(&self.quote, &runtime_data, expected)?;

        let mut all = quote_claims(&td_quote.header, &td_quote.body);
        all.extend(platform);
        Ok(vec![claims::with_vtpm(Tee::AzTdxVtpm, all, &quote, runtime_data)])
    }
}
