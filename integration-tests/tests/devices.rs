//! Evidence of devices beside that of the CPU.

use serde_json::{Value, json};

use crate::guest::{Challenge, Guest, assert_refused, claims, sample_evidence, token};
use crate::owner::{AFFIRMING, ALLOW_ALL};
use crate::stack::TestStack;

/// An Attestation of an SNP guest with the given devices, as its text.
fn with_devices(guest: &Guest<'_>, challenge: &Challenge, devices: &Value) -> Value {
    guest.composite(&challenge.nonce, &devices.to_string(), &|digest| {
        guest.snp_evidence(digest)
    })
}

fn device(guest: &Guest<'_>, nonce: &str) -> Value {
    json!({"sampledevice": sample_evidence(&guest.device_digest(nonce))})
}

#[tokio::test]
async fn each_device_has_a_submodule_of_its_own_in_the_token() {
    let stack = TestStack::start().await;
    stack.store("default/key/one", b"s").await;
    stack.release_by(ALLOW_ALL).await;
    let guest = Guest::snp(&stack);
    let challenge = guest.challenge().await;
    let body = with_devices(&guest, &challenge, &device(&guest, &challenge.nonce));
    let claims = claims(&token(guest.attest(&challenge, &body).await).await);
    assert!(claims["submods"]["cpu0"]["ear.veraison.annotated-evidence"]["snp"].is_object());
    assert!(claims["submods"]["gpu0"]["ear.veraison.annotated-evidence"]["sampledevice"].is_object());
    assert_eq!(
        guest.open(guest.get(&challenge, "default/key/one").await).await,
        b"s"
    );
}

#[tokio::test]
async fn an_affirming_cpu_does_not_carry_a_contraindicated_device() {
    let stack = TestStack::start().await;
    stack.store("default/key/one", b"s").await;
    stack.release_by(AFFIRMING).await;
    stack.vouch_for_platform().await;
    let guest = Guest::snp(&stack);
    let challenge = guest.challenge().await;
    let body = with_devices(&guest, &challenge, &device(&guest, &challenge.nonce));
    let claims = claims(&token(guest.attest(&challenge, &body).await).await);
    assert_eq!(claims["submods"]["cpu0"]["ear.status"], "affirming");
    assert_eq!(claims["submods"]["gpu0"]["ear.status"], "contraindicated");
    assert_refused(guest.get(&challenge, "default/key/one").await, 403, "PolicyDeny").await;
}

#[tokio::test]
async fn a_sample_device_gets_nothing_under_the_default_policy() {
    let stack = TestStack::start().await;
    stack.store("default/key/one", b"s").await;
    let guest = Guest::snp(&stack);
    let challenge = guest.challenge().await;
    let body = with_devices(&guest, &challenge, &device(&guest, &challenge.nonce));
    token(guest.attest(&challenge, &body).await).await;
    assert_refused(guest.get(&challenge, "default/key/one").await, 403, "PolicyDeny").await;
}

#[tokio::test]
async fn evidence_of_a_device_cannot_be_left_out_changed_or_taken_from_another_handshake() {
    let stack = TestStack::start().await;
    let guest = Guest::snp(&stack);
    let earlier = guest.challenge().await;

    let challenge = guest.challenge().await;
    let mut body = with_devices(&guest, &challenge, &device(&guest, &challenge.nonce));
    body["tee-evidence"]["additional_evidence"] = json!("");
    assert_refused(guest.attest(&challenge, &body).await, 401, "AttestationError").await;

    let challenge = guest.challenge().await;
    let mut body = with_devices(&guest, &challenge, &json!({}));
    body["tee-evidence"]["additional_evidence"] = json!(device(&guest, &challenge.nonce).to_string());
    assert_refused(guest.attest(&challenge, &body).await, 401, "AttestationError").await;

    let challenge = guest.challenge().await;
    let body = with_devices(&guest, &challenge, &device(&guest, &earlier.nonce));
    assert_refused(guest.attest(&challenge, &body).await, 401, "AttestationError").await;
}

#[tokio::test]
async fn additional_evidence_that_is_no_map_of_tees_is_malformed() {
    let stack = TestStack::start().await;
    let guest = Guest::snp(&stack);
    for text in ["[]", "{", "\"x\"", "{\"no-such-tee\":{}}"] {
        let challenge = guest.challenge().await;
        let body = guest.composite(&challenge.nonce, text, &|digest| guest.snp_evidence(digest));
        assert_refused(guest.attest(&challenge, &body).await, 400, "AttestationError").await;
    }
}
