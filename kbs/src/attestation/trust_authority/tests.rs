//! What is sent and what is made of answers. Whole handshakes are in `integration-tests/tests/trust_authority.rs`.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use daemon::clock::ManualClock;
use proptest::prelude::*;
use reqwest::StatusCode;
use serde_json::json;

use super::answer::AnswerError;
use super::*;
use crate::admin::AdminGrant;
use crate::attestation::{EvaluationItem, HashAlgorithm};

const KEY: &str = r#"{"kty":"EC","crv":"P-256","alg":"ECDH-ES+A256KW","x":"a","y":"b"}"#;
/// RFC 8785 of the runtime data below.
const CANONICAL: &str = r#"{"additional-evidence":"","nonce":"n","tee-pubkey":{"alg":"ECDH-ES+A256KW","crv":"P-256","kty":"EC","x":"a","y":"b"}}"#;
const CANONICAL_DEVICE: &str =
    r#"{"nonce":"n","tee-pubkey":{"alg":"ECDH-ES+A256KW","crv":"P-256","kty":"EC","x":"a","y":"b"}}"#;

fn item(tee: Tee, evidence: &Value) -> EvaluationItem {
    let runtime_data = match tee {
        Tee::Nvidia => format!(r#"{{"nonce":"n","tee-pubkey":{KEY}}}"#),
        _ => format!(r#"{{"additional-evidence":"","nonce":"n","tee-pubkey":{KEY}}}"#),
    };
    EvaluationItem {
        tee,
        evidence: evidence.to_string(),
        runtime_data,
        hash: HashAlgorithm::Sha384,
        init_data_toml: None,
    }
}

fn evaluation(items: Vec<EvaluationItem>) -> Evaluation {
    Evaluation {
        items,
        policy_id: None,
        explain: true,
    }
}

fn sent_with(policies: &[&str], must_match: bool, items: Vec<EvaluationItem>) -> Result<Value, String> {
    let policies: Vec<String> = policies.iter().map(ToString::to_string).collect();
    let request = Request::of(&evaluation(items), &policies, must_match);
    let body = request.map_err(|error| error.to_string())?.to_json().unwrap();
    Ok(serde_json::from_slice(&body).unwrap())
}

fn sent(items: Vec<EvaluationItem>) -> Result<Value, String> {
    sent_with(&[], false, items)
}

fn tdx() -> EvaluationItem {
    item(Tee::Tdx, &json!({"quote": "AQID", "cc_eventlog": null}))
}

#[test]
fn a_quote_is_sent_with_the_very_text_that_the_guest_hashed() {
    let expected = json!({
        "policy_ids": [],
        "policy_must_match": false,
        "tdx": {"quote": "AQID", "runtime_data": STANDARD.encode(CANONICAL)},
    });
    assert_eq!(sent(vec![tdx()]).unwrap(), expected);

    let with_log = item(Tee::Tdx, &json!({"quote": "AQID", "cc_eventlog": "BBBB"}));
    assert_eq!(sent(vec![with_log]).unwrap()["tdx"]["event_log"], "BBBB");

    let sgx = sent(vec![item(Tee::Sgx, &json!({"quote": "AQID"}))]).unwrap();
    let expected = json!({"quote": "AQID", "runtime_data": STANDARD.encode(CANONICAL)});
    assert_eq!((&sgx["sgx"], &sgx["tdx"]), (&expected, &Value::Null));
}

#[test]
fn policies_are_named_and_must_match_if_the_operator_says_so() {
    let body = sent_with(&["p1", "p2"], true, vec![tdx()]).unwrap();
    assert_eq!(
        (&body["policy_ids"], &body["policy_must_match"]),
        (&json!(["p1", "p2"]), &json!(true))
    );
}

/// A paravisor's report with that variable data.
fn paravisor_report(data: &[u8]) -> Vec<u8> {
    let mut report = vec![0; 32 + 1184 + 16];
    report[..4].copy_from_slice(b"HCLA");
    report.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    report.extend(data);
    report.extend([0; 10]);
    report
}

#[test]
fn a_machine_on_azure_is_sent_by_its_parts_and_to_its_own_endpoint() {
    let report = paravisor_report(b"{\"keys\":[]}");
    for evidence in [
        json!({"version": 2, "hcl_report": URL_SAFE.encode(&report), "td_quote": URL_SAFE.encode([9, 8]), "tpm_quote": {}}),
        json!({"version": "1", "hcl_report": URL_SAFE.encode(&report), "td_quote": URL_SAFE.encode([9, 8])}),
        json!({"hcl_report": report, "td_quote": [9, 8], "tpm_quote": {}}),
    ] {
        let item = item(Tee::AzTdxVtpm, &evidence);
        let expected = json!({
            "quote": STANDARD.encode([9, 8]),
            "runtime_data": STANDARD.encode("{\"keys\":[]}"),
            "user_data": STANDARD.encode(CANONICAL),
        });
        assert_eq!(sent(vec![item.clone()]).unwrap()["tdx"], expected);
        let evaluation = evaluation(vec![item]);
        assert!(Request::of(&evaluation, &[], false).unwrap().is_azure());
    }
    let evaluation = evaluation(vec![tdx()]);
    assert!(!Request::of(&evaluation, &[], false).unwrap().is_azure());
}

#[test]
fn a_paravisors_report_that_is_none_is_refused() {
    let mut longer = paravisor_report(b"{}");
    longer[32 + 1184 + 16] = 200;
    let mut other = paravisor_report(b"{}");
    other[0] = b'h';
    for report in [vec![1], vec![0; 3000], longer, other, paravisor_report(b"")] {
        let evidence = json!({"version": 2, "hcl_report": URL_SAFE.encode(&report), "td_quote": "AQID"});
        let error = sent(vec![item(Tee::AzTdxVtpm, &evidence)]).unwrap_err();
        assert!(error.contains("paravisor"), "{error}");
    }
    for evidence in [
        json!({}),
        json!({"hcl_report": "*", "td_quote": "AQID"}),
        json!({"hcl_report": [300], "td_quote": []}),
    ] {
        let error = sent(vec![item(Tee::AzTdxVtpm, &evidence)]).unwrap_err();
        assert!(error.contains("malformed"), "{error}");
    }
}

#[test]
fn gpus_are_sent_with_their_nonce_and_switches_are_left_out() {
    let device = |arch: &str, evidence: &str| json!({"arch": arch, "uuid": "u", "evidence": evidence, "certificate": "Q0VSVA=="});
    let gpu = |devices: Vec<Value>| item(Tee::Nvidia, &json!({ "device_evidence_list": devices }));
    let body = sent(vec![
        tdx(),
        gpu(vec![
            device("HOPPER", "0102"),
            device("LS10", "00"),
            device("Hopper", "AwQ="),
        ]),
    ]);
    let digest = ring::digest::digest(&ring::digest::SHA512, CANONICAL_DEVICE.as_bytes());
    let expected = json!({
        "gpu_nonce": hex::encode(&digest.as_ref()[..32]),
        "arch": "HOPPER",
        "evidence_list": [
            {"evidence": "AQI=", "certificate": "Q0VSVA=="},
            {"evidence": "AwQ=", "certificate": "Q0VSVA=="},
        ],
    });
    assert_eq!(body.unwrap()["nvgpu"], expected);

    let body = sent(vec![tdx(), gpu(vec![device("LS10", "00")])]).unwrap();
    assert!(body.get("nvgpu").is_none());
    for devices in [
        vec![device("HOPPER", "0102"), device("BLACKWELL", "0102")],
        vec![device("HOPPER", "*")],
        vec![device("LS10", "00"); 33],
    ] {
        assert!(sent(vec![tdx(), gpu(devices)]).is_err());
    }
}

#[test]
fn what_the_service_does_not_appraise_is_not_sent() {
    for (items, said) in [
        (vec![item(Tee::Snp, &json!({}))], "`snp`"),
        (vec![tdx(), item(Tee::SampleDevice, &json!({}))], "`sampledevice`"),
        (
            vec![item(Tee::Nvidia, &json!({"device_evidence_list": []}))],
            "none",
        ),
        (vec![tdx(), tdx()], "two"),
        (vec![], "none"),
        (vec![item(Tee::Tdx, &json!({"quote": "*"}))], "malformed"),
        (vec![item(Tee::Tdx, &json!({"quote": ""}))], "malformed"),
        (
            vec![item(Tee::Tdx, &json!({"quote": "AQID", "cc_eventlog": "*"}))],
            "malformed",
        ),
        (vec![item(Tee::Sgx, &json!([]))], "malformed"),
    ] {
        let error = sent(items).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
}

fn answered(status: u16, body: &str) -> Result<String, AttestationError> {
    answer::token(StatusCode::from_u16(status).unwrap(), body.as_bytes())
}

#[test]
fn whose_fault_it_is_that_there_is_no_token_is_told_from_the_answer() {
    use AttestationError as E;
    assert_eq!(answered(200, r#"{"token":"t"}"#).unwrap(), "t");
    for (status, body) in [
        (200, "{}"),
        (200, "<html>"),
        (200, ""),
        (301, ""),
        (500, ""),
        (418, ""),
    ] {
        assert!(matches!(answered(status, body), Err(E::Failed(_))), "{status}");
    }
    for status in [400, 413, 422] {
        assert!(matches!(answered(status, ""), Err(E::Refused(_))), "{status}");
    }
    for status in [401, 403, 404, 405] {
        assert!(matches!(answered(status, ""), Err(E::Setup(_))), "{status}");
    }
    for status in [408, 429, 502, 503, 504] {
        assert!(matches!(answered(status, ""), Err(E::Unavailable(_))), "{status}");
    }
    let long = format!(r#"{{"error":"bad\nquote {}"}}"#, "x".repeat(10_000));
    let Err(E::Refused(reason)) = answered(400, &long) else {
        panic!("not refused")
    };
    assert!(
        reason.starts_with("400: bad quote x") && reason.len() < 600,
        "{reason}"
    );
}

#[test]
fn a_token_has_to_be_of_a_known_issuer_and_about_this_handshake() {
    let issuers = vec!["i".to_owned()];
    let runtime_data = item(Tee::Tdx, &json!({})).runtime_data;
    for (tee, member, name) in [
        (Tee::Tdx, "tdx", "attester_runtime_data"),
        (Tee::AzTdxVtpm, "tdx", "attester_user_data"),
        (Tee::Sgx, "sgx", "attester_runtime_data"),
    ] {
        let wanted = Wanted::of(tee, &runtime_data).unwrap();
        let claims = |issuer: Value, nonce: Value| {
            json!({"iss": issuer, (member): {(name): {"nonce": nonce}}}).to_string()
        };
        let check = |claims: String| wanted.check(&claims, &issuers);
        assert_eq!(check(claims(json!("i"), json!("n"))), Ok(()));
        for issuer in [json!("j"), json!(""), Value::Null, json!(["i"])] {
            assert_eq!(check(claims(issuer, json!("n"))), Err(AnswerError::Issuer));
        }
        for nonce in [json!("m"), json!(""), Value::Null, json!(["n"])] {
            assert_eq!(check(claims(json!("i"), nonce)), Err(AnswerError::Nonce));
        }
        assert_eq!(
            check(json!({"iss": "i", "nonce": "n"}).to_string()),
            Err(AnswerError::Nonce)
        );
    }
    assert!(Wanted::of(Tee::Tdx, "{}").is_none());
    assert!(Wanted::of(Tee::Snp, &runtime_data).is_none());
}

fn config() -> TrustAuthorityConfig {
    TrustAuthorityConfig {
        base_url: "https://api.example".to_owned(),
        api_key: ApiKey::new(" canary-key\n"),
        certs_file: "https://127.0.0.1:1/certs".to_owned(),
        ca_file: None,
        policy_ids: Vec::new(),
        allow_unmatched_policy: false,
        issuers: crate::token::INTEL.map(str::to_owned).to_vec(),
        timeout: Duration::from_secs(1),
        connect_timeout: Duration::from_secs(1),
    }
}

async fn service(config: &TrustAuthorityConfig) -> Result<TrustAuthority, TrustAuthoritySetupError> {
    daemon::init();
    TrustAuthority::new(config, Arc::new(ManualClock::new(0))).await
}

#[tokio::test]
async fn each_tee_has_its_hash() {
    let service = service(&config()).await.unwrap();
    let all = json!(["SHA256", "sha384", "sha512"]);
    for (tee, hash) in [
        (Tee::Tdx, "sha512"),
        (Tee::Sgx, "sha256"),
        (Tee::AzTdxVtpm, "sha256"),
    ] {
        assert_eq!(
            service.choose_hash(tee, Some(&all)),
            Ok(HashChoice::Selected(hash))
        );
        assert_eq!(service.choose_hash(tee, None), Ok(HashChoice::Unsaid));
        for offered in [json!([]), json!(["sha384"]), json!("sha512"), Value::Null] {
            assert!(
                service.choose_hash(tee, Some(&offered)).is_err(),
                "{tee} {offered}"
            );
        }
    }
    let error = service.choose_hash(Tee::Snp, Some(&all)).unwrap_err();
    assert_eq!(error.to_string(), "ITA: Unknown TEE specified");
}

#[tokio::test]
async fn what_is_kept_in_the_services_portal_is_not_offered_here() {
    use AttestationError as E;
    let service = service(&config()).await.unwrap();
    let grant = AdminGrant::for_tests();
    assert!(matches!(service.management(&grant), Err(E::NotOffered)));
    assert!(matches!(service.challenge(Tee::Se, "").await, Err(E::NotOffered)));
    // Nobody is there who has the keys.
    assert!(!service.is_ready().await);
}

#[tokio::test]
async fn a_key_is_sent_only_where_tls_protects_it_and_is_never_shown() {
    for base_url in [
        "http://api.example",
        "api.example",
        "",
        "https://user:word@api.example",
        "https://api.example?x=y",
        "file:///etc/passwd",
    ] {
        let config = TrustAuthorityConfig {
            base_url: base_url.to_owned(),
            ..config()
        };
        let error = service(&config);
        assert!(
            matches!(error.await, Err(TrustAuthoritySetupError::BaseUrl)),
            "{base_url}"
        );
    }
    for key in ["", " ", "a\nb", "ä\u{7f}"] {
        let config = TrustAuthorityConfig {
            api_key: ApiKey::new(key),
            ..config()
        };
        let error = service(&config);
        assert!(
            matches!(error.await, Err(TrustAuthoritySetupError::ApiKey)),
            "{key:?}"
        );
    }
    assert!(!format!("{:?}", config()).contains("canary"));
    let header = config().api_key.header().unwrap();
    assert_eq!(
        (header.to_str().unwrap(), header.is_sensitive()),
        ("canary-key", true)
    );
}

#[tokio::test]
async fn keys_are_not_fetched_over_plain_http() {
    let config = TrustAuthorityConfig {
        certs_file: "http://127.0.0.1:1/certs".to_owned(),
        ..config()
    };
    let error = service(&config);
    assert!(matches!(error.await, Err(TrustAuthoritySetupError::Keys(_))));
}

proptest! {
    #[test]
    fn no_evidence_makes_it_panic(evidence in ".{0,80}", report in proptest::collection::vec(any::<u8>(), 0..1400)) {
        for tee in [Tee::Tdx, Tee::Sgx, Tee::AzTdxVtpm, Tee::Nvidia] {
            let mut item = item(tee, &Value::Null);
            item.evidence = evidence.clone();
            let _ = sent(vec![item]);
        }
        let mut report = report;
        report.splice(..0, *b"HCLA");
        let evidence = json!({"hcl_report": URL_SAFE.encode(report), "td_quote": "AQID"});
        let _ = sent(vec![item(Tee::AzTdxVtpm, &evidence)]);
    }

    #[test]
    fn no_answer_makes_it_panic(status in 100_u16..600, body in ".{0,80}") {
        let _ = answered(status, &body);
        if let Some(wanted) = Wanted::of(Tee::Tdx, r#"{"nonce":"n"}"#) {
            let _ = wanted.check(&body, &[]);
        }
    }
}
