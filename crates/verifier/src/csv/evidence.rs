//! The wire form of CSV evidence, and the sequence of checks.

use super::chain::{self, HskCek};
use super::report::{Report, Version};
use super::signature::PublicKey;
use super::{CsvError, Shared, claims, wire};
use crate::binding::check_report_data;
use crate::{
    EndorsementId, Endorsements, ExpectedBinding, ParsedEvidence, Tee, TeeClass, UnverifiedEvidence,
    VerifiedClaims, VerifyError,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eventlog::{Algorithm, EventLog};
use std::fmt;
use std::sync::Arc;

/// The serial number of a chip as the guest gives it: 1 to 64 ASCII letters and digits. No report and no
/// certificate has it; it tells which chip's certificates to ask for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CsvChipId(String);

impl CsvChipId {
    /// With zeros behind it or not.
    fn parse(bytes: &[u8]) -> Option<Self> {
        Self::new(std::str::from_utf8(bytes).ok()?.trim_end_matches('\0'))
    }

    /// If the text is one that a chip could have.
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CsvChipId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Evidence in form. Nothing of it is proved.
pub(super) struct CsvEvidence {
    shared: Arc<Shared>,
    report: Report,
    hsk_cek: Option<HskCek>,
    pek: [u8; super::certificate::PLATFORM_LENGTH],
    chip: CsvChipId,
    log: Option<EventLog>,
}

impl CsvEvidence {
    pub(super) fn parse(shared: Arc<Shared>, evidence: UnverifiedEvidence<'_>) -> Result<Self, VerifyError> {
        let wire: wire::Evidence = evidence.parse(Tee::Csv)?;
        let report = Report::parse(&wire.attestation_report)?;
        // A report of version 1 has no registers that could prove a log, so none is read.
        let log = match report.version {
            Version::V1 { .. } => None,
            Version::V2 { .. } => wire.cc_eventlog.as_deref().filter(|text| !text.is_empty()),
        };
        Ok(Self {
            shared,
            report,
            hsk_cek: wire.cert_chain.hsk_cek(),
            pek: wire.cert_chain.pek(),
            chip: CsvChipId::parse(&wire.serial_number).ok_or(CsvError::SerialNumber)?,
            log: log.map(event_log).transpose()?,
        })
    }

    fn endorsement_id(&self) -> EndorsementId {
        EndorsementId::CsvHskCek {
            chip: self.chip.clone(),
        }
    }

    /// The chip's key, by its own certificates or those that were fetched for it.
    fn chip_key(&self, endorsements: &Endorsements) -> Result<PublicKey, VerifyError> {
        let roots = &self.shared.roots;
        if let Some(sent) = &self.hsk_cek {
            return Ok(sent.verify(roots)?);
        }
        let id = self.endorsement_id();
        let Some(bytes) = endorsements.get(&id) else {
            return Err(VerifyError::MissingEndorsement(id));
        };
        let verified = HskCek::from_bytes(bytes).and_then(|fetched| fetched.verify(roots));
        verified.map_err(|error| VerifyError::from(error).of_endorsement(id))
    }

    /// The key that signs reports. Remembered with the whole chain that vouches for it.
    fn platform_key(&self, endorsements: &Endorsements) -> Result<Arc<PublicKey>, VerifyError> {
        let above = match &self.hsk_cek {
            Some(sent) => [sent.hsk.as_slice(), &sent.cek].concat(),
            None => endorsements
                .get(&self.endorsement_id())
                .unwrap_or_default()
                .to_vec(),
        };
        self.shared
            .platforms
            .get_or(&[self.pek.as_slice(), &above].concat(), || {
                let chip = self.chip_key(endorsements)?;
                Ok(chain::platform_key(&self.pek, &chip)?)
            })
    }
}

fn event_log(text: &str) -> Result<EventLog, VerifyError> {
    let bytes = STANDARD.decode(text).map_err(|_| VerifyError::Format {
        tee: Tee::Csv,
        reason: "cc_eventlog is not standard base64".to_owned(),
    })?;
    Ok(EventLog::parse(bytes).map_err(CsvError::from)?)
}

/// Registers 1 to 4 are what the log extends; the report has a register 0 too, which is the measurement.
fn check_log(log: &EventLog, rtmrs: &[[u8; 32]; 5]) -> Result<(), CsvError> {
    let replayed = log.replay(Algorithm::Sm3)?;
    if let Some(foreign) = replayed.numbers().find(|number| !(1..=4).contains(number)) {
        return Err(CsvError::EventLogRegister(foreign));
    }
    for (number, rtmr) in (0..).zip(rtmrs).skip(1) {
        if !replayed.holds(number, rtmr) {
            return Err(CsvError::EventLogMismatch(number));
        }
    }
    Ok(())
}

impl ParsedEvidence for CsvEvidence {
    fn endorsements_for(&self) -> Vec<EndorsementId> {
        match self.hsk_cek {
            Some(_) => Vec::new(),
            None => vec![self.endorsement_id()],
        }
    }

    fn verify(
        &self,
        expected: &ExpectedBinding,
        endorsements: &Endorsements,
        _: i64,
    ) -> Result<Vec<VerifiedClaims>, VerifyError> {
        self.report.verify(&*self.platform_key(endorsements)?)?;
        check_report_data(expected.report_data.as_deref(), &self.report.report_data)?;
        let claims = claims::of(&self.report, self.chip.as_str());
        let mut told = None;
        if let (Some(log), Version::V2 { rtmrs, .. }) = (&self.log, &self.report.version) {
            check_log(log, rtmrs)?;
            // Of a record only the replayed digest is proved, so only that is shown.
            told = Some(log.claims_of(Algorithm::Sm3));
        }
        let verified = VerifiedClaims::new(Tee::Csv, TeeClass::Cpu, claims)
            .with_event_log(told)
            .with_report_data(crate::digits::hex(self.report.report_data));
        Ok(vec![verified])
    }
}
