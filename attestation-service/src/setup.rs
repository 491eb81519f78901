//! From what the operator wrote to what the verifiers need.

mod cca;
mod csv;
mod nvidia;

use std::path::{Path, PathBuf};

use verifier::cca::CcaOptions;
use verifier::dcap::{DcapOptions, DcapRoot};
use verifier::snp::{SnpOptions, SnpRoot};
use verifier::tpm::{TpmOptions, certificates_from_pem};
use verifier::{VerifierOptions, Verifiers};

use crate::config::{CrlMode, TpmVerifierConfig, VerifierConfig};
use crate::error::StartError;

/// The verifiers, with the roots that `config` adds. Every such root is logged: it can make any evidence.
pub(crate) fn verifiers(config: &VerifierConfig) -> Result<Verifiers, StartError> {
    for name in config.unused() {
        tracing::warn!("`verifier_config.{name}` has no effect: this version has no such verifier");
    }
    let mut extra_roots = Vec::new();
    for path in &config.snp_verifier.insecure_extra_roots {
        extra_roots.extend(read_roots(path)?);
    }
    Verifiers::new(VerifierOptions {
        cca: CcaOptions {
            stores: cca::stores(config)?,
        },
        csv: csv::options(&config.csv_verifier)?,
        nvidia: nvidia::options(&config.nvidia_verifier)?,
        snp: SnpOptions {
            extra_roots,
            lists_are_optional: config.snp_verifier.crl == CrlMode::Off,
        },
        dcap: dcap(&config.dcap_verifier.insecure_extra_roots)?,
        tpm: tpm(&config.tpm_verifier)?,
    })
    .map_err(|error| StartError::Config(format!("verifier_config.{error}")))
}

fn read_roots(path: &Path) -> Result<Vec<SnpRoot>, StartError> {
    let pem = std::fs::read(path).map_err(|error| StartError::file(path, error))?;
    let roots = SnpRoot::from_pem(&pem).map_err(|error| StartError::file(path, error))?;
    for root in &roots {
        tracing::warn!(
            product = root.product.as_str(),
            file = %path.display(),
            "insecure_extra_roots: whoever holds the key of this root can make evidence that is believed"
        );
    }
    Ok(roots)
}

fn dcap(paths: &[PathBuf]) -> Result<DcapOptions, StartError> {
    let mut extra_roots = Vec::new();
    for path in paths {
        let bytes = std::fs::read(path).map_err(|error| StartError::file(path, error))?;
        extra_roots.extend(DcapRoot::read(&bytes).map_err(|error| StartError::file(path, error))?);
        tracing::warn!(
            file = %path.display(),
            "insecure_extra_roots: whoever holds the key of such a root can make SGX and TDX evidence that is believed"
        );
    }
    Ok(DcapOptions { extra_roots })
}

fn tpm(config: &TpmVerifierConfig) -> Result<TpmOptions, StartError> {
    let ignored = [
        ("trusted_ak_keys_dir", config.trusted_ak_keys_dir.is_some()),
        ("max_trusted_ak_keys", config.max_trusted_ak_keys.is_some()),
    ];
    for (name, _) in ignored.into_iter().filter(|(_, is_set)| *is_set) {
        tracing::warn!(
            "`verifier_config.tpm_verifier.{name}` has no effect: name trusted keys in the reference value `trusted_aks`"
        );
    }
    Ok(TpmOptions {
        ak_roots: read_certificates(&config.ak_roots)?,
        ek_roots: read_certificates(&config.ek_roots)?,
    })
}

fn read_certificates(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, StartError> {
    let mut certificates = Vec::new();
    for path in paths {
        let pem = std::fs::read(path).map_err(|error| StartError::file(path, error))?;
        let read = certificates_from_pem(&pem).map_err(|error| StartError::file(path, error))?;
        certificates.extend(read);
    }
    Ok(certificates)
}
