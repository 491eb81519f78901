//! An RVPS of the existing ecosystem: it answers queries and takes registrations, and offers nothing else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protos::reference::reference_value_provider_service_server::{
    ReferenceValueProviderService, ReferenceValueProviderServiceServer,
};
use protos::reference::{
    ReferenceValueQueryRequest, ReferenceValueQueryResponse, ReferenceValueRegisterRequest,
    ReferenceValueRegisterResponse,
};
use serde_json::Value;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use super::Server;

#[derive(Clone, Default)]
struct OlderRvps(Arc<Mutex<BTreeMap<String, Value>>>);

/// Starts one without any value.
pub(crate) async fn start() -> Server {
    Server::start(Routes::new(ReferenceValueProviderServiceServer::new(
        OlderRvps::default(),
    )))
    .await
}

#[tonic::async_trait]
impl ReferenceValueProviderService for OlderRvps {
    async fn query_reference_value(
        &self,
        request: Request<ReferenceValueQueryRequest>,
    ) -> Result<Response<ReferenceValueQueryResponse>, Status> {
        let value = self
            .0
            .lock()
            .unwrap()
            .get(&request.get_ref().reference_value_id)
            .map(Value::to_string);
        Ok(Response::new(ReferenceValueQueryResponse {
            reference_value_results: value,
        }))
    }

    async fn register_reference_value(
        &self,
        request: Request<ReferenceValueRegisterRequest>,
    ) -> Result<Response<ReferenceValueRegisterResponse>, Status> {
        let values = values(&request.get_ref().message).ok_or_else(|| Status::aborted("not a message"))?;
        self.0.lock().unwrap().extend(values);
        Ok(Response::new(ReferenceValueRegisterResponse::default()))
    }
}

fn values(message: &str) -> Option<BTreeMap<String, Value>> {
    let message: Value = serde_json::from_str(message).ok()?;
    let payload = STANDARD.decode(message["payload"].as_str()?).ok()?;
    serde_json::from_slice(&payload).ok()
}
