//! The service over gRPC. `reference.ReferenceValueProviderService` is the existing ecosystem's;
//! `reference.ReferenceValueManagementService` is ours.

use std::{pin::Pin, sync::Arc};

use daemon::{health::Health, shutdown::Shutdown};
use protos::reference::{
    ReferenceValue as WireValue, ReferenceValueChange, ReferenceValueListRequest, ReferenceValueListResponse,
    ReferenceValueQueryRequest, ReferenceValueQueryResponse, ReferenceValueRegisterRequest,
    ReferenceValueRegisterResponse, ReferenceValueWatchRequest,
    reference_value_management_service_server::{
        ReferenceValueManagementService, ReferenceValueManagementServiceServer,
    },
    reference_value_provider_service_server::{
        ReferenceValueProviderService, ReferenceValueProviderServiceServer,
    },
};
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, server::NamedService, service::Routes};

use crate::{Change, ReferenceValue, Rvps};

/// The largest message taken, in bytes.
const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// Both services and health, ready to be served. Streams end when `shutdown` is requested.
pub async fn routes(rvps: Arc<Rvps>, shutdown: Shutdown) -> Routes {
    let health = Health::new();
    for service in [
        ReferenceValueProviderServiceServer::<Api>::NAME,
        ReferenceValueManagementServiceServer::<Api>::NAME,
    ] {
        health.set(service, true).await;
    }
    let api = Arc::new(Api { rvps, shutdown });
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
    shutdown: Shutdown,
}

/// Whatever goes wrong has the status ABORTED: that is what clients of the existing ecosystem expect.
#[tonic::async_trait]
impl ReferenceValueProviderService for Api {
    async fn query_reference_value(
        &self,
        request: Request<ReferenceValueQueryRequest>,
    ) -> Result<Response<ReferenceValueQueryResponse>, Status> {
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
        self.rvps
            .register(&request.get_ref().message)
            .await
            .map_err(|error| {
                tracing::warn!(%error, "a register message was not taken");
                Status::aborted(format!("Register reference value: {error}"))
            })?;
        Ok(Response::new(ReferenceValueRegisterResponse {}))
    }
}

#[tonic::async_trait]
impl ReferenceValueManagementService for Api {
    async fn list_reference_values(
        &self,
        _: Request<ReferenceValueListRequest>,
    ) -> Result<Response<ReferenceValueListResponse>, Status> {
        let values = self.rvps.list().iter().map(|value| to_wire(value)).collect();
        Ok(Response::new(ReferenceValueListResponse { values }))
    }

    type WatchReferenceValuesStream =
        Pin<Box<dyn Stream<Item = Result<ReferenceValueChange, Status>> + Send>>;

    async fn watch_reference_values(
        &self,
        _: Request<ReferenceValueWatchRequest>,
    ) -> Result<Response<Self::WatchReferenceValuesStream>, Status> {
        // One change waits at most: a slow client is told the later ones together.
        let (sender, receiver) = mpsc::channel(1);
        let mut watcher = self.rvps.watch();
        let shutdown = self.shutdown.clone();
        tokio::spawn(async move {
            loop {
                let change = tokio::select! {
                    change = watcher.next() => change,
                    () = shutdown.requested() => None,
                    () = sender.closed() => None,
                };
                let Some(change) = change else { return };
                if sender.send(Ok(change_to_wire(change))).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

fn to_wire(value: &ReferenceValue) -> WireValue {
    WireValue {
        id: value.id().to_owned(),
        value: value.json().to_owned(),
        expires_at: value.expires_at(),
    }
}

fn change_to_wire(change: Change) -> ReferenceValueChange {
    ReferenceValueChange {
        reset: change.reset,
        changed: change.changed.iter().map(|value| to_wire(value)).collect(),
        removed: change.removed,
    }
}
