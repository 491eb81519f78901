//! The sequence of checks of a device that is judged here.

use super::chain::{self, VerifiedDevice};
use super::evidence::{Architecture, Submitted, expected_nonce};
use super::spdm::Report;
use super::{NvidiaError, Shared, claims};
use crate::{
    EndorsementId, Endorsements, ExpectedBinding, ParsedEvidence, Tee, TeeClass, VerifiedClaims, VerifyError,
};
use ring::signature::{ECDSA_P384_SHA384_FIXED, UnparsedPublicKey};
use std::collections::HashSet;
use std::sync::Arc;

/// A device's evidence in form.
pub(super) struct Device {
    uuid: String,
    report: Report,
    /// PEM, leaf first.
    chain: Vec<u8>,
}

/// The evidence of some devices, to be judged here.
pub(super) struct LocalEvidence {
    shared: Arc<Shared>,
    devices: Vec<Device>,
}

impl Device {
    pub(super) fn parse(submitted: Submitted) -> Result<Self, NvidiaError> {
        if submitted.arch != Architecture::Hopper {
            return Err(NvidiaError::Architecture(submitted.arch.as_str()));
        }
        Ok(Self {
            uuid: submitted.uuid,
            report: Report::parse(&submitted.report)?,
            chain: submitted.chain,
        })
    }

    fn verify(
        &self,
        shared: &Shared,
        nonce: &[u8; 32],
        now: i64,
    ) -> Result<Arc<VerifiedDevice>, VerifyError> {
        let verify_chain = || chain::verify(&self.chain, &shared.roots);
        let device = shared.devices.get_or(&self.chain, verify_chain)?;
        if !device.validity.contains(now) {
            return Err(NvidiaError::Validity.into());
        }
        if !device.is_hopper {
            return Err(NvidiaError::OtherArchitecture.into());
        }
        if device.fwid != self.report.opaque.fwid {
            return Err(NvidiaError::FwidMismatch.into());
        }
        UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, &device.key)
            .verify(&self.report.signed, &self.report.signature)
            .map_err(|_| NvidiaError::ReportSignature)?;
        if self.report.nonce != *nonce {
            return Err(VerifyError::ReportDataMismatch);
        }
        Ok(device)
    }
}

impl LocalEvidence {
    pub(super) fn new(shared: Arc<Shared>, devices: Vec<Device>) -> Self {
        Self { shared, devices }
    }
}

impl ParsedEvidence for LocalEvidence {
    fn endorsements_for(&self) -> Vec<EndorsementId> {
        Vec::new()
    }

    fn verify(
        &self,
        expected: &ExpectedBinding,
        _endorsements: &Endorsements,
        now: i64,
    ) -> Result<Vec<VerifiedClaims>, VerifyError> {
        let nonce = expected_nonce(expected.report_data.as_deref())?;
        let mut keys = HashSet::new();
        let verified = self.devices.iter().map(|device| {
            let identity = device.verify(&self.shared, &nonce, now)?;
            if !keys.insert(identity.key) {
                return Err(NvidiaError::SameDevice.into());
            }
            let claims = claims::of(Architecture::Hopper, &device.uuid, &device.report);
            Ok(VerifiedClaims::new(Tee::Nvidia, TeeClass::Gpu, claims))
        });
        verified.collect()
    }
}
