//! Reference values, taken back by an administrator of the KBS: through the Attestation Service to an RVPS of its own.

use reqwest::Method;
use serde_json::json;

use crate::guest::{Guest, assert_refused, cpu_status};
use crate::stack::TestStack;

async fn status(guest: &Guest<'_>) -> String {
    let (_, token) = guest.handshake().await;
    cpu_status(&token)
}

#[tokio::test]
async fn what_is_revoked_counts_for_nobody_from_then_on_and_the_history_says_who_did_it() {
    let stack = TestStack::start().await;
    stack.vouch_for_sample().await;
    let guest = Guest::sample(&stack);
    assert_eq!(status(&guest).await, "affirming");

    let path = "/kbs/v0/reference-value/svn/revoke";
    // What only reads like the value would leave it in service.
    let number = stack.as_owner(Method::POST, path, json!({"element": 1}).to_string());
    assert_refused(number.await, 400, "RvpsError").await;
    assert_eq!(status(&guest).await, "affirming");
    let reason = json!({"reason": "CVE-2026-1"}).to_string();
    let answer = stack.as_owner(Method::POST, path, reason).await;
    assert_eq!(answer.status(), 200);
    // The answer comes when it counts.
    assert_ne!(status(&guest).await, "affirming");
    let message = integration_tests::vouch::register_message(&json!({"svn": ["1"]}));
    let again = stack
        .as_owner(Method::POST, "/kbs/v0/reference-value", message)
        .await;
    assert_refused(again, 400, "RvpsError").await;
    assert_ne!(status(&guest).await, "affirming");

    let history = stack.shown("/kbs/v0/reference-value-history/svn").await;
    assert!(history["current"].is_null());
    let newest = &history["versions"][0];
    assert_eq!(
        (&newest["event"], &newest["reason"], &newest["by"]["on_behalf_of"]),
        (&json!("revoked"), &json!("CVE-2026-1"), &json!("admin"))
    );
    let oldest = history["versions"].as_array().unwrap().last().unwrap();
    assert_eq!(oldest["by"]["on_behalf_of"], "admin");
}

#[tokio::test]
async fn what_is_deleted_is_gone_and_may_come_back() {
    let stack = TestStack::start().await;
    stack.vouch_for_sample().await;
    let guest = Guest::sample(&stack);
    assert_eq!(status(&guest).await, "affirming");
    let path = "/kbs/v0/reference-value/svn?reason=moved";
    assert_eq!(stack.as_owner(Method::DELETE, path, "").await.status(), 200);
    assert_ne!(status(&guest).await, "affirming");
    assert_eq!(stack.as_owner(Method::DELETE, path, "").await.status(), 404);
    stack.vouch_for_sample().await;
    assert_eq!(status(&guest).await, "affirming");
}
