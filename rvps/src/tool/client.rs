//! The calls, and what their failures mean.

use std::{error::Error, time::Duration};

use daemon::{
    grpc::{GrpcClientConfig, channel},
    tls::TlsClientConfig,
};
use protos::reference::{
    ReferenceValue, ReferenceValueListRequest, ReferenceValueQueryRequest, ReferenceValueRegisterRequest,
    reference_value_management_service_client::ReferenceValueManagementServiceClient,
    reference_value_provider_service_client::ReferenceValueProviderServiceClient,
};
use serde_json::Value;
use tonic::{Code, Status, transport::Channel};

use super::{Connection, ToolError};

const TIMEOUT: Duration = Duration::from_secs(30);

/// A list of all values may be large.
const MAX_ANSWER_BYTES: usize = 256 * 1024 * 1024;

pub(super) struct Client {
    address: String,
    channel: Channel,
}

/// A listed value: its name, itself, and when it expires in seconds since the Unix epoch.
#[derive(Debug, PartialEq)]
pub(super) struct Listed {
    pub(super) id: String,
    pub(super) value: Value,
    pub(super) expires_at: i64,
}

impl Client {
    pub(super) fn new(connection: &Connection) -> Result<Self, ToolError> {
        let tls = connection.ca_cert.clone().map(|ca| TlsClientConfig {
            ca,
            certificate: connection.client_cert.clone(),
            private_key: connection.client_key.clone(),
            server_name: None,
        });
        let address = match (connection.addr.contains("://"), &tls) {
            (true, _) => connection.addr.clone(),
            (false, None) => format!("http://{}", connection.addr),
            (false, Some(_)) => format!("https://{}", connection.addr),
        };
        let config = GrpcClientConfig {
            timeout: TIMEOUT,
            ..GrpcClientConfig::new(address.clone(), tls)
        };
        Ok(Self {
            address,
            channel: channel(&config)?,
        })
    }

    pub(super) async fn register(&self, message: String) -> Result<(), ToolError> {
        let request = ReferenceValueRegisterRequest { message };
        let mut client = ReferenceValueProviderServiceClient::new(self.channel.clone());
        client
            .register_reference_value(request)
            .await
            .map_err(|status| self.failure(&status))?;
        Ok(())
    }

    pub(super) async fn query(&self, id: &str) -> Result<Option<Value>, ToolError> {
        let request = ReferenceValueQueryRequest {
            reference_value_id: id.to_owned(),
        };
        let mut client = ReferenceValueProviderServiceClient::new(self.channel.clone())
            .max_decoding_message_size(MAX_ANSWER_BYTES);
        let answer = client
            .query_reference_value(request)
            .await
            .map_err(|status| self.failure(&status))?;
        answer
            .into_inner()
            .reference_value_results
            .as_deref()
            .map(parse)
            .transpose()
    }

    pub(super) async fn list(&self) -> Result<Vec<Listed>, ToolError> {
        let mut client = ReferenceValueManagementServiceClient::new(self.channel.clone())
            .max_decoding_message_size(MAX_ANSWER_BYTES);
        let answer = client.list_reference_values(ReferenceValueListRequest {}).await;
        let answer = answer.map_err(|status| match status.code() {
            Code::Unimplemented => ToolError::NoList,
            _ => self.failure(&status),
        })?;
        let listed = |ReferenceValue {
                          id,
                          value,
                          expires_at,
                      }| {
            Ok(Listed {
                id,
                value: parse(&value)?,
                expires_at,
            })
        };
        answer.into_inner().values.into_iter().map(listed).collect()
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
            _ if status.message().is_empty() => ToolError::Refused(status.code().to_string()),
            _ => ToolError::Refused(status.message().to_owned()),
        }
    }
}

fn parse(json: &str) -> Result<Value, ToolError> {
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
