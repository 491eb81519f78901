//! The gRPC health service, `grpc.health.v1.Health`.

use std::time::Duration;

use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// How often the readiness is looked at.
const INTERVAL: Duration = Duration::from_millis(500);

/// Which services of this server can be called, as told to whoever asks.
///
/// The empty name stands for the server as a whole and is there from the start.
#[derive(Clone, Debug)]
pub struct Health(HealthReporter);

impl Health {
    /// A server of which nothing is known yet but that it runs.
    pub fn new() -> Self {
        Self(HealthReporter::new())
    }

    /// Says whether the service of this full name, such as `attestation.AttestationService`, can be called.
    pub async fn set(&self, service: &str, serving: bool) {
        let status = if serving {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        self.0.set_service_status(service, status).await;
    }

    /// Says of each of these services, twice a second, whether it is `ready`; ends when that is `None`, as there is nobody
    /// left to be called.
    pub async fn follow(self, services: &[&str], ready: impl Fn() -> Option<bool>) {
        while let Some(ready) = ready() {
            for service in services {
                self.set(service, ready).await;
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// The service, to be added to a gRPC router.
    pub fn service(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.0.clone()))
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}
