//! What an administrator does with reference values beyond registering them, passed on to the RVPS. It answers with
//! a status of its own, which is the caller's as it is.

use protos::reference::{
    ReferenceValueDeleteRequest, ReferenceValueDeleteResponse, ReferenceValueHistoryRequest,
    ReferenceValueHistoryResponse, ReferenceValueRevokeRequest, ReferenceValueRevokeResponse,
};
use tonic::Status;

use crate::AttestationService;

impl AttestationService {
    /// What is remembered of a reference value.
    ///
    /// # Errors
    /// The status of the RVPS: NOT_FOUND if it knows no such value, UNIMPLEMENTED if it is not one of ours.
    pub async fn reference_value_history(
        &self,
        request: ReferenceValueHistoryRequest,
    ) -> Result<ReferenceValueHistoryResponse, Status> {
        self.reference_value_source().history(request).await
    }

    /// Takes a reference value out of service. The next evaluation knows.
    ///
    /// # Errors
    /// As for the history; and whatever keeps the RVPS from doing it.
    pub async fn delete_reference_value(
        &self,
        request: ReferenceValueDeleteRequest,
    ) -> Result<ReferenceValueDeleteResponse, Status> {
        let id = request.id.clone();
        let deleted = self.reference_value_source().delete(request).await?;
        tracing::info!(id, "reference value deleted");
        Ok(deleted)
    }

    /// Revokes a reference value, or a part of it: it never counts again. The next evaluation knows.
    ///
    /// # Errors
    /// As for the history; and whatever keeps the RVPS from doing it.
    pub async fn revoke_reference_value(
        &self,
        request: ReferenceValueRevokeRequest,
    ) -> Result<ReferenceValueRevokeResponse, Status> {
        let id = request.id.clone();
        let revoked = self.reference_value_source().revoke(request).await?;
        tracing::info!(id, "reference value revoked");
        Ok(revoked)
    }
}
