//! What the operator gets to see at `/status`. Nothing in it is secret; names are cut where evidence chose them.

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::memory::Listed;
use super::names;
use super::record::Freshness;
use super::shelf::Shelf;
use super::supplier::Supplier;

/// Sources and cache at one moment.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    sources: Vec<SourceReport>,
    cache: CacheReport,
    /// The first to expire come first.
    endorsements: Vec<EntryReport>,
    /// How many more there are.
    endorsements_not_shown: usize,
}

#[derive(Debug, Clone, Serialize)]
struct SourceReport {
    name: String,
    /// `local`, `not asked yet`, `answering`, `failing`, `left alone`.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_alone_seconds: Option<u64>,
    last_success: Option<String>,
    last_error_at: Option<String>,
    last_error: Option<String>,
    /// By outcome.
    requests: std::collections::BTreeMap<&'static str, u64>,
}

#[derive(Debug, Clone, Serialize)]
struct CacheReport {
    entries: usize,
    bytes: usize,
    max_entries: usize,
    max_bytes: usize,
    persistent: bool,
    stale_seconds: i64,
}

#[derive(Debug, Clone, Serialize)]
struct EntryReport {
    id: String,
    kind: &'static str,
    source: String,
    fetched_at: Option<String>,
    age_seconds: i64,
    expires_at: Option<String>,
    refresh_at: Option<String>,
    /// `fresh`, `due`, `expired`.
    state: &'static str,
    bytes: usize,
    /// Whether an evaluation succeeded with it.
    proved: bool,
    /// Whether newcomers cannot push it out.
    kept: bool,
}

/// How many entries are shown.
const SHOWN: usize = 1000;

impl Report {
    /// What `shelf` holds now.
    pub(super) fn of(shelf: &Shelf) -> Self {
        let now = shelf.clock.now();
        let [kept, trial] = shelf.memory.totals();
        let limits = shelf.memory.limits();
        let mut listed = shelf.memory.list();
        listed.sort_by_cached_key(|entry| {
            let end = entry.record.expires_at(&entry.id).unwrap_or(i64::MAX);
            (end, names::name(&entry.id))
        });
        let endorsements_not_shown = listed.len().saturating_sub(SHOWN);
        listed.truncate(SHOWN);
        Self {
            sources: shelf.suppliers.iter().map(source).collect(),
            cache: CacheReport {
                entries: kept.entries + trial.entries,
                bytes: kept.bytes + trial.bytes,
                max_entries: limits.entries,
                max_bytes: limits.bytes,
                persistent: shelf.persistent.is_there(),
                stale_seconds: shelf.stale_seconds,
            },
            endorsements: listed.iter().map(|listed| entry(listed, now)).collect(),
            endorsements_not_shown,
        }
    }
}

fn source(supplier: &Supplier) -> SourceReport {
    let tally = supplier.tally();
    let left_alone = supplier.left_alone();
    let succeeded = tally.last_success;
    let failed = tally.last_error.as_ref().map(|(at, _)| *at);
    let state = match (supplier.is_local(), &left_alone, succeeded, failed) {
        (_, Some(_), ..) => "left alone",
        (_, _, None, None) if supplier.is_local() => "local",
        (_, _, None, None) => "not asked yet",
        (_, _, succeeded, failed) if failed > succeeded => "failing",
        _ => "answering",
    };
    SourceReport {
        name: supplier.name().to_owned(),
        state,
        left_alone_seconds: left_alone.map(|left_alone| left_alone.remaining.as_secs()),
        last_success: succeeded.and_then(date),
        last_error_at: failed.and_then(date),
        last_error: tally.last_error.map(|(_, text)| text),
        requests: tally.outcomes,
    }
}

fn entry(listed: &Listed, now: i64) -> EntryReport {
    let Listed {
        id,
        record,
        proved,
        kept,
    } = listed;
    EntryReport {
        id: names::name(id).unwrap_or_default(),
        kind: names::kind(id),
        source: record.source.to_string(),
        fetched_at: date(record.fetched_at),
        age_seconds: now.saturating_sub(record.fetched_at),
        expires_at: record.expires_at(id).and_then(date),
        refresh_at: record.refresh_at(id).and_then(date),
        state: match record.freshness(id, now) {
            Freshness::Fresh => "fresh",
            Freshness::Due => "due",
            Freshness::Expired => "expired",
        },
        bytes: record.endorsement.bytes.len(),
        proved: *proved,
        kept: *kept,
    }
}

/// RFC 3339, in UTC.
pub(crate) fn date(seconds: i64) -> Option<String> {
    let time = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    time.format(&Rfc3339).ok()
}
