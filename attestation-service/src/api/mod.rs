//! What others call: gRPC, its health service, and the key that verifies the tokens, all on one port.
//!
//! | path | what |
//! |---|---|
//! | `/attestation.AttestationService/…` | evidence, policies, challenges |
//! | `/attestation.AttestationManagementService/…` | policies, listed, read, deleted and rolled back |
//! | `/reference.ReferenceValueProviderService/…` | reference values, passed on to the RVPS |
//! | `/reference.ReferenceValueManagementService/…` | reference values, listed |
//! | `/grpc.health.v1.Health/…` | health |
//! | `GET /.well-known/jwks.json` | JWK Set of the token key |

mod attestation;
mod audited;
mod decode;
mod policies;
mod reference;
mod status;
mod trial;

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use daemon::health::Health;
use protos::attestation::attestation_management_service_server::AttestationManagementServiceServer;
use protos::attestation::attestation_service_server::AttestationServiceServer;
use protos::reference::reference_value_management_service_server::ReferenceValueManagementServiceServer;
use protos::reference::reference_value_provider_service_server::ReferenceValueProviderServiceServer;
use tonic::service::Routes;

use crate::AttestationService;

/// The longest request, in bytes. Evidence with event logs and certificates of several devices fits.
const MAX_MESSAGE: usize = 8 * 1024 * 1024;

/// The name under which the ecosystem asks for the health of this service.
const SERVICE: &str = "attestation.AttestationService";

/// Everything this service answers to. Needs a Tokio runtime.
pub fn router(service: Arc<AttestationService>) -> axum::Router {
    let health = Health::new();
    let followed = Arc::downgrade(&service);
    let ready = move || followed.upgrade().map(|service| service.is_ready());
    tokio::spawn(health.clone().follow(&[SERVICE], ready));

    let attestation = attestation::Api(Arc::clone(&service));
    let reference = reference::Api(Arc::clone(&service));
    let routes = Routes::new(
        AttestationServiceServer::new(attestation.clone()).max_decoding_message_size(MAX_MESSAGE),
    )
    .add_service(AttestationManagementServiceServer::new(attestation).max_decoding_message_size(MAX_MESSAGE))
    .add_service(
        ReferenceValueProviderServiceServer::new(reference.clone()).max_decoding_message_size(MAX_MESSAGE),
    )
    .add_service(ReferenceValueManagementServiceServer::new(reference))
    .add_service(health.service());
    let jwks = axum::Router::new()
        .route("/.well-known/jwks.json", get(jwks))
        .with_state(service);
    routes.prepare().into_axum_router().merge(jwks)
}

async fn jwks(State(service): State<Arc<AttestationService>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], service.jwks().to_owned())
}

#[cfg(test)]
mod tests;
