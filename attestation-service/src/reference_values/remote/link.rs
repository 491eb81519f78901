//! Whether, and how, the RVPS can be heard; kept up by one task.

use std::sync::Arc;
use std::time::{Duration, Instant};

use daemon::clock::Clock;
use protos::reference::ReferenceValueChange;
use tokio::sync::watch;

use super::super::ReferenceValueError;
use super::super::watched::Change;
use super::Shared;
use super::client::{RvpsClient, error};

/// The state of the link, for many to read and to wait for.
pub(crate) struct Link(watch::Sender<LinkState>);

/// How the RVPS can be heard.
#[derive(Debug, Clone)]
pub(crate) enum LinkState {
    /// No word yet.
    Unknown,
    /// It tells what changes; everything is known.
    Watching,
    /// It answers queries and no more.
    ByQuery,
    /// It cannot be heard; `since` is when it was last heard, if ever.
    Lost { since: Option<Instant>, reason: String },
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);

const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How soon an RVPS that only answers queries is asked again whether it tells changes: it may be replaced.
const BY_QUERY_PAUSE: Duration = Duration::from_secs(60);

/// What one change may bring, in bytes, whatever parts it comes in.
const MAX_CHANGE: usize = 256 << 20;

impl Default for Link {
    fn default() -> Self {
        Self(watch::Sender::new(LinkState::Unknown))
    }
}

impl Link {
    pub(crate) fn state(&self) -> LinkState {
        self.0.borrow().clone()
    }

    pub(crate) fn is_watching(&self) -> bool {
        matches!(*self.0.borrow(), LinkState::Watching)
    }

    /// The state, waiting at most `patience` for the first word.
    pub(crate) async fn known(&self, patience: Duration) -> LinkState {
        if self.is_watching() {
            return LinkState::Watching;
        }
        let mut receiver = self.0.subscribe();
        let first_word = receiver.wait_for(|state| !matches!(state, LinkState::Unknown));
        match tokio::time::timeout(patience, first_word).await {
            Ok(Ok(state)) => state.clone(),
            _ => LinkState::Unknown,
        }
    }

    /// Tells of every change of the values, and of the state.
    pub(crate) fn changes(&self) -> watch::Receiver<LinkState> {
        self.0.subscribe()
    }

    fn set(&self, state: LinkState) {
        self.0.send_replace(state);
    }

    fn lost(&self, reason: String) {
        self.0.send_modify(|state| {
            let since = match state {
                LinkState::Watching => Some(Instant::now()),
                LinkState::Lost { since, .. } => *since,
                LinkState::Unknown => None,
                // Queries tell for themselves how they fare.
                LinkState::ByQuery => return,
            };
            *state = LinkState::Lost { since, reason };
        });
    }
}

/// Keeps `shared` current, for ever.
pub(super) async fn watch(client: RvpsClient, shared: Arc<Shared>, clock: Arc<dyn Clock>) {
    let mut pause = FIRST_PAUSE;
    loop {
        match follow(&client, &shared, &*clock, &mut pause).await {
            ReferenceValueError::NotOffered => {
                if !matches!(shared.link.state(), LinkState::ByQuery) {
                    tracing::warn!("the RVPS does not tell changes: its values are queried one by one");
                }
                shared.link.set(LinkState::ByQuery);
                tokio::time::sleep(BY_QUERY_PAUSE).await;
            }
            failure => {
                if !matches!(shared.link.state(), LinkState::Lost { .. }) {
                    tracing::warn!(error = %failure, "the link to the RVPS is lost");
                }
                shared.link.lost(failure.to_string());
                tokio::time::sleep(pause).await;
                pause = LONGEST_PAUSE.min(pause * 2);
            }
        }
    }
}

/// Takes in one stream of changes, up to its end.
async fn follow(
    client: &RvpsClient,
    shared: &Shared,
    clock: &dyn Clock,
    pause: &mut Duration,
) -> ReferenceValueError {
    let mut changes = match client.watch().await {
        Ok(changes) => changes,
        Err(error) => return error,
    };
    let mut whole = false;
    let (mut parts, mut bytes) = (Change::default(), 0_usize);
    loop {
        let change = match changes.message().await {
            Ok(Some(change)) => change,
            Ok(None) => return ReferenceValueError::Unavailable("it ended the stream of changes".to_owned()),
            Err(status) => return error(&status),
        };
        whole |= change.reset;
        if !whole {
            return ReferenceValueError::Unavailable("its first change is not the whole".to_owned());
        }
        bytes += size(&change);
        if bytes > MAX_CHANGE {
            let most = MAX_CHANGE >> 20;
            return ReferenceValueError::Unavailable(format!("it tells more than {most} MiB at once"));
        }
        parts.reset |= change.reset;
        parts.changed.extend(change.changed.into_iter().map(Into::into));
        parts.removed.extend(change.removed);
        if change.more {
            continue;
        }
        bytes = 0;
        if let Err(error) = shared.values.apply(std::mem::take(&mut parts), clock.now()) {
            return error;
        }
        if !shared.link.is_watching() {
            tracing::info!("the values of the RVPS are here");
        }
        shared.link.set(LinkState::Watching);
        *pause = FIRST_PAUSE;
    }
}

/// About how many bytes a change brings.
fn size(change: &ReferenceValueChange) -> usize {
    let changed = change
        .changed
        .iter()
        .map(|value| value.id.len() + value.value.len());
    changed.chain(change.removed.iter().map(String::len)).sum()
}
