use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Instant;

use ::rvps::app::start;
use daemon::clock::SystemClock;
use daemon::serve::Listener;
use daemon::shutdown::Shutdown;
use policy::AskedValue;
use protos::reference::reference_value_management_service_server::{
    ReferenceValueManagementService, ReferenceValueManagementServiceServer,
};
use protos::reference::reference_value_provider_service_server::{
    ReferenceValueProviderService, ReferenceValueProviderServiceServer,
};
use protos::reference::{
    ReferenceValueChange, ReferenceValueDeleteRequest, ReferenceValueDeleteResponse,
    ReferenceValueHistoryRequest, ReferenceValueHistoryResponse, ReferenceValueListRequest,
    ReferenceValueListResponse, ReferenceValueQueryRequest, ReferenceValueQueryResponse,
    ReferenceValueRegisterRequest, ReferenceValueRegisterResponse, ReferenceValueRevokeRequest,
    ReferenceValueRevokeResponse, ReferenceValueWatchRequest,
};
use serde_json::json;
use tokio_stream::{Stream, StreamExt};
use tonic::{Code, Request, Response, Status};

use super::*;
use crate::testing::Server;

/// The payload is `{"launch_digest":["abc"]}`.
const MESSAGE: &str =
    r#"{"version":"0.1.0","type":"sample","payload":"eyJsYXVuY2hfZGlnZXN0IjpbImFiYyJdfQ=="}"#;

fn remote(address: SocketAddr, max_stale_seconds: u32) -> Remote {
    Remote::open(
        &address.to_string(),
        None,
        Ages {
            snapshot: Duration::from_secs(max_stale_seconds.into()),
            answers: Duration::from_secs(3),
        },
        Arc::new(SystemClock),
    )
    .unwrap()
}

/// One of our own RVPSs, with its values in memory.
async fn rvps(address: &str) -> (SocketAddr, Shutdown) {
    let shutdown = Shutdown::manual(Duration::ZERO);
    let listener = Listener::Address(address.parse().unwrap());
    let serving = start(
        &Default::default(),
        listener,
        Arc::new(SystemClock),
        shutdown.clone(),
    )
    .await
    .unwrap();
    let address = serving.main.addresses()[0];
    tokio::spawn(serving.finished());
    (address, shutdown)
}

/// Asks for the view until it is as wanted.
async fn eventually(remote: &Remote, wanted: impl Fn(&Result<View, ReferenceValueError>) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let view = remote.view().await;
        if wanted(&view) {
            return;
        }
        assert!(Instant::now() < deadline, "the view stays {view:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn holds_digest(view: &Result<View, ReferenceValueError>) -> bool {
    view.as_ref()
        .is_ok_and(|view| view.values.get("launch_digest") == Some(json!(["abc"])))
}

#[tokio::test]
async fn what_is_registered_here_is_in_the_next_view() {
    let (address, _shutdown) = rvps("127.0.0.1:0").await;
    let remote = remote(address, 30);
    let view = remote.view().await.unwrap();
    assert!(view.values.is_empty() && view.looked_up.is_none());
    let registered = remote.register(MESSAGE, None).await.unwrap();
    assert_eq!(
        (registered.names, registered.more_names),
        (vec!["launch_digest".to_owned()], 0)
    );
    assert!(holds_digest(&remote.view().await));
    assert_eq!(
        remote.query("launch_digest").await.unwrap().as_deref(),
        Some(r#"["abc"]"#)
    );
    assert_eq!(remote.query("other").await.unwrap(), None);
    let listed = remote.list().await.unwrap();
    assert_eq!((listed.len(), listed[0].id.as_str()), (1, "launch_digest"));
    assert!(remote.is_ready());
}

#[tokio::test]
async fn what_is_revoked_or_deleted_here_is_gone_from_the_next_view() {
    let (address, _shutdown) = rvps("127.0.0.1:0").await;
    let remote = remote(address, 30);
    remote.register(MESSAGE, Some("an owner")).await.unwrap();
    let id = || "launch_digest".to_owned();
    let revoke = ReferenceValueRevokeRequest {
        id: id(),
        ..ReferenceValueRevokeRequest::default()
    };
    assert!(holds_digest(&remote.view().await));
    assert_eq!(remote.revoke(revoke).await.unwrap().left, None);
    assert!(remote.view().await.unwrap().values.is_empty());

    let history = remote
        .history(ReferenceValueHistoryRequest { id: id() })
        .await
        .unwrap();
    let by = history.versions.last().unwrap().by.as_ref().unwrap();
    assert_eq!(by.on_behalf_of.as_deref(), Some("an owner"));
    let delete = ReferenceValueDeleteRequest {
        id: "never there".to_owned(),
        ..ReferenceValueDeleteRequest::default()
    };
    let status = remote.delete(delete).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert!(status.message().starts_with("the RVPS says: "), "{status:?}");
}

#[tokio::test]
async fn an_rvps_of_another_implementation_is_not_managed() {
    let server = serve_plain(&Plain::default()).await;
    let remote = remote(server.address, 30);
    let history = remote.history(ReferenceValueHistoryRequest::default()).await;
    assert_eq!(history.unwrap_err().code(), Code::Unimplemented);
    let delete = remote.delete(ReferenceValueDeleteRequest::default()).await;
    assert_eq!(delete.unwrap_err().code(), Code::Unimplemented);
    let revoke = remote.revoke(ReferenceValueRevokeRequest::default()).await;
    assert_eq!(revoke.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test]
async fn what_is_registered_elsewhere_arrives_without_asking() {
    let (address, _shutdown) = rvps("127.0.0.1:0").await;
    let (here, elsewhere) = (remote(address, 30), remote(address, 30));
    here.view().await.unwrap();
    elsewhere.register(MESSAGE, None).await.unwrap();
    eventually(&here, holds_digest).await;
}

#[tokio::test]
async fn a_message_that_the_rvps_refuses_is_the_callers_fault() {
    let (address, _shutdown) = rvps("127.0.0.1:0").await;
    let error = remote(address, 30).register("{}", None).await.unwrap_err();
    assert!(matches!(error, ReferenceValueError::Refused(_)), "{error}");
}

#[test]
fn an_rvps_that_does_not_let_this_service_in_is_the_operators_fault() {
    for code in [
        tonic::Code::Unauthenticated,
        tonic::Code::PermissionDenied,
        tonic::Code::FailedPrecondition,
    ] {
        let error = super::client::error(&Status::new(code, "no such token"));
        assert_eq!(error.fault(), crate::Fault::Operator, "{code}");
        assert!(error.to_string().contains("no such token"), "{error}");
    }
    let away = super::client::error(&Status::unavailable("away"));
    assert_eq!(away.fault(), crate::Fault::Dependency);
}

#[tokio::test]
async fn without_an_rvps_there_is_no_view_rather_than_an_empty_one() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let remote = remote(nobody, 30);
    let error = remote.view().await.unwrap_err();
    assert!(matches!(error, ReferenceValueError::Unavailable(_)), "{error}");
    assert!(!remote.is_ready());
    assert!(remote.query("x").await.is_err());
}

#[tokio::test]
async fn an_rvps_that_comes_late_is_found() {
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let remote = remote(address, 30);
    assert!(remote.view().await.is_err());
    let (_, _shutdown) = rvps(&address.to_string()).await;
    eventually(&remote, Result::is_ok).await;
}

#[tokio::test]
async fn the_values_known_are_good_enough_for_as_long_as_configured() {
    let (address, shutdown) = rvps("127.0.0.1:0").await;
    let (patient, strict) = (remote(address, 3600), remote(address, 0));
    patient.register(MESSAGE, None).await.unwrap();
    eventually(&strict, holds_digest).await;
    shutdown.trigger();
    eventually(&strict, Result::is_err).await;
    assert!(!strict.is_ready());
    assert!(holds_digest(&patient.view().await));
    assert!(patient.is_ready());

    // Values in memory are gone after a restart, and everybody hears of it.
    let (_, _shutdown) = rvps(&address.to_string()).await;
    let is_empty = |view: &Result<View, _>| view.as_ref().is_ok_and(|view| view.values.is_empty());
    eventually(&strict, is_empty).await;
    eventually(&patient, is_empty).await;
}

/// An RVPS of another implementation: it answers queries and nothing else.
#[derive(Clone, Default)]
struct Plain {
    values: Arc<Mutex<HashMap<String, String>>>,
    queried: Arc<Mutex<Vec<String>>>,
}

#[tonic::async_trait]
impl ReferenceValueProviderService for Plain {
    async fn query_reference_value(
        &self,
        request: Request<ReferenceValueQueryRequest>,
    ) -> Result<Response<ReferenceValueQueryResponse>, Status> {
        let id = request.into_inner().reference_value_id;
        self.queried.lock().unwrap().push(id.clone());
        let reference_value_results = self.values.lock().unwrap().get(&id).cloned();
        Ok(Response::new(ReferenceValueQueryResponse {
            reference_value_results,
        }))
    }

    async fn register_reference_value(
        &self,
        request: Request<ReferenceValueRegisterRequest>,
    ) -> Result<Response<ReferenceValueRegisterResponse>, Status> {
        self.values
            .lock()
            .unwrap()
            .insert("new".to_owned(), request.into_inner().message);
        Ok(Response::new(ReferenceValueRegisterResponse::default()))
    }
}

async fn serve_plain(plain: &Plain) -> Server {
    let service = ReferenceValueProviderServiceServer::new(plain.clone());
    Server::start(tonic::service::Routes::new(service).into_axum_router(), None).await
}

fn asked(id: &str) -> AskedValue {
    AskedValue {
        id: id.to_owned(),
        known: false,
    }
}

#[tokio::test]
async fn an_rvps_that_only_answers_queries_is_queried_once_for_each_id() {
    let plain = Plain::default();
    plain
        .values
        .lock()
        .unwrap()
        .insert("a".to_owned(), "[1]".to_owned());
    let server = serve_plain(&plain).await;
    let remote = remote(server.address, 30);

    let view = remote.view().await.unwrap();
    let open = view.open_questions(&[asked("a"), asked("b")]);
    assert_eq!(open, ["a", "b"]);
    let view = remote.extend(view, open).await.unwrap();
    assert_eq!(view.values.get("a"), Some(json!([1])));
    assert!(view.open_questions(&[asked("b")]).is_empty());

    let again = remote.view().await.unwrap();
    assert_eq!(again.values.get("a"), Some(json!([1])));
    let mut queried = plain.queried.lock().unwrap().clone();
    queried.sort_unstable();
    assert_eq!(queried, ["a", "b"]);
    assert!(remote.is_ready());
    assert_eq!(remote.list().await.unwrap_err(), ReferenceValueError::NotOffered);
}

#[tokio::test]
async fn what_is_registered_at_a_plain_rvps_shows_at_once() {
    let plain = Plain::default();
    let server = serve_plain(&plain).await;
    let remote = remote(server.address, 30);
    let view = remote.view().await.unwrap();
    remote.extend(view, vec!["new".to_owned()]).await.unwrap();
    remote.register("7", None).await.unwrap();
    let view = remote.view().await.unwrap();
    let view = remote.extend(view, vec!["new".to_owned()]).await.unwrap();
    assert_eq!(view.values.get("new"), Some(json!(7)));
}

#[tokio::test]
async fn a_plain_rvps_that_is_down_is_no_rvps_that_knows_nothing() {
    let plain = Plain::default();
    let server = serve_plain(&plain).await;
    let remote = remote(server.address, 30);
    let view = remote.view().await.unwrap();
    drop(server);
    let deadline = Instant::now() + Duration::from_secs(20);
    while remote.extend(view.clone(), vec!["a".to_owned()]).await.is_ok() {
        assert!(Instant::now() < deadline, "the server is still there");
    }
    let error = remote.extend(view, vec!["a".to_owned()]).await.unwrap_err();
    assert!(matches!(error, ReferenceValueError::Unavailable(_)), "{error}");
}

/// Tells these changes, and no more.
struct Scripted(Vec<ReferenceValueChange>);

#[tonic::async_trait]
impl ReferenceValueManagementService for Scripted {
    type WatchReferenceValuesStream =
        std::pin::Pin<Box<dyn Stream<Item = Result<ReferenceValueChange, Status>> + Send>>;

    async fn list_reference_values(
        &self,
        _request: Request<ReferenceValueListRequest>,
    ) -> Result<Response<ReferenceValueListResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn watch_reference_values(
        &self,
        _request: Request<ReferenceValueWatchRequest>,
    ) -> Result<Response<Self::WatchReferenceValuesStream>, Status> {
        let changes = tokio_stream::iter(self.0.clone().into_iter().map(Ok));
        Ok(Response::new(Box::pin(changes.chain(tokio_stream::pending()))))
    }

    async fn get_reference_value_history(
        &self,
        _: Request<ReferenceValueHistoryRequest>,
    ) -> Result<Response<ReferenceValueHistoryResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn delete_reference_value(
        &self,
        _: Request<ReferenceValueDeleteRequest>,
    ) -> Result<Response<ReferenceValueDeleteResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn revoke_reference_value(
        &self,
        _: Request<ReferenceValueRevokeRequest>,
    ) -> Result<Response<ReferenceValueRevokeResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

fn change(reset: bool, value: &str) -> ReferenceValueChange {
    let changed = vec![protos::reference::ReferenceValue {
        id: "a".to_owned(),
        value: value.to_owned(),
        expires_at: i64::MAX,
    }];
    ReferenceValueChange {
        reset,
        changed,
        removed: Vec::new(),
        more: false,
    }
}

#[tokio::test]
async fn a_change_in_parts_counts_when_all_of_it_is_there() {
    let part = |id: &str, more: bool| {
        let mut part = change(id == "a", "1");
        part.changed[0].id = id.to_owned();
        part.more = more;
        part
    };
    let script = vec![
        part("a", true),
        part("b", true),
        part("c", false),
        part("d", true),
    ];
    let service = ReferenceValueManagementServiceServer::new(Scripted(script));
    let router = tonic::service::Routes::new(service).into_axum_router();
    let server = Server::start(router, None).await;
    let view = remote(server.address, 30).view().await.unwrap();
    let known = ["a", "b", "c", "d"].map(|id| view.values.get(id).is_some());
    assert_eq!(known, [true, true, true, false]);
}

#[tokio::test]
async fn changes_that_make_no_sense_give_no_view() {
    for changes in [vec![change(false, "1")], vec![change(true, "{")]] {
        let service = ReferenceValueManagementServiceServer::new(Scripted(changes));
        let router = tonic::service::Routes::new(service).into_axum_router();
        let server = Server::start(router, None).await;
        let error = remote(server.address, 30).view().await.unwrap_err();
        assert!(matches!(error, ReferenceValueError::Unavailable(_)), "{error}");
    }
}
