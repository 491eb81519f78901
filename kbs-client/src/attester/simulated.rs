//! Simulated guests. Their platforms' keys are committed test keys: no service trusts them, unless it is told to by
//! an option that starts with `insecure_`.

use serde_json::Value;
use simulated_tee::SimulatedGuest;

use super::{Attester, AttesterError, EvidenceBinding};

pub use simulated_tee::{DEVICES, TEES};

/// A well-behaved guest of any TEE that can be simulated.
pub struct SimulatedAttester(Box<dyn SimulatedGuest>);

impl SimulatedAttester {
    /// A guest on a new platform.
    ///
    /// # Errors
    /// The TEE cannot be simulated.
    pub fn new(tee: &str) -> Result<Self, AttesterError> {
        let guest = simulated_tee::guest(tee).map_err(|error| AttesterError(error.to_string()))?;
        let guest =
            guest.ok_or_else(|| AttesterError(format!("no platform of TEE {tee} can be simulated")))?;
        Ok(Self(guest))
    }

    /// So many devices of one kind, to be attested beside a TEE.
    ///
    /// # Errors
    /// The devices cannot be simulated.
    pub fn devices(tee: &str, count: usize) -> Result<Self, AttesterError> {
        let devices = simulated_tee::device(tee, count).map_err(|error| AttesterError(error.to_string()))?;
        let devices = devices.ok_or_else(|| AttesterError(format!("no device {tee} can be simulated")))?;
        Ok(Self(devices))
    }
}

impl From<Box<dyn SimulatedGuest>> for SimulatedAttester {
    fn from(guest: Box<dyn SimulatedGuest>) -> Self {
        Self(guest)
    }
}

impl Attester for SimulatedAttester {
    fn tee(&self) -> &'static str {
        self.0.tee()
    }

    fn evidence(&self, binding: &EvidenceBinding<'_>) -> Result<Value, AttesterError> {
        let made = self.0.evidence(binding.report_data, binding.init_data);
        made.map_err(|error| AttesterError(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tee_that_can_be_simulated_has_an_attester() {
        for tee in TEES {
            assert_eq!(SimulatedAttester::new(tee).unwrap().tee(), tee);
        }
    }

    #[test]
    fn another_tee_is_an_error_that_names_it() {
        let error = SimulatedAttester::new("abacus").map(drop).unwrap_err();
        assert!(error.to_string().contains("abacus"));
    }

    #[test]
    fn every_device_that_can_be_simulated_has_an_attester() {
        for tee in DEVICES {
            assert_eq!(SimulatedAttester::devices(tee, 1).unwrap().tee(), tee);
        }
        assert!(SimulatedAttester::devices("snp", 1).is_err());
    }
}
