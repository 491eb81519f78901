//! The calls, and what their failures mean.

use std::{error::Error, time::Duration};

use daemon::{
    grpc::{GrpcClientConfig, channel},
    suggest::nearest,
    tls::TlsClientConfig,
};
use protos::reference::{
    ReferenceValue, ReferenceValueDeleteRequest, ReferenceValueHistoryRequest, ReferenceValueHistoryResponse,
    ReferenceValueListRequest, ReferenceValueQueryRequest, ReferenceValueRegisterRequest,
    ReferenceValueReplacements, ReferenceValueRevokeRequest,
    reference_value_management_service_client::ReferenceValueManagementServiceClient,
    reference_value_provider_service_client::ReferenceValueProviderServiceClient,
    reference_value_revoke_request::What,
};
use serde_json::Value;
use tonic::{Code, Status, service::interceptor::InterceptedService, transport::Channel};

use super::{
    ToolError,
    connection::{Connection, Credential},
    output::Difference,
};

const TIMEOUT: Duration = Duration::from_secs(120);

/// A list of all values may be large.
const MAX_ANSWER_BYTES: usize = 256 * 1024 * 1024;

type Calls = InterceptedService<Channel, Credential>;

pub(super) struct Client {
    address: String,
    provider: ReferenceValueProviderServiceClient<Calls>,
    management: ReferenceValueManagementServiceClient<Calls>,
}

/// A listed value: its name, itself, and when it expires in seconds since the Unix epoch.
#[derive(Debug, PartialEq)]
pub(super) struct Listed {
    pub(super) id: String,
    pub(super) value: Value,
    pub(super) expires_at: i64,
}

/// Values that were served and are replaced.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Replaced {
    pub(super) values: Vec<Difference>,
    /// How many more there are.
    pub(super) more: u64,
}

impl Client {
    pub(super) fn new(connection: &Connection) -> Result<Self, ToolError> {
        let tls = connection.ca_cert.clone().map(|ca| TlsClientConfig {
            ca,
            certificate: connection.client_cert.clone(),
            private_key: connection.client_key.clone(),
            server_name: None,
        });
        let address = connection.address();
        let config = GrpcClientConfig {
            timeout: TIMEOUT,
            ..GrpcClientConfig::new(address.clone(), tls)
        };
        let calls = InterceptedService::new(channel(&config)?, connection.credential()?);
        Ok(Self {
            address,
            provider: ReferenceValueProviderServiceClient::new(calls.clone())
                .max_decoding_message_size(MAX_ANSWER_BYTES),
            management: ReferenceValueManagementServiceClient::new(calls)
                .max_decoding_message_size(MAX_ANSWER_BYTES),
        })
    }

    /// Gives what is replaced with that, if the RVPS tells it.
    pub(super) async fn register(&self, message: String) -> Result<Option<Replaced>, ToolError> {
        let request = ReferenceValueRegisterRequest {
            message,
            on_behalf_of: None,
        };
        let answer = self.provider.clone().register_reference_value(request).await;
        let answer = answer.map_err(|status| self.failure(&status))?;
        answer.into_inner().replaced.map(replaced).transpose()
    }

    pub(super) async fn query(&self, id: &str) -> Result<Option<Value>, ToolError> {
        let request = ReferenceValueQueryRequest {
            reference_value_id: id.to_owned(),
        };
        let answer = self.provider.clone().query_reference_value(request).await;
        let answer = answer.map_err(|status| self.failure(&status))?;
        let value = answer.into_inner().reference_value_results;
        value.as_deref().map(parse).transpose()
    }

    pub(super) async fn list(&self) -> Result<Vec<Listed>, ToolError> {
        let request = ReferenceValueListRequest {};
        let answer = self.management.clone().list_reference_values(request).await;
        let answer = answer.map_err(|status| match status.code() {
            Code::Unimplemented => ToolError::NoList,
            _ => self.failure(&status),
        })?;
        answer.into_inner().values.into_iter().map(listed).collect()
    }

    /// `None`: nothing is known about this name.
    pub(super) async fn history(&self, id: &str) -> Result<Option<ReferenceValueHistoryResponse>, ToolError> {
        let request = ReferenceValueHistoryRequest { id: id.to_owned() };
        match self.management.clone().get_reference_value_history(request).await {
            Ok(answer) => Ok(Some(answer.into_inner())),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(self.management_failure(&status)),
        }
    }

    /// That there is no value of this name; and which name looks almost the same, as far as that can be found out.
    pub(super) async fn not_found(&self, id: &str) -> ToolError {
        let values = self.list().await.unwrap_or_default();
        let names = values.iter().map(|listed| listed.id.as_str());
        ToolError::NotFound {
            id: id.to_owned(),
            nearest: nearest(id, names.filter(|name| *name != id)).map(str::to_owned),
        }
    }

    pub(super) async fn delete(
        &self,
        id: &str,
        reason: Option<String>,
        forget: bool,
    ) -> Result<(), ToolError> {
        let request = ReferenceValueDeleteRequest {
            id: id.to_owned(),
            reason,
            forget,
            on_behalf_of: None,
        };
        let answer = self.management.clone().delete_reference_value(request).await;
        answer
            .map(drop)
            .map_err(|status| self.management_failure(&status))
    }

    /// Gives what is left of the value.
    pub(super) async fn revoke(
        &self,
        id: &str,
        reason: Option<String>,
        what: Option<What>,
    ) -> Result<Option<Value>, ToolError> {
        let request = ReferenceValueRevokeRequest {
            id: id.to_owned(),
            reason,
            what,
            on_behalf_of: None,
        };
        let answer = self.management.clone().revoke_reference_value(request).await;
        let answer = answer.map_err(|status| self.management_failure(&status))?;
        answer.into_inner().left.as_deref().map(parse).transpose()
    }

    fn management_failure(&self, status: &Status) -> ToolError {
        match status.code() {
            Code::Unimplemented => ToolError::NotOffered,
            _ => self.failure(status),
        }
    }

    fn failure(&self, status: &Status) -> ToolError {
        match status.code() {
            // Without a connection the status is made here and has a cause; the RVPS's own has none.
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown => {
                ToolError::Unreachable {
                    address: self.address.clone(),
                    cause: chain(status),
                }
            }
            Code::Unauthenticated => ToolError::Unauthenticated(status.message().to_owned()),
            _ if status.message().is_empty() => ToolError::Refused(status.code().to_string()),
            _ => ToolError::Refused(status.message().to_owned()),
        }
    }
}

fn replaced(answer: ReferenceValueReplacements) -> Result<Replaced, ToolError> {
    let values = answer.values.into_iter().map(|value| {
        Ok(Difference {
            name: value.id,
            from: Some(parse(&value.from)?),
            to: Some(parse(&value.to)?),
        })
    });
    Ok(Replaced {
        values: values.collect::<Result<_, ToolError>>()?,
        more: answer.more,
    })
}

pub(super) fn listed(value: ReferenceValue) -> Result<Listed, ToolError> {
    Ok(Listed {
        value: parse(&value.value)?,
        id: value.id,
        expires_at: value.expires_at,
    })
}

pub(super) fn parse(json: &str) -> Result<Value, ToolError> {
    serde_json::from_str(json).map_err(|error| ToolError::Answer(error.to_string()))
}

/// The status and its causes, each said once.
fn chain(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut cause = status.source();
    while let Some(error) = cause {
        let said = error.to_string();
        // The transport's own word for all of them says nothing.
        if said != "transport error" && !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}
