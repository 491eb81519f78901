//! Versions of attestation policies.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::testing::{Bench, NOW};

fn body(rego: &str) -> String {
    json!({"policy_id": "a_cpu", "policy": URL_SAFE_NO_PAD.encode(rego)}).to_string()
}

#[tokio::test]
async fn a_policy_has_a_history_and_a_way_back() {
    let bench = Bench::new().await;
    for (rego, number) in [("package policy # 1", 1), ("package policy # 2", 2)] {
        let answer = bench.administer("POST", "attestation-policy", body(rego)).await;
        assert_eq!(answer.status, StatusCode::OK);
        let set = answer.json();
        assert_eq!((&set["version"], &set["warnings"]), (&json!(number), &json!([])));
        assert_eq!(set["digest"].as_str().unwrap().len(), 96);
    }
    let answer = bench
        .administer("POST", "attestation-policy/a_cpu/rollback", r#"{"version":1}"#)
        .await;
    assert_eq!(answer.json()["version"], 3);
    let answer = bench
        .administer("GET", "attestation-policy/a_cpu/version/2", "")
        .await;
    assert_eq!(
        answer.json()["policy"],
        URL_SAFE_NO_PAD.encode("package policy # 2")
    );
    let answer = bench.administer("DELETE", "attestation-policy/a_cpu", "").await;
    assert_eq!(
        (answer.status, &answer.json()["restored"]),
        (StatusCode::OK, &json!(false))
    );
    let history = bench
        .administer("GET", "attestation-policy/a_cpu/history", "")
        .await
        .json();
    let events: Vec<_> = history["versions"].as_array().unwrap().iter().collect();
    assert_eq!(events.len(), 4);
    assert_eq!(events[0]["by"], json!({"how": "role", "name": "admin"}));
    assert_eq!(
        (&events[0]["event"], &events[0]["at"]),
        (&json!("deleted"), &json!(NOW))
    );
    assert_eq!(
        (&events[1]["event"], &events[1]["to"]),
        (&json!("rolled-back"), &json!(1))
    );
}

#[tokio::test]
async fn what_is_not_there_or_not_said_right_is_refused() {
    let bench = Bench::new().await;
    for (method, path, sent, status, kind) in [
        (
            "GET",
            "attestation-policy/none/history",
            "",
            404,
            "PolicyNotFound",
        ),
        (
            "GET",
            "attestation-policy/none/version/1",
            "",
            404,
            "PolicyNotFound",
        ),
        (
            "GET",
            "attestation-policy/none/version/x",
            "",
            404,
            "PolicyNotFound",
        ),
        (
            "GET",
            "attestation-policy/none/version/-1",
            "",
            404,
            "PolicyNotFound",
        ),
        ("DELETE", "attestation-policy/none", "", 404, "PolicyNotFound"),
        (
            "DELETE",
            "attestation-policy/default_cpu",
            "",
            400,
            "AttestationError",
        ),
        (
            "POST",
            "attestation-policy/none/rollback",
            r#"{"version":1}"#,
            404,
            "PolicyNotFound",
        ),
        (
            "POST",
            "attestation-policy/none/rollback",
            r#"{"version":-1}"#,
            400,
            "ParsePolicyError",
        ),
        (
            "POST",
            "attestation-policy/none/rollback",
            "",
            400,
            "ParsePolicyError",
        ),
        ("GET", "attestation-policy/none/other", "", 404, "PluginNotFound"),
    ] {
        let answer = bench.administer(method, path, sent).await;
        assert_eq!(
            (answer.status.as_u16(), answer.error()),
            (status, kind.into()),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn warnings_come_back_and_a_strict_check_refuses() {
    let bench = Bench::new().await;
    let doubtful = || body("package policy # input.typo");
    let answer = bench
        .administer("POST", "attestation-policy?strict=true", doubtful())
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.json()["detail"].as_str().unwrap().contains("input.typo"));
    let answer = bench
        .administer("POST", "attestation-policy?strict=maybe", doubtful())
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    // Whoever misspells it means it all the same.
    let answer = bench
        .administer("POST", "attestation-policy?strikt=true", doubtful())
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let said = answer.json()["detail"].to_string();
    assert!(said.contains("`strikt` is not known: there is strict"), "{said}");
    let history = bench
        .administer("GET", "attestation-policy/a_cpu/history", "")
        .await;
    assert_eq!(history.status, StatusCode::NOT_FOUND, "nothing was set");
    let answer = bench
        .administer("POST", "attestation-policy?strict=false", doubtful())
        .await;
    assert_eq!(
        answer.json()["warnings"],
        json!(["no verifier gives the claim `input.typo`"])
    );
}
