use serde::Serialize;

use crate::telemetry::RequestContext;

/// Longest path or reason in a line, in characters.
const MAX_TEXT: usize = 1000;

/// Something to be written down. Its line is made by the thread that writes.
pub trait Told: Send + 'static {
    /// What the line says: a struct or a map with a member `event`.
    type Line: Serialize + Clone + Send;

    /// When it was, in seconds since the Unix epoch.
    fn at(&self) -> i64;

    /// The line.
    fn line(&self) -> Self::Line;

    /// Whether somebody who has shown nothing can bring this about as often as he likes. A part of the places alone is
    /// for such lines, so that a flood of them hides no other.
    fn is_cheap(&self) -> bool {
        false
    }

    /// The line that takes it back: nobody was there any more when it was on the disk, so nothing was handed out or
    /// done.
    fn withdrawn(&self) -> Self::Line;
}

/// Where a request came from, for the end of its line.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Origin {
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// An address without its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
}

impl Origin {
    /// Of the request that is being answered here; of none, nothing is known.
    #[must_use]
    pub fn current() -> Self {
        Self::of(RequestContext::current().as_ref())
    }

    /// Of a request.
    #[must_use]
    pub fn of(context: Option<&RequestContext>) -> Self {
        let peer = context.and_then(RequestContext::peer);
        Self {
            request_id: context.map(|context| context.request_id().to_string()),
            peer: peer.map(|peer| peer.ip().to_string()),
        }
    }
}

/// Why a line was taken back: for the `reason` of [`Told::withdrawn`].
pub const GONE: &str = "whoever asked was gone, or the write took too long: nothing was handed out or done";

/// A text of a stranger, as much of it as a line takes.
#[must_use]
pub fn bounded(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

/// A line on its way.
#[derive(Clone)]
pub(super) struct Entry<L> {
    pub(super) at: i64,
    pub(super) body: Body<L>,
}

/// What it says.
#[derive(Clone, Serialize)]
#[serde(untagged)]
pub(super) enum Body<L> {
    OfLog(OfLog),
    Told(L),
}

/// What is said of the log itself.
#[derive(Clone, Default, Serialize)]
pub(super) struct OfLog {
    event: &'static str,
    /// The name of a chain that begins here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) chain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

impl OfLog {
    pub(super) fn new(event: &'static str) -> Self {
        Self {
            event,
            ..Self::default()
        }
    }

    pub(super) fn because(mut self, reason: &str) -> Self {
        self.reason = Some(bounded(reason));
        self
    }

    pub(super) fn counting(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    pub(super) fn at<L>(self, at: i64) -> Entry<L> {
        Entry {
            at,
            body: Body::OfLog(self),
        }
    }
}

impl<L> Entry<L> {
    pub(super) fn of<T: Told<Line = L>>(told: &T) -> Self {
        Self {
            at: told.at(),
            body: Body::Told(told.line()),
        }
    }

    pub(super) fn taking_back<T: Told<Line = L>>(told: &T) -> Self {
        Self {
            at: told.at(),
            body: Body::Told(told.withdrawn()),
        }
    }
}
