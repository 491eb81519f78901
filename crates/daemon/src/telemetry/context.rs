//! Who asked: the ids under which a request is known in the logs of all services.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::ids;

/// Carries the request id, in requests and in responses.
pub const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// Carries the trace context (W3C Trace Context, section 3.2).
pub const TRACEPARENT_HEADER: HeaderName = HeaderName::from_static("traceparent");

const MAX_REQUEST_ID: usize = 64;

tokio::task_local! {
    static CURRENT: RequestContext;
}

/// The ids of one request. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RequestContext {
    request_id: RequestId,
    trace_id: u128,
    span_id: u64,
    sampled: bool,
    peer: Option<SocketAddr>,
}

#[derive(Clone, Debug)]
enum RequestId {
    Ours(u128),
    Theirs(Arc<str>),
}

impl RequestContext {
    /// A context of its own, for work that no request asked for.
    pub fn new() -> Self {
        Self::from_headers(&HeaderMap::new(), None)
    }

    /// The context that the headers tell, completed with new ids.
    ///
    /// A foreign request id is taken only if it is 1 to 64 of `A-Z a-z 0-9 . _ -`; a foreign trace
    /// context only if it is well-formed. Anything else counts as absent.
    pub fn from_headers(headers: &HeaderMap, peer: Option<SocketAddr>) -> Self {
        let parent = headers.get(TRACEPARENT_HEADER).and_then(Parent::parse);
        let given = headers.get(REQUEST_ID_HEADER).and_then(foreign_id);
        let fresh = ids::next_128();
        let (trace_id, sampled) = parent.map_or((fresh, false), |parent| (parent.trace_id, parent.sampled));
        let request_id = given.map_or(RequestId::Ours(fresh), RequestId::Theirs);
        Self {
            request_id,
            trace_id,
            span_id: ids::next_64(),
            sampled,
            peer,
        }
    }

    /// The context of the request that the running task works for.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Calls `f` with the context of the running task, without cloning it.
    pub fn with_current<R>(f: impl FnOnce(&Self) -> R) -> Option<R> {
        CURRENT.try_with(f).ok()
    }

    /// Runs `future` in this context. A spawned task does not inherit the context of the one that spawns
    /// it: `tokio::spawn(context.scope(future))`.
    pub fn scope<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, future)
    }

    /// Runs `f` in this context, for blocking work on another thread.
    pub fn sync_scope<R>(self, f: impl FnOnce() -> R) -> R {
        CURRENT.sync_scope(self, f)
    }

    /// The request id, to be written into a response or an error body.
    pub fn request_id(&self) -> impl fmt::Display + '_ {
        &self.request_id
    }

    /// The trace id, 32 hexadecimal digits.
    pub fn trace_id(&self) -> impl fmt::Display {
        Hex128(self.trace_id)
    }

    /// The address the request came from, where the server knows it.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The value of `traceparent` for a request sent on behalf of this one.
    pub fn traceparent(&self) -> String {
        format!(
            "00-{:032x}-{:016x}-{:02x}",
            self.trace_id,
            self.span_id,
            u8::from(self.sampled)
        )
    }

    pub(super) fn request_id_header(&self) -> Option<HeaderValue> {
        match &self.request_id {
            RequestId::Ours(id) => HeaderValue::from_bytes(&hex_128(*id)).ok(),
            RequestId::Theirs(id) => HeaderValue::from_str(id).ok(),
        }
    }
}

impl Default for RequestContext {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours(id) => Hex128(*id).fmt(f),
            Self::Theirs(id) => f.write_str(id),
        }
    }
}

struct Hex128(u128);

impl fmt::Display for Hex128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&hex_128(self.0)).unwrap_or_default())
    }
}

fn hex_128(id: u128) -> [u8; 32] {
    let mut text = [0; 32];
    // 16 bytes are 32 digits.
    let _ = hex::encode_to_slice(id.to_be_bytes(), &mut text);
    text
}

fn foreign_id(value: &HeaderValue) -> Option<Arc<str>> {
    let text = value.to_str().ok()?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let valid = (1..=MAX_REQUEST_ID).contains(&text.len()) && text.bytes().all(allowed);
    valid.then(|| text.into())
}

/// What is kept of a foreign `traceparent`.
struct Parent {
    trace_id: u128,
    sampled: bool,
}

impl Parent {
    /// Version 00, and what later versions keep of it (W3C Trace Context, sections 3.2.2 and 4.3).
    fn parse(value: &HeaderValue) -> Option<Self> {
        let mut parts = value.to_str().ok()?.split('-');
        let version = digits(parts.next()?, 2)?;
        let trace_id = digits(parts.next()?, 32)?;
        let span_id = digits(parts.next()?, 16)?;
        let flags = digits(parts.next()?, 2)?;
        let complete = version != 0xff && (version != 0 || parts.next().is_none());
        (complete && trace_id != 0 && span_id != 0).then_some(Self {
            trace_id,
            sampled: flags & 1 == 1,
        })
    }
}

/// A number in exactly `width` lower-case hexadecimal digits.
fn digits(text: &str, width: usize) -> Option<u128> {
    let valid = text.len() == width
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
    if valid {
        u128::from_str_radix(text, 16).ok()
    } else {
        None
    }
}
