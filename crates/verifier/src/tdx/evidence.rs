//! The wire form of TDX evidence, and the sequence of checks.

use super::{TdxError, claims};
use crate::binding::{check_init_data, check_report_data};
use crate::dcap::{Dcap, DcapQuote, DcapTee, TdReport};
use crate::{
    EndorsementId, Endorsements, ExpectedBinding, ParsedEvidence, Tee, TeeClass, UnverifiedEvidence,
    VerifiedClaims, VerifyError,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eventlog::{Algorithm, EventLog};
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::Arc;

/// Of the registers of the event log (CCMR), the one that is RTMR 0; the next three are the other RTMRs (UEFI
/// 2.11, section 38.4.1).
const FIRST_REGISTER: u32 = 1;

/// Evidence in form. Nothing of it is proved.
pub(super) struct TdxEvidence {
    quote: DcapQuote,
    log: Option<EventLog>,
}

/// The JSON object a guest sends. Both are base64.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    quote: Cow<'a, str>,
    #[serde(borrow, default)]
    cc_eventlog: Option<Cow<'a, str>>,
}

impl TdxEvidence {
    pub(super) fn parse(dcap: &Arc<Dcap>, evidence: UnverifiedEvidence<'_>) -> Result<Self, VerifyError> {
        let wire: Wire<'_> = evidence.parse(Tee::Tdx)?;
        let quote = dcap.read(&decode(&wire.quote, "quote")?, DcapTee::Tdx)?;
        let log = wire.cc_eventlog.filter(|text| !text.is_empty());
        let log = log.map(|text| -> Result<EventLog, VerifyError> {
            let bytes = decode(&text, "cc_eventlog")?;
            Ok(EventLog::parse(bytes).map_err(TdxError::from)?)
        });
        Ok(Self {
            quote,
            log: log.transpose()?,
        })
    }
}

impl ParsedEvidence for TdxEvidence {
    fn endorsements_for(&self) -> Vec<EndorsementId> {
        self.quote.endorsements_for()
    }

    fn verify(
        &self,
        expected: &ExpectedBinding,
        endorsements: &Endorsements,
        now: i64,
    ) -> Result<Vec<VerifiedClaims>, VerifyError> {
        let platform = self.quote.verify(endorsements, now)?;
        let quote = self.quote.quote();
        let report = self.quote.td_report()?;
        check_report_data(expected.report_data.as_deref(), &report.report_data)?;
        check_init_data(expected.init_data.as_deref(), &report.mr_config_id)?;
        let mut all = claims::quote_claims(&quote.header, &quote.body);
        all.extend(platform);
        if let Some(log) = &self.log {
            check_replay(log, report)?;
        }
        let log = self.log.as_ref().map(|log| log.claims_of(Algorithm::Sha384));
        let claims = VerifiedClaims::new(Tee::Tdx, TeeClass::Cpu, all)
            .with_event_log(log)
            .with_report_data(crate::digits::hex(report.report_data))
            .with_init_data(crate::digits::hex(report.mr_config_id));
        Ok(vec![claims])
    }
}

/// Does the log account for every RTMR, and for nothing else?
pub(super) fn check_replay(log: &EventLog, report: &TdReport) -> Result<(), TdxError> {
    let registers = log.replay(Algorithm::Sha384)?;
    let rtmrs = || (FIRST_REGISTER..).zip(&report.rtmrs);
    if let Some(other) = registers
        .numbers()
        .find(|number| rtmrs().all(|(register, _)| register != *number))
    {
        return Err(TdxError::UnquotedRegister(other));
    }
    let wrong = rtmrs().position(|(register, rtmr)| !registers.holds(register, rtmr));
    wrong.map_or(Ok(()), |rtmr| Err(TdxError::Replay(rtmr)))
}

fn decode(text: &str, member: &str) -> Result<Vec<u8>, VerifyError> {
    STANDARD.decode(text).map_err(|_| VerifyError::Format {
        tee: Tee::Tdx,
        reason: format!("{member} is not base64"),
    })
}
