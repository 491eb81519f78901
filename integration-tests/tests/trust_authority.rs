//! Intel Trust Authority behind a KBS that is set up as `docs/trust-authority.md` says, against a fake of it.

mod outages;
mod setup;
mod tokens;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use integration_tests::fakes::ita::{API_KEY, FakeIta, ISSUER, Mood, Signature};
use reqwest::Method;
use serde_json::{Value, json};

use crate::guest::claims;
use crate::owner::{AFFIRMING, ALLOW_ALL};
use setup::{Kbs, PATH, SECRET, TestAttester, block};

#[tokio::test]
async fn a_td_gets_its_secret_by_the_configuration_and_the_policy_of_the_page() {
    let (ita, kbs) = setup::start().await;
    kbs.release_by(&block("```rego\n", "")).await;
    let mut guest = kbs.guest(TestAttester::new("tdx"));
    let token = guest.attest().await.unwrap();
    let secret = guest.get_resource(&PATH.parse().unwrap()).await.unwrap();
    assert_eq!(secret.expose(), SECRET);

    let claims = claims(&token);
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(
        claims["tdx"]["attester_runtime_data"]["tee-pubkey"]["alg"],
        "ECDH-ES+A256KW"
    );
    let [asked] = &ita.requests()[..] else {
        panic!("asked once")
    };
    assert_eq!(asked.path, "/appraisal/v2/attest");
    assert_eq!(asked.headers["x-api-key"], API_KEY);
    assert_eq!(asked.headers["accept"], "application/json");
    assert_eq!(asked.headers["content-type"], "application/json");
    let agent = asked.headers["user-agent"].to_str().unwrap();
    assert!(
        agent.starts_with("Confidential-containers-trustee kbs/"),
        "{agent}"
    );
    assert_eq!(asked.body["policy_must_match"], true);
    let runtime = STANDARD
        .decode(asked.body["tdx"]["runtime_data"].as_str().unwrap())
        .unwrap();
    let runtime: Value = serde_json::from_slice(&runtime).unwrap();
    assert_eq!(runtime, claims["tdx"]["attester_runtime_data"]);
}

#[tokio::test]
async fn enclaves_and_machines_on_azure_get_their_secrets_too() {
    let (ita, kbs) = setup::start().await;
    kbs.release_by(ALLOW_ALL).await;
    for (tee, path) in [
        ("sgx", "/appraisal/v2/attest"),
        ("az-tdx-vtpm", "/appraisal/v2/attest/azure"),
    ] {
        let mut guest = kbs.guest(TestAttester::new(tee));
        let secret = guest.get_resource(&PATH.parse().unwrap()).await.unwrap();
        assert_eq!(secret.expose(), SECRET, "{tee}");
        assert_eq!(ita.requests().last().unwrap().path, path);
    }
}

#[tokio::test]
async fn tokens_of_both_algorithms_are_believed_and_a_new_key_is_picked_up() {
    let (ita, kbs) = setup::start().await;
    kbs.release_by(ALLOW_ALL).await;
    ita.sign_by(Signature::Rs256);
    kbs.gets_the_secret().await;
    ita.sign_by(Signature::Ps384);
    kbs.gets_the_secret().await;
    ita.rotate_key().unwrap();
    let begin = std::time::Instant::now();
    // Unknown keys are asked for every ten seconds at most.
    while kbs.attempt(TestAttester::new("tdx")).await.is_err() {
        assert!(begin.elapsed().as_secs() < 60, "the new key is never read");
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}

#[tokio::test]
async fn its_keys_may_be_a_file_or_found_by_discovery() {
    for (name, keys) in [
        ("file", "/etc/kbs/ita.jwks"),
        ("discovery", "https://portal.trustauthority.intel.com"),
    ] {
        let setup = setup::Setup {
            replace: vec![(
                "certs_file = \"https://portal.trustauthority.intel.com/certs\"",
                format!("certs_file = \"{keys}\""),
            )],
            ..setup::Setup::default()
        };
        let (_ita, kbs) = setup::start_with(setup).await;
        kbs.release_by(ALLOW_ALL).await;
        assert!(kbs.attempt(TestAttester::new("tdx")).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn a_policy_that_does_not_match_is_a_refusal_unless_that_is_allowed() {
    let other = || {
        (
            "6b0f6f30-0000-4000-8000-000000000001",
            "00000000-0000-4000-8000-00000000000f".to_owned(),
        )
    };
    let (_ita, kbs) = setup::start_with(setup::Setup {
        replace: vec![other()],
        ..setup::Setup::default()
    })
    .await;
    assert_eq!(
        kbs.refusal(TestAttester::new("tdx")).await,
        (401, "AttestationError".to_owned())
    );

    let (ita, kbs) = setup::start_with(setup::Setup {
        replace: vec![other()],
        service_keys: "allow_unmatched_policy = true",
    })
    .await;
    // Nor does the page's policy release without a match.
    kbs.release_by(&block("```rego\n", "")).await;
    assert_eq!(
        kbs.refusal(TestAttester::new("tdx")).await,
        (403, "PolicyDeny".to_owned())
    );
    assert_eq!(ita.requests().last().unwrap().body["policy_must_match"], false);
}

#[tokio::test]
async fn the_policies_for_other_tokens_release_nothing_to_these() {
    let (_ita, kbs) = setup::start().await;
    // The default policy is in force.
    assert_eq!(
        kbs.refusal(TestAttester::new("tdx")).await,
        (403, "PolicyDeny".to_owned())
    );
    kbs.release_by(AFFIRMING).await;
    assert_eq!(
        kbs.refusal(TestAttester::new("tdx")).await,
        (403, "PolicyDeny".to_owned())
    );
}

#[tokio::test]
async fn evidence_that_is_not_bound_to_the_handshake_is_refused() {
    let (_ita, kbs) = setup::start().await;
    kbs.release_by(ALLOW_ALL).await;
    for tee in ["tdx", "sgx", "az-tdx-vtpm"] {
        let mut attester = TestAttester::new(tee);
        attester.bound_to = Some(vec![7; 32]);
        let refusal = kbs.refusal(attester).await;
        assert_eq!(refusal, (401, "AttestationError".to_owned()), "{tee}");
    }
}

#[tokio::test]
async fn what_the_service_does_not_appraise_does_not_begin() {
    let (ita, kbs) = setup::start().await;
    let (status, kind) = kbs.refusal(TestAttester::new("snp")).await;
    assert_eq!((status, kind.as_str()), (400, "AttestationError"));
    // A client that negotiates nothing gets as far as the evidence.
    let body = json!({"version": "0.4.0", "tee": "snp", "extra-params": ""}).to_string();
    let answer = kbs.send(Method::POST, "auth", body).await;
    assert_eq!(answer.status(), 200);
    assert!(ita.requests().is_empty());
}

#[tokio::test]
async fn gpus_are_sent_beside_the_cpu() {
    let (ita, kbs) = setup::start().await;
    kbs.release_by(ALLOW_ALL).await;
    let devices = kbs_client::attester::simulated::SimulatedAttester::devices("nvidia", 2).unwrap();
    let builder = kbs.builder(TestAttester::new("tdx")).devices(Box::new(devices));
    let token = builder.build().unwrap().attest().await.unwrap();
    let sent = &ita.requests()[0].body["nvgpu"];
    assert_eq!(
        (&sent["arch"], sent["evidence_list"].as_array().unwrap().len()),
        (&json!("HOPPER"), 2)
    );
    assert_eq!(claims(&token)["nvgpu"]["eat_nonce"], sent["gpu_nonce"]);
}

#[tokio::test]
async fn policies_and_reference_values_are_not_kept_here() {
    let (_ita, kbs) = setup::start().await;
    for (method, path, body) in [
        (Method::GET, "attestation-policy", ""),
        (
            Method::POST,
            "attestation-policy",
            r#"{"policy_id":"default_cpu","policy":""}"#,
        ),
        (Method::GET, "reference-value/x", ""),
        (Method::POST, "reference-value", "{}"),
    ] {
        let answer = kbs.send(method, path, body).await;
        assert_eq!(answer.status(), 404, "{path}");
        let body: Value = answer.json().await.unwrap();
        assert!(body["type"].as_str().unwrap().ends_with("/NotOffered"), "{body}");
    }
}

/// A life with the service, for the tests that read the logs: `hide` is told what must not be in them.
pub(crate) async fn live(hide: &dyn Fn(&str, &str)) {
    hide("API key", API_KEY);
    let (ita, kbs) = setup::start().await;
    kbs.release_by(ALLOW_ALL).await;
    let mut guest = kbs.guest(TestAttester::new("tdx"));
    let token = guest.attest().await.unwrap();
    hide("token of the service", token.rsplit('.').next().unwrap());
    let nonce = claims(&token)["tdx"]["attester_runtime_data"]["nonce"].clone();
    hide("nonce", nonce.as_str().unwrap());
    let secret = guest.get_resource(&PATH.parse().unwrap()).await.unwrap();
    assert_eq!(secret.expose(), SECRET);
    for mood in [
        Mood::Status(400, "Quote is malformed"),
        Mood::Status(401, "Forbidden"),
        Mood::Nonsense,
        Mood::Redirect(format!("{}/elsewhere", ita.url())),
        Mood::OwnKey,
    ] {
        ita.set_mood(mood);
        kbs.refusal(TestAttester::new("tdx")).await;
    }
}

/// Whoever reads `_ita` keeps the fake alive for the length of a test.
type Running = (FakeIta, Kbs);
