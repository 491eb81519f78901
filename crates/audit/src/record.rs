use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::chain::{Hash, Link};

/// Longest line, in bytes, without its end.
pub const MAX_LINE: usize = 256 << 10;

/// The event of a record that says what an interrupted write has left before it.
pub const RECOVERED: &str = "log-recovered";

/// The event of the record that a service writes when it stops.
pub const CLOSED: &str = "log-closed";

/// Lines that a crash can leave unfinished: the one that was written, and the one that was to name it.
pub(crate) const MAX_LEFT: usize = 2;

/// The version of the format.
const VERSION: u8 = 1;

/// What stands before the hash, and behind it.
const HASH: &str = ",\"hash\":\"";
const END: &str = "\"}";
const TAIL: usize = HASH.len() + 64 + END.len();

/// What a crash has left unfinished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Torn {
    /// Its length.
    pub torn_bytes: u64,
    /// Its SHA-256, in hex.
    pub torn_sha256: String,
}

/// What a reader needs of a record.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) link: Link,
    pub(crate) prev: Hash,
    pub(crate) time: String,
    /// Whether this is a [`CLOSED`].
    pub(crate) closes: bool,
    /// If this is a [`RECOVERED`].
    pub(crate) torn: Option<Torn>,
}

/// Makes the record that comes after `link`: the line without its end, and the place behind it.
///
/// `event` is a struct or a map with a member `event`, and none of the names `audit`, `seq`, `prev`, `time`, `hash`.
/// `now` is in seconds since the Unix epoch.
///
/// # Errors
/// It is not, or makes a line that is too long.
pub fn seal(link: &Link, now: i64, event: &impl Serialize) -> Result<(String, Link), serde_json::Error> {
    #[derive(Serialize)]
    struct Line<'e, E> {
        audit: u8,
        seq: u64,
        prev: String,
        time: String,
        #[serde(flatten)]
        event: &'e E,
    }
    let seq = link.seq.saturating_add(1);
    let mut text = serde_json::to_string(&Line {
        audit: VERSION,
        seq,
        prev: link.hash.to_string(),
        time: rfc3339(now),
        event,
    })?;
    let hash = Hash::of(text.as_bytes());
    text.pop();
    text.push_str(HASH);
    text.push_str(&hash.to_string());
    text.push_str(END);
    if text.len() > MAX_LINE {
        return Err(serde::ser::Error::custom("the record is too long"));
    }
    Ok((text, Link { seq, hash }))
}

/// Whether this is the beginning of the record behind `before`, as a write that was interrupted leaves it. A machine that
/// lost its power may have put zeros in the place of what was not written any more.
pub(crate) fn may_be_cut(line: &[u8], before: &Link) -> bool {
    let written = line
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    let written = line.get(..written).unwrap_or_default();
    let (seq, prev) = (before.seq.saturating_add(1), before.hash);
    let head = format!("{{\"audit\":{VERSION},\"seq\":{seq},\"prev\":\"{prev}\",\"time\":\"");
    let begins = written.starts_with(head.as_bytes()) || head.as_bytes().starts_with(written);
    // What has its end was written whole, and is no such record now.
    !line.is_empty() && begins && serde_json::from_slice::<serde::de::IgnoredAny>(written).is_err()
}

impl Torn {
    pub(crate) fn of(line: &[u8]) -> Self {
        Self {
            torn_bytes: u64::try_from(line.len()).unwrap_or(u64::MAX),
            torn_sha256: Hash::of(line).to_string(),
        }
    }
}

/// Why a line is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRecord {
    /// It has not the form of one.
    Form,
    /// It was changed after its hash was computed.
    Hash,
}

impl Record {
    /// Reads a line, without its end, that says itself what its hash is.
    pub(crate) fn read(line: &[u8]) -> Result<Self, NoRecord> {
        #[derive(Deserialize)]
        struct Head {
            audit: u8,
            seq: u64,
            prev: String,
            time: String,
            event: String,
            #[serde(default)]
            torn_bytes: Option<u64>,
            #[serde(default)]
            torn_sha256: Option<String>,
        }
        if line.len() > MAX_LINE {
            return Err(NoRecord::Form);
        }
        let text = std::str::from_utf8(line).map_err(|_| NoRecord::Form)?;
        let split = text.len().checked_sub(TAIL).ok_or(NoRecord::Form)?;
        let (body, tail) = text.split_at_checked(split).ok_or(NoRecord::Form)?;
        let hash = tail.strip_prefix(HASH).and_then(|tail| tail.strip_suffix(END));
        let hash = hash.and_then(Hash::parse).ok_or(NoRecord::Form)?;
        let body = format!("{body}}}");
        let head: Head = serde_json::from_str(&body).map_err(|_| NoRecord::Form)?;
        let prev = Hash::parse(&head.prev).ok_or(NoRecord::Form)?;
        if head.audit != VERSION || head.seq == 0 {
            return Err(NoRecord::Form);
        }
        if Hash::of(body.as_bytes()) != hash {
            return Err(NoRecord::Hash);
        }
        let torn = head.torn_bytes.zip(head.torn_sha256);
        let torn = torn.filter(|_| head.event == RECOVERED);
        Ok(Self {
            link: Link { seq: head.seq, hash },
            prev,
            time: head.time,
            closes: head.event == CLOSED,
            torn: torn.map(|(torn_bytes, torn_sha256)| Torn {
                torn_bytes,
                torn_sha256,
            }),
        })
    }
}

/// A time outside of the years 0 to 9999 is not written.
fn rfc3339(now: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(now).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(&Rfc3339).unwrap_or_default()
}
