//! Devices that NVIDIA's Remote Attestation Service judges: what it is asked, and whether its answer is its answer.

mod answer;
mod keys;
mod token;

use super::evidence::{Submitted, expected_nonce};
use super::{NrasDevice, NrasRequest, NvidiaError, ppcie, spdm};
use crate::{
    EndorsementId, Endorsements, ExpectedBinding, ParsedEvidence, Tee, TeeClass, VerifiedClaims, VerifyError,
};
use answer::Answer;
use keys::KeySet;
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::sync::Arc;

/// The service's verdict over all devices of a request; here there is one.
const OVERALL: &str = "x-nvidia-overall-att-result";

/// A device's evidence, of which no more is read here than the nonce.
pub(super) struct RemoteDevice(Arc<NrasRequest>);

/// The evidence of some devices, for the service to judge.
pub(super) struct RemoteEvidence {
    issuers: Vec<String>,
    devices: Vec<RemoteDevice>,
}

impl RemoteDevice {
    pub(super) fn parse(submitted: Submitted) -> Result<Self, NvidiaError> {
        Ok(Self(Arc::new(NrasRequest {
            kind: submitted.arch.kind(),
            arch: submitted.arch.as_str().to_ascii_uppercase(),
            nonce: spdm::requested_nonce(&submitted.report)?,
            evidence: submitted.report,
            certificate: submitted.chain_text,
        })))
    }

    fn verdict_id(&self) -> EndorsementId {
        EndorsementId::NrasVerdict(Arc::clone(&self.0))
    }
}

impl RemoteEvidence {
    pub(super) fn new(issuers: Vec<String>, devices: Vec<RemoteDevice>) -> Self {
        Self { issuers, devices }
    }

    /// The service's claims about one device.
    fn judged(
        &self,
        device: &RemoteDevice,
        endorsements: &Endorsements,
        keys: &KeySet,
        now: i64,
    ) -> Result<Map<String, Value>, VerifyError> {
        let id = device.verdict_id();
        let Some(answer) = endorsements.get(&id) else {
            return Err(VerifyError::MissingEndorsement(id));
        };
        let request = &device.0;
        let verify = || Answer::parse(answer)?.verify(keys, &self.issuers, &request.nonce, now);
        let (claims, overall) = verify().map_err(|error| match error {
            // The keys may be older than the answer.
            NvidiaError::UnknownKey => VerifyError::from(error).of_endorsement(EndorsementId::NrasKeys),
            error => VerifyError::from(error).of_endorsement(id),
        })?;
        let matched = format!("x-nvidia-{}-attestation-report-nonce-match", request.kind);
        if claims.get(&matched) != Some(&Value::Bool(true)) {
            return Err(VerifyError::ReportDataMismatch);
        }
        let mut claims = claims;
        claims.insert(OVERALL.to_owned(), overall.into());
        Ok(claims)
    }
}

impl ParsedEvidence for RemoteEvidence {
    fn endorsements_for(&self) -> Vec<EndorsementId> {
        let verdicts = self.devices.iter().map(RemoteDevice::verdict_id);
        verdicts.chain([EndorsementId::NrasKeys]).collect()
    }

    /// The service is not asked about old evidence, or what anybody makes up.
    fn foresee(&self, expected: &ExpectedBinding) -> Result<(), VerifyError> {
        let nonce = expected_nonce(expected.report_data.as_deref())?;
        match self.devices.iter().all(|device| device.0.nonce == nonce) {
            true => Ok(()),
            false => Err(VerifyError::ReportDataMismatch),
        }
    }

    fn verify(
        &self,
        expected: &ExpectedBinding,
        endorsements: &Endorsements,
        now: i64,
    ) -> Result<Vec<VerifiedClaims>, VerifyError> {
        self.foresee(expected)?;
        let keys = endorsements
            .get(&EndorsementId::NrasKeys)
            .ok_or(VerifyError::MissingEndorsement(EndorsementId::NrasKeys))?;
        let keys = KeySet::parse(keys)
            .map_err(|error| VerifyError::from(error).of_endorsement(EndorsementId::NrasKeys))?;
        let mut judged = Vec::with_capacity(self.devices.len() + 1);
        let mut devices = HashSet::new();
        for device in &self.devices {
            let claims = self.judged(device, endorsements, &keys, now)?;
            if !devices.insert(identity(device, &claims)) {
                return Err(NvidiaError::SameDevice.into());
            }
            let class = match device.0.kind {
                NrasDevice::Gpu => TeeClass::Gpu,
                NrasDevice::Switch => TeeClass::Switch,
            };
            judged.push(VerifiedClaims::new(Tee::Nvidia, class, claims));
        }
        judged.extend(ppcie::group(&judged));
        Ok(judged)
    }
}

/// What tells devices apart: the id that the service read from the device's certificate, or else the certificate.
fn identity(device: &RemoteDevice, claims: &Map<String, Value>) -> String {
    match claims.get("ueid") {
        Some(Value::String(id)) => id.clone(),
        _ => device.0.certificate.clone(),
    }
}
