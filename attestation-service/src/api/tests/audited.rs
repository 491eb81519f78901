//! What was appraised, and who has changed what, is in the audit log.

use std::path::Path;
use std::time::{Duration, Instant};

use ::audit::{Link, Verifier};
use daemon::audit::{AuditConfig, FakeDisk};
use daemon::metrics::Registry;
use serde_json::{Value, json};

use super::*;

const REGO: &str = "package policy\nimport rego.v1\ntrust_claims := {\"hardware\": 97}\n";

/// The lines of a log that is whole.
fn proved(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    let mut verifier = Verifier::after(Link::START);
    verifier.read(text.as_bytes()).unwrap().unwrap();
    verifier.finish().unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn said<'a>(line: &'a Value, names: &[&str]) -> Vec<&'a str> {
    names
        .iter()
        .map(|name| line[*name].as_str().unwrap_or_default())
        .collect()
}

fn policy(id: &str) -> SetPolicyRequest {
    SetPolicyRequest {
        policy_id: id.to_owned(),
        policy: URL_SAFE_NO_PAD.encode(REGO),
        author: Some(PolicyAuthor {
            how: "admin-token".to_owned(),
            name: "an owner".to_owned(),
        }),
        strict: false,
    }
}

fn registration() -> ReferenceValueRegisterRequest {
    let payload = STANDARD.encode(r#"{"svn":["1"],"launch_digest":["abc"]}"#);
    ReferenceValueRegisterRequest {
        message: format!(r#"{{"version":"0.1.0","type":"sample","payload":"{payload}"}}"#),
        on_behalf_of: None,
    }
}

#[tokio::test]
async fn changes_over_grpc_and_evaluations_are_lines_of_a_whole_log() {
    daemon::init();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("audit.log");
    let config = Config {
        audit: AuditConfig {
            file: Some(file.clone()),
            ..AuditConfig::default()
        },
        ..Config::default()
    };
    let service = AttestationService::start_with_audit(&config, Arc::new(ManualClock::new(NOW))).await;
    let service = service.unwrap();
    let server = Server::start(router(Arc::clone(&service)), None).await;
    let channel = connect(server.url(), None);
    let mut attestation = AttestationServiceClient::new(channel.clone());
    let mut management = AttestationManagementServiceClient::new(channel.clone());
    let set = attestation.set_attestation_policy(policy("mine_cpu")).await;
    let set = set.unwrap().into_inner().version.unwrap();
    let refused = SetPolicyRequest {
        policy: URL_SAFE_NO_PAD.encode("no policy"),
        ..policy("mine_cpu")
    };
    attestation.set_attestation_policy(refused).await.unwrap_err();
    let back = RollBackPolicyRequest {
        policy_id: "mine_cpu".to_owned(),
        version: set.number,
        author: None,
    };
    management.roll_back_attestation_policy(back).await.unwrap();
    let gone = DeletePolicyRequest {
        policy_id: "mine_cpu".to_owned(),
        author: None,
    };
    management.delete_attestation_policy(gone).await.unwrap();
    let mut provider = ReferenceValueProviderServiceClient::new(channel.clone());
    provider.register_reference_value(registration()).await.unwrap();
    let mut values = ReferenceValueManagementServiceClient::new(channel.clone());
    let revocation = ReferenceValueRevokeRequest {
        id: "launch_digest".to_owned(),
        ..ReferenceValueRevokeRequest::default()
    };
    values.revoke_reference_value(revocation).await.unwrap();
    evaluate(&channel, item()).await.unwrap();
    let bad = IndividualAttestationRequest {
        evidence: URL_SAFE_NO_PAD.encode(r#"{"svn":"1","report_data":"AAAA"}"#),
        ..item()
    };
    evaluate(&channel, bad).await.unwrap_err();
    service.audit().finish().await;

    let lines = proved(&file);
    let admin: Vec<_> = lines
        .iter()
        .filter(|line| line["event"] == "admin-result")
        .map(|line| said(line, &["outcome", "rpc", "policy_id"]))
        .collect();
    assert_eq!(
        admin,
        [
            ["done", "SetAttestationPolicy", "mine_cpu"],
            ["failed", "SetAttestationPolicy", "mine_cpu"],
            ["done", "RollBackAttestationPolicy", "mine_cpu"],
            ["done", "DeleteAttestationPolicy", "mine_cpu"],
            ["done", "RegisterReferenceValue", ""],
            ["done", "RevokeReferenceValue", ""],
        ]
    );
    let of = |event: &'static str| lines.iter().filter(move |line| line["event"] == event);
    assert!(of("admin").all(|line| line["outcome"] == "allowed" && line["peer"] == "127.0.0.1"));
    let first = of("admin-result").next().unwrap();
    assert_eq!(
        (&first["version"], &first["digest"], &first["caller"]),
        (
            &json!(set.number),
            &json!(set.digest),
            &json!({"how": "anyone", "on_behalf_of": "an owner (admin-token)"})
        )
    );
    let registered = of("admin-result").nth(4).unwrap();
    assert_eq!(registered["reference_values"], json!(["launch_digest", "svn"]));
    assert_eq!(registered["message_sha256"].as_str().unwrap().len(), 64);

    let attested: Vec<_> = of("attestation").collect();
    assert_eq!(attested.len(), 2);
    assert_eq!(attested[0]["tee"], "sample");
    assert_eq!(attested[0]["devices"]["cpu0"], attested[0]["outcome"]);
    assert_eq!(attested[0]["policies"][0]["id"], "default_cpu");
    assert_eq!(attested[0]["policies"][0]["digest"].as_str().unwrap().len(), 96);
    assert_eq!(attested[1]["outcome"], "refused");
    assert!(attested[1]["reason"].is_string());
}

#[tokio::test]
async fn where_it_is_required_there_is_no_token_and_no_change_that_cannot_be_written_down() {
    daemon::init();
    let disk = FakeDisk::default();
    let clock = Arc::new(ManualClock::new(NOW));
    let audit = disk.audit(true, clock.clone(), None).unwrap();
    let service = AttestationService::with(&Config::default(), clock, Registry::new(), audit).await;
    let server = Server::start(router(service.unwrap()), None).await;
    let channel = connect(server.url(), None);
    let mut attestation = AttestationServiceClient::new(channel.clone());
    let mut provider = ReferenceValueProviderServiceClient::new(channel.clone());
    disk.set_full(true);
    let refused = [
        evaluate(&channel, item()).await.map(drop),
        attestation
            .set_attestation_policy(policy("mine_cpu"))
            .await
            .map(drop),
        provider.register_reference_value(registration()).await.map(drop),
    ];
    for refused in refused {
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable, "{refused}");
        assert!(refused.message().contains("audit record"), "{refused}");
    }
    health_becomes(&channel, SERVICE, 2).await;
    assert_eq!(health(&channel, "").await, 1, "the process lives");
    disk.set_full(false);
    let start = Instant::now();
    while evaluate(&channel, item()).await.is_err() {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "the log is not written again"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    health_becomes(&channel, SERVICE, 1).await;
    let mut management = AttestationManagementServiceClient::new(channel.clone());
    let stored = management.get_attestation_policy(GetPolicyRequest {
        policy_id: "mine_cpu".to_owned(),
        version: None,
    });
    assert_eq!(stored.await.unwrap_err().code(), Code::NotFound);
    let query = ReferenceValueQueryRequest {
        reference_value_id: "svn".to_owned(),
    };
    let value = provider.query_reference_value(query).await.unwrap();
    assert_eq!(value.into_inner().reference_value_results, None);
    let text = disk.text();
    assert!(text.contains(r#""event":"attestation""#) && !text.contains(r#""event":"admin""#));
}

#[tokio::test]
async fn a_service_without_the_section_writes_nothing() {
    daemon::init();
    let service = AttestationService::start(&Config::default(), Arc::new(ManualClock::new(NOW))).await;
    assert!(!service.unwrap().audit().is_on());
}
