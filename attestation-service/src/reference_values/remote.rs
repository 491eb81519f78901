//! An RVPS in another process, over gRPC.
//!
//! One of ours is watched: it sends all its values and then whatever changes, so an evaluation asks nothing over
//! the network. Others answer `UNIMPLEMENTED` to that and are queried, see [`super::by_query`].

mod client;
mod link;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use daemon::clock::Clock;
use daemon::telemetry::RequestContext;
use daemon::tls::TlsClientConfig;
use protos::reference::{
    ReferenceValueDeleteRequest, ReferenceValueDeleteResponse, ReferenceValueHistoryRequest,
    ReferenceValueHistoryResponse, ReferenceValueRegisterResponse, ReferenceValueRevokeRequest,
    ReferenceValueRevokeResponse,
};
use serde_json::Value;
use tokio::task::{AbortHandle, JoinSet};
use tonic::Status;

use self::client::RvpsClient;
use self::link::{Link, LinkState};
use super::by_query::{MAX_VALUES, RecentAnswers};
use super::watched::Watched;
use super::{ReferenceValue, ReferenceValueError, ReferenceValueSource, View};
use crate::error::StartError;

/// The source. Dropping it ends the watch.
pub(crate) struct Remote {
    client: RvpsClient,
    shared: Arc<Shared>,
    recent: RecentAnswers,
    max_stale: Duration,
    clock: Arc<dyn Clock>,
    watcher: AbortHandle,
}

/// What the watch task keeps current.
#[derive(Default)]
struct Shared {
    values: Watched,
    link: Link,
}

/// How long an evaluation waits for the first word from the RVPS, which may be starting at the same time.
const FIRST_WORD: Duration = Duration::from_secs(3);

/// How long a change waits for its effect to arrive.
const ECHO: Duration = Duration::from_secs(1);

/// How old what is known may be.
pub(crate) struct Ages {
    /// All values, while the RVPS cannot be reached.
    pub(crate) snapshot: Duration,
    /// The answers of an RVPS that only answers queries.
    pub(crate) answers: Duration,
}

impl Remote {
    /// Begins to watch the RVPS at `address`, which need not be there yet.
    pub(crate) fn open(
        address: &str,
        tls: Option<TlsClientConfig>,
        ages: Ages,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let client = RvpsClient::new(address, tls)?;
        let shared = Arc::new(Shared::default());
        let watcher = tokio::spawn(link::watch(
            client.clone(),
            Arc::clone(&shared),
            Arc::clone(&clock),
        ))
        .abort_handle();
        Ok(Self {
            client,
            shared,
            recent: RecentAnswers::new(ages.answers),
            max_stale: ages.snapshot,
            clock,
            watcher,
        })
    }

    /// Does what changes a value, and waits a moment for its effect: it should count for whoever attests next. If
    /// the word does not come in time it comes later: the change itself is done.
    async fn and_echo<T, E>(&self, change: impl Future<Output = Result<T, E>> + Send) -> Result<T, E> {
        let mut changes = self.shared.link.changes();
        let done = change.await?;
        self.recent.clear();
        if self.shared.link.is_watching() {
            let _ = tokio::time::timeout(ECHO, changes.changed()).await;
        }
        Ok(done)
    }

    fn whole(&self, age: Option<Duration>) -> Result<View, ReferenceValueError> {
        Ok(View {
            values: self.shared.values.snapshot(self.clock.now())?,
            looked_up: None,
            age: age.map(|age| age.as_secs()),
        })
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

#[async_trait]
impl ReferenceValueSource for Remote {
    async fn view(&self) -> Result<View, ReferenceValueError> {
        match self.shared.link.known(FIRST_WORD).await {
            LinkState::Watching => self.whole(None),
            LinkState::ByQuery => Ok(self.recent.view()),
            LinkState::Lost { since, reason } => {
                let age = since.map(|since| since.elapsed());
                match age.filter(|age| *age < self.max_stale) {
                    Some(age) => self.whole(Some(age)),
                    None => Err(ReferenceValueError::Unavailable(reason)),
                }
            }
            LinkState::Unknown => Err(ReferenceValueError::Unavailable(
                "it has not answered yet".to_owned(),
            )),
        }
    }

    async fn extend(&self, view: View, ids: Vec<String>) -> Result<View, ReferenceValueError> {
        if ids.len() > MAX_VALUES {
            return Err(ReferenceValueError::TooMany(MAX_VALUES));
        }
        let mut queries = JoinSet::new();
        for id in ids {
            let client = self.client.clone();
            let context = RequestContext::current().unwrap_or_default();
            queries.spawn(context.scope(async move {
                let answer = client.query(&id).await?;
                let value = answer.as_deref().map(serde_json::from_str::<Value>).transpose();
                let value = value.map_err(|error| ReferenceValueError::Unavailable(error.to_string()))?;
                Ok((id, value))
            }));
        }
        let mut answers = Vec::new();
        while let Some(answer) = queries.join_next().await {
            let answer = answer.map_err(|error| ReferenceValueError::Unavailable(error.to_string()))?;
            answers.push(answer?);
        }
        self.recent.extend(&view, answers)
    }

    async fn query(&self, id: &str) -> Result<Option<String>, ReferenceValueError> {
        self.client.query(id).await
    }

    async fn list(&self) -> Result<Vec<ReferenceValue>, ReferenceValueError> {
        self.client.list().await
    }

    async fn register(
        &self,
        message: &str,
        on_behalf_of: Option<&str>,
    ) -> Result<ReferenceValueRegisterResponse, ReferenceValueError> {
        self.and_echo(self.client.register(message, on_behalf_of)).await
    }

    async fn history(
        &self,
        request: ReferenceValueHistoryRequest,
    ) -> Result<ReferenceValueHistoryResponse, Status> {
        self.client.history(request).await
    }

    async fn delete(
        &self,
        request: ReferenceValueDeleteRequest,
    ) -> Result<ReferenceValueDeleteResponse, Status> {
        self.and_echo(self.client.delete(request)).await
    }

    async fn revoke(
        &self,
        request: ReferenceValueRevokeRequest,
    ) -> Result<ReferenceValueRevokeResponse, Status> {
        self.and_echo(self.client.revoke(request)).await
    }

    fn is_ready(&self) -> bool {
        match self.shared.link.state() {
            LinkState::Watching | LinkState::ByQuery => true,
            LinkState::Lost { since, .. } => since.is_some_and(|since| since.elapsed() < self.max_stale),
            LinkState::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests;
