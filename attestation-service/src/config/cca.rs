//! `verifier_config.cca_verifier`, or the file that earlier versions read instead of it.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::VerifierConfig;
use crate::error::StartError;

/// Settings of the Arm CCA verifier.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum CcaVerifierConfig {
    /// By trust anchors and reference values in files, in the JSON of the `ccatoken` tools. They are read again
    /// when they change.
    Local {
        /// Keys of the platforms to trust.
        #[serde(rename = "ta-store", alias = "ta_store")]
        ta_store: PathBuf,
        /// What these platforms, and realms on them, may be.
        #[serde(rename = "rv-store", alias = "rv_store")]
        rv_store: PathBuf,
    },
    /// By a Veraison service. Not in this version: it is refused at start.
    Remote {
        /// Its URL.
        address: String,
        /// PEM certificates to trust besides the system's.
        #[serde(default, rename = "ca-cert", alias = "ca_cert")]
        ca_cert: Option<PathBuf>,
    },
}

/// Names the file that is read if there is no `cca_verifier`.
const VARIABLE: &str = "CCA_CONFIG_FILE";

/// That file, if the variable is not set either.
const DEFAULT_FILE: &str = "/opt/confidential-containers/attestation-service/cca/config.json";

/// What that file holds.
#[derive(Deserialize)]
struct File {
    #[serde(rename = "cca-verifier")]
    cca_verifier: CcaVerifierConfig,
}

impl VerifierConfig {
    /// The settings of the CCA verifier: `cca_verifier`, else those of the file that the environment names, else
    /// those of the file at its usual place, if it is there.
    pub(crate) fn cca(&self) -> Result<Option<CcaVerifierConfig>, StartError> {
        if let Some(config) = &self.cca_verifier {
            return Ok(Some(config.clone()));
        }
        match environment() {
            Some(path) => from_file(&path).map(Some),
            None if Path::new(DEFAULT_FILE).exists() => from_file(Path::new(DEFAULT_FILE)).map(Some),
            None => Ok(None),
        }
    }
}

#[allow(clippy::disallowed_methods)] // This is where this variable is read, and nowhere else.
fn environment() -> Option<PathBuf> {
    std::env::var(VARIABLE).ok().map(PathBuf::from)
}

fn from_file(path: &Path) -> Result<CcaVerifierConfig, StartError> {
    let text = std::fs::read(path).map_err(|error| StartError::file(path, error))?;
    let file: File = serde_json::from_slice(&text).map_err(|error| StartError::file(path, error))?;
    Ok(file.cca_verifier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_that_of_earlier_versions() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        std::fs::write(
            &path,
            r#"{"cca-verifier": {"type": "local", "ta-store": "/a.json", "rv-store": "/b.json"}}"#,
        )
        .unwrap();
        let expected = CcaVerifierConfig::Local {
            ta_store: "/a.json".into(),
            rv_store: "/b.json".into(),
        };
        assert_eq!(from_file(&path).unwrap(), expected);
        std::fs::write(
            &path,
            r#"{"cca-verifier": {"type": "remote", "address": "https://v.example"}}"#,
        )
        .unwrap();
        assert!(matches!(from_file(&path), Ok(CcaVerifierConfig::Remote { .. })));
        for wrong in [
            "{}",
            r#"{"cca-verifier": {"type": "local", "ta-store": "/a.json"}}"#,
            r#"{"cca-verifier": {"type": "local", "ta-store": "/a", "rv-store": "/b", "x": 1}}"#,
        ] {
            std::fs::write(&path, wrong).unwrap();
            assert!(from_file(&path).is_err(), "{wrong}");
        }
        assert!(from_file(&directory.path().join("none.json")).is_err());
    }
}
