use std::time::Duration;

use daemon::grpc::{GrpcClientConfig, channel};
use protos::reference::{
    ReferenceValueDeleteRequest, ReferenceValueHistoryRequest, ReferenceValueListRequest,
    ReferenceValueQueryRequest, ReferenceValueRegisterRequest, ReferenceValueRegistrar,
    ReferenceValueRevokeRequest, ReferenceValueWatchRequest,
    reference_value_management_service_client::ReferenceValueManagementServiceClient as ManagementClient,
    reference_value_provider_service_client::ReferenceValueProviderServiceClient as ProviderClient,
    reference_value_revoke_request::What,
};
use serde_json::json;
use tonic::{Code, Status, transport::Channel};

use super::{
    NEXT_YEAR, NOW, Server, sample,
    signing::{key_anchor, signed_sample},
};
use crate::Config;

fn connect(server: &Server) -> (ProviderClient<Channel>, ManagementClient<Channel>) {
    let channel = channel(&GrpcClientConfig::new(format!("http://{}", server.address), None)).unwrap();
    (
        ProviderClient::new(channel.clone()),
        ManagementClient::new(channel),
    )
}

async fn register(client: &mut ProviderClient<Channel>, message: impl Into<String>) -> Result<(), Status> {
    let request = ReferenceValueRegisterRequest {
        message: message.into(),
        on_behalf_of: None,
    };
    client.register_reference_value(request).await.map(drop)
}

async fn query(client: &mut ProviderClient<Channel>, id: &str) -> Option<String> {
    let request = ReferenceValueQueryRequest {
        reference_value_id: id.to_owned(),
    };
    client
        .query_reference_value(request)
        .await
        .unwrap()
        .into_inner()
        .reference_value_results
}

#[tokio::test]
async fn values_are_registered_queried_and_listed_over_grpc() {
    let server = Server::start(&Config::default()).await;
    let (mut provider, mut management) = connect(&server);
    assert_eq!(query(&mut provider, "__healthcheck__").await, None);
    register(&mut provider, sample(&json!({"svn": ["1"], "major": 1})))
        .await
        .unwrap();
    assert_eq!(query(&mut provider, "svn").await.as_deref(), Some(r#"["1"]"#));
    assert_eq!(query(&mut provider, "major").await.as_deref(), Some("1"));

    let listed = management
        .list_reference_values(ReferenceValueListRequest {})
        .await
        .unwrap()
        .into_inner()
        .values;
    let listed: Vec<_> = listed
        .iter()
        .map(|v| (v.id.as_str(), v.value.as_str(), v.expires_at))
        .collect();
    assert_eq!(
        listed,
        [("major", "1", NEXT_YEAR), ("svn", r#"["1"]"#, NEXT_YEAR)]
    );

    server.clock.set(NEXT_YEAR);
    assert_eq!(query(&mut provider, "svn").await, None);
    let listed = management
        .list_reference_values(ReferenceValueListRequest {})
        .await
        .unwrap();
    assert!(listed.into_inner().values.is_empty());
}

#[tokio::test]
async fn a_refused_message_has_the_status_and_text_that_clients_know() {
    let server = Server::start(&Config::default()).await;
    let (mut provider, _) = connect(&server);
    for (message, expected) in [
        ("no json".to_owned(), "Register reference value: parse message"),
        (
            r#"{"version":"9","type":"sample","payload":""}"#.to_owned(),
            "Register reference value: Version unmatched! Need 0.1.0, given 9.",
        ),
        (
            r#"{"type":"rim","payload":""}"#.to_owned(),
            "Register reference value: Could not find extractor for rim",
        ),
        (
            sample(&json!([1])),
            "Register reference value: deseralize sample provenance",
        ),
    ] {
        let status = register(&mut provider, message).await.unwrap_err();
        assert_eq!(status.code(), Code::Aborted);
        assert!(status.message().starts_with(expected), "{}", status.message());
    }
}

#[tokio::test]
async fn a_damaged_value_is_aborted() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("reference_value")).unwrap();
    std::fs::write(directory.path().join("reference_value/svn"), "{}").unwrap();
    let config = json!({"storage": {"storage_type": "LocalFs", "backends": {"local_fs": {"dir_path": directory.path()}}}});
    let server = Server::start(&serde_json::from_value(config).unwrap()).await;
    let (mut provider, _) = connect(&server);
    let request = ReferenceValueQueryRequest {
        reference_value_id: "svn".to_owned(),
    };
    let status = provider.query_reference_value(request).await.unwrap_err();
    assert_eq!(status.code(), Code::Aborted);
    assert!(
        status.message().starts_with("Query reference value: "),
        "{}",
        status.message()
    );
}

#[tokio::test]
async fn an_oversized_message_is_refused() {
    let server = Server::start(&Config::default()).await;
    let (mut provider, _) = connect(&server);
    let status = register(&mut provider, "x".repeat(4 * 1024 * 1024 + 1))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
    register(&mut provider, sample(&json!({"svn": 1}))).await.unwrap();
}

#[tokio::test]
async fn a_watch_tells_what_is_there_what_comes_and_what_expires() {
    let server = Server::start(&Config::default()).await;
    let (mut provider, mut management) = connect(&server);
    register(&mut provider, sample(&json!({"a": 1}))).await.unwrap();
    let mut changes = management
        .watch_reference_values(ReferenceValueWatchRequest {})
        .await
        .unwrap()
        .into_inner();
    let first = changes.message().await.unwrap().unwrap();
    assert!(first.reset);
    assert_eq!(
        (first.changed[0].id.as_str(), first.changed[0].value.as_str()),
        ("a", "1")
    );

    server.clock.advance(60);
    register(&mut provider, sample(&json!({"b": [2]}))).await.unwrap();
    let second = changes.message().await.unwrap().unwrap();
    assert!(!second.reset && second.removed.is_empty() && second.changed.len() == 1);
    assert_eq!(second.changed[0].value, "[2]");

    server.clock.set(NEXT_YEAR);
    let third = tokio::time::timeout(Duration::from_secs(10), changes.message())
        .await
        .unwrap();
    let third = third.unwrap().unwrap();
    assert_eq!((third.changed.len(), third.removed), (0, vec!["a".to_owned()]));
}

#[tokio::test]
async fn a_deletion_a_revocation_and_an_expiry_are_told_within_a_second() {
    let server = Server::start(&Config::default()).await;
    let (mut provider, mut management) = connect(&server);
    register(&mut provider, sample(&json!({"a": 1, "b": [1, 2], "c": 1})))
        .await
        .unwrap();
    let mut changes = management
        .watch_reference_values(ReferenceValueWatchRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(changes.message().await.unwrap().unwrap().changed.len(), 3);
    let mut soon = async || {
        let change = tokio::time::timeout(Duration::from_secs(1), changes.message()).await;
        change.expect("told within a second").unwrap().unwrap()
    };
    let delete = ReferenceValueDeleteRequest {
        id: "a".to_owned(),
        ..ReferenceValueDeleteRequest::default()
    };
    management.delete_reference_value(delete.clone()).await.unwrap();
    assert_eq!(soon().await.removed, ["a"]);
    assert_eq!(
        management
            .delete_reference_value(delete)
            .await
            .unwrap_err()
            .code(),
        Code::NotFound
    );
    let revoke = |element: &str| ReferenceValueRevokeRequest {
        id: "b".to_owned(),
        reason: None,
        what: Some(What::Element(element.to_owned())),
        on_behalf_of: Some("the security team".to_owned()),
    };
    let left = management.revoke_reference_value(revoke("1")).await.unwrap();
    assert_eq!(left.into_inner().left.as_deref(), Some("[2]"));
    assert_eq!(soon().await.changed[0].value, "[2]");
    for (element, code) in [
        ("no json", Code::InvalidArgument),
        (&"[".repeat(1000), Code::InvalidArgument),
        // The value is a number: a mistake of who asks.
        ("\"2\"", Code::InvalidArgument),
    ] {
        let status = management
            .revoke_reference_value(revoke(element))
            .await
            .unwrap_err();
        assert_eq!(status.code(), code);
    }
    let long = ReferenceValueRevokeRequest {
        reason: Some("x".repeat(1001)),
        ..revoke("2")
    };
    assert_eq!(
        management.revoke_reference_value(long).await.unwrap_err().code(),
        Code::InvalidArgument
    );
    server.clock.set(NEXT_YEAR);
    assert_eq!(soon().await.removed, ["b", "c"]);
    let history = management
        .get_reference_value_history(ReferenceValueHistoryRequest { id: "b".to_owned() })
        .await
        .unwrap()
        .into_inner();
    assert!(history.current.is_none() && history.versions.len() == 2 && history.revoked.len() == 1);
    let [newest, oldest] = &history.versions[..] else {
        panic!("{:?}", history.versions);
    };
    // Who asked on whose behalf is remembered of what was asked so, and of nothing else.
    let for_whom = |by: &Option<ReferenceValueRegistrar>| by.as_ref().unwrap().on_behalf_of.clone();
    assert_eq!(for_whom(&newest.by).as_deref(), Some("the security team"));
    assert_eq!(
        for_whom(&history.revoked[0].by).as_deref(),
        Some("the security team")
    );
    assert_eq!(for_whom(&oldest.by), None);
}

#[tokio::test]
async fn a_stop_ends_watches_instead_of_waiting_for_them() {
    let server = Server::start(&Config::default()).await;
    let (_, mut management) = connect(&server);
    let mut changes = management
        .watch_reference_values(ReferenceValueWatchRequest {})
        .await
        .unwrap()
        .into_inner();
    changes.message().await.unwrap().unwrap();
    tokio::time::timeout(Duration::from_secs(5), server.stop())
        .await
        .expect("the watch held up the stop");
    assert!(!matches!(changes.message().await, Ok(Some(_))));
}

#[tokio::test]
async fn health_is_served_for_the_server_and_for_each_service() {
    use tonic_health::pb::{
        HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
    };
    let server = Server::start(&Config::default()).await;
    let channel = channel(&GrpcClientConfig::new(format!("http://{}", server.address), None)).unwrap();
    for service in [
        "",
        "reference.ReferenceValueProviderService",
        "reference.ReferenceValueManagementService",
    ] {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let answer = HealthClient::new(channel.clone())
            .check(request)
            .await
            .unwrap()
            .into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
}

#[tokio::test]
async fn who_is_not_known_registers_what_is_signed_and_brings_back_nothing_old() {
    let dir = tempfile::tempdir().unwrap();
    let key = jose::SigningKey::generate_p256().unwrap();
    let config = Config {
        trust_anchors: vec![key_anchor(dir.path(), "vendor", &key)],
        ..Config::default()
    };
    let server = Server::start(&config).await;
    let (mut provider, mut management) = connect(&server);
    let old = signed_sample(&key, &json!({"svn": 1}), Some(NOW - 200));
    let new = signed_sample(&key, &json!({"svn": 2}), Some(NOW - 100));
    register(&mut provider, old.as_str()).await.unwrap();
    register(&mut provider, new.as_str()).await.unwrap();
    for forget in [false, true] {
        let request = ReferenceValueDeleteRequest {
            id: "svn".to_owned(),
            forget,
            ..ReferenceValueDeleteRequest::default()
        };
        let status = management.delete_reference_value(request).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
        assert!(status.message().contains("auth.registrars"), "{status}");
    }
    let request = ReferenceValueRevokeRequest {
        id: "svn".to_owned(),
        ..ReferenceValueRevokeRequest::default()
    };
    let status = management.revoke_reference_value(request).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    register(&mut provider, old.as_str()).await.unwrap_err();
    assert_eq!(query(&mut provider, "svn").await.as_deref(), Some("2"));
    let list = management
        .list_reference_values(ReferenceValueListRequest {})
        .await;
    assert_eq!(list.unwrap().into_inner().values.len(), 1);
}

#[tokio::test]
async fn a_hundred_thousand_values_reach_a_watcher_in_parts_and_a_list_whole() {
    let server = Server::start(&Config::default()).await;
    let (mut provider, mut management) = connect(&server);
    for message in 0..5 {
        let value = |n: usize| (format!("team-{message}/image-{n}"), json!([format!("{n:064x}")]));
        let values: serde_json::Map<_, _> = (0..20_000).map(value).collect();
        register(&mut provider, sample(&values.into())).await.unwrap();
    }
    let mut changes = management
        .watch_reference_values(ReferenceValueWatchRequest {})
        .await
        .unwrap()
        .into_inner();
    let (mut values, mut parts) = (0, 0);
    loop {
        let part = changes.message().await.unwrap().unwrap();
        assert_eq!(part.reset, parts == 0);
        values += part.changed.len();
        parts += 1;
        if !part.more {
            break;
        }
    }
    assert_eq!(values, 100_000);
    assert!(parts > 10);
    let mut management = management.max_decoding_message_size(64 << 20);
    let list = management
        .list_reference_values(ReferenceValueListRequest {})
        .await;
    assert_eq!(list.unwrap().into_inner().values.len(), 100_000);
}

#[tokio::test]
async fn on_a_read_only_storage_values_are_served_and_whoever_registers_is_told_why_not() {
    for kind in ["LocalFs", "LocalJson"] {
        // A directory in which nobody can make anything.
        let storage = json!({"storage_type": kind,
            "backends": {"local_fs": {"dir_path": "/sys"}, "local_json": {"file_dir_path": "/sys"}}});
        let config = serde_json::from_value::<Config>(json!({"storage": storage})).unwrap();
        let server = Server::start(&config).await;
        let (mut provider, mut management) = connect(&server);
        assert_eq!(query(&mut provider, "svn").await, None);
        let listed = management
            .list_reference_values(ReferenceValueListRequest {})
            .await
            .unwrap();
        assert!(listed.into_inner().values.is_empty());
        let refused = register(&mut provider, sample(&json!({"svn": ["1"]})))
            .await
            .unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition, "{kind}");
        assert!(refused.message().contains("read-only"), "{}", refused.message());
        let revoke = ReferenceValueRevokeRequest {
            id: "svn".to_owned(),
            what: Some(What::Element("1".to_owned())),
            ..ReferenceValueRevokeRequest::default()
        };
        let refused = management.revoke_reference_value(revoke).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition, "{kind}");
        for part in ["the RVPS does not change it", "read-only", "make it writable"] {
            assert!(refused.message().contains(part), "{}", refused.message());
        }
        assert_eq!(query(&mut provider, "svn").await, None, "nothing was stored");
    }
}
