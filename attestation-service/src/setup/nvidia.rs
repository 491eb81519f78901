//! NVIDIA devices: who judges them, and whom that trusts.

use verifier::nvidia::{NvidiaMode, NvidiaOptions, NvidiaRoot};

use crate::config::NvidiaVerifierConfig;
use crate::error::StartError;

/// The options, with the roots that `config` adds. Every such root is logged: it can make any evidence.
pub(super) fn options(config: &NvidiaVerifierConfig) -> Result<NvidiaOptions, StartError> {
    let mut options = NvidiaOptions::default();
    match config {
        NvidiaVerifierConfig::Local(local) => {
            for path in &local.insecure_extra_roots {
                let pem = std::fs::read(path).map_err(|error| StartError::file(path, error))?;
                let roots = NvidiaRoot::from_pem(&pem).map_err(|error| StartError::file(path, error))?;
                options.extra_roots.extend(roots);
                tracing::warn!(
                    file = %path.display(),
                    "insecure_extra_roots: whoever holds the key of such a root can make evidence that is believed"
                );
            }
        }
        NvidiaVerifierConfig::Remote(nras) => {
            let issuers = vec![nras.issuer.clone()];
            options.mode = NvidiaMode::Remote { issuers };
        }
    }
    Ok(options)
}
