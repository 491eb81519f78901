//! A guest on a simulated platform, whatever its TEE.

use crate::SimulationError;
use crate::azure::{SnpVm, TdxVm};
use crate::intel::{Enclave, TrustDomain};
use crate::nvidia::Gpus;
use crate::snp::{Generation, Platform, evidence};
use crate::tpm::Tpm;
use crate::{cca, csv};
use serde_json::Value;

/// Makes evidence in its TEE's wire form.
///
/// Platforms of one kind share their roots, which are committed test keys, so that a guest in one process and a
/// verifier in another can be set up for each other.
pub trait SimulatedGuest: Send + Sync {
    /// The TEE's name on the wire, for example `snp`.
    fn tee(&self) -> &'static str;

    /// Evidence that carries both digests: of nonce and key, 32 to 64 bytes, and of the init-data, if the TEE has a
    /// register for it (all but CSV).
    ///
    /// # Errors
    /// There is no randomness, or a digest does not fit the TEE's register.
    fn evidence(&self, report_data: &[u8], init_data: Option<&[u8]>) -> Result<Value, SimulationError>;
}

/// The TEEs of which there are guests: the names that [`guest`] takes.
pub const TEES: [&str; 8] = [
    "az-snp-vtpm",
    "az-tdx-vtpm",
    "cca",
    "csv",
    "sgx",
    "snp",
    "tdx",
    "tpm",
];

/// A well-behaved guest of the TEE, on a new platform, if the TEE can be simulated.
///
/// # Errors
/// There is no randomness.
pub fn guest(tee: &str) -> Result<Option<Box<dyn SimulatedGuest>>, SimulationError> {
    Ok(match tee {
        "cca" => Some(Box::new(cca::Platform::new()?)),
        "csv" => Some(Box::new(csv::Platform::new()?)),
        "snp" => Some(Box::new(Platform::new(Generation::Milan)?)),
        "az-snp-vtpm" => Some(Box::new(SnpVm::new(Generation::Milan)?)),
        "az-tdx-vtpm" => Some(Box::new(TdxVm::new()?)),
        "sgx" => Some(Box::new(Enclave::new()?)),
        "tdx" => Some(Box::new(TrustDomain::new()?)),
        "tpm" => Some(Box::new(Tpm::known()?)),
        _ => None,
    })
}

/// The devices beside a guest's TEE that can be simulated: the names that [`device`] takes.
pub const DEVICES: [&str; 1] = ["nvidia"];

/// Well-behaved devices of this kind, so many of them, if they can be simulated.
///
/// # Errors
/// There is no randomness.
pub fn device(tee: &str, count: usize) -> Result<Option<Box<dyn SimulatedGuest>>, SimulationError> {
    Ok(match tee {
        "nvidia" => Some(Box::new(Gpus::hopper(count)?)),
        _ => None,
    })
}

impl SimulatedGuest for Platform {
    fn tee(&self) -> &'static str {
        "snp"
    }

    fn evidence(&self, report_data: &[u8], init_data: Option<&[u8]>) -> Result<Value, SimulationError> {
        let mut report = self.report().report_data(report_data);
        if let Some(digest) = init_data {
            report = report.host_data(digest);
        }
        evidence(&report.sign()?, &self.vcek_chain())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_tee_has_a_guest_of_that_name() {
        for tee in TEES {
            let guest = guest(tee).unwrap().unwrap();
            assert_eq!(guest.tee(), tee);
            assert!(guest.evidence(&[7; 48], Some(&[9; 32])).unwrap().is_object());
        }
        assert!(guest("abacus").unwrap().is_none());
    }

    #[test]
    fn every_listed_device_is_there_as_often_as_it_is_asked_for() {
        for tee in DEVICES {
            let devices = device(tee, 2).unwrap().unwrap();
            assert_eq!(devices.tee(), tee);
            let evidence = devices.evidence(&[7; 48], None).unwrap();
            assert_eq!(evidence["device_evidence_list"].as_array().unwrap().len(), 2);
        }
        assert!(device("abacus", 1).unwrap().is_none());
    }
}
