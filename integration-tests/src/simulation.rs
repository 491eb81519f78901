//! What an Attestation Service has to be told so that it believes a simulated platform.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use simulated_tee::intel;
use simulated_tee::snp::{Generation, Platform};
use simulated_tee::tpm;
use simulated_tee::{cca, csv, nvidia};

/// The `verifier_config` by which an Attestation Service believes simulated guests of `tee`; the files that takes are
/// written to `dir`.
///
/// # Errors
/// The TEE cannot be simulated, or a file cannot be written.
pub fn trust(tee: &str, dir: &Path) -> anyhow::Result<Value> {
    Ok(match tee {
        "cca" => cca(dir)?,
        "csv" => {
            let root = write(dir, "simulated-hrk.cert", csv::Platform::new()?.hrk_certificate())?;
            json!({"csv_verifier": {"insecure_extra_roots": [root]}})
        }
        "nvidia" => {
            let root = write(dir, "simulated-nvidia-root.pem", nvidia::root_pem()?)?;
            json!({"nvidia_verifier": {"type": "Local", "insecure_extra_roots": [root]}})
        }
        "sample" => json!({}),
        "tpm" => {
            let root = tpm::Authority::known()?.pem();
            json!({"tpm_verifier": {"ak_roots": [write(dir, "simulated-tpm-root.pem", &root)?]}})
        }
        "sgx" | "tdx" | "az-tdx-vtpm" => intel(dir)?,
        "snp" | "az-snp-vtpm" => json!({"snp_verifier": {"insecure_extra_roots": [amd_roots(dir)?]}}),
        _ => bail!("no platform of TEE {tee} can be simulated"),
    })
}

/// Trust anchors and reference values of the simulated platform with the committed key.
fn cca(dir: &Path) -> anyhow::Result<Value> {
    let anchors = cca::Platform::new()?.trust_anchors().to_string();
    let values = cca::Platform::reference_values().to_string();
    Ok(json!({"cca_verifier": {
        "type": "local",
        "ta-store": write(dir, "simulated-cca-trust-anchors.json", &anchors)?,
        "rv-store": write(dir, "simulated-cca-reference-values.json", &values)?,
    }}))
}

/// Simulated Intel's root, and its collateral in a file that will do for years.
fn intel(dir: &Path) -> anyhow::Result<Value> {
    // 2025-01-01 and 2043-01-01.
    let (from, until) = (1_735_689_600, 2_303_683_200);
    let pki = Arc::new(intel::Pki::new()?);
    let root = write(dir, "simulated-intel-root.pem", pki.root_pem())?;
    let collateral = intel::collateral_file(pki, from, until)?;
    let collateral = write(dir, "simulated-intel-collateral.json", &collateral)?;
    Ok(json!({"dcap_verifier": {
        "insecure_extra_roots": [root],
        "collateral_service": format!("file://{collateral}"),
    }}))
}

/// All generations' roots in one file.
fn amd_roots(dir: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    for generation in Generation::ALL {
        text.push_str(&Platform::new(generation)?.roots_pem());
    }
    write(dir, "simulated-amd-roots.pem", &text)
}

fn write(dir: &Path, name: &str, content: impl AsRef<[u8]>) -> anyhow::Result<String> {
    let path = dir.join(name);
    std::fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tee_that_can_be_simulated_can_be_trusted() {
        let dir = tempfile::tempdir().unwrap();
        for tee in simulated_tee::TEES.iter().chain(&simulated_tee::DEVICES) {
            assert!(trust(tee, dir.path()).unwrap().is_object(), "{tee}");
        }
        assert!(trust("abacus", dir.path()).is_err());
    }
}
