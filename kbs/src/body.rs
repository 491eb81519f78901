//! The body of a request: read when it is needed, and bounded, each by itself and all together.
//!
//! Anybody can send one. What is kept of those whose sender is not known is counted, byte by byte as they come, and
//! what is beyond the budget is answered 503. An administrator's body is read when it is clear that it is one.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use daemon::budget::{Budget, Exhausted, Share};
use http_body_util::BodyExt;

use crate::admin::AdminGrant;
use crate::error::KbsError;

/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the rest of a body is awaited that nobody wants, so that the client hears why.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(2);

/// What an Attestation may have at least, in MiB: an event log of 4 MiB is in it as base64.
const EVIDENCE_MIB: u32 = 8;

/// What bodies may take up.
pub struct Bodies {
    limit_mib: u32,
    budget: Arc<Budget>,
}

/// A body, until it was worked on.
pub struct Held {
    bytes: Bytes,
    _share: Option<Share>,
}

impl Bodies {
    /// Each of `limit_mib` MiB at most, and of `budget` bytes all those of unknown senders.
    pub fn new(limit_mib: u32, budget: usize) -> Self {
        Self {
            limit_mib,
            budget: Budget::new(budget),
        }
    }

    /// The body of somebody who may be anybody.
    pub(crate) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Held, KbsError> {
        self.read_within(headers, body, self.limit_mib, Some(self.budget.share()))
            .await
    }

    /// The same of somebody who sends evidence.
    pub(crate) async fn read_evidence(&self, headers: &HeaderMap, body: Body) -> Result<Held, KbsError> {
        let limit_mib = self.limit_mib.max(EVIDENCE_MIB);
        self.read_within(headers, body, limit_mib, Some(self.budget.share()))
            .await
    }

    /// The body of an administrator, who is trusted with the memory.
    pub(crate) async fn read_of(
        &self,
        _: &AdminGrant,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Held, KbsError> {
        self.read_within(headers, body, self.limit_mib, None).await
    }

    /// Reads what nobody wants, for a moment, keeping nothing: a client that is still sending may not hear an answer.
    pub(crate) async fn discard(&self, headers: &HeaderMap, body: Body) {
        discard(headers, body, self.limit()).await;
    }

    async fn read_within(
        &self,
        headers: &HeaderMap,
        mut body: Body,
        limit_mib: u32,
        share: Option<Share>,
    ) -> Result<Held, KbsError> {
        let limit = bytes(limit_mib);
        let expected = declared(headers).unwrap_or(limit);
        let too_large = || KbsError::TooLarge { limit_mib };
        if expected > limit {
            return Err(too_large());
        }
        let whole = whole(&mut body, limit, expected, share, too_large);
        match tokio::time::timeout(BODY_TIMEOUT, whole).await {
            Ok(Err(KbsError::TooBusy)) => {
                discard(headers, body, limit).await;
                Err(KbsError::TooBusy)
            }
            Ok(read) => read,
            Err(_) => Err(KbsError::BrokenBody),
        }
    }

    /// Somebody who holds the whole budget.
    #[cfg(test)]
    pub(crate) fn hold_all_for_tests(&self) -> Held {
        let share = self.budget.share();
        // More than there is: it is refused, and counts until it is given back.
        assert_eq!(share.take(1 << 40), Err(Exhausted));
        Held {
            bytes: Bytes::new(),
            _share: Some(share),
        }
    }

    /// The largest of one, in bytes.
    pub(crate) fn limit(&self) -> usize {
        bytes(self.limit_mib)
    }
}

fn bytes(mib: u32) -> usize {
    usize::try_from(u64::from(mib) << 20).unwrap_or(usize::MAX)
}

async fn discard(headers: &HeaderMap, mut body: Body, limit: usize) {
    let waits = headers.contains_key(header::EXPECT);
    if waits || declared(headers).is_some_and(|length| length > limit) {
        return;
    }
    let rest = async {
        let mut seen = 0;
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > limit {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(DISCARD_TIMEOUT, rest).await;
}

/// The whole of a body, of at most `limit` bytes.
async fn whole(
    body: &mut Body,
    limit: usize,
    expected: usize,
    share: Option<Share>,
    too_large: impl Fn() -> KbsError,
) -> Result<Held, KbsError> {
    let mut first = Bytes::new();
    let mut all: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| KbsError::BrokenBody)?;
        let Ok(data) = frame.into_data() else { continue };
        if data.is_empty() {
            continue;
        }
        let length = first.len() + all.len() + data.len();
        if length > limit {
            return Err(too_large());
        }
        if length == data.len() {
            grow(share.as_ref(), length)?;
            first = data;
            continue;
        }
        if length > all.capacity() {
            // Twice as much, but no more than is to come. What is counted is what is allocated.
            let capacity = (2 * length).min(expected).max(length);
            grow(share.as_ref(), capacity)?;
            all.reserve_exact(capacity - all.len());
        }
        all.extend_from_slice(&std::mem::take(&mut first));
        all.extend_from_slice(&data);
    }
    let bytes = if all.is_empty() { first } else { all.into() };
    Ok(Held { bytes, _share: share })
}

impl Held {
    /// Of a request that has none.
    pub(crate) fn none() -> Self {
        Self {
            bytes: Bytes::new(),
            _share: None,
        }
    }

    /// What an administrator sent, for who keeps it.
    pub(crate) fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }
}

impl Deref for Held {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

fn grow(share: Option<&Share>, bytes: usize) -> Result<(), KbsError> {
    let grown = share.map_or(Ok(()), |share| share.grow_to(bytes));
    grown.map_err(|Exhausted| KbsError::TooBusy)
}

/// What `Content-Length` says.
fn declared(headers: &HeaderMap) -> Option<usize> {
    headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok())
}

/// The Rego text of a `policy` member: base64url without padding.
pub(crate) fn policy_text(policy: &str) -> Result<String, KbsError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(policy)
        .map_err(|_| KbsError::BadPolicyBody("Failed to decode policy: not base64url without padding"))?;
    String::from_utf8(bytes).map_err(|_| KbsError::BadPolicyBody("Failed to decode policy: not UTF-8"))
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
