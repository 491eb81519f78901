//! What an administrator may do, and nobody else.

use axum::http::{StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jose::SigningKey;
use serde_json::json;

use crate::testing::{Bench, NOW};

/// Every verb that changes or shows something.
const VERBS: [(&str, &str); 11] = [
    ("POST", "resource/a/b/c"),
    ("DELETE", "resource/a/b/c"),
    ("GET", "resource"),
    ("POST", "resource-policy"),
    ("GET", "resource-policy"),
    ("GET", "resource-policy/resource-policy"),
    ("POST", "attestation-policy"),
    ("GET", "attestation-policy"),
    ("POST", "reference-value"),
    ("GET", "reference-value/svn"),
    ("GET", "sample/x"),
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
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0));
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
async fn the_sample_plugin_answers_an_administrator() {
    let bench = Bench::new().await;
    let answer = bench.administer("GET", "sample/x", "").await;
    assert_eq!(answer.body, b"sample plugin response");
    assert_eq!(answer.headers[header::CONTENT_TYPE], "text/xml");
}
