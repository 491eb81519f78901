//! What is doubtful about a policy that is set: what its text says, and what the RVPS knows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use daemon::aside::AsideError;
use daemon::telemetry::RequestContext;
use policy::reads::Mention;
use tokio::task::JoinSet;

use super::AttestationService;
use crate::policies::{Checks, Findings, KnownValues, ReadyPolicy};

/// How many reference values are asked for at once, where the RVPS only answers queries.
const AT_ONCE: usize = 16;

/// How long they are asked for.
const LOOKING_UP: Duration = Duration::from_secs(20);

impl AttestationService {
    /// What is to be said of a policy. What it asks for may be there later.
    pub(super) async fn findings(
        &self,
        rego: &str,
        policy: &Arc<ReadyPolicy>,
    ) -> Result<Findings, AsideError> {
        let rego = rego.to_owned();
        let checks = self.policies.trials.run(move |_| Checks::of(&rego)).await?;
        let values = self.known_values(checks.reference_ids()).await;
        let policy = Arc::clone(policy);
        let found = self
            .policies
            .trials
            .run(move |_| checks.findings(&policy, &values));
        found.await?
    }

    async fn known_values(&self, ids: &[Mention<String>]) -> KnownValues {
        if ids.is_empty() {
            return KnownValues::default();
        }
        match self.reference_values.view().await {
            Err(error) => KnownValues {
                unknown: Some((ids.to_vec(), error.to_string())),
                ..KnownValues::default()
            },
            Ok(view) if view.looked_up.is_none() => KnownValues {
                unregistered: ids
                    .iter()
                    .filter(|id| !view.values.has(&id.name))
                    .cloned()
                    .collect(),
                unknown: None,
                registered: view.values.ids().map(str::to_owned).collect(),
                age: view.age,
            },
            Ok(_) => self.asked_one_by_one(ids).await,
        }
    }

    /// The same where nobody can say everything that there is.
    async fn asked_one_by_one(&self, ids: &[Mention<String>]) -> KnownValues {
        let until = tokio::time::Instant::now() + LOOKING_UP;
        let mut waiting = ids.iter().enumerate();
        let mut asked = JoinSet::new();
        let mut answers = BTreeMap::new();
        let why = loop {
            while asked.len() < AT_ONCE
                && let Some((number, id)) = waiting.next()
            {
                let (source, id) = (Arc::clone(&self.reference_values), id.name.clone());
                let context = RequestContext::current().unwrap_or_default();
                asked.spawn(context.scope(async move { (number, source.query(&id).await) }));
            }
            match tokio::time::timeout_at(until, asked.join_next()).await {
                Ok(None) => break None,
                Ok(Some(Ok((number, Ok(value))))) => {
                    answers.insert(number, value.is_some());
                }
                Ok(Some(Ok((_, Err(error))))) => break Some(error.to_string()),
                Ok(Some(Err(_))) => break Some("a question to the RVPS broke off".to_owned()),
                Err(_) => break Some(format!("the RVPS takes longer than {} s", LOOKING_UP.as_secs())),
            }
        };
        let of = |wanted: Option<bool>| {
            let ids = ids.iter().enumerate();
            let ids = ids.filter(|(number, _)| answers.get(number).copied() == wanted);
            ids.map(|(_, id)| id.clone()).collect::<Vec<_>>()
        };
        let unregistered = of(Some(false));
        let mut registered = Vec::new();
        if !unregistered.is_empty() {
            // An RVPS of another kind has no list: then only shipped names are suggested.
            let values = self.reference_values.list().await.unwrap_or_default();
            registered.extend(values.into_iter().map(|value| value.id));
        }
        KnownValues {
            unregistered,
            unknown: why.map(|why| (of(None), why)),
            registered,
            age: None,
        }
    }
}
