//! The service over gRPC. `reference.ReferenceValueProviderService` is the existing ecosystem's;
//! `reference.ReferenceValueManagementService` is ours.

mod audited;
pub mod management;
mod watch;
mod wire;

use std::sync::Arc;

use daemon::{
    audit::{About, AdminLine, Audit, Names},
    health::Health,
    shutdown::Shutdown,
    tls::PeerCertificate,
};
use protos::reference::{
    ReferenceValueQueryRequest, ReferenceValueQueryResponse, ReferenceValueRegisterRequest,
    ReferenceValueRegisterResponse,
    reference_value_management_service_server::ReferenceValueManagementServiceServer,
    reference_value_provider_service_server::{
        ReferenceValueProviderService, ReferenceValueProviderServiceServer,
    },
};
use storage::StorageError;
use tonic::{Request, Response, Status, server::NamedService, service::Routes};

use self::watch::Watchers;
use crate::{Caller, RegisterError, Rvps, auth::Authenticator};

/// The largest message taken, in bytes.
const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// The names under which their health is asked for.
const SERVICES: [&str; 2] = [
    ReferenceValueProviderServiceServer::<Api>::NAME,
    ReferenceValueManagementServiceServer::<Api>::NAME,
];

/// Both services and health, ready to be served. Streams end when `shutdown` is requested; a service is told to be not
/// serving while its audit log is required and cannot be written.
pub(crate) async fn routes(
    rvps: Arc<Rvps>,
    authenticator: Authenticator,
    audit: Arc<Audit<AdminLine>>,
    shutdown: Shutdown,
) -> Routes {
    let health = Health::new();
    for service in SERVICES {
        health.set(service, true).await;
    }
    let log = Arc::downgrade(&audit);
    let ready = move || Some(log.upgrade()?.is_ready() != Some(false));
    tokio::spawn(health.clone().follow(&SERVICES, ready));
    let api = Arc::new(Api {
        rvps,
        authenticator,
        audit,
        shutdown,
        watchers: Watchers::default(),
    });
    Routes::new(health.service())
        .add_service(
            ReferenceValueProviderServiceServer::from_arc(Arc::clone(&api))
                .max_decoding_message_size(MAX_MESSAGE_BYTES),
        )
        .add_service(
            ReferenceValueManagementServiceServer::from_arc(api).max_decoding_message_size(MAX_MESSAGE_BYTES),
        )
}

struct Api {
    rvps: Arc<Rvps>,
    authenticator: Authenticator,
    audit: Arc<Audit<AdminLine>>,
    shutdown: Shutdown,
    watchers: Watchers,
}

impl Api {
    fn writer<T>(&self, request: &Request<T>) -> Result<Caller, Status> {
        let certificate = request.extensions().get::<PeerCertificate>();
        let now = self.rvps.clock.now();
        Ok(self.authenticator.writer(request.metadata(), certificate, now)?)
    }

    fn reader<T>(&self, request: &Request<T>) -> Result<(), Status> {
        let certificate = request.extensions().get::<PeerCertificate>();
        let now = self.rvps.clock.now();
        Ok(self.authenticator.reader(request.metadata(), certificate, now)?)
    }
}

/// Whatever goes wrong has the status ABORTED: that is what clients of the existing ecosystem expect. Only who may not
/// is told so, which does not happen in a configuration that they know; and that the operator has to do something.
#[tonic::async_trait]
impl ReferenceValueProviderService for Api {
    async fn query_reference_value(
        &self,
        request: Request<ReferenceValueQueryRequest>,
    ) -> Result<Response<ReferenceValueQueryResponse>, Status> {
        self.reader(&request)?;
        let value = self
            .rvps
            .query(&request.get_ref().reference_value_id)
            .map_err(|error| {
                tracing::warn!(%error, "a reference value cannot be read");
                Status::aborted(format!("Query reference value: {error}"))
            })?;
        let reference_value_results = value.map(|value| value.json().to_owned());
        Ok(Response::new(ReferenceValueQueryResponse {
            reference_value_results,
        }))
    }

    async fn register_reference_value(
        &self,
        request: Request<ReferenceValueRegisterRequest>,
    ) -> Result<Response<ReferenceValueRegisterResponse>, Status> {
        let behalf = request.get_ref().on_behalf_of.clone();
        let (caller, attempt) = self
            .admit(
                &request,
                "RegisterReferenceValue",
                behalf,
                || About::message(&request.get_ref().message),
                |caller| Rvps::may_register(caller).map_err(|error| refused(&error, caller)),
            )
            .await?;
        let message = request.into_inner().message;
        let registered = self.rvps.register(&message, &caller).await;
        let answer = registered
            .map(|registered| management::registered(&registered))
            .map_err(|error| refused(&error, &caller));
        let answer = attempt.end(answer, |answer, about| {
            about.names = Names::received(&answer.names, answer.more_names);
        });
        answer.map(Response::new)
    }
}

fn refused(error: &RegisterError, caller: &Caller) -> Status {
    tracing::warn!(%error, by = %caller.who, "a register message was not taken");
    let text = format!("Register reference value: {error}");
    match error {
        RegisterError::Forbidden { .. } => Status::permission_denied(text),
        RegisterError::Storage {
            source: StorageError::NotWritable { .. },
            ..
        } => Status::failed_precondition(text),
        _ => Status::aborted(text),
    }
}
