//! `endorsements list`.

use std::io::Write;

use daemon::clock::Clock;
use serde_json::{Value, json};

use super::{ListArgs, OutputFormat};
use crate::config::Config;
use crate::endorsements::{Freshness, date, names};

pub(super) async fn run(
    args: &ListArgs,
    config: &Config,
    clock: &dyn Clock,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    let now = clock.now();
    let mut lines = Vec::new();
    for (id, record) in super::open(config)?.all().await? {
        lines.push(json!({
            "id": names::name(&id),
            "source": &*record.source,
            "fetched_at": date(record.fetched_at),
            "expires_at": record.expires_at(&id).and_then(date),
            "expired": record.freshness(&id, now) == Freshness::Expired,
            "bytes": record.endorsement.bytes.len(),
        }));
    }
    if args.output == OutputFormat::Json {
        serde_json::to_writer_pretty(&mut *out, &lines)?;
        writeln!(out)?;
        return Ok(());
    }
    for line in &lines {
        let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
        let mark = match line.get("expired") {
            Some(Value::Bool(true)) => "  EXPIRED",
            _ => "",
        };
        writeln!(
            out,
            "{}  fetched {}  expires {}  from {}{mark}",
            text("id"),
            text("fetched_at"),
            text("expires_at"),
            text("source")
        )?;
    }
    writeln!(out, "{} endorsements", lines.len())?;
    Ok(())
}
