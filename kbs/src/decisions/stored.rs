//! Decisions in the storage: batches, each under the id of its first decision, its claims under a key of their own so
//! that they can leave first.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use storage::{KeyValueStore, PartialWrite, Result};

use super::entry::Entry;
use super::memory::{Garbage, Memory};
use super::record::Decision;

const DECISIONS: &str = ".json";
const CLAIMS: &str = ".claims.json";

#[derive(Serialize)]
struct Batch<'a> {
    /// Batches of the same second come in this order.
    order: u64,
    decisions: Vec<&'a Decision>,
}

#[derive(Deserialize)]
struct OwnedBatch {
    order: u64,
    decisions: Vec<Decision>,
}

type Claims<'a> = BTreeMap<DecisionKey, &'a RawValue>;
type OwnedClaims = BTreeMap<DecisionKey, Box<RawValue>>;
type DecisionKey = String;

/// Writes a batch and gives its name. Decisions before claims: a crash in between leaves decisions that are whole.
pub(super) async fn write(
    store: &dyn KeyValueStore,
    order: u64,
    entries: &[Entry],
) -> std::result::Result<Option<Arc<str>>, WriteError> {
    let Some(first) = entries.first() else {
        return Ok(None);
    };
    let name = first.id().to_string();
    let batch = Batch {
        order,
        decisions: entries.iter().map(|entry| &**entry.decision()).collect(),
    };
    let mut files = vec![(format!("{name}{DECISIONS}"), serde_json::to_vec(&batch)?)];
    let claims: Claims<'_> = entries
        .iter()
        .filter_map(|entry| {
            let claims: &RawValue = serde_json::from_str(entry.claims.as_deref()?).ok()?;
            Some((entry.id().to_string(), claims))
        })
        .collect();
    if !claims.is_empty() {
        files.push((format!("{name}{CLAIMS}"), serde_json::to_vec(&claims)?));
    }
    store.set_all(&files).await?;
    Ok(Some(name.into()))
}

/// Why a batch is not stored.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error(transparent)]
    Store(#[from] PartialWrite),
    #[error("a decision cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Removes what is not held any more. Claims before decisions, for the reason above.
pub(super) async fn forget(store: &dyn KeyValueStore, garbage: &[Garbage]) -> Result<()> {
    for item in garbage {
        match item {
            Garbage::Claims(name) => {
                store.delete(&format!("{name}{CLAIMS}")).await?;
            }
            Garbage::Batch(name) => {
                store.delete(&format!("{name}{CLAIMS}")).await?;
                store.delete(&format!("{name}{DECISIONS}")).await?;
            }
        }
    }
    Ok(())
}

/// Fills an empty memory with what is stored, and gives the order that the next batch has. What cannot be read is left alone and said in the log.
pub(super) async fn load(store: &dyn KeyValueStore, memory: &mut Memory) -> Result<u64> {
    let mut batches = Vec::new();
    let mut claims = OwnedClaims::new();
    for (key, value) in store.entries().await? {
        let read = match (key.strip_suffix(CLAIMS), key.strip_suffix(DECISIONS)) {
            (Some(_), _) => read(value).map(|mut some: OwnedClaims| claims.append(&mut some)),
            (None, Some(name)) => read(value).map(|batch: OwnedBatch| batches.push((name.to_owned(), batch))),
            (None, None) => continue,
        };
        if let Err(reason) = read {
            tracing::warn!(
                key,
                reason,
                "recorded decisions cannot be read: they are left out"
            );
        }
    }
    batches.sort_by_key(|(_, batch)| batch.order);
    let next = batches
        .last()
        .map_or(0, |(_, batch)| batch.order.saturating_add(1));
    let mut all: Vec<(Arc<str>, Decision)> = Vec::new();
    for (name, batch) in batches {
        let name: Arc<str> = name.into();
        let named = |decision| (Arc::clone(&name), decision);
        all.extend(batch.decisions.into_iter().map(named));
    }
    all.sort_by_key(|(_, decision)| decision.at);
    for (batch, decision) in all {
        let claims = claims.remove(&decision.id.to_string());
        let claims = claims.map(|claims| Arc::from(Box::<str>::from(claims)));
        memory.restore(decision, claims, &batch);
    }
    Ok(next)
}

fn read<T: for<'de> Deserialize<'de>>(value: Result<Vec<u8>>) -> std::result::Result<T, String> {
    let bytes = value.map_err(|error| error.to_string())?;
    // Where it goes wrong, not what is there.
    serde_json::from_slice(&bytes)
        .map_err(|error| format!("not in the known form at column {}", error.column()))
}
