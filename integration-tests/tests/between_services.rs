//! The services among themselves: mutual TLS, one request id through all three, and living with other
//! implementations.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use daemon::grpc::{GrpcClientConfig, channel};
use daemon::tls::TlsClientConfig;
use jose::signer::SigningKey;
use protos::attestation::SetPolicyRequest;
use protos::attestation::attestation_service_client::AttestationServiceClient;
use protos::attestation::individual_attestation_request::{InitData, RuntimeData};
use protos::reference::ReferenceValueRegisterRequest;
use protos::reference::reference_value_provider_service_client::ReferenceValueProviderServiceClient;
use reqwest::Method;
use serde_json::{Value, json};

use crate::fakes;
use crate::fakes::attestation::{Answer, FakeAttestation};
use crate::guest::{Guest, assert_refused, cpu_status};
use crate::logged;
use crate::owner::{AFFIRMING, ALLOW_ALL};
use crate::pki::Pki;
use crate::stack::{Setup, TestStack};

const PATH: &str = "default/key/one";

async fn with_tls() -> TestStack {
    TestStack::with(Setup {
        tls: true,
        ..Setup::default()
    })
    .await
}

#[tokio::test]
async fn a_secret_is_delivered_over_tls_with_mutual_tls_between_the_services() {
    let stack = with_tls().await;
    assert!(
        [&stack.kbs, &stack.attestation, &stack.rvps]
            .iter()
            .all(|url| url.starts_with("https://"))
    );
    stack.store(PATH, b"s").await;
    stack.release_by(AFFIRMING).await;
    stack.vouch_for_platform().await;
    let guest = Guest::snp(&stack);
    let (session, _) = guest.handshake().await;
    assert_eq!(guest.open(guest.get(&session, PATH).await).await, b"s");
}

#[tokio::test]
async fn policies_and_reference_values_need_a_known_client_certificate() {
    let stack = with_tls().await;
    let other_folder = tempfile::tempdir().unwrap();
    let stranger = Pki::generate(other_folder.path());
    let ca = stack.folder().join("ca.pem");
    let settings = |pair: Option<(std::path::PathBuf, std::path::PathBuf)>| {
        let (certificate, private_key) = pair.unzip();
        TlsClientConfig {
            ca: ca.clone(),
            certificate,
            private_key,
            server_name: None,
        }
    };
    let known = (
        stack.folder().join("client.pem"),
        stack.folder().join("client.key"),
    );
    let strange = (
        stranger.client().certificate.clone(),
        stranger.client().key.clone(),
    );
    let mut distrustful = settings(Some(known.clone()));
    distrustful.ca = other_folder.path().join("ca.pem");
    for (name, tls, welcome) in [
        ("no certificate", settings(None), false),
        ("a stranger's certificate", settings(Some(strange)), false),
        ("a client that trusts another authority", distrustful, false),
        ("a known certificate", settings(Some(known)), true),
    ] {
        let connect = |url: &str| channel(&GrpcClientConfig::new(url, Some(tls.clone()))).unwrap();
        let message = integration_tests::vouch::register_message(&json!({"svn": ["planted"]}));
        for url in [&stack.rvps, &stack.attestation] {
            let mut client = ReferenceValueProviderServiceClient::new(connect(url));
            let request = ReferenceValueRegisterRequest {
                message: message.clone(),
                on_behalf_of: None,
            };
            assert_eq!(
                client.register_reference_value(request).await.is_ok(),
                welcome,
                "{name} at {url}"
            );
        }
        let mut client = AttestationServiceClient::new(connect(&stack.attestation));
        let policy =
            URL_SAFE_NO_PAD.encode("package policy\nimport rego.v1\ntrust_claims := {\"hardware\": 2}\n");
        let request = SetPolicyRequest {
            policy_id: "other_cpu".to_owned(),
            policy,
            ..SetPolicyRequest::default()
        };
        assert_eq!(
            client.set_attestation_policy(request).await.is_ok(),
            welcome,
            "{name}"
        );
        let planted = stack
            .as_owner(Method::GET, "/kbs/v0/reference-value/svn", "")
            .await;
        assert_eq!(planted.status() == 200, welcome, "{name}");
    }
    // Without TLS there is nothing to talk to.
    let plain = channel(&GrpcClientConfig::new(stack.rvps.replace("https", "http"), None)).unwrap();
    let request = ReferenceValueRegisterRequest {
        message: integration_tests::vouch::register_message(&json!({"svn": ["planted"]})),
        on_behalf_of: None,
    };
    assert!(
        ReferenceValueProviderServiceClient::new(plain)
            .register_reference_value(request)
            .await
            .is_err()
    );
}

#[test]
fn one_request_id_and_one_trace_run_through_the_logs_of_all_three_services() {
    for id in [logged::REGISTRATION, logged::APPRAISAL] {
        let lines: Vec<&Value> = logged::run()
            .lines
            .iter()
            .filter(|line| line["request_id"] == id)
            .collect();
        let services: BTreeSet<&str> = lines
            .iter()
            .filter_map(|line| line["target"].as_str()?.split("::").next())
            .collect();
        assert!(
            services.is_superset(&["attestation_service", "kbs"].into()),
            "{id}: {services:?}"
        );
        // An appraisal asks the RVPS nothing: its values are here already.
        assert_eq!(
            services.contains("rvps"),
            id == logged::REGISTRATION,
            "{id}: {services:?}"
        );
        assert!(
            lines.iter().all(|line| line["trace_id"] == logged::TRACE),
            "{lines:?}"
        );
    }
}

#[tokio::test]
async fn a_request_id_that_could_forge_a_log_line_is_replaced() {
    let stack = TestStack::start().await;
    for (given, kept) in [
        ("abc-1.2_3", true),
        ("a b", false),
        ("x\"y", false),
        (&*"x".repeat(65), false),
    ] {
        let request = stack
            .http
            .get(format!("{}/kbs/v0/nope", stack.kbs))
            .header("x-request-id", given);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["x-request-id"] == given, kept, "{given:?}");
    }
}

#[tokio::test]
async fn an_rvps_that_only_answers_queries_is_enough() {
    let rvps = fakes::rvps::start().await;
    let stack = TestStack::with(Setup {
        rvps: Some(rvps.url.clone()),
        ..Setup::default()
    })
    .await;
    stack.store(PATH, b"s").await;
    stack.release_by(AFFIRMING).await;
    let guest = Guest::sample(&stack);
    let (session, _) = guest.handshake().await;
    assert_refused(guest.get(&session, PATH).await, 403, "PolicyDeny").await;
    stack.vouch_for_sample().await;
    let (session, token) = guest.handshake().await;
    assert_eq!(cpu_status(&token), "affirming");
    assert_eq!(guest.open(guest.get(&session, PATH).await).await, b"s");
    assert_eq!(stack.shown("/kbs/v0/reference-value/svn").await, json!(["1"]));
    let answer = stack.as_owner(Method::GET, "/kbs/v0/reference-value", "").await;
    assert_refused(answer, 404, "NotOffered").await;
}

#[tokio::test]
async fn with_an_rvps_that_only_answers_queries_a_deny_list_in_the_reference_document_denies() {
    let rvps = fakes::rvps::start().await;
    let stack = TestStack::with(Setup {
        rvps: Some(rvps.url.clone()),
        ..Setup::default()
    })
    .await;
    stack
        .register(&json!({"blocked": ["abcde"], "allowed": ["1"]}))
        .await;
    let status = |document: &'static str| {
        let policy = format!(
            "package policy\ndefault hardware := 2\nhardware := 97 if input.sample.launch_digest in \
             {document}.blocked\ntrust_claims := {{\"hardware\": hardware}}"
        );
        let (stack, guest) = (&stack, Guest::sample(&stack));
        async move {
            let body =
                json!({"type": "rego", "policy_id": "default_cpu", "policy": URL_SAFE_NO_PAD.encode(policy)});
            let set = stack.as_owner(Method::POST, "/kbs/v0/attestation-policy", body.to_string());
            assert_eq!(set.await.status(), 200);
            let challenge = guest.challenge().await;
            guest
                .attest(&challenge, &guest.attestation(&challenge.nonce))
                .await
        }
    };
    for _ in 0..3 {
        let answer = status("data.reference").await;
        assert_eq!(cpu_status(&crate::guest::token(answer).await), "contraindicated");
    }
    // What is to be looked up cannot be told from the text.
    let answer = status("data.reference[input.sample.svn]").await;
    assert!(!answer.status().is_success());
}

#[tokio::test]
async fn an_attestation_service_of_the_existing_ecosystem_is_spoken_to_as_it_expects() {
    let (says, fake) = FakeAttestation::start(Answer::Silence).await;
    let token = format!("trusted_jwk_sets = [{:?}]", issuer_set().0);
    let setup = Setup {
        attestation: Some(fake.url.clone()),
        token: Some(token),
        ..Setup::default()
    };
    let stack = TestStack::with(setup).await;
    stack.store(PATH, b"s").await;
    stack.release_by(ALLOW_ALL).await;
    let guest = Guest::sample(&stack);

    says.say(Answer::Token(issue(issuer_set().1, &guest.public_key())));
    let challenge = guest.challenge().await;
    let mut body = guest.attestation(&challenge.nonce);
    body["init-data"] = json!({"format": "toml", "body": "version = \"0.1.0\""});
    crate::guest::token(guest.attest(&challenge, &body).await).await;
    assert_eq!(guest.open(guest.get(&challenge, PATH).await).await, b"s");

    let heard = says.last_heard();
    assert_eq!(heard.policy_ids, ["default"]);
    let [item] = &heard.verification_requests[..] else {
        panic!("one item")
    };
    assert_eq!(
        (item.tee.as_str(), item.runtime_data_hash_algorithm.as_str()),
        ("sample", "sha384")
    );
    let evidence: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(&item.evidence).unwrap()).unwrap();
    assert_eq!(evidence, body["tee-evidence"]["primary_evidence"]);
    let Some(RuntimeData::StructuredRuntimeData(text)) = &item.runtime_data else {
        panic!("structured")
    };
    let bound: Value = serde_json::from_str(text).unwrap();
    let expected =
        json!({"additional-evidence": "", "nonce": challenge.nonce, "tee-pubkey": guest.public_key()});
    assert_eq!(bound, expected);
    assert_eq!(
        item.init_data,
        Some(InitData::InitDataToml("version = \"0.1.0\"".to_owned()))
    );

    // It has no list of policies, and its tokens are believed for the attested key only.
    let answer = stack
        .as_owner(Method::GET, "/kbs/v0/attestation-policy", "")
        .await;
    assert_refused(answer, 404, "NotOffered").await;
    let other = SigningKey::generate_p256().unwrap();
    for token in [
        issue(issuer_set().1, &Guest::sample(&stack).public_key()),
        issue(&other, &guest.public_key()),
        "nonsense".to_owned(),
    ] {
        says.say(Answer::Token(token));
        let challenge = guest.challenge().await;
        crate::guest::token(
            guest
                .attest(&challenge, &guest.attestation(&challenge.nonce))
                .await,
        )
        .await;
        assert_refused(guest.get(&challenge, PATH).await, 401, "TokenVerifierError").await;
    }
}

/// A file with the issuer's key set, and the key.
fn issuer_set() -> (&'static std::path::Path, &'static SigningKey) {
    static ISSUER: std::sync::OnceLock<(tempfile::TempDir, std::path::PathBuf, SigningKey)> =
        std::sync::OnceLock::new();
    let (_, file, key) = ISSUER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::generate_p256().unwrap();
        let mut jwk = serde_json::to_value(key.public_jwk()).unwrap();
        jwk["kid"] = json!("issuer");
        jwk["alg"] = json!("ES256");
        let file = crate::stack::write(folder.path(), "jwks.json", &json!({"keys": [jwk]}).to_string());
        (folder, file, key)
    });
    (file, key)
}

fn issue(key: &SigningKey, tee_pubkey: &Value) -> String {
    use daemon::clock::{Clock, SystemClock};
    let now = SystemClock.now();
    let evidence = json!({"sample": {"svn": "1"}, "runtime_data_claims": {"tee-pubkey": tee_pubkey}});
    let claims = json!({
        "iat": now,
        "exp": now + 60,
        "submods": {"cpu0": {"ear.status": "affirming", "ear.veraison.annotated-evidence": evidence}},
    });
    key.sign_compact(&json!({"typ": "JWT", "alg": "ES256", "kid": "issuer"}), &claims)
        .unwrap()
}
