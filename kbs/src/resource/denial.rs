//! Why a policy said no, for the record.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use policy::{FailedCondition, Limits, PolicyInput, ReleaseRequest};
use serde::Serialize;
use serde_json::value::RawValue;

use super::ActivePolicy;

/// Between two denials that are explained. It takes longer than a denial itself, and whoever has evidence of any kind
/// can be denied as often as he likes.
const PAUSE: Duration = Duration::from_millis(20);

/// Whose turn it is to be explained.
pub(crate) struct Denials {
    began: Instant,
    /// Milliseconds after the beginning.
    next: AtomicU64,
}

impl Default for Denials {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            next: AtomicU64::new(0),
        }
    }
}

impl Denials {
    /// Whether this one is to be explained.
    pub(crate) fn take_turn(&self) -> bool {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let now = milliseconds(self.began.elapsed());
        let next = self.next.load(Ordering::Relaxed);
        let after = now.saturating_add(milliseconds(PAUSE));
        now >= next
            && self
                .next
                .compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

/// What was denied.
pub(crate) struct Denial {
    /// The policy that said no.
    pub(crate) policy: Arc<ActivePolicy>,
    /// The claims of the token.
    pub(crate) claims: Arc<str>,
    pub(crate) plugin: String,
    pub(crate) path: Vec<String>,
    pub(crate) query: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Explanation {
    denied: Vec<FailedCondition>,
}

impl Denial {
    /// The conditions that did not hold, as far as they are found out: `{"denied": [...]}`.
    pub(crate) async fn explain(self) -> Option<Box<RawValue>> {
        tokio::task::spawn_blocking(move || self.conditions())
            .await
            .ok()?
    }

    fn conditions(&self) -> Option<Box<RawValue>> {
        let policy = self.policy.compiled.as_ref().ok()?;
        let claims = PolicyInput::from_json(&self.claims).ok()?;
        let request = ReleaseRequest {
            plugin: &self.plugin,
            path: &self.path,
            query: &self.query,
        };
        let denied = policy.explain(&claims, &request, &Limits::default());
        let explained = !denied.is_empty();
        let explanation = serde_json::value::to_raw_value(&Explanation { denied });
        explanation.ok().filter(|_| explained)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_denials_at_once_one_is_explained() {
        let denials = Denials::default();
        let explained = (0..1000).filter(|_| denials.take_turn()).count();
        assert!(
            (1..=2 + denials.began.elapsed().as_millis() / PAUSE.as_millis()).contains(&(explained as u128))
        );
    }
}
