//! Fakes for sources, and an endorser over them.

use std::sync::Mutex;

use async_trait::async_trait;
use daemon::clock::ManualClock;
use storage::{LocalFsConfig, StorageType};
use tempfile::TempDir;

use super::*;
use crate::endorsements::record::tests::{CRL, ENDS, ISSUED, TCB_INFO, tcb_info, vcek};
use crate::endorsements::source::Fetched;

mod gathering;
mod keeping;
mod lists;
mod outages;

type Outcome = Result<Option<Fetched>, EndorsementError>;

/// Answers as told, after a while, and counts.
#[derive(Clone)]
struct Fake(Arc<Script>);

struct Script {
    name: String,
    outcome: Mutex<Outcome>,
    asked: Mutex<usize>,
    is_local: bool,
}

impl Fake {
    fn new(name: &str, outcome: Outcome) -> Self {
        Self::placed(name, outcome, false)
    }

    fn placed(name: &str, outcome: Outcome, is_local: bool) -> Self {
        Self(Arc::new(Script {
            name: name.to_owned(),
            outcome: Mutex::new(outcome),
            asked: Mutex::new(0),
            is_local,
        }))
    }

    fn say(&self, outcome: Outcome) {
        *self.0.outcome.lock().unwrap() = outcome;
    }

    fn asked(&self) -> usize {
        *self.0.asked.lock().unwrap()
    }
}

#[async_trait]
impl EndorsementSource for Fake {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn serves(&self, id: &EndorsementId) -> bool {
        !matches!(id, EndorsementId::NrasKeys)
    }

    fn is_local(&self) -> bool {
        self.0.is_local
    }

    async fn fetch(&self, _id: &EndorsementId) -> Outcome {
        *self.0.asked.lock().unwrap() += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.0.outcome.lock().unwrap().clone()
    }
}

/// TCB info of a day of January 2026, good up to the 31st.
fn info(day: u8) -> Outcome {
    Ok(Some(tcb_info(day).into()))
}

fn down() -> Outcome {
    Err(EndorsementError::unavailable("fake", "down"))
}

/// An endorser over fakes.
struct Stage {
    endorser: Endorser,
    clock: Arc<ManualClock>,
    registry: Registry,
}

impl Stage {
    fn over(sources: &[Fake]) -> Self {
        Self::with(sources, |_| (), &StorageConfig::default())
    }

    fn with(sources: &[Fake], change: impl FnOnce(&mut VerifierConfig), storage: &StorageConfig) -> Self {
        let mut config = VerifierConfig::default();
        change(&mut config);
        let clock = Arc::new(ManualClock::new(ISSUED + 1000));
        let boxed = sources
            .iter()
            .map(|fake| Box::new(fake.clone()) as Box<dyn EndorsementSource>);
        let registry = Registry::new();
        let persistent = Persistent::open(storage).unwrap();
        let endorser =
            Endorser::over(boxed.collect(), &config, persistent, &registry, clock.clone()).unwrap();
        Self {
            endorser,
            clock,
            registry,
        }
    }

    /// What is gathered for one id, as text.
    async fn get(&self, id: &EndorsementId) -> Result<String, EndorsementError> {
        let gathered = self.endorser.gather(std::slice::from_ref(id)).await?;
        let bytes = gathered.endorsements.get(id).unwrap();
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    /// The same, and an evaluation succeeds with it.
    async fn use_it(&self, id: &EndorsementId) -> String {
        let gathered = self.endorser.gather(std::slice::from_ref(id)).await.unwrap();
        self.endorser.held(gathered.on_trial);
        String::from_utf8_lossy(gathered.endorsements.get(id).unwrap()).into_owned()
    }

    /// What happens in the background, now.
    async fn refresh(&self) {
        refresh::refresh_due(&self.endorser.0).await;
    }
}

/// The text of [`info`].
fn text(day: u8) -> String {
    String::from_utf8(tcb_info(day)).unwrap()
}

/// Lets what was spawned end.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(120)).await;
}

/// Storage in a directory.
fn storage(directory: &TempDir) -> StorageConfig {
    let mut config = StorageConfig {
        storage_type: StorageType::LocalFs,
        ..StorageConfig::default()
    };
    config.backends.local_fs = Some(LocalFsConfig {
        dir_path: directory.path().to_owned(),
    });
    config
}

/// Waits until the storage holds `count` endorsements.
async fn stored(directory: &TempDir, count: usize) {
    let folder = directory.path().join("endorsements");
    for _ in 0..100 {
        let entries = std::fs::read_dir(&folder).unwrap();
        if entries.count() == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("there are not {count} entries in {}", folder.display());
}
