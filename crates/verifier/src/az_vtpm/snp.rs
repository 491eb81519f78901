//! `az-snp-vtpm`: an AMD SEV-SNP machine on Azure.

use super::hcl::HclReport;
use super::wire::{self, GuestQuote};
use super::{claims, vtpm};
use crate::snp::{SnpEvidence, SnpVerifier};
use crate::{
    EndorsementId, Endorsements, EvidenceVerifier, ExpectedBinding, ParsedEvidence, Tee, UnverifiedEvidence,
    VerifiedClaims, VerifyError,
};

/// The verifier. Shares the roots and caches of the one for bare SEV-SNP.
#[derive(Clone)]
pub struct AzSnpVtpmVerifier(SnpVerifier);

impl AzSnpVtpmVerifier {
    /// One that trusts whom `snp` trusts.
    pub fn new(snp: SnpVerifier) -> Self {
        Self(snp)
    }
}

impl EvidenceVerifier for AzSnpVtpmVerifier {
    fn tee(&self) -> Tee {
        Tee::AzSnpVtpm
    }

    fn parse(&self, evidence: UnverifiedEvidence<'_>) -> Result<Box<dyn ParsedEvidence>, VerifyError> {
        let parts = wire::snp(evidence)?;
        let hcl_report = HclReport::snp(parts.hcl_report)?;
        let snp = SnpEvidence::of_raw_report(&self.0, hcl_report.report(), parts.endorsement)?;
        Ok(Box::new(AzSnpEvidence {
            quote: parts.quote,
            hcl_report,
            snp,
        }))
    }
}

/// Evidence in form. Nothing of it is proved.
struct AzSnpEvidence {
    quote: GuestQuote,
    hcl_report: HclReport,
    snp: SnpEvidence,
}

impl ParsedEvidence for AzSnpEvidence {
    fn endorsements_for(&self) -> Vec<EndorsementId> {
        self.snp.endorsements_for()
    }

    fn verify(
        &self,
        expected: &ExpectedBinding,
        endorsements: &Endorsements,
        now: i64,
    ) -> Result<Vec<VerifiedClaims>, VerifyError> {
        let report = self.snp.verify_report(endorsements, now)?;
        let fields = report.fields();
        let runtime_data = self.hcl_report.runtime_data(&fields.report_data)?;
        let quote = vtpm::verify(&self.quote, &runtime_data, expected)?;

        let mut typed = report.claims();
        typed.insert(
            "report_data".to_owned(),
            crate::digits::hex(fields.report_data).into(),
        );
        typed.insert(
            "host_data".to_owned(),
            crate::digits::hex(fields.host_data).into(),
        );
        let mut texts = claims::snp_texts(fields);
        texts.insert("snp".to_owned(), typed.into());
        Ok(vec![claims::with_vtpm(
            Tee::AzSnpVtpm,
            texts,
            &quote,
            runtime_data,
        )])
    }
}
