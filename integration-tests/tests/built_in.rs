//! One process for everything: the KBS holds the Attestation Service, and that the RVPS.

use reqwest::Method;
use serde_json::{Value, json};

use crate::guest::{Guest, assert_refused, cpu_status};
use crate::owner::AFFIRMING;
use crate::stack::{Setup, TestStack};

const PATH: &str = "default/key/one";

async fn stack() -> TestStack {
    let stack = TestStack::with(Setup {
        built_in: true,
        ..Setup::default()
    })
    .await;
    stack.store(PATH, b"s").await;
    stack.release_by(AFFIRMING).await;
    stack
}

#[tokio::test]
async fn a_kbs_with_everything_built_in_needs_no_other_service_and_no_trusted_keys() {
    let stack = stack().await;
    let answer = stack.send(Method::GET, "/readyz", "").await;
    assert_eq!(answer.json::<Value>().await.unwrap()["ready"], true);
    let guest = Guest::snp(&stack);
    let (session, _) = guest.handshake().await;
    assert_refused(guest.get(&session, PATH).await, 403, "PolicyDeny").await;
    stack.vouch_for_platform().await;
    let (session, token) = guest.handshake().await;
    assert_eq!(cpu_status(&token), "affirming");
    assert_eq!(guest.open(guest.get(&session, PATH).await).await, b"s");
    assert_eq!(guest.open(guest.get_with(&token, PATH).await).await, b"s");
}

#[tokio::test]
async fn it_answers_as_one_over_grpc_does() {
    let (one, three) = (stack().await, TestStack::start().await);
    let message = "{}";
    for stack in [&one, &three] {
        stack.vouch_for_sample().await;
        assert_eq!(stack.shown("/kbs/v0/reference-value/svn").await, json!(["1"]));
        let answer = stack
            .as_owner(Method::GET, "/kbs/v0/reference-value/none", "")
            .await;
        assert_refused(answer, 404, "RvpsError").await;
        let answer = stack
            .as_owner(Method::POST, "/kbs/v0/reference-value", message)
            .await;
        assert_refused(answer, 400, "RvpsError").await;
        let answer = stack
            .as_owner(Method::GET, "/kbs/v0/attestation-policy/none_cpu", "")
            .await;
        assert_refused(answer, 404, "PolicyNotFound").await;
        let guest = Guest::snp(stack);
        let challenge = guest.challenge().await;
        let evidence = guest.attestation_with(&challenge.nonce, &|_| json!({"not": "evidence"}));
        assert_refused(guest.attest(&challenge, &evidence).await, 401, "AttestationError").await;
    }
    let policies = |stack: Value| stack.as_array().unwrap().len();
    assert_eq!(
        policies(one.shown("/kbs/v0/attestation-policy").await),
        policies(three.shown("/kbs/v0/attestation-policy").await)
    );
    assert_eq!(
        one.shown("/kbs/v0/reference-value").await,
        three.shown("/kbs/v0/reference-value").await
    );
}

#[tokio::test]
async fn a_token_of_one_process_is_nothing_to_another() {
    let (one, other) = (stack().await, stack().await);
    let (_, token) = Guest::snp(&one).handshake().await;
    let answer = other
        .send_with(Method::GET, &format!("/kbs/v0/resource/{PATH}"), &token, "")
        .await;
    assert_refused(answer, 401, "TokenVerifierError").await;
}
