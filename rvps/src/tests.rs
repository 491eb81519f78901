//! Tests of the service over every kind of store, and of the server over real connections.

mod audit;
mod config;
mod grpc;
mod message;
mod provenance;
mod scale;
mod service;
pub(crate) mod signing;
mod stored;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use daemon::{
    clock::{Clock, ManualClock, SystemClock},
    shutdown::Shutdown,
};
use serde_json::Value;

use crate::{Config, Rules, Rvps, app};

/// 2026-11-22T00:00:00Z.
pub(crate) const NOW: i64 = 1_795_305_600;

/// `NOW` twelve calendar months later.
pub(crate) const NEXT_YEAR: i64 = NOW + 365 * 24 * 3600;

/// A register message of type `sample`.
pub(crate) fn sample(values: &Value) -> String {
    serde_json::json!({"version": "0.1.0", "type": "sample", "payload": STANDARD.encode(values.to_string())})
        .to_string()
}

pub(crate) async fn in_memory() -> (Arc<Rvps>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(NOW));
    let rvps = Rvps::open(&Config::default().storage, Rules::default(), clock.clone())
        .await
        .unwrap();
    (rvps, clock)
}

fn ids(rvps: &Rvps) -> Vec<String> {
    rvps.list().iter().map(|value| value.id().to_owned()).collect()
}

/// A server on a free port. It stops when this is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) shutdown: Shutdown,
    serving: Option<app::Running>,
}

impl Server {
    /// With a clock that stands at `NOW`.
    pub(crate) async fn start(config: &Config) -> Self {
        Self::start_at(config, NOW).await
    }

    /// With a clock that stands at the real time.
    pub(crate) async fn start_now(config: &Config) -> Self {
        Self::start_at(config, SystemClock.now()).await
    }

    pub(crate) fn clock_now(&self) -> i64 {
        self.clock.now()
    }

    async fn start_at(config: &Config, now: i64) -> Self {
        daemon::init();
        let clock = Arc::new(ManualClock::new(now));
        let shutdown = Shutdown::manual(Duration::from_secs(20));
        let listener = SocketAddr::from(([127, 0, 0, 1], 0)).into();
        let serving = app::start(
            config,
            listener,
            clock.clone() as Arc<dyn Clock>,
            shutdown.clone(),
        )
        .await
        .unwrap();
        Self {
            address: serving.main.addresses()[0],
            clock,
            shutdown,
            serving: Some(serving),
        }
    }

    /// Stops it and waits until it has.
    async fn stop(mut self) {
        self.shutdown.trigger();
        self.serving.take().unwrap().finished().await.unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.trigger();
    }
}
