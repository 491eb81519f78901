//! `reference.ReferenceValueProviderService`, so that a relying party needs one address only, and of
//! `reference.ReferenceValueManagementService` all but the watch.

use std::sync::Arc;

use daemon::audit::{About, Names};
use protos::reference::reference_value_management_service_server::ReferenceValueManagementService;
use protos::reference::reference_value_provider_service_server::ReferenceValueProviderService;
use protos::reference::{
    ReferenceValue, ReferenceValueChange, ReferenceValueDeleteRequest, ReferenceValueDeleteResponse,
    ReferenceValueHistoryRequest, ReferenceValueHistoryResponse, ReferenceValueListRequest,
    ReferenceValueListResponse, ReferenceValueQueryRequest, ReferenceValueQueryResponse,
    ReferenceValueRegisterRequest, ReferenceValueRegisterResponse, ReferenceValueRevokeRequest,
    ReferenceValueRevokeResponse, ReferenceValueWatchRequest,
};
use tokio_stream::Empty;
use tonic::{Request, Response, Status};

use super::{audited, status};
use crate::AttestationService;

/// Passes on to the RVPS.
#[derive(Clone)]
pub(crate) struct Api(pub(crate) Arc<AttestationService>);

#[tonic::async_trait]
impl ReferenceValueProviderService for Api {
    async fn query_reference_value(
        &self,
        request: Request<ReferenceValueQueryRequest>,
    ) -> Result<Response<ReferenceValueQueryResponse>, Status> {
        let id = request.into_inner().reference_value_id;
        let value = self.0.query_reference_value(&id).await;
        let reference_value_results =
            value.map_err(|error| status::reference_value("Failed to query reference values: ", &error))?;
        Ok(Response::new(ReferenceValueQueryResponse {
            reference_value_results,
        }))
    }

    async fn register_reference_value(
        &self,
        request: Request<ReferenceValueRegisterRequest>,
    ) -> Result<Response<ReferenceValueRegisterResponse>, Status> {
        let behalf = |request: &ReferenceValueRegisterRequest| request.on_behalf_of.clone();
        let about = |request: &ReferenceValueRegisterRequest| About::message(&request.message);
        let attempt = audited::admit(&self.0, &request, "RegisterReferenceValue", behalf, about).await?;
        let ReferenceValueRegisterRequest {
            message,
            on_behalf_of,
        } = request.into_inner();
        let registered = match self.0.strangers().register() {
            Ok(()) => {
                let registered = self.0.register_reference_value(&message, on_behalf_of.as_deref());
                let refused = |error| status::reference_value("Register reference value: ", &error);
                registered.await.map_err(refused)
            }
            Err(refused) => Err(refused),
        };
        let registered = attempt.end(registered, |registered, about| {
            about.names = Names::received(&registered.names, registered.more_names);
        });
        registered.map(Response::new)
    }
}

#[tonic::async_trait]
impl ReferenceValueManagementService for Api {
    type WatchReferenceValuesStream = Empty<Result<ReferenceValueChange, Status>>;

    async fn list_reference_values(
        &self,
        _request: Request<ReferenceValueListRequest>,
    ) -> Result<Response<ReferenceValueListResponse>, Status> {
        let values = self.0.list_reference_values().await;
        let values =
            values.map_err(|error| status::reference_value("Failed to list reference values: ", &error))?;
        let values = values.into_iter().map(|value| ReferenceValue {
            id: value.id,
            value: value.value,
            expires_at: value.expires_at,
        });
        Ok(Response::new(ReferenceValueListResponse {
            values: values.collect(),
        }))
    }

    async fn watch_reference_values(
        &self,
        _request: Request<ReferenceValueWatchRequest>,
    ) -> Result<Response<Self::WatchReferenceValuesStream>, Status> {
        Err(Status::unimplemented("watch the RVPS itself"))
    }

    async fn get_reference_value_history(
        &self,
        request: Request<ReferenceValueHistoryRequest>,
    ) -> Result<Response<ReferenceValueHistoryResponse>, Status> {
        let history = self.0.reference_value_history(request.into_inner());
        history.await.map(Response::new)
    }

    async fn delete_reference_value(
        &self,
        request: Request<ReferenceValueDeleteRequest>,
    ) -> Result<Response<ReferenceValueDeleteResponse>, Status> {
        let behalf = |request: &ReferenceValueDeleteRequest| request.on_behalf_of.clone();
        let about = |request: &ReferenceValueDeleteRequest| About::reference_value(&request.id);
        let attempt = audited::admit(&self.0, &request, "DeleteReferenceValue", behalf, about).await?;
        let deleted = match self.0.strangers().manage() {
            Ok(()) => self.0.delete_reference_value(request.into_inner()).await,
            Err(refused) => Err(refused),
        };
        attempt.end(deleted, |_, _| ()).map(Response::new)
    }

    async fn revoke_reference_value(
        &self,
        request: Request<ReferenceValueRevokeRequest>,
    ) -> Result<Response<ReferenceValueRevokeResponse>, Status> {
        let behalf = |request: &ReferenceValueRevokeRequest| request.on_behalf_of.clone();
        let about = |request: &ReferenceValueRevokeRequest| About::reference_value(&request.id);
        let attempt = audited::admit(&self.0, &request, "RevokeReferenceValue", behalf, about).await?;
        let revoked = match self.0.strangers().manage() {
            Ok(()) => self.0.revoke_reference_value(request.into_inner()).await,
            Err(refused) => Err(refused),
        };
        attempt.end(revoked, |_, _| ()).map(Response::new)
    }
}
