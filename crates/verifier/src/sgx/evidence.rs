//! The wire form of SGX evidence, and the sequence of checks.

use super::claims;
use crate::binding::{check_init_data, check_report_data};
use crate::dcap::{Dcap, DcapQuote, DcapTee};
use crate::{
    EndorsementId, Endorsements, ExpectedBinding, ParsedEvidence, Tee, TeeClass, UnverifiedEvidence,
    VerifiedClaims, VerifyError,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::Arc;

/// Evidence in form. Nothing of it is proved.
pub(super) struct SgxEvidence(DcapQuote);

/// The JSON object a guest sends: base64.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    quote: Cow<'a, str>,
}

impl SgxEvidence {
    pub(super) fn parse(dcap: &Arc<Dcap>, evidence: UnverifiedEvidence<'_>) -> Result<Self, VerifyError> {
        let wire: Wire<'_> = evidence.parse(Tee::Sgx)?;
        let quote = STANDARD.decode(&*wire.quote).map_err(|_| VerifyError::Format {
            tee: Tee::Sgx,
            reason: "quote is not base64".to_owned(),
        })?;
        Ok(Self(dcap.read(&quote, DcapTee::Sgx)?))
    }
}

impl ParsedEvidence for SgxEvidence {
    fn endorsements_for(&self) -> Vec<EndorsementId> {
        self.0.endorsements_for()
    }

    fn verify(
        &self,
        expected: &ExpectedBinding,
        endorsements: &Endorsements,
        now: i64,
    ) -> Result<Vec<VerifiedClaims>, VerifyError> {
        let platform = self.0.verify(endorsements, now)?;
        let quote = self.0.quote();
        let report = self.0.enclave_report()?;
        check_report_data(expected.report_data.as_deref(), &report.report_data)?;
        check_init_data(expected.init_data.as_deref(), &report.config_id)?;
        let mut all = claims::of(&quote.header, report);
        all.extend(platform);
        let claims = VerifiedClaims::new(Tee::Sgx, TeeClass::Cpu, all)
            .with_report_data(crate::digits::hex(report.report_data))
            .with_init_data(crate::digits::hex(report.config_id));
        Ok(vec![claims])
    }
}
