//! What the Hygon CSV verifier needs.

use verifier::csv::{CsvOptions, CsvRoot};

use crate::config::CsvVerifierConfig;
use crate::error::StartError;

/// The roots that `config` adds. Every such root is logged: it can make any evidence.
pub(super) fn options(config: &CsvVerifierConfig) -> Result<CsvOptions, StartError> {
    let mut extra_roots = Vec::new();
    for path in &config.insecure_extra_roots {
        let bytes = std::fs::read(path).map_err(|error| StartError::file(path, error))?;
        extra_roots.push(CsvRoot::from_bytes(&bytes).map_err(|error| StartError::file(path, error))?);
        tracing::warn!(
            file = %path.display(),
            "insecure_extra_roots: whoever holds the key of this root can make evidence that is believed"
        );
    }
    Ok(CsvOptions { extra_roots })
}

#[cfg(test)]
mod tests {
    use super::*;
    use simulated_tee::csv::Platform;

    #[test]
    fn a_root_is_read_from_its_file_and_must_be_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hrk.cert");
        let config = CsvVerifierConfig {
            insecure_extra_roots: vec![path.clone()],
            ..CsvVerifierConfig::default()
        };
        assert!(matches!(options(&config), Err(StartError::File { .. })));
        std::fs::write(&path, [0; 832]).unwrap();
        assert!(matches!(options(&config), Err(StartError::File { .. })));
        std::fs::write(&path, Platform::new().unwrap().hrk_certificate()).unwrap();
        assert_eq!(options(&config).unwrap().extra_roots.len(), 1);
    }
}
