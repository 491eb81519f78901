use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::de::value::{Error, StrDeserializer};

use super::DecisionId;
use super::entry::Entry;
use super::record::{Decision, Kind, Verdict};

/// Decisions given at once, unless asked otherwise.
const DEFAULT_LIMIT: usize = 100;
/// Decisions given at once at most.
const MAX_LIMIT: usize = 1000;
/// Seconds that a caller may wait for something new.
const MAX_WAIT: u64 = 20;

/// Which decisions are asked for. What is left out matches all.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Made after this one: for those who follow.
    pub after: Option<DecisionId>,
    /// Made at this time or later, in seconds since the Unix epoch.
    pub since: Option<i64>,
    /// Of this kind.
    pub kind: Option<Kind>,
    /// That ended this way.
    pub verdict: Option<Verdict>,
    /// Of attesters of this kind.
    pub tee: Option<String>,
    /// Of resources whose name begins with this, at a segment's border: `resource/default`.
    pub resource: Option<String>,
    /// Of this request.
    pub request_id: Option<String>,
    /// So many at most. Without `after`, the newest.
    pub limit: Option<usize>,
}

/// What was found, oldest first.
#[derive(Debug, Default)]
pub struct Page {
    /// The decisions.
    pub decisions: Vec<Arc<Decision>>,
    /// The newest that was looked at: to go on from. `None` if there was nothing to look at.
    pub next: Option<DecisionId>,
}

/// A guest that can be appraised again.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The attestation.
    pub decision: Arc<Decision>,
    /// The claims of its token, as JSON text.
    pub claims: Arc<str>,
    /// What this guest asked for afterwards, oldest first.
    pub releases: Vec<Arc<Decision>>,
}

impl Query {
    /// Reads query parameters of these names, and `wait`: for how many seconds the caller would wait. A negative
    /// `since` counts back from `now`.
    ///
    /// # Errors
    /// What is wrong, in words for the caller.
    pub fn read(parameters: &BTreeMap<String, String>, now: i64) -> Result<(Self, u64), String> {
        let mut query = Self::default();
        let mut wait = 0;
        for (name, value) in parameters {
            let wrong = |what: &str| format!("`{name}` is {what}");
            match name.as_str() {
                "after" => {
                    query.after = Some(value.parse().map_err(|error| wrong(&format!("no id: {error}")))?)
                }
                "since" => {
                    query.since = Some(since(value, now).ok_or_else(|| wrong("no number of seconds"))?)
                }
                "kind" => query.kind = Some(named(value).ok_or_else(|| wrong("`attestation` or `release`"))?),
                "verdict" => query.verdict = Some(named(value).ok_or_else(|| wrong("no verdict"))?),
                "tee" => query.tee = Some(value.clone()),
                "resource" => query.resource = Some(value.trim_end_matches('/').to_owned()),
                "request_id" => query.request_id = Some(value.clone()),
                "limit" => query.limit = Some(number(value).ok_or_else(|| wrong("no number"))?),
                "wait" => wait = number(value).ok_or_else(|| wrong("no number of seconds"))?,
                _ => {
                    return Err(format!(
                        "`{name}` is not known: there are after, since, kind, verdict, tee, resource, request_id, \
                         limit and wait"
                    ));
                }
            }
        }
        Ok((query, wait.min(MAX_WAIT)))
    }

    /// Looks through `entries`, which are those after [`Query::after`], oldest first.
    pub(super) fn run<'a>(&self, entries: impl DoubleEndedIterator<Item = &'a Entry>) -> Page {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
        let mut page = Page {
            next: self.after,
            ..Page::default()
        };
        let matching = |entry: &&Entry| self.matches(entry.decision());
        if self.after.is_some() {
            for entry in entries {
                page.next = Some(entry.id());
                if matching(&entry) {
                    page.decisions.push(Arc::clone(entry.decision()));
                    if page.decisions.len() == limit {
                        break;
                    }
                }
            }
            return page;
        }
        let mut newest_first = entries.rev().peekable();
        page.next = newest_first.peek().map(|entry| entry.id());
        let found = newest_first.filter(matching).take(limit);
        page.decisions = found.map(|entry| Arc::clone(entry.decision())).collect();
        page.decisions.reverse();
        page
    }

    fn matches(&self, decision: &Decision) -> bool {
        fn same<T: PartialEq>(wanted: &Option<T>, found: &Option<T>) -> bool {
            wanted.is_none() || wanted == found
        }
        let below = |prefix: &String| {
            let resource = decision.resource.as_deref().unwrap_or_default();
            resource
                .strip_prefix(prefix.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.since.is_none_or(|since| decision.at >= since)
            && self.kind.is_none_or(|kind| decision.kind == kind)
            && self.verdict.is_none_or(|verdict| decision.verdict == verdict)
            && same(&self.tee, &decision.tee)
            && same(&self.request_id, &decision.request_id)
            && self.resource.as_ref().is_none_or(below)
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn since(text: &str, now: i64) -> Option<i64> {
    let seconds: i64 = number(text)?;
    Some(if seconds < 0 {
        now.saturating_add(seconds)
    } else {
        seconds
    })
}

/// The variant of an enum by its name in JSON.
fn named<T: DeserializeOwned>(name: &str) -> Option<T> {
    T::deserialize(StrDeserializer::<Error>::new(name)).ok()
}
