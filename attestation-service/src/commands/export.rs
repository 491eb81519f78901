//! `endorsements export`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use daemon::clock::Clock;
use storage::atomic_write;
use verifier::EndorsementId;

use super::ExportArgs;
use super::progress::Progress;
use crate::config::Config;
use crate::endorsements::{Bundle, Endorser, Freshness, Persistent, Record, names};

pub(super) async fn run(
    args: &ExportArgs,
    config: &Config,
    clock: Arc<dyn Clock>,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    let now = clock.now();
    let mut records: BTreeMap<String, (EndorsementId, Arc<Record>)> = BTreeMap::new();
    let mut add = |id: EndorsementId, record: Arc<Record>| {
        if let Some(name) = names::name(&id) {
            records.insert(name, (id, record));
        }
    };
    let mut expired = 0;
    let stored = match args.fetch.is_empty() {
        true => super::open(config)?,
        // What is fetched can be exported from a machine that keeps nothing.
        false => Persistent::open(&config.storage_backend).context("cannot open the storage")?,
    };
    for (id, record) in stored.all().await? {
        match record.freshness(&id, now) {
            Freshness::Expired => expired += 1,
            _ => add(id, Arc::new(record)),
        }
    }
    for (id, record) in fetch(&args.fetch, config, clock).await? {
        add(id, record);
    }
    let bundle = Bundle::new(records.values().map(|(id, record)| (id, &**record)), now).to_json();
    let count = records.len();
    if args.output == "-" {
        out.write_all(&bundle)?;
    } else {
        let path = PathBuf::from(&args.output);
        let written = tokio::task::spawn_blocking(move || atomic_write(&path, &bundle)).await?;
        written.with_context(|| format!("cannot write {}", args.output))?;
    }
    let left_out = match expired {
        0 => String::new(),
        count => format!("; {count} expired ones are left out"),
    };
    eprintln!("{count} endorsements exported{left_out}");
    Ok(())
}

/// Asks the configured sources.
async fn fetch(
    wanted: &[String],
    config: &Config,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Vec<(EndorsementId, Arc<Record>)>> {
    let ids = wanted.iter().map(|name| {
        names::parse(name).ok_or_else(|| anyhow!("`{name}` is the name of no endorsement: see `list`"))
    });
    let ids: Vec<EndorsementId> = ids.collect::<Result<_, _>>()?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let endorser = Endorser::for_export(&config.verifier_config, clock)?;
    let progress = Progress::new("fetched", ids.len());
    let mut found = Vec::new();
    for id in ids {
        let record = endorser.record(&id).await;
        let record = record.with_context(|| format!("cannot fetch the {id}"))?;
        found.push((id, record));
        progress.at(found.len());
    }
    Ok(found)
}
