//! What is kept, for how long, and what is found again.

mod keeping;
mod notes;
mod restarts;

use std::sync::Arc;

use daemon::clock::ManualClock;
use prometheus::IntCounter;
use serde_json::json;
use storage::KeyValueStore;

use super::*;
use crate::admin::AdminGrant;

const NOW: i64 = 1_795_309_155;

/// Records on a clock that stands still.
struct Bench {
    decisions: Decisions,
    clock: Arc<ManualClock>,
    lost: IntCounter,
}

impl Bench {
    async fn with(config: DecisionsConfig, store: Option<Arc<dyn KeyValueStore>>) -> Self {
        let clock = Arc::new(ManualClock::new(NOW));
        let lost = IntCounter::new("lost", "lost").unwrap();
        let decisions = Decisions::start(&config, store, Arc::clone(&clock) as _, lost.clone());
        Self {
            decisions: decisions.await.unwrap(),
            clock,
            lost,
        }
    }

    async fn new(config: DecisionsConfig) -> Self {
        Self::with(config, None).await
    }

    /// Notes something and waits until it is in memory.
    async fn note(&self, what: Occurrence) -> DecisionId {
        let noted = Arc::new(self.decisions.name(what));
        let id = noted.id;
        assert!(self.decisions.note(noted));
        self.decisions.reached().await;
        id
    }

    fn all(&self) -> Vec<DecisionId> {
        self.ids(&Query {
            limit: Some(1000),
            ..Query::default()
        })
    }

    fn ids(&self, query: &Query) -> Vec<DecisionId> {
        let page = self.decisions.find(&AdminGrant::for_tests(), query);
        page.decisions.iter().map(|decision| decision.id).collect()
    }
}

/// Claims of an affirming guest, and some bytes of evidence with them.
fn claims(bytes: usize) -> Arc<str> {
    let evidence = "e".repeat(bytes);
    let claims = json!({"submods": {"cpu0": {
        "ear.status": "affirming",
        "ear.trustworthiness-vector": {"hardware": 2},
        "ear.appraisal-policy-id": "default",
        "ear.veraison.annotated-evidence": {"snp": evidence},
    }}});
    claims.to_string().into()
}

fn attested(claims: Arc<str>) -> Occurrence {
    Occurrence {
        claims: Some(claims),
        ..Occurrence::attestation(Some(kbs_types::Tee::Snp), Outcome::Appraised)
    }
}

fn refused() -> Occurrence {
    let outcome = Outcome::Error(
        Verdict::Refused,
        "AttestationError",
        "report data: mismatch".into(),
    );
    Occurrence::attestation(Some(kbs_types::Tee::Tdx), outcome)
}

fn released(path: &str, attestation: Option<DecisionId>) -> Occurrence {
    let path: Vec<String> = path.split('/').map(str::to_owned).collect();
    Occurrence {
        attestation,
        claims: Some(claims(10)),
        ..Occurrence::release("resource", &path, Outcome::Decided(Verdict::Released))
    }
}
