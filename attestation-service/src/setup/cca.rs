//! Trust anchors and reference values for Arm CCA, read from files, and again when these change.
//!
//! A mistake in `verifier_config.cca_verifier` stops the start. A mistake in the file of earlier versions does not: that
//! one was read for each request, and stopped nobody but realms. They are refused until it is right.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use verifier::CcaStores;

use crate::config::{CcaFile, CcaVerifierConfig, VerifierConfig};
use crate::error::StartError;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The stores that `config` names; empty ones if it names none.
pub(super) fn stores(config: &VerifierConfig) -> Result<CcaStores, StartError> {
    let stores = CcaStores::default();
    let (origin, seen) = match &config.cca_verifier {
        Some(config) => {
            let files = Files::of(config.clone())?;
            let origin = Origin::Configuration(files.clone());
            let seen = origin.look();
            files.load(&stores)?;
            (origin, seen)
        }
        None => {
            let origin = Origin::File(CcaFile::from_environment());
            let seen = origin.look();
            seen.apply(&stores);
            (origin, seen)
        }
    };
    tokio::spawn(origin.follow(stores.clone(), seen, LOOK_EVERY));
    Ok(stores)
}

/// What says where the stores are.
enum Origin {
    Configuration(Files),
    File(CcaFile),
}

impl Origin {
    fn look(&self) -> Seen {
        let files = match self {
            Self::Configuration(files) => Ok(Some(files.clone())),
            Self::File(file) => file
                .read()
                .and_then(|config| config.map(Files::of).transpose())
                .map_err(|error| match error {
                    StartError::Config(reason) => format!("`{}`: {reason}", file.path.display()),
                    error => error.to_string(),
                }),
        };
        Seen(files.map(|files| files.map(|files| (files.state(), files))))
    }

    /// Until nobody but this task has the stores. Files that cannot be used change nothing.
    async fn follow(self, stores: CcaStores, mut seen: Seen, every: Duration) {
        let mut ticks = tokio::time::interval(every);
        ticks.tick().await;
        while stores.is_shared() {
            ticks.tick().await;
            let now = self.look();
            if now != seen {
                seen = now;
                seen.apply(&stores);
            }
        }
    }
}

/// The files at one moment: none, or why they cannot be found.
#[derive(PartialEq)]
struct Seen(Result<Option<(State, Files)>, String>);

impl Seen {
    fn apply(&self, stores: &CcaStores) {
        let outcome = match &self.0 {
            Ok(None) => return,
            Ok(Some((_, files))) => files.load(stores).map_err(|error| error.to_string()),
            Err(reason) => Err(reason.clone()),
        };
        if let Err(reason) = outcome {
            tracing::warn!(
                reason,
                "Arm CCA: trust anchors and reference values cannot be read. If some were read before, they are still in \
                 force; otherwise evidence of realms is refused until this is right (see docs/tees/cca.md)"
            );
            stores.cannot_be_had(&reason);
        }
    }
}

/// Where the stores are.
#[derive(Clone, PartialEq)]
struct Files {
    ta_store: PathBuf,
    rv_store: PathBuf,
}

/// When each file was changed, and how long it is. A file that is not there has none.
type State = [Option<(Option<SystemTime>, u64)>; 2];

impl Files {
    fn of(config: CcaVerifierConfig) -> Result<Self, StartError> {
        match config {
            CcaVerifierConfig::Local { ta_store, rv_store } => Ok(Self { ta_store, rv_store }),
            CcaVerifierConfig::Remote { address, .. } => Err(StartError::Config(format!(
                "cca_verifier: type `remote` ({address}) is not supported in this version; write the platforms' \
                 trust anchors and reference values to files and use type `local` (see docs/tees/cca.md)"
            ))),
        }
    }

    fn load(&self, stores: &CcaStores) -> Result<(), StartError> {
        let read = |path: &Path| std::fs::read(path).map_err(|error| StartError::file(path, error));
        let (anchors, values) = (read(&self.ta_store)?, read(&self.rv_store)?);
        stores
            .load(&anchors, &values)
            .map_err(|error| StartError::Config(format!("cca_verifier: {error}")))?;
        tracing::info!(
            ta_store = %self.ta_store.display(),
            rv_store = %self.rv_store.display(),
            "Arm CCA: trust anchors and reference values read"
        );
        Ok(())
    }

    fn state(&self) -> State {
        [&self.ta_store, &self.rv_store].map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok(), metadata.len()))
        })
    }
}

#[cfg(test)]
mod tests;
