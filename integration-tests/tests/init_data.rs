//! Init-data: what a guest was started with, bound to its evidence and shown to the policy.

mod page;

use reqwest::Response;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::guest::{Challenge, Guest, assert_refused, claims, token};
use crate::stack::TestStack;

const DOCUMENT: &str = "version = \"0.1.0\"\nalgorithm = \"sha256\"\n[data]\nworkload = \"red\"\n\
                        \"aa.toml\" = '''\n[token_configs]\nurl = \"http://kbs\"\n'''\n";

const BY_WORKLOAD: &str = "package policy\nimport rego.v1\ndefault allow := false\n\
    allow if input.submods.cpu0[\"ear.veraison.annotated-evidence\"].init_data_claims.workload == \"red\"\n";

/// An Attestation of a guest whose host data holds the digest of `bound`, and that sends `sent`.
async fn attest(guest: &Guest<'_>, bound: Option<&str>, sent: Option<&str>) -> (Challenge, Response) {
    let challenge = guest.challenge().await;
    let mut body = guest.attestation_with(&challenge.nonce, &|report_data| {
        guest.snp_evidence_with(report_data, |report| match bound {
            Some(text) => report.host_data(digest(&SHA256, text.as_bytes()).as_ref()),
            None => report,
        })
    });
    body["init-data"] = sent.map_or(Value::Null, |text| json!({"format": "toml", "body": text}));
    let answer = guest.attest(&challenge, &body).await;
    (challenge, answer)
}

async fn stack() -> TestStack {
    let stack = TestStack::start().await;
    stack.store("default/key/one", b"s").await;
    stack.release_by(BY_WORKLOAD).await;
    stack
}

#[tokio::test]
async fn bound_init_data_is_shown_to_the_policy() {
    let stack = stack().await;
    let guest = Guest::snp(&stack);
    let (session, answer) = attest(&guest, Some(DOCUMENT), Some(DOCUMENT)).await;
    let claims = claims(&token(answer).await);
    let evidence = &claims["submods"]["cpu0"]["ear.veraison.annotated-evidence"];
    assert_eq!(
        evidence["init_data"],
        hex::encode(digest(&SHA256, DOCUMENT.as_bytes()))
    );
    assert_eq!(
        evidence["init_data_claims"],
        json!({"workload": "red", "aa.toml": {"token_configs": {"url": "http://kbs"}}})
    );
    assert_eq!(
        guest.open(guest.get(&session, "default/key/one").await).await,
        b"s"
    );

    let blue = DOCUMENT.replace("\"red\"", "\"blue\"");
    let (session, answer) = attest(&guest, Some(&blue), Some(&blue)).await;
    token(answer).await;
    assert_refused(guest.get(&session, "default/key/one").await, 403, "PolicyDeny").await;
}

#[tokio::test]
async fn init_data_that_the_guest_was_not_started_with_is_refused() {
    let stack = stack().await;
    let guest = Guest::snp(&stack);
    let one_space_more = DOCUMENT.replace("workload = ", "workload =  ");
    for (bound, sent) in [
        (Some(DOCUMENT), &*one_space_more),
        (Some(DOCUMENT), &DOCUMENT.replace("red", "blue")),
        (None, DOCUMENT),
    ] {
        let (session, answer) = attest(&guest, bound, Some(sent)).await;
        assert_refused(answer, 401, "AttestationError").await;
        assert_refused(guest.get(&session, "default/key/one").await, 401, "TokenNotFound").await;
    }
}

#[tokio::test]
async fn a_guest_that_says_nothing_of_its_init_data_has_no_claims_from_it() {
    let stack = stack().await;
    let guest = Guest::snp(&stack);
    let (session, answer) = attest(&guest, Some(DOCUMENT), None).await;
    let claims = claims(&token(answer).await);
    let evidence = &claims["submods"]["cpu0"]["ear.veraison.annotated-evidence"];
    assert_eq!(evidence["init_data_claims"], Value::Null);
    assert_refused(guest.get(&session, "default/key/one").await, 403, "PolicyDeny").await;
}

#[tokio::test]
async fn init_data_in_another_form_is_malformed() {
    let stack = stack().await;
    let guest = Guest::snp(&stack);
    for init_data in [
        json!({"format": "json", "body": "{}"}),
        json!({"format": "toml"}),
        json!("text"),
    ] {
        let challenge = guest.challenge().await;
        let mut body = guest.attestation(&challenge.nonce);
        body["init-data"] = init_data;
        assert_refused(guest.attest(&challenge, &body).await, 400, "AttestationError").await;
    }
    let (_, answer) = attest(&guest, Some("nonsense"), Some("nonsense")).await;
    assert_refused(answer, 401, "AttestationError").await;
}
