//! Trust anchors and reference values for Arm CCA, read from files, and again when these change.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use verifier::CcaStores;

use crate::config::{CcaVerifierConfig, VerifierConfig};
use crate::error::StartError;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The stores that `config` names; empty ones if it names none.
pub(super) fn stores(config: &VerifierConfig) -> Result<CcaStores, StartError> {
    let stores = CcaStores::default();
    match config.cca()? {
        None => {}
        Some(CcaVerifierConfig::Local { ta_store, rv_store }) => {
            let files = Files { ta_store, rv_store };
            let seen = files.state();
            files.load(&stores)?;
            tracing::info!(
                ta_store = %files.ta_store.display(),
                rv_store = %files.rv_store.display(),
                "Arm CCA: trust anchors and reference values read"
            );
            tokio::spawn(files.follow(stores.clone(), seen, LOOK_EVERY));
        }
        Some(CcaVerifierConfig::Remote { address, .. }) => {
            return Err(StartError::Config(format!(
                "cca_verifier: type `remote` ({address}) is not supported in this version; write the platforms' \
                 trust anchors and reference values to files and use type `local` (see docs/tees/cca.md)"
            )));
        }
    }
    Ok(stores)
}

/// Where the stores are.
struct Files {
    ta_store: PathBuf,
    rv_store: PathBuf,
}

/// When each file was changed, and how long it is. A file that is not there has none.
type State = [Option<(Option<SystemTime>, u64)>; 2];

impl Files {
    fn load(&self, stores: &CcaStores) -> Result<(), StartError> {
        let read = |path: &Path| std::fs::read(path).map_err(|error| StartError::file(path, error));
        let (anchors, values) = (read(&self.ta_store)?, read(&self.rv_store)?);
        stores
            .load(&anchors, &values)
            .map_err(|error| StartError::Config(format!("cca_verifier: {error}")))
    }

    fn state(&self) -> State {
        [&self.ta_store, &self.rv_store].map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok(), metadata.len()))
        })
    }

    /// Until nobody but this task has the stores. Files that cannot be used change nothing.
    async fn follow(self, stores: CcaStores, mut seen: State, every: Duration) {
        let mut ticks = tokio::time::interval(every);
        ticks.tick().await;
        while stores.is_shared() {
            ticks.tick().await;
            let now = self.state();
            if now == seen {
                continue;
            }
            seen = now;
            match self.load(&stores) {
                Ok(()) => tracing::info!("Arm CCA: trust anchors and reference values read again"),
                Err(error) => tracing::warn!(
                    %error,
                    "Arm CCA: the changed files cannot be used; what was read before is still in force"
                ),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use simulated_tee::SimulatedGuest;
    use simulated_tee::cca::Platform;
    use verifier::cca::{CcaOptions, CcaVerifier};
    use verifier::{Endorsements, EvidenceVerifier, ExpectedBinding, UnverifiedEvidence};

    fn config(directory: &Path) -> VerifierConfig {
        VerifierConfig {
            cca_verifier: Some(CcaVerifierConfig::Local {
                ta_store: directory.join("ta.json"),
                rv_store: directory.join("rv.json"),
            }),
            ..VerifierConfig::default()
        }
    }

    fn is_believed(stores: &CcaStores) -> bool {
        let evidence = Platform::new().unwrap().evidence(&[7; 48], None).unwrap();
        let verifier = CcaVerifier::new(CcaOptions {
            stores: stores.clone(),
        });
        let parsed = verifier
            .parse(UnverifiedEvidence::new(evidence.to_string().as_bytes()))
            .unwrap();
        let expected = ExpectedBinding {
            report_data: Some(vec![7; 48]),
            init_data: None,
        };
        parsed.verify(&expected, &Endorsements::new(), 0).is_ok()
    }

    #[tokio::test]
    async fn changed_files_are_read_again_and_bad_ones_change_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let files = Files {
            ta_store: directory.path().join("ta.json"),
            rv_store: directory.path().join("rv.json"),
        };
        let stores = CcaStores::default();
        let following = CcaStores::clone(&stores);
        let (ta_store, rv_store) = (files.ta_store.clone(), files.rv_store.clone());
        let task = tokio::spawn(files.follow(following, [None, None], Duration::from_millis(5)));
        assert!(!is_believed(&stores));
        std::fs::write(&ta_store, Platform::new().unwrap().trust_anchors().to_string()).unwrap();
        std::fs::write(&rv_store, Platform::reference_values().to_string()).unwrap();
        until(|| is_believed(&stores)).await;
        std::fs::write(&ta_store, "{").unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(is_believed(&stores));
        std::fs::write(&ta_store, json!([]).to_string()).unwrap();
        until(|| !is_believed(&stores)).await;
        drop(stores);
        task.await.unwrap();
    }

    async fn until(condition: impl Fn() -> bool) {
        for _ in 0..1000 {
            if condition() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it never happens");
    }

    #[tokio::test]
    async fn files_that_are_missing_or_malformed_keep_the_service_from_starting() {
        let directory = tempfile::tempdir().unwrap();
        let config = config(directory.path());
        assert!(matches!(stores(&config), Err(StartError::File { .. })));
        std::fs::write(directory.path().join("ta.json"), "[]").unwrap();
        std::fs::write(directory.path().join("rv.json"), "[1]").unwrap();
        let Err(StartError::Config(reason)) = stores(&config) else {
            panic!("it starts")
        };
        assert!(reason.contains("reference values"), "{reason}");
        std::fs::write(directory.path().join("rv.json"), "{}").unwrap();
        assert!(stores(&config).is_ok());
    }

    #[tokio::test]
    async fn a_remote_verifier_is_refused_with_what_to_do_instead() {
        let config = VerifierConfig {
            cca_verifier: Some(CcaVerifierConfig::Remote {
                address: "https://veraison.example".to_owned(),
                ca_cert: None,
            }),
            ..VerifierConfig::default()
        };
        let Err(StartError::Config(reason)) = stores(&config) else {
            panic!("it starts")
        };
        assert!(
            reason.contains("not supported") && reason.contains("`local`"),
            "{reason}"
        );
    }
}
