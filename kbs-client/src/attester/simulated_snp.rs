//! A simulated SEV-SNP guest. Its keys are committed test keys: no service trusts it, unless it is told to by
//! `insecure_extra_roots`.

use serde_json::Value;
use simulated_tee::snp::{Platform, evidence};

use super::{Attester, AttesterError, EvidenceBinding};

pub use simulated_tee::snp::Generation;

/// A guest on a simulated platform, with the whole certificate chain in its evidence.
pub struct SimulatedSnpAttester {
    platform: Platform,
    measurement: Option<[u8; 48]>,
    debug: bool,
}

impl SimulatedSnpAttester {
    /// A guest without debugging, on a new chip.
    pub fn new(generation: Generation) -> Result<Self, AttesterError> {
        let platform = Platform::new(generation).map_err(|error| AttesterError(error.to_string()))?;
        Ok(Self {
            platform,
            measurement: None,
            debug: false,
        })
    }

    /// Another launch measurement.
    #[must_use]
    pub fn measurement(self, measurement: [u8; 48]) -> Self {
        Self {
            measurement: Some(measurement),
            ..self
        }
    }

    /// Whether the guest's policy allows debugging.
    #[must_use]
    pub fn debug(self, debug: bool) -> Self {
        Self { debug, ..self }
    }

    /// The platform, for its roots.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }
}

impl Attester for SimulatedSnpAttester {
    fn tee(&self) -> &'static str {
        "snp"
    }

    fn evidence(&self, binding: &EvidenceBinding<'_>) -> Result<Value, AttesterError> {
        let mut report = self.platform.report().report_data(binding.report_data);
        if let Some(measurement) = self.measurement {
            report = report.measurement(measurement);
        }
        if let Some(digest) = binding.init_data {
            report = report.host_data(digest);
        }
        let report = report
            .with(|fields| fields.policy.set_debug_allowed(self.debug))
            .sign();
        let made = report.and_then(|report| evidence(&report, &self.platform.vcek_chain()));
        made.map_err(|error| AttesterError(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn evidence_carries_both_digests_and_what_was_asked_for() {
        let attester = SimulatedSnpAttester::new(Generation::Turin)
            .unwrap()
            .measurement([7; 48])
            .debug(true);
        let binding = EvidenceBinding {
            report_data: &[1; 48],
            init_data: Some(&[2; 32]),
        };
        let evidence = attester.evidence(&binding).unwrap();
        let report = &evidence["attestation_report"];
        assert_eq!(report["measurement"], json!(vec![7; 48]));
        assert_eq!(report["host_data"], json!(vec![2; 32]));
        assert_eq!(report["report_data"], json!([vec![1; 48], vec![0; 16]].concat()));
        assert_eq!(report["policy"].as_u64().unwrap() >> 19 & 1, 1);
        assert_eq!(evidence["cert_chain"].as_array().unwrap().len(), 3);
    }
}
