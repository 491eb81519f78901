//! Stopping in order: no new connections, requests under way finish, within a limit.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How long requests under way may go on after a stop was asked for.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(25);

/// Says when to stop. Clones share one state; once triggered it stays so.
#[derive(Clone, Debug)]
pub struct Shutdown {
    state: Arc<watch::Sender<bool>>,
    grace: Duration,
}

impl Shutdown {
    /// A shutdown that only [`Shutdown::trigger`] sets off, with `grace` for requests under way.
    pub fn manual(grace: Duration) -> Self {
        Self {
            state: Arc::new(watch::Sender::new(false)),
            grace,
        }
    }

    /// A shutdown set off by SIGTERM or SIGINT. Needs a Tokio runtime.
    ///
    /// # Errors
    /// The operating system refuses a signal handler.
    pub fn on_signals(grace: Duration) -> io::Result<Self> {
        let shutdown = Self::manual(grace);
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let trigger = shutdown.clone();
        tokio::spawn(async move {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            tracing::info!(signal = name, "stopping");
            trigger.trigger();
        });
        Ok(shutdown)
    }

    /// Asks for the stop.
    pub fn trigger(&self) {
        self.state.send_replace(true);
    }

    /// Whether the stop was asked for.
    pub fn is_triggered(&self) -> bool {
        *self.state.borrow()
    }

    /// Returns once the stop was asked for.
    pub async fn requested(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.state.subscribe().wait_for(|stop| *stop).await;
    }

    /// How long requests under way may go on.
    pub fn grace(&self) -> Duration {
        self.grace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_clone_hears_of_the_stop_even_afterwards() {
        let shutdown = Shutdown::manual(DEFAULT_GRACE);
        let early = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.requested().await }
        });
        assert!(!shutdown.is_triggered());
        shutdown.trigger();
        early.await.unwrap();
        shutdown.clone().requested().await;
        assert!(shutdown.is_triggered());
    }
}
