//! `verifier_config.cca_verifier`, or the file that earlier versions read instead of it.

use std::io::ErrorKind;
use std::path::PathBuf;

use serde::Deserialize;

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
    /// By a Veraison service. Not in this version.
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

/// Where earlier versions have their settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CcaFile {
    /// Which file.
    pub(crate) path: PathBuf,
    /// Whether somebody named it: then it must be there.
    is_named: bool,
}

impl CcaFile {
    /// The one that the environment names, or else the one at its usual place.
    pub(crate) fn from_environment() -> Self {
        let named = environment();
        Self {
            is_named: named.is_some(),
            path: named.unwrap_or_else(|| DEFAULT_FILE.into()),
        }
    }

    /// One that somebody named.
    #[cfg(test)]
    pub(crate) fn named(path: PathBuf) -> Self {
        Self { path, is_named: true }
    }

    /// What it says; nothing if it is not there and need not be.
    pub(crate) fn read(&self) -> Result<Option<CcaVerifierConfig>, StartError> {
        let text = match std::fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && !self.is_named => return Ok(None),
            Err(error) => return Err(StartError::file(&self.path, error)),
        };
        let file: File =
            serde_json::from_slice(&text).map_err(|error| StartError::file(&self.path, error))?;
        Ok(Some(file.cca_verifier))
    }
}

#[allow(clippy::disallowed_methods)] // This is where this variable is read, and nowhere else.
fn environment() -> Option<PathBuf> {
    std::env::var(VARIABLE).ok().map(PathBuf::from)
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
        let named = CcaFile::named(path.clone());
        assert_eq!(named.read().unwrap(), Some(expected));
        std::fs::write(
            &path,
            r#"{"cca-verifier": {"type": "remote", "address": "https://v.example"}}"#,
        )
        .unwrap();
        assert!(matches!(named.read(), Ok(Some(CcaVerifierConfig::Remote { .. }))));
        for wrong in [
            "{}",
            r#"{"cca-verifier": {"type": "local", "ta-store": "/a.json"}}"#,
            r#"{"cca-verifier": {"type": "local", "ta-store": "/a", "rv-store": "/b", "x": 1}}"#,
        ] {
            std::fs::write(&path, wrong).unwrap();
            assert!(named.read().is_err(), "{wrong}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(named.read().is_err());
        let usual = CcaFile {
            is_named: false,
            path,
        };
        assert_eq!(usual.read().unwrap(), None);
    }
}
