//! `endorsements import`.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, anyhow};
use daemon::clock::Clock;
use serde_json::json;
use verifier::EndorsementId;

use super::progress::Progress;
use super::{FileKind, ImportArgs, OutputFormat};
use crate::config::{Config, TcbUpdateType};
use crate::endorsements::{Bundle, CollateralFile, Freshness, MAX_BUNDLE, Record, read_file};

/// What became of the entries.
#[derive(Default)]
struct Counts {
    imported: usize,
    /// What is kept already is as new.
    older: usize,
    /// Imported, but of no use until newer ones are.
    expired: usize,
}

pub(super) async fn run(
    args: &ImportArgs,
    config: &Config,
    clock: &dyn Clock,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    let persistent = super::open(config)?;
    let now = clock.now();
    let records = match args.from {
        FileKind::Bundle => bundle(&args.file).await,
        FileKind::Pccs => {
            pccs(
                &args.file,
                config.verifier_config.dcap_verifier.tcb_update_type,
                now,
            )
            .await
        }
    };
    let records = records.with_context(|| format!("cannot import {}", args.file.display()))?;

    let progress = Progress::new("imported", records.len());
    let mut counts = Counts::default();
    for (id, record) in &records {
        let is_news = match persistent.get(id).await {
            None => true,
            Some(kept) => (kept.validity.from, kept.fetched_at) < (record.validity.from, record.fetched_at),
        };
        if is_news {
            persistent
                .put(id, record)
                .await
                .with_context(|| format!("cannot keep the {id}"))?;
            counts.imported += 1;
        } else {
            counts.older += 1;
        }
        if record.freshness(id, now) == Freshness::Expired {
            counts.expired += 1;
        }
        progress.at(counts.imported + counts.older);
    }
    drop(progress);
    let Counts {
        imported,
        older,
        expired,
    } = counts;
    match args.output {
        OutputFormat::Text => writeln!(
            out,
            "{imported} endorsements imported; {older} not, since what is kept is as new; {expired} are expired"
        )?,
        OutputFormat::Json => writeln!(
            out,
            "{}",
            json!({"imported": imported, "older": older, "expired": expired})
        )?,
    }
    Ok(())
}

async fn bundle(file: &Path) -> anyhow::Result<Vec<(EndorsementId, Record)>> {
    let found = read_file(file, MAX_BUNDLE).await?;
    let found = found.ok_or_else(|| anyhow!("it is not there"))?;
    Ok(Bundle::read(&found.bytes)?)
}

async fn pccs(file: &Path, update: TcbUpdateType, now: i64) -> anyhow::Result<Vec<(EndorsementId, Record)>> {
    let path = std::path::absolute(file)?;
    let source = CollateralFile::new(&path, update);
    let name = path.display().to_string().into();
    let found = source.all().await?.into_iter().map(|(id, fetched)| {
        let record = Record::new(&id, fetched, &name, now);
        let record = record.with_context(|| format!("the {id} in it cannot be used"))?;
        Ok((id, record))
    });
    found.collect()
}
