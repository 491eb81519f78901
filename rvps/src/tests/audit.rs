//! Who has changed what over gRPC is in the audit log.

use std::{fs::File, io::BufReader, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use audit::{Link, Verifier};
use daemon::{
    audit::{AuditConfig, FakeDisk},
    clock::ManualClock,
    grpc::{GrpcClientConfig, channel},
    serve::{Limits, ServeOptions, Serving, serve},
    shutdown::Shutdown,
};
use protos::reference::{
    ReferenceValueDeleteRequest, ReferenceValueQueryRequest, ReferenceValueRegisterRequest,
    ReferenceValueRegisterResponse, ReferenceValueRevokeRequest,
    reference_value_management_service_client::ReferenceValueManagementServiceClient as ManagementClient,
    reference_value_provider_service_client::ReferenceValueProviderServiceClient as ProviderClient,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tonic::{Code, Request, Status, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{NOW, Server, sample};
use crate::{AuthConfig, Config, RegistrarConfig, Rules, Rvps, auth::Authenticator, grpc};

fn connect(address: SocketAddr) -> Channel {
    channel(&GrpcClientConfig::new(format!("http://{address}"), None)).unwrap()
}

/// `request` by whoever has this token.
fn by<T>(token: &str, request: T) -> Request<T> {
    let mut request = Request::new(request);
    let token = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", token);
    request
}

fn registration(values: &Value) -> ReferenceValueRegisterRequest {
    ReferenceValueRegisterRequest {
        message: sample(values),
        on_behalf_of: Some("the build team".to_owned()),
    }
}

async fn register(
    channel: &Channel,
    request: impl tonic::IntoRequest<ReferenceValueRegisterRequest>,
) -> Result<ReferenceValueRegisterResponse, Status> {
    let mut provider = ProviderClient::new(channel.clone());
    let registered = provider.register_reference_value(request).await;
    registered.map(tonic::Response::into_inner)
}

fn registrar(name: &str, manage: bool) -> RegistrarConfig {
    RegistrarConfig {
        name: name.to_owned(),
        token_sha256: Some(hex::encode(Sha256::digest(name))),
        allow_unsigned: vec!["sample".to_owned()],
        prefixes: Some(vec!["team/".to_owned()]),
        register: true,
        manage,
        ..RegistrarConfig::default()
    }
}

fn config(file: &Path, registrars: Vec<RegistrarConfig>) -> Config {
    Config {
        audit: AuditConfig {
            file: Some(file.to_owned()),
            ..AuditConfig::default()
        },
        auth: AuthConfig {
            registrars,
            ..AuthConfig::default()
        },
        ..Config::default()
    }
}

/// The lines of a log that is whole.
fn proved(file: &Path) -> Vec<Value> {
    let mut verifier = Verifier::after(Link::START);
    verifier
        .read(BufReader::new(File::open(file).unwrap()))
        .unwrap()
        .unwrap();
    verifier.finish().unwrap();
    let text = std::fs::read_to_string(file).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn about_admin(lines: &[Value]) -> Vec<[&str; 4]> {
    lines
        .iter()
        .filter(|line| {
            line["event"]
                .as_str()
                .is_some_and(|event| event.starts_with("admin"))
        })
        .map(|line| {
            ["event", "outcome", "rpc", "grpc_status"].map(|name| line[name].as_str().unwrap_or_default())
        })
        .collect()
}

#[tokio::test]
async fn what_is_registered_deleted_and_revoked_is_in_a_log_that_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("audit.log");
    let server = Server::start(&config(&file, Vec::new())).await;
    let channel = connect(server.address);
    let values: serde_json::Map<String, Value> = (0..40)
        .map(|number| (format!("value-{number:02}"), json!(["abc"])))
        .collect();
    let message = registration(&Value::Object(values));
    let answer = register(&channel, message.clone()).await.unwrap();
    assert_eq!((answer.names.len(), answer.more_names), (32, 8));
    let mut management = ManagementClient::new(channel.clone());
    let deletion = ReferenceValueDeleteRequest {
        id: "value-01".to_owned(),
        ..ReferenceValueDeleteRequest::default()
    };
    management.delete_reference_value(deletion.clone()).await.unwrap();
    management.delete_reference_value(deletion).await.unwrap_err();
    let revocation = ReferenceValueRevokeRequest {
        id: "value-02".to_owned(),
        ..ReferenceValueRevokeRequest::default()
    };
    management.revoke_reference_value(revocation).await.unwrap();
    server.stop().await;

    let lines = proved(&file);
    assert_eq!(lines[0]["event"], "log-opened");
    assert_eq!(lines.last().unwrap()["event"], "log-closed");
    assert_eq!(
        about_admin(&lines),
        [
            ["admin", "allowed", "RegisterReferenceValue", ""],
            ["admin-result", "done", "RegisterReferenceValue", ""],
            ["admin", "allowed", "DeleteReferenceValue", ""],
            ["admin-result", "done", "DeleteReferenceValue", ""],
            ["admin", "allowed", "DeleteReferenceValue", ""],
            ["admin-result", "failed", "DeleteReferenceValue", "NotFound"],
            ["admin", "allowed", "RevokeReferenceValue", ""],
            ["admin-result", "done", "RevokeReferenceValue", ""],
        ]
    );
    let registered = &lines[2];
    assert_eq!(
        registered["message_sha256"],
        hex::encode(Sha256::digest(message.message))
    );
    assert_eq!(registered["reference_values"][31], "value-31");
    assert_eq!(registered["more_reference_values"], 8);
    let caller = json!({"how": "anyone", "on_behalf_of": "the build team"});
    assert_eq!(
        (&registered["caller"], &registered["peer"]),
        (&caller, &json!("127.0.0.1"))
    );
    assert_eq!(registered["request_id"].as_str().unwrap().len(), 32);
    assert_eq!(lines[4]["reference_values"], json!(["value-01"]));
}

#[tokio::test]
async fn who_may_not_leaves_a_line_without_the_token_that_was_shown() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("audit.log");
    let mut reader = registrar("reader", false);
    reader.register = false;
    let server = Server::start(&config(&file, vec![registrar("ci", false), reader])).await;
    let channel = connect(server.address);
    let refused = [
        register(&channel, registration(&json!({"team/a": ["1"]}))).await,
        register(&channel, by("canary", registration(&json!({"team/a": ["1"]})))).await,
        register(&channel, by("reader", registration(&json!({"team/a": ["1"]})))).await,
        register(&channel, by("ci", registration(&json!({"other/a": ["1"]})))).await,
    ];
    for (refused, code) in refused.into_iter().zip([
        Code::Unauthenticated,
        Code::Unauthenticated,
        Code::PermissionDenied,
        Code::PermissionDenied,
    ]) {
        assert_eq!(refused.unwrap_err().code(), code);
    }
    let request = ReferenceValueRevokeRequest {
        id: "team/a".to_owned(),
        ..ReferenceValueRevokeRequest::default()
    };
    let mut management = ManagementClient::new(channel.clone());
    let revoked = management.revoke_reference_value(by("ci", request)).await;
    assert_eq!(revoked.unwrap_err().code(), Code::PermissionDenied);
    register(&channel, by("ci", registration(&json!({"team/a": ["1"]}))))
        .await
        .unwrap();
    server.stop().await;

    let lines = proved(&file);
    assert_eq!(
        about_admin(&lines),
        [
            ["admin", "refused", "RegisterReferenceValue", "Unauthenticated"],
            ["admin", "refused", "RegisterReferenceValue", "Unauthenticated"],
            ["admin", "refused", "RegisterReferenceValue", "PermissionDenied"],
            ["admin", "allowed", "RegisterReferenceValue", ""],
            [
                "admin-result",
                "refused",
                "RegisterReferenceValue",
                "PermissionDenied"
            ],
            ["admin", "refused", "RevokeReferenceValue", "PermissionDenied"],
            ["admin", "allowed", "RegisterReferenceValue", ""],
            ["admin-result", "done", "RegisterReferenceValue", ""],
        ]
    );
    let named: Vec<_> = lines.iter().map(|line| &line["caller"]["name"]).collect();
    let ci = json!("ci");
    assert_eq!(
        named[1..9],
        [
            &Value::Null,
            &Value::Null,
            &json!("reader"),
            &ci,
            &ci,
            &ci,
            &ci,
            &ci
        ]
    );
    assert!(!std::fs::read_to_string(&file).unwrap().contains("canary"));
}

/// A server whose log is on a disk of the test's.
async fn on(disk: &FakeDisk) -> (Serving, Shutdown) {
    let clock = Arc::new(ManualClock::new(NOW));
    let config = Config::default();
    let rvps = Rvps::open(&config.storage, Rules::default(), clock.clone());
    let audit = Arc::new(disk.audit(true, clock.clone(), None).unwrap());
    let shutdown = Shutdown::manual(Duration::from_secs(20));
    let authenticator = Authenticator::new(&config).unwrap();
    let routes = grpc::routes(rvps.await.unwrap(), authenticator, audit, shutdown.clone()).await;
    let options = ServeOptions {
        name: "rvps",
        listeners: vec![SocketAddr::from(([127, 0, 0, 1], 0)).into()],
        tls: None,
        limits: Limits::default(),
    };
    let router = routes.prepare().into_axum_router();
    (serve(options, router, shutdown.clone()).await.unwrap(), shutdown)
}

/// Waits until both services say this of themselves.
async fn services_become(channel: &Channel, expected: ServingStatus) {
    let mut health = HealthClient::new(channel.clone());
    let start = std::time::Instant::now();
    for service in [
        "reference.ReferenceValueProviderService",
        "reference.ReferenceValueManagementService",
    ] {
        let request = || HealthCheckRequest {
            service: service.to_owned(),
        };
        while health.check(request()).await.unwrap().into_inner().status() != expected {
            assert!(start.elapsed() < Duration::from_secs(10), "{service}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn where_it_is_required_nothing_is_registered_that_cannot_be_written_down() {
    let disk = FakeDisk::default();
    let (serving, shutdown) = on(&disk).await;
    let channel = connect(serving.addresses()[0]);
    disk.set_full(true);
    let refused = register(&channel, registration(&json!({"a": ["1"]}))).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    assert!(refused.message().contains("audit record"), "{refused}");
    let query = ReferenceValueQueryRequest {
        reference_value_id: "a".to_owned(),
    };
    let mut provider = ProviderClient::new(channel.clone());
    let value = provider.query_reference_value(query.clone()).await.unwrap();
    assert_eq!(value.into_inner().reference_value_results, None);
    services_become(&channel, ServingStatus::NotServing).await;

    disk.set_full(false);
    let start = std::time::Instant::now();
    while register(&channel, registration(&json!({"a": ["1"]})))
        .await
        .is_err()
    {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "the log is not written again"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let value = provider.query_reference_value(query).await.unwrap();
    assert!(value.into_inner().reference_value_results.is_some());
    services_become(&channel, ServingStatus::Serving).await;
    let text = disk.text();
    // What was not done has no line of its own.
    assert!(text.contains("log-interrupted") && text.contains(r#""outcome":"allowed""#));
    assert!(!text.contains(r#""outcome":"failed""#), "{text}");
    shutdown.trigger();
}
