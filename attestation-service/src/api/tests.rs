//! The wire: real servers, real clients.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use daemon::clock::ManualClock;
use daemon::grpc::{GrpcClientConfig, channel};
use daemon::tls::{TlsClientConfig, TlsServerConfig};
use protos::attestation::attestation_management_service_client::AttestationManagementServiceClient;
use protos::attestation::attestation_service_client::AttestationServiceClient;
use protos::attestation::individual_attestation_request::{InitData, RuntimeData};
use protos::attestation::*;
use protos::reference::reference_value_management_service_client::ReferenceValueManagementServiceClient;
use protos::reference::reference_value_provider_service_client::ReferenceValueProviderServiceClient;
use protos::reference::*;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::*;
use crate::Config;
use crate::testing::{Authority, NOW, Server};

mod audited;
mod explained;
mod policies;

async fn server(tls: Option<TlsServerConfig>) -> Server {
    daemon::init();
    let service = AttestationService::start(&Config::default(), Arc::new(ManualClock::new(NOW))).await;
    Server::start(router(service.unwrap()), tls).await
}

fn connect(address: String, tls: Option<TlsClientConfig>) -> Channel {
    channel(&GrpcClientConfig::new(address, tls)).unwrap()
}

/// A server and a connection to it.
async fn plain() -> (Server, Channel) {
    let server = server(None).await;
    let channel = connect(server.url(), None);
    (server, channel)
}

/// Sample evidence that is bound to what it comes with.
fn item() -> IndividualAttestationRequest {
    let runtime_data = r#"{"b":1,"a":"test","c":{"d":"e"}}"#;
    let digest =
        "e71ce8e70d814ba6639c3612ebee0ff1f76f650f8dbb5e47157e0f3f525cd22c4597480a186427c813ca941da78870c3";
    let report_data = STANDARD.encode(hex::decode(digest).unwrap());
    let evidence = format!(r#"{{"svn":"1","report_data":"{report_data}"}}"#);
    IndividualAttestationRequest {
        tee: "sample".to_owned(),
        evidence: URL_SAFE_NO_PAD.encode(evidence),
        runtime_data: Some(RuntimeData::StructuredRuntimeData(runtime_data.to_owned())),
        init_data: None,
        runtime_data_hash_algorithm: String::new(),
    }
}

async fn evaluate(channel: &Channel, item: IndividualAttestationRequest) -> Result<String, Status> {
    let request = AttestationRequest {
        verification_requests: vec![item],
        policy_ids: Vec::new(),
        explain: false,
    };
    let answer = AttestationServiceClient::new(channel.clone())
        .attestation_evaluate(request)
        .await?;
    Ok(answer.into_inner().attestation_token)
}

#[tokio::test]
async fn evidence_gives_a_token() {
    let (_server, channel) = plain().await;
    let token = evaluate(&channel, item()).await.unwrap();
    assert_eq!(token.split('.').count(), 3);
    for name in ["sha384", "SHA384"] {
        let item = IndividualAttestationRequest {
            runtime_data_hash_algorithm: name.to_owned(),
            ..item()
        };
        evaluate(&channel, item).await.unwrap();
    }
}

#[tokio::test]
async fn what_cannot_be_decoded_is_invalid_in_the_words_that_the_ecosystem_knows() {
    let (_server, channel) = plain().await;
    let (unknown, bad) = ("sev", "not base64!".to_owned());
    for (item, words) in [
        (
            IndividualAttestationRequest {
                tee: unknown.to_owned(),
                ..item()
            },
            "parse TEE type: Unsupported TEE type: sev",
        ),
        (
            IndividualAttestationRequest {
                evidence: bad.clone(),
                ..item()
            },
            "Illegal input Evidence: ",
        ),
        (
            IndividualAttestationRequest {
                runtime_data: Some(RuntimeData::RawRuntimeData(bad.clone())),
                ..item()
            },
            "base64 decode runtime data: ",
        ),
        (
            IndividualAttestationRequest {
                init_data: Some(InitData::InitDataDigest(bad.clone())),
                ..item()
            },
            "base64 decode init data: ",
        ),
        (
            IndividualAttestationRequest {
                runtime_data_hash_algorithm: "md5".to_owned(),
                ..item()
            },
            "parse runtime data HashAlgorithm failed: ",
        ),
    ] {
        let status = evaluate(&channel, item).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        assert!(status.message().starts_with(words), "{status:?}");
    }
}

#[tokio::test]
async fn evidence_that_does_not_hold_is_aborted_with_numbered_causes() {
    let (_server, channel) = plain().await;
    let item = IndividualAttestationRequest {
        runtime_data: Some(RuntimeData::StructuredRuntimeData("{}".to_owned())),
        ..item()
    };
    let status = evaluate(&channel, item).await.unwrap_err();
    assert_eq!(status.code(), Code::Aborted);
    let message = status.message();
    assert!(
        message.starts_with("Attestation evaluation failed: \n0: Verifier evaluate failed"),
        "{message}"
    );
    assert!(message.contains("\n1: "), "{message}");

    let mut client = AttestationServiceClient::new(channel);
    let status = client
        .attestation_evaluate(AttestationRequest::default())
        .await
        .unwrap_err();
    assert!(
        status
            .message()
            .ends_with("\n0: No verification requests provided."),
        "{status:?}"
    );
    let request = AttestationRequest {
        verification_requests: vec![self::item()],
        policy_ids: vec!["none".to_owned()],
        explain: false,
    };
    let status = client.attestation_evaluate(request).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(
        status.message().contains("Policy `none_cpu.rego` not found"),
        "{status:?}"
    );
}

#[tokio::test]
async fn a_policy_is_set_listed_and_read_back() {
    let (_server, channel) = plain().await;
    let rego = "package policy\nimport rego.v1\ntrust_claims := {\"hardware\": 2}\n";
    let mut client = AttestationServiceClient::new(channel.clone());
    let request = |id: &str, policy: String| SetPolicyRequest {
        policy_id: id.to_owned(),
        policy,
        ..SetPolicyRequest::default()
    };
    client
        .set_attestation_policy(request("mine_cpu", URL_SAFE_NO_PAD.encode(rego)))
        .await
        .unwrap();

    let mut management = AttestationManagementServiceClient::new(channel);
    let listed = management
        .list_attestation_policies(ListPoliciesRequest {})
        .await
        .unwrap()
        .into_inner();
    let ids: Vec<&str> = listed
        .policies
        .iter()
        .map(|policy| policy.policy_id.as_str())
        .collect();
    assert_eq!(
        ids,
        [
            "default_cpu",
            "default_gpu",
            "default_ppcie",
            "default_switch",
            "mine_cpu"
        ]
    );
    let get = |id: &str| GetPolicyRequest {
        policy_id: id.to_owned(),
        version: None,
    };
    let read = management
        .get_attestation_policy(get("mine_cpu"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (read.policy.as_str(), &read.digest),
        (rego, &listed.policies[4].digest)
    );
    let status = management.get_attestation_policy(get("other")).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);

    for (id, policy) in [
        ("mine_cpu", "not base64!".to_owned()),
        ("mine_cpu", URL_SAFE_NO_PAD.encode("no policy")),
        ("mine_cpu", URL_SAFE_NO_PAD.encode([0xff])),
        ("../mine", URL_SAFE_NO_PAD.encode(rego)),
    ] {
        let status = client
            .set_attestation_policy(request(id, policy))
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        assert!(
            status.message().starts_with("Set Attestation Policy Failed: "),
            "{status:?}"
        );
    }
}

#[tokio::test]
async fn a_challenge_is_empty_for_all_but_secure_execution() {
    let (_server, channel) = plain().await;
    let mut client = AttestationServiceClient::new(channel);
    let request = |pairs: &[(&str, &str)]| ChallengeRequest {
        inner: pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    };
    let answer = client
        .get_attestation_challenge(request(&[("tee", "snp"), ("tee_params", "{}")]))
        .await;
    assert_eq!(answer.unwrap().into_inner().attestation_challenge, "");
    for (pairs, words) in [
        (&[("tee_params", "")][..], "Error parse inner_tee tee"),
        (&[("tee", "snp")][..], "Error parse inner_tee tee_params"),
        (
            &[("tee", "x"), ("tee_params", "")][..],
            "Error parse TEE type: Unsupported TEE type: x",
        ),
        (
            &[("tee", "se"), ("tee_params", "")][..],
            "Challenge: there is no verifier for TEE `se` in this version: IBM Secure Execution needs",
        ),
    ] {
        let status = client
            .get_attestation_challenge(request(pairs))
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with(words), "{status:?}");
    }
}

#[tokio::test]
async fn reference_values_are_passed_on() {
    let (_server, channel) = plain().await;
    let mut client = ReferenceValueProviderServiceClient::new(channel.clone());
    let query = |id: &str| ReferenceValueQueryRequest {
        reference_value_id: id.to_owned(),
    };
    let absent = client
        .query_reference_value(query("__healthcheck__"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(absent.reference_value_results, None);
    let payload = STANDARD.encode(r#"{"svn":["1"]}"#);
    let message = format!(r#"{{"version":"0.1.0","type":"sample","payload":"{payload}"}}"#);
    client
        .register_reference_value(ReferenceValueRegisterRequest {
            message,
            on_behalf_of: None,
        })
        .await
        .unwrap();
    let present = client
        .query_reference_value(query("svn"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(present.reference_value_results.as_deref(), Some(r#"["1"]"#));

    let request = ReferenceValueRegisterRequest {
        message: "{".to_owned(),
        on_behalf_of: None,
    };
    let status = client.register_reference_value(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        status.message().starts_with("Register reference value: "),
        "{status:?}"
    );

    let mut management = ReferenceValueManagementServiceClient::new(channel);
    let listed = management
        .list_reference_values(ReferenceValueListRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!((listed.values.len(), listed.values[0].id.as_str()), (1, "svn"));
    assert!(listed.values[0].expires_at > NOW);
    let status = management
        .watch_reference_values(ReferenceValueWatchRequest {})
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}

#[tokio::test]
async fn a_message_of_five_mebibytes_is_taken_and_one_over_the_limit_is_not() {
    let (_server, channel) = plain().await;
    let padded = |size: usize| {
        let text = format!(r#"{{"svn":"1","report_data":"","log":"{}"}}"#, "x".repeat(size));
        IndividualAttestationRequest {
            evidence: URL_SAFE_NO_PAD.encode(text),
            runtime_data: None,
            ..item()
        }
    };
    evaluate(&channel, padded(4 * 1024 * 1024)).await.unwrap();
    let status = evaluate(&channel, padded(MAX_MESSAGE)).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{status:?}");
}

#[tokio::test]
async fn the_key_of_the_tokens_is_published_over_http() {
    let (server, channel) = plain().await;
    let answer = reqwest::get(format!("{}/.well-known/jwks.json", server.url()))
        .await
        .unwrap();
    assert_eq!(answer.headers()["content-type"], "application/json");
    let jwks: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let token = evaluate(&channel, item()).await.unwrap();
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(jwks["keys"][0], header["jwk"]);
}

/// The health of a service, asked for as `grpc.health.v1` says: 1 is SERVING, 2 is NOT_SERVING.
async fn health(channel: &Channel, service: &str) -> i32 {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    HealthClient::new(channel.clone())
        .check(request)
        .await
        .map_or(0, |answer| answer.into_inner().status)
}

#[tokio::test]
async fn health_is_told_for_the_server_and_the_service() {
    let (_server, channel) = plain().await;
    assert_eq!(health(&channel, "").await, 1);
    health_becomes(&channel, SERVICE, 1).await;
}

async fn health_becomes(channel: &Channel, service: &str, expected: i32) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while health(channel, service).await != expected {
        assert!(
            std::time::Instant::now() < deadline,
            "{service} is never {expected}"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn where_client_certificates_are_asked_for_nobody_sets_anything_without_one() {
    let authority = Authority::new();
    let tls = TlsServerConfig {
        client_ca: Some(authority.path("ca.pem")),
        ..authority.server()
    };
    let server = server(Some(tls)).await;
    let address = format!("https://{}", server.address);

    let vouched = connect(address.clone(), Some(authority.vouch_for(authority.client())));
    evaluate(&vouched, item()).await.unwrap();

    let strangers = Authority::new();
    let foreign = strangers.vouch_for(authority.client());
    let nameless = connect(address.clone(), Some(authority.client()));
    let foreign = connect(address, Some(foreign));
    let plain = connect(server.url(), None);
    let policy =
        URL_SAFE_NO_PAD.encode("package policy\nimport rego.v1\ntrust_claims := {\"hardware\": 2}\n");
    let payload = STANDARD.encode(r#"{"svn":["1"]}"#);
    let message = format!(r#"{{"version":"0.1.0","type":"sample","payload":"{payload}"}}"#);
    for channel in [nameless, foreign, plain] {
        let request = SetPolicyRequest {
            policy_id: "mine_cpu".to_owned(),
            policy: policy.clone(),
            ..SetPolicyRequest::default()
        };
        let mut attestation = AttestationServiceClient::new(channel.clone());
        attestation.set_attestation_policy(request).await.unwrap_err();
        let request = ReferenceValueRegisterRequest {
            message: message.clone(),
            on_behalf_of: None,
        };
        let mut reference = ReferenceValueProviderServiceClient::new(channel.clone());
        reference.register_reference_value(request).await.unwrap_err();
        evaluate(&channel, item()).await.unwrap_err();
    }

    let mut management = AttestationManagementServiceClient::new(vouched.clone());
    let listed = management
        .list_attestation_policies(ListPoliciesRequest {})
        .await
        .unwrap();
    assert!(
        listed
            .into_inner()
            .policies
            .iter()
            .all(|policy| policy.policy_id != "mine_cpu")
    );
    let mut management = ReferenceValueManagementServiceClient::new(vouched);
    let listed = management
        .list_reference_values(ReferenceValueListRequest {})
        .await
        .unwrap();
    assert!(listed.into_inner().values.is_empty());
}

#[tokio::test]
async fn who_is_not_known_takes_back_no_value_where_signatures_count() {
    daemon::init();
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("vendor.pub");
    let pem = jose::SigningKey::generate_p256()
        .unwrap()
        .public_key_pem()
        .unwrap();
    std::fs::write(&key, pem).unwrap();
    let config = serde_json::json!({
        "rvps_config": {"type": "BuiltIn", "trust_anchors": [{"name": "vendor", "key": key}]},
    });
    let config: Config = serde_json::from_value(config).unwrap();
    let service = AttestationService::start(&config, Arc::new(ManualClock::new(NOW))).await;
    let server = Server::start(router(service.unwrap()), None).await;
    let mut values = ReferenceValueManagementServiceClient::new(connect(server.url(), None));
    let request = ReferenceValueDeleteRequest {
        id: "svn".to_owned(),
        forget: true,
        ..ReferenceValueDeleteRequest::default()
    };
    let status = values.delete_reference_value(request).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(status.message().contains("tls.client_ca"), "{status}");
    let request = ReferenceValueRevokeRequest {
        id: "svn".to_owned(),
        ..ReferenceValueRevokeRequest::default()
    };
    let status = values.revoke_reference_value(request).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    let list = values.list_reference_values(ReferenceValueListRequest {}).await;
    assert!(list.unwrap().into_inner().values.is_empty());
}
