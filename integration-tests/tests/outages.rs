//! What happens when a service is gone, slow, or back again.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tonic::Code;

use crate::fakes::attestation::{Answer, FakeAttestation};
use crate::guest::{Guest, assert_refused, claims, cpu_status, token};
use crate::owner::{AFFIRMING, ALLOW_ALL};
use crate::stack::{Setup, TestStack};

const PATH: &str = "default/key/one";

/// Waits until `/readyz` has this status.
async fn ready_is(stack: &TestStack, status: u16) -> Value {
    let patience = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = stack.send(Method::GET, "/readyz", "").await;
        if answer.status() == status {
            return answer.json().await.unwrap();
        }
        assert!(Instant::now() < patience, "never {status}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn attest(guest: &Guest<'_>) -> Response {
    let challenge = guest.challenge().await;
    guest
        .attest(&challenge, &guest.attestation(&challenge.nonce))
        .await
}

#[tokio::test]
async fn without_its_attestation_service_a_kbs_says_so_and_serves_who_has_attested() {
    let mut stack = TestStack::start().await;
    stack.store(PATH, b"s").await;
    stack.release_by(ALLOW_ALL).await;
    assert_eq!(ready_is(&stack, 200).await["ready"], true);
    let (session, bearer) = Guest::sample(&stack).handshake().await;

    stack.stop_attestation_service().await;
    let guest = Guest::sample(&stack);
    let answer = attest(&guest).await;
    assert_eq!(answer.headers()["retry-after"], "1");
    assert_refused(answer, 503, "AttestationError").await;
    let answer = stack
        .as_owner(Method::GET, "/kbs/v0/reference-value/svn", "")
        .await;
    assert_refused(answer, 503, "AttestationError").await;
    let readiness = ready_is(&stack, 503).await;
    assert_eq!(
        readiness,
        json!({"ready": false, "attestation_service": false, "storage": true})
    );
    assert_eq!(stack.send(Method::GET, "/healthz", "").await.status(), 200);
    assert_eq!(guest.get(&session, PATH).await.status(), 200);
    assert_eq!(guest.get_with(&bearer, PATH).await.status(), 200);

    stack.restart_attestation_service().await;
    ready_is(&stack, 200).await;
    token(attest(&Guest::sample(&stack)).await).await;
}

#[tokio::test]
async fn policies_outlive_the_attestation_service() {
    let mut stack = TestStack::start().await;
    let rego = "package policy\nimport rego.v1\ntrust_claims := {\"executables\": 3, \"hardware\": 2}\n";
    stack.appraise_by("default_cpu", rego).await;
    stack.stop_attestation_service().await;
    stack.restart_attestation_service().await;
    ready_is(&stack, 200).await;
    assert_eq!(
        cpu_status(&token(attest(&Guest::sample(&stack)).await).await),
        "affirming"
    );
}

#[tokio::test]
async fn while_the_rvps_is_away_the_last_known_values_count_for_their_time() {
    let mut stack = TestStack::start().await;
    stack.vouch_for_sample().await;
    let age = |found: &str| {
        let submodule = &claims(found)["submods"]["cpu0"];
        submodule.get("ear.trustee.reference-values-age").cloned()
    };
    let found = token(attest(&Guest::sample(&stack)).await).await;
    assert_eq!(age(&found), None);
    stack.stop_rvps().await;
    let patience = Instant::now() + Duration::from_secs(20);
    let found = loop {
        let found = token(attest(&Guest::sample(&stack)).await).await;
        if age(&found).is_some() {
            break found;
        }
        assert!(
            Instant::now() < patience,
            "the result never says that its values are old"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(age(&found).unwrap().as_u64().unwrap() <= 20);
    // A trial sees the guest as it would be seen now.
    let up_to_date = "package policy\nimport rego.v1\ndefault allow := false\n\
                      allow if not input.submods.cpu0[\"ear.trustee.reference-values-age\"]";
    let trial =
        json!({"resource_policy": URL_SAFE_NO_PAD.encode(up_to_date), "last": 1, "resources": ["a/b/c"]});
    let tried = stack
        .as_owner(Method::POST, "/kbs/v0/policy-test", trial.to_string())
        .await;
    let tried: Value = serde_json::from_str(&tried.text().await.unwrap()).unwrap();
    assert_eq!(tried["guests"][0]["resources"][0]["would_be"], false, "{tried}");
    assert_eq!(cpu_status(&found), "affirming");
    let body = integration_tests::vouch::register_message(&json!({"svn": ["2"]}));
    let answer = stack
        .as_owner(Method::POST, "/kbs/v0/reference-value", body)
        .await;
    assert_eq!(answer.status(), 503);

    // It comes back with nothing, and nothing is what counts then.
    stack.restart_rvps().await;
    let patience = Instant::now() + Duration::from_secs(20);
    while cpu_status(&token(attest(&Guest::sample(&stack)).await).await) == "affirming" {
        assert!(Instant::now() < patience, "the values never went away");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stack.vouch_for_sample().await;
    assert_eq!(
        cpu_status(&token(attest(&Guest::sample(&stack)).await).await),
        "affirming"
    );
}

#[tokio::test]
async fn values_that_are_too_old_are_not_appraised_by() {
    let mut stack = TestStack::with(Setup {
        max_stale_seconds: 0,
        ..Setup::default()
    })
    .await;
    stack.store(PATH, b"s").await;
    stack.release_by(AFFIRMING).await;
    stack.vouch_for_sample().await;
    stack.stop_rvps().await;
    assert_refused(attest(&Guest::sample(&stack)).await, 503, "AttestationError").await;
    assert_eq!(ready_is(&stack, 503).await["attestation_service"], false);

    stack.restart_rvps().await;
    ready_is(&stack, 200).await;
    stack.vouch_for_sample().await;
    let guest = Guest::sample(&stack);
    let (session, _) = guest.handshake().await;
    assert_eq!(guest.open(guest.get(&session, PATH).await).await, b"s");
}

#[tokio::test]
async fn an_attestation_service_that_never_answers_is_given_up() {
    let (_, fake) = FakeAttestation::start(Answer::Silence).await;
    let setup = Setup {
        attestation: Some(fake.url.clone()),
        attestation_keys: "request_timeout = 1".to_owned(),
        ..Setup::default()
    };
    let stack = TestStack::with(setup).await;
    let start = Instant::now();
    assert_refused(attest(&Guest::sample(&stack)).await, 503, "AttestationError").await;
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn what_an_attestation_service_says_is_sorted_by_fault_and_kept_inside() {
    let (says, fake) = FakeAttestation::start(Answer::Silence).await;
    let stack = TestStack::with(Setup {
        attestation: Some(fake.url.clone()),
        ..Setup::default()
    })
    .await;
    for (code, status) in [
        (Code::Aborted, 401),
        (Code::InvalidArgument, 401),
        (Code::FailedPrecondition, 500),
        (Code::OutOfRange, 500),
        (Code::PermissionDenied, 500),
        (Code::Internal, 502),
        (Code::Unknown, 502),
        (Code::Unavailable, 503),
        (Code::ResourceExhausted, 503),
    ] {
        says.say(Answer::Status(code, "inner canary\nsecond line".to_owned()));
        let answer = attest(&Guest::sample(&stack)).await;
        assert_eq!(answer.status(), status, "{code:?}");
        let text = answer.text().await.unwrap();
        assert!(
            text.contains("AttestationError") && !text.contains("canary"),
            "{text}"
        );
    }
}
