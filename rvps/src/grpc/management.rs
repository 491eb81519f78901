//! The service that this project adds.

use std::sync::Arc;

use daemon::audit::{About, Names};
use protos::reference::{
    ReferenceValueDeleteRequest, ReferenceValueDeleteResponse, ReferenceValueHistoryRequest,
    ReferenceValueHistoryResponse, ReferenceValueListRequest, ReferenceValueListResponse,
    ReferenceValueRegisterResponse, ReferenceValueRevokeRequest, ReferenceValueRevokeResponse,
    ReferenceValueWatchRequest, reference_value_management_service_server::ReferenceValueManagementService,
    reference_value_revoke_request::What,
};
use tonic::{Request, Response, Status};

use super::{Api, watch::Told, wire};
use crate::{Caller, ManageError, Registered, RevokeWhat, Rvps, manage::may_manage};

/// The longest reason that is kept, in bytes.
const MAX_REASON_BYTES: usize = 1000;

#[tonic::async_trait]
impl ReferenceValueManagementService for Api {
    async fn list_reference_values(
        &self,
        request: Request<ReferenceValueListRequest>,
    ) -> Result<Response<ReferenceValueListResponse>, Status> {
        self.reader(&request)?;
        let values = self.rvps.list().iter().map(|value| wire::value(value)).collect();
        Ok(Response::new(ReferenceValueListResponse { values }))
    }

    type WatchReferenceValuesStream = Told;

    async fn watch_reference_values(
        &self,
        request: Request<ReferenceValueWatchRequest>,
    ) -> Result<Response<Self::WatchReferenceValuesStream>, Status> {
        self.reader(&request)?;
        let told = self.watchers.tell(self.rvps.watch(), self.shutdown.clone())?;
        Ok(Response::new(told))
    }

    async fn get_reference_value_history(
        &self,
        request: Request<ReferenceValueHistoryRequest>,
    ) -> Result<Response<ReferenceValueHistoryResponse>, Status> {
        self.reader(&request)?;
        history(&self.rvps, request.into_inner()).await.map(Response::new)
    }

    async fn delete_reference_value(
        &self,
        request: Request<ReferenceValueDeleteRequest>,
    ) -> Result<Response<ReferenceValueDeleteResponse>, Status> {
        let (id, behalf) = (
            request.get_ref().id.clone(),
            request.get_ref().on_behalf_of.clone(),
        );
        let (caller, attempt) = self
            .admit(
                &request,
                "DeleteReferenceValue",
                behalf,
                || About::reference_value(&id),
                |caller| may_manage(caller, &id).map_err(status),
            )
            .await?;
        let deleted = delete(&self.rvps, request.into_inner(), &caller).await;
        attempt.end(deleted, |_, _| ()).map(Response::new)
    }

    async fn revoke_reference_value(
        &self,
        request: Request<ReferenceValueRevokeRequest>,
    ) -> Result<Response<ReferenceValueRevokeResponse>, Status> {
        let (id, behalf) = (
            request.get_ref().id.clone(),
            request.get_ref().on_behalf_of.clone(),
        );
        let (caller, attempt) = self
            .admit(
                &request,
                "RevokeReferenceValue",
                behalf,
                || About::reference_value(&id),
                |caller| may_manage(caller, &id).map_err(status),
            )
            .await?;
        let revoked = revoke(&self.rvps, request.into_inner(), &caller).await;
        attempt.end(revoked, |_, _| ()).map(Response::new)
    }
}

/// The answer to `RegisterReferenceValue`, for a service in this process, too. It tells what was served before: whoever
/// may register may read, too.
pub fn registered(registered: &Registered) -> ReferenceValueRegisterResponse {
    let names = Names::of(registered.names.iter().map(String::as_str));
    ReferenceValueRegisterResponse {
        names: names.first,
        more_names: names.more,
        replaced: Some(wire::replaced(&registered.replaced)),
    }
}

/// `GetReferenceValueHistory`, for a service in this process, too.
///
/// # Errors
/// The status that the call has.
pub async fn history(
    rvps: &Arc<Rvps>,
    request: ReferenceValueHistoryRequest,
) -> Result<ReferenceValueHistoryResponse, Status> {
    Ok(wire::history(rvps.overview(&request.id).await.map_err(status)?))
}

/// `DeleteReferenceValue`, for a service in this process, too.
///
/// # Errors
/// The status that the call has.
pub async fn delete(
    rvps: &Arc<Rvps>,
    request: ReferenceValueDeleteRequest,
    caller: &Caller,
) -> Result<ReferenceValueDeleteResponse, Status> {
    let ReferenceValueDeleteRequest {
        id,
        reason,
        forget,
        on_behalf_of,
    } = request;
    let caller = caller.clone().on_behalf_of(on_behalf_of);
    rvps.delete(&id, checked(reason)?, forget, &caller)
        .await
        .map_err(status)?;
    Ok(ReferenceValueDeleteResponse {})
}

/// `RevokeReferenceValue`, for a service in this process, too.
///
/// # Errors
/// The status that the call has.
pub async fn revoke(
    rvps: &Arc<Rvps>,
    request: ReferenceValueRevokeRequest,
    caller: &Caller,
) -> Result<ReferenceValueRevokeResponse, Status> {
    let ReferenceValueRevokeRequest {
        id,
        reason,
        what,
        on_behalf_of,
    } = request;
    let caller = caller.clone().on_behalf_of(on_behalf_of);
    let what = match what {
        None => RevokeWhat::Current,
        Some(What::Version(number)) => RevokeWhat::Version(number),
        Some(What::Element(json)) => RevokeWhat::Element(
            serde_json::from_str(&json)
                .map_err(|error| Status::invalid_argument(format!("element is not JSON: {error}")))?,
        ),
    };
    let left = rvps
        .revoke(&id, what, checked(reason)?, &caller)
        .await
        .map_err(status)?;
    Ok(ReferenceValueRevokeResponse {
        left: left.map(|value| value.to_string()),
    })
}

fn checked(reason: Option<String>) -> Result<Option<String>, Status> {
    match reason {
        Some(reason) if reason.len() > MAX_REASON_BYTES => {
            Err(Status::invalid_argument("the reason is longer than 1000 bytes"))
        }
        reason => Ok(reason.filter(|reason| !reason.is_empty())),
    }
}

fn status(error: ManageError) -> Status {
    let text = error.to_string();
    match error {
        ManageError::Anonymous | ManageError::Forbidden(_) | ManageError::ForbiddenName { .. } => {
            Status::permission_denied(text)
        }
        ManageError::NotFound(_) | ManageError::NoVersion { .. } => Status::not_found(text),
        ManageError::Mistaken { .. }
        | ManageError::Refused { .. }
        | ManageError::Storage(storage::StorageError::InvalidKey { .. }) => Status::invalid_argument(text),
        ManageError::Damaged { .. } | ManageError::Storage(storage::StorageError::NotWritable { .. }) => {
            tracing::error!(error = text, "a reference value cannot be changed");
            Status::failed_precondition(text)
        }
        ManageError::Storage(_) | ManageError::Interrupted => {
            tracing::error!(error = text, "a reference value cannot be changed");
            Status::unavailable(text)
        }
    }
}
