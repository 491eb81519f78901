//! What an administrator may do, and nobody else.

use axum::http::{StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jose::SigningKey;
use serde_json::json;

use crate::testing::{Bench, NOW};

/// Every verb that changes or shows something.
const VERBS: [(&str, &str); 28] = [
    ("POST", "resource/a/b/c"),
    ("DELETE", "resource/a/b/c"),
    ("GET", "resource"),
    ("POST", "resource-policy"),
    ("GET", "resource-policy"),
    ("GET", "resource-policy/resource-policy"),
    ("PUT", "resource-policy/keys"),
    ("DELETE", "resource-policy/keys"),
    ("GET", "resource-policy/resource-policy/history"),
    ("GET", "resource-policy/resource-policy/version/1"),
    ("POST", "resource-policy/resource-policy/rollback"),
    ("POST", "attestation-policy"),
    ("GET", "attestation-policy"),
    ("GET", "attestation-policy/a_cpu"),
    ("GET", "attestation-policy/a_cpu/history"),
    ("GET", "attestation-policy/a_cpu/version/1"),
    ("DELETE", "attestation-policy/a_cpu"),
    ("POST", "attestation-policy/a_cpu/rollback"),
    ("POST", "reference-value"),
    ("GET", "reference-value"),
    ("GET", "reference-value/svn"),
    ("GET", "reference-value-history/svn"),
    ("DELETE", "reference-value/svn"),
    ("POST", "reference-value/svn/revoke"),
    ("POST", "policy-test"),
    ("GET", "sample/x"),
    ("GET", "decisions"),
    ("GET", "decisions/6921aabc-3f9c2e81d04b7a55"),
];

#[tokio::test]
async fn every_verb_needs_a_credential_that_holds() {
    let bench = Bench::new().await;
    let foreign = SigningKey::generate_ed25519().unwrap();
    let header = json!({ "alg": "EdDSA" });
    let expired = bench
        .admin_key
        .sign_compact(&header, &json!({ "exp": NOW - 61 }))
        .unwrap();
    let endless = bench.admin_key.sign_compact(&header, &json!({})).unwrap();
    let foreign = foreign
        .sign_compact(&header, &json!({ "exp": NOW + 100 }))
        .unwrap();
    let (cookie, _, attestation) = bench.attested("snp").await;
    for (method, path) in VERBS {
        for token in ["", "abc", &expired, &endless, &foreign, &attestation] {
            let bearer = format!("Bearer {token}");
            let headers = [("authorization", bearer.as_str()), ("cookie", cookie.as_str())];
            let answer = bench.call(method, path, &headers, "{}").await;
            let refused = (answer.status, answer.error());
            assert_eq!(
                refused,
                (StatusCode::UNAUTHORIZED, "AdminAuthAccess".into()),
                "{method} {path}"
            );
        }
        let answer = bench.call(method, path, &[], "{}").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    assert_eq!(bench.administer("GET", "resource", "").await.json(), json!([]));
}

#[tokio::test]
async fn resources_are_set_listed_and_deleted() {
    let bench = Bench::new().await;
    for path in ["resource/default/test/two", "resource/default/test/one"] {
        assert_eq!(bench.administer("POST", path, "x").await.status, StatusCode::OK);
    }
    let answer = bench.administer("GET", "resource", "").await;
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(answer.json(), json!(["default/test/one", "default/test/two"]));
    let answer = bench.administer("DELETE", "resource/default/test/one", "").await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0));
    let answer = bench.administer("DELETE", "resource/default/test/one", "").await;
    assert_eq!(
        (answer.status, answer.error()),
        (StatusCode::NOT_FOUND, "ResourceNotFound".into())
    );
    let answer = bench.administer("POST", "resource/test/two", "x").await;
    assert_eq!(
        (answer.status, answer.error()),
        (StatusCode::BAD_REQUEST, "InvalidRequestPath".into())
    );
}

#[tokio::test]
async fn a_resource_policy_is_set_and_shown_with_its_dialect() {
    let bench = Bench::new().await;
    let rego = "package policy\ndefault allowed = false\nallowed { split(data[\"resource-path\"], \"/\")[0] == \"red\" }";
    bench.set_policy(rego).await;
    let answer = bench.administer("GET", "resource-policy", "").await;
    assert_eq!(answer.json(), json!(["resource-policy"]));
    let shown = bench
        .administer("GET", "resource-policy/resource-policy", "")
        .await
        .json();
    assert_eq!(shown["policy"], URL_SAFE_NO_PAD.encode(rego));
    assert_eq!(shown["dialect"]["rule"], "allowed");
    assert_eq!(shown["dialect"]["rego"], "v0");
    assert_eq!(shown["asks_for_affirming"], false);
    assert_eq!(shown["digest"].as_str().unwrap().len(), 96);
    let answer = bench.administer("GET", "resource-policy/other", "").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_policy_that_cannot_be_used_is_refused_and_changes_nothing() {
    let bench = Bench::new().await;
    let before = bench.kbs.policy.active().digest().to_owned();
    for (body, error) in [
        (
            json!({ "policy": URL_SAFE_NO_PAD.encode("not rego") }).to_string(),
            "PolicyEngineError",
        ),
        (
            json!({ "policy": "bm90IHJlZw==" }).to_string(),
            "ParsePolicyError",
        ),
        (json!({ "policy": 7 }).to_string(), "ParsePolicyError"),
        ("nonsense".to_owned(), "ParsePolicyError"),
    ] {
        let answer = bench.administer("POST", "resource-policy", body).await;
        assert_eq!(
            (answer.status, answer.error()),
            (StatusCode::BAD_REQUEST, error.to_owned())
        );
    }
    assert_eq!(bench.kbs.policy.active().digest(), before);
}

#[tokio::test]
async fn attestation_policies_go_to_the_attestation_service() {
    let bench = Bench::new().await;
    let body =
        |rego: &str| json!({ "type": "rego", "policy_id": "x_cpu", "policy": URL_SAFE_NO_PAD.encode(rego) });
    let answer = bench
        .administer("POST", "attestation-policy", body("package policy").to_string())
        .await;
    assert_eq!(
        (answer.status, &answer.json()["version"]),
        (StatusCode::OK, &json!(1))
    );
    let answer = bench
        .administer("POST", "attestation-policy", body("not rego").to_string())
        .await;
    assert_eq!(
        (answer.status, answer.error()),
        (StatusCode::BAD_REQUEST, "AttestationError".into())
    );
    let answer = bench.administer("GET", "attestation-policy", "").await;
    assert_eq!(
        answer.json(),
        json!([{ "policy_id": "default_cpu", "digest": "ab" }])
    );
    let answer = bench
        .administer("GET", "attestation-policy/default_cpu", "")
        .await;
    assert_eq!(answer.json()["policy"], URL_SAFE_NO_PAD.encode("package policy"));
    let answer = bench.administer("GET", "attestation-policy/none", "").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn reference_values_go_to_the_attestation_service() {
    let bench = Bench::new().await;
    let answer = bench.administer("GET", "reference-value/svn", "").await;
    assert_eq!(
        (answer.status, &answer.body[..]),
        (StatusCode::OK, &b"[\"1\"]"[..])
    );
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(
        bench.administer("GET", "reference-value/a/b", "").await.status,
        StatusCode::OK
    );
    let answer = bench.administer("GET", "reference-value/none", "").await;
    assert_eq!(
        (answer.status, answer.error()),
        (StatusCode::NOT_FOUND, "RvpsError".into())
    );
    let detail = "RVPS configuration failed: Failed to get reference_values: No reference value found for the given id: none";
    assert_eq!(answer.json()["detail"], detail);
    let message = r#"{"version":"0.1.0","type":"sample","payload":""}"#;
    let answer = bench.administer("POST", "reference-value", message).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0));
    let answer = bench.administer("POST", "reference-value", "{}").await;
    assert_eq!(
        (answer.status, answer.error()),
        (StatusCode::BAD_REQUEST, "RvpsError".into())
    );
    let answer = bench.administer("GET", "reference-value", "").await;
    assert_eq!(
        (answer.status, answer.error()),
        (StatusCode::NOT_FOUND, "NotOffered".into())
    );
}

#[tokio::test]
async fn a_reference_value_is_taken_back_with_who_and_why() {
    let bench = Bench::new().await;
    let history = bench.administer("GET", "reference-value-history/a/b", "").await;
    assert_eq!(history.status, StatusCode::OK);
    assert_eq!(
        history.json(),
        json!({
            "id": "a/b",
            "current": {"value": ["1"], "expires_at": NOW},
            "current_is_newest": true,
            "versions": [{"number": 1, "event": "registered", "at": NOW, "value": ["1"],
                "by": {"how": "local", "name": "this process", "on_behalf_of": "admin"}}],
            "revoked": [],
        })
    );
    for (method, path, body, expected) in [
        (
            "DELETE",
            "reference-value/a/b",
            "",
            "delete a/b for admin, None, forget false",
        ),
        (
            "DELETE",
            "reference-value/svn?reason=too+old&forget=true",
            "",
            "delete svn for admin, Some(\"too old\"), forget true",
        ),
        (
            "POST",
            "reference-value/a/b/revoke",
            "",
            "revoke a/b for admin, None, Current",
        ),
        (
            "POST",
            "reference-value/svn/revoke",
            r#"{"version":3,"reason":"CVE"}"#,
            "revoke svn for admin, Some(\"CVE\"), Version(3)",
        ),
        (
            "POST",
            "reference-value/svn/revoke",
            r#"{"element":{"x": 1}}"#,
            "revoke svn for admin, None, Element(\"{\\\"x\\\": 1}\")",
        ),
    ] {
        let answer = bench.administer(method, path, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{method} {path}");
        let changes = bench.attestation.changes.lock().unwrap();
        assert_eq!(changes.last().unwrap(), expected);
    }
    let left = bench.administer("POST", "reference-value/svn/revoke", "").await;
    assert_eq!(left.json(), json!({"id": "svn", "left": ["2"]}));
}

#[tokio::test]
async fn a_change_of_a_reference_value_that_is_not_clear_changes_nothing() {
    let bench = Bench::new().await;
    for (method, path, body, status) in [
        (
            "DELETE",
            "reference-value/svn?forget=yes",
            "",
            StatusCode::BAD_REQUEST,
        ),
        ("DELETE", "reference-value", "", StatusCode::NOT_FOUND),
        ("DELETE", "reference-value/none", "", StatusCode::NOT_FOUND),
        ("POST", "reference-value/revoke", "", StatusCode::NOT_FOUND),
        ("GET", "reference-value-history", "", StatusCode::NOT_FOUND),
        ("GET", "reference-value-history/none", "", StatusCode::NOT_FOUND),
        (
            "POST",
            "reference-value/svn/revoke",
            "nonsense",
            StatusCode::BAD_REQUEST,
        ),
        (
            "POST",
            "reference-value/svn/revoke",
            r#"{"elemnt":"1"}"#,
            StatusCode::BAD_REQUEST,
        ),
        (
            "POST",
            "reference-value/svn/revoke",
            r#"{"element":"1","version":1}"#,
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let answer = bench.administer(method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path} {body}");
    }
    assert_eq!(bench.attestation.changes.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn the_sample_plugin_answers_an_administrator() {
    let bench = Bench::new().await;
    let answer = bench.administer("GET", "sample/x", "").await;
    assert_eq!(answer.body, b"sample plugin response");
    assert_eq!(answer.headers[header::CONTENT_TYPE], "text/xml");
}
