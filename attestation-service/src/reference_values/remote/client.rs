//! The calls to the RVPS, and what their statuses mean here.

use std::time::Duration;

use daemon::grpc::{ContextInterceptor, GrpcClientConfig, channel};
use daemon::tls::TlsClientConfig;
use protos::reference::reference_value_management_service_client::ReferenceValueManagementServiceClient;
use protos::reference::reference_value_provider_service_client::ReferenceValueProviderServiceClient;
use protos::reference::{
    ReferenceValueChange, ReferenceValueDeleteRequest, ReferenceValueDeleteResponse,
    ReferenceValueHistoryRequest, ReferenceValueHistoryResponse, ReferenceValueListRequest,
    ReferenceValueQueryRequest, ReferenceValueRegisterRequest, ReferenceValueRegisterResponse,
    ReferenceValueRevokeRequest, ReferenceValueRevokeResponse, ReferenceValueWatchRequest,
};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Response, Status, Streaming};

use super::super::{ReferenceValue, ReferenceValueError};
use crate::error::StartError;

/// A client of one RVPS. Clones share the connection.
#[derive(Clone)]
pub(crate) struct RvpsClient {
    provider: ReferenceValueProviderServiceClient<Intercepted>,
    management: ReferenceValueManagementServiceClient<Intercepted>,
}

type Intercepted = InterceptedService<Channel, ContextInterceptor>;

/// How long one call may take. The ecosystem's own probe gives a query one second.
const TIMEOUT: Duration = Duration::from_secs(10);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// All the values of an RVPS come in one message.
const MAX_MESSAGE: usize = 64 * 1024 * 1024;

impl RvpsClient {
    /// `http://` is put before an address without scheme, or `https://` if there are TLS settings.
    pub(crate) fn new(address: &str, tls: Option<TlsClientConfig>) -> Result<Self, StartError> {
        let address = match (address.contains("://"), &tls) {
            (true, _) => address.to_owned(),
            (false, None) => format!("http://{address}"),
            (false, Some(_)) => format!("https://{address}"),
        };
        let config = GrpcClientConfig {
            timeout: TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            ..GrpcClientConfig::new(address, tls)
        };
        let channel =
            channel(&config).map_err(|error| StartError::Config(format!("rvps_config: {error}")))?;
        let channel = InterceptedService::new(channel, ContextInterceptor);
        Ok(Self {
            provider: ReferenceValueProviderServiceClient::new(channel.clone())
                .max_decoding_message_size(MAX_MESSAGE),
            management: ReferenceValueManagementServiceClient::new(channel)
                .max_decoding_message_size(MAX_MESSAGE),
        })
    }

    pub(crate) async fn query(&self, id: &str) -> Result<Option<String>, ReferenceValueError> {
        let request = ReferenceValueQueryRequest {
            reference_value_id: id.to_owned(),
        };
        let answer = self
            .provider
            .clone()
            .query_reference_value(request)
            .await
            .map_err(|s| error(&s))?;
        Ok(answer.into_inner().reference_value_results)
    }

    pub(crate) async fn list(&self) -> Result<Vec<ReferenceValue>, ReferenceValueError> {
        let request = ReferenceValueListRequest {};
        let answer = self
            .management
            .clone()
            .list_reference_values(request)
            .await
            .map_err(|s| error(&s))?;
        Ok(answer
            .into_inner()
            .values
            .into_iter()
            .map(ReferenceValue::from)
            .collect())
    }

    pub(crate) async fn register(
        &self,
        message: &str,
        on_behalf_of: Option<&str>,
    ) -> Result<ReferenceValueRegisterResponse, ReferenceValueError> {
        let request = ReferenceValueRegisterRequest {
            message: message.to_owned(),
            on_behalf_of: on_behalf_of.map(str::to_owned),
        };
        let answer = self.provider.clone().register_reference_value(request).await;
        answer.map(Response::into_inner).map_err(|status| error(&status))
    }

    pub(crate) async fn history(
        &self,
        request: ReferenceValueHistoryRequest,
    ) -> Result<ReferenceValueHistoryResponse, Status> {
        let answer = self.management.clone().get_reference_value_history(request).await;
        answer.map(Response::into_inner).map_err(|status| own(&status))
    }

    pub(crate) async fn delete(
        &self,
        request: ReferenceValueDeleteRequest,
    ) -> Result<ReferenceValueDeleteResponse, Status> {
        let answer = self.management.clone().delete_reference_value(request).await;
        answer.map(Response::into_inner).map_err(|status| own(&status))
    }

    pub(crate) async fn revoke(
        &self,
        request: ReferenceValueRevokeRequest,
    ) -> Result<ReferenceValueRevokeResponse, Status> {
        let answer = self.management.clone().revoke_reference_value(request).await;
        answer.map(Response::into_inner).map_err(|status| own(&status))
    }

    pub(crate) async fn watch(&self) -> Result<Streaming<ReferenceValueChange>, ReferenceValueError> {
        let request = ReferenceValueWatchRequest {};
        let answer = self
            .management
            .clone()
            .watch_reference_values(request)
            .await
            .map_err(|s| error(&s))?;
        Ok(answer.into_inner())
    }
}

/// A status to pass on: its code and its words, and nothing else that came with it.
fn own(status: &Status) -> Status {
    let code = match status.code() {
        // The RVPS does not let this service in: that is not for our own caller to mend.
        Code::Unauthenticated | Code::PermissionDenied => Code::FailedPrecondition,
        code => code,
    };
    let words: String = status.message().chars().take(1024).collect();
    Status::new(code, format!("the RVPS says: {words}"))
}

/// Other implementations answer ABORTED to whatever displeases them.
pub(crate) fn error(status: &Status) -> ReferenceValueError {
    let text = || status.message().chars().take(1024).collect::<String>();
    match status.code() {
        Code::InvalidArgument | Code::Aborted | Code::AlreadyExists | Code::NotFound | Code::OutOfRange => {
            ReferenceValueError::Refused(text())
        }
        Code::Unimplemented => ReferenceValueError::NotOffered,
        Code::FailedPrecondition => ReferenceValueError::NotSetUp(text()),
        Code::Unauthenticated | Code::PermissionDenied => ReferenceValueError::NotSetUp(format!(
            "it does not let the Attestation Service do this ({}): see `auth` in its configuration, and \
             `rvps_config` in this one",
            text()
        )),
        code => ReferenceValueError::Unavailable(format!("{code:?}: {}", text())),
    }
}

impl From<protos::reference::ReferenceValue> for ReferenceValue {
    fn from(value: protos::reference::ReferenceValue) -> Self {
        Self {
            id: value.id,
            value: value.value,
            expires_at: value.expires_at,
        }
    }
}
