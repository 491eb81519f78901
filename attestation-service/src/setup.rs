//! From what the operator wrote to what the verifiers need.

use std::path::Path;

use verifier::snp::{SnpOptions, SnpRoot};
use verifier::{VerifierOptions, Verifiers};

use crate::config::VerifierConfig;
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
        snp: SnpOptions { extra_roots },
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
