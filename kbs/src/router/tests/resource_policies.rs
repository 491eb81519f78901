//! Resource policies over HTTP: with a scope, their versions, and the way back.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::testing::{ALLOW_AFFIRMING, Answer, Bench};

const PATH: &str = "resource/shop/key/1";
const OTHER: &str = "resource/shop/cert/1";

fn body(rego: &str, scope: &str) -> String {
    json!({ "policy": URL_SAFE_NO_PAD.encode(rego), "scope": scope }).to_string()
}

async fn bench() -> Bench {
    let bench = Bench::new().await;
    bench.set_policy(ALLOW_AFFIRMING).await;
    for path in [PATH, OTHER] {
        assert_eq!(bench.administer("POST", path, "x").await.status, StatusCode::OK);
    }
    bench
}

async fn get(bench: &Bench, cookie: &str, path: &str) -> Answer {
    bench.call("GET", path, &[("cookie", cookie)], "").await
}

#[tokio::test]
async fn a_policy_with_a_scope_denies_what_is_in_it_until_it_is_deleted() {
    let bench = bench().await;
    let (cookie, _, _) = bench.attested("snp").await;
    let set = bench
        .administer(
            "PUT",
            "resource-policy/keys",
            body(policy::defaults::DENY_ALL, "shop/key"),
        )
        .await;
    assert_eq!(set.status, StatusCode::OK);
    let set = set.json();
    assert_eq!(
        (&set["policy_id"], &set["scope"], &set["version"]),
        (&json!("keys"), &json!("shop/key"), &json!(1))
    );
    let denied = get(&bench, &cookie, PATH).await;
    assert_eq!(
        (denied.status, denied.error()),
        (StatusCode::FORBIDDEN, "PolicyDeny".into())
    );
    assert_eq!(get(&bench, &cookie, OTHER).await.status, StatusCode::OK);

    // The list is as others know it, unless asked for more.
    let ids = bench.administer("GET", "resource-policy", "").await.json();
    assert_eq!(ids, json!(["keys", "resource-policy"]));
    let all = bench
        .administer("GET", "resource-policy?details=true", "")
        .await
        .json();
    let members = |index: usize| {
        let policy: &Value = &all[index];
        (
            policy["policy_id"].clone(),
            policy["scope"].clone(),
            policy["version"].clone(),
        )
    };
    assert_eq!(members(0), (json!("keys"), json!("shop/key"), json!(1)));
    assert_eq!(members(1), (json!("resource-policy"), Value::Null, json!(2)));
    let shown = bench.administer("GET", "resource-policy/keys", "").await.json();
    assert_eq!(
        shown["policy"],
        URL_SAFE_NO_PAD.encode(policy::defaults::DENY_ALL)
    );

    let deleted = bench.administer("DELETE", "resource-policy/keys", "").await;
    assert_eq!((deleted.status, deleted.body.len()), (StatusCode::OK, 0));
    assert_eq!(get(&bench, &cookie, PATH).await.status, StatusCode::OK);
    let again = bench.administer("DELETE", "resource-policy/keys", "").await;
    assert_eq!(
        (again.status, again.error()),
        (StatusCode::NOT_FOUND, "PolicyNotFound".into())
    );
}

#[tokio::test]
async fn an_earlier_version_is_shown_and_put_in_force_again() {
    let bench = bench().await;
    bench.set_policy(policy::defaults::DENY_ALL).await;
    let (cookie, _, _) = bench.attested("snp").await;
    assert_eq!(get(&bench, &cookie, PATH).await.status, StatusCode::FORBIDDEN);
    let id = "resource-policy/resource-policy";
    let old = bench
        .administer("GET", &format!("{id}/version/2"), "")
        .await
        .json();
    assert_eq!(old["policy"], URL_SAFE_NO_PAD.encode(ALLOW_AFFIRMING));
    let back = bench
        .administer("POST", &format!("{id}/rollback"), r#"{"version":2}"#)
        .await;
    assert_eq!(
        (back.status, &back.json()["version"]),
        (StatusCode::OK, &json!(4))
    );
    assert_eq!(get(&bench, &cookie, PATH).await.status, StatusCode::OK);

    let history = bench.administer("GET", &format!("{id}/history"), "").await.json();
    let versions = history["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 4);
    assert_eq!(
        (&versions[0]["event"], &versions[0]["to"], &versions[0]["by"]),
        (
            &json!("rolled-back"),
            &json!(2),
            &json!({"how": "role", "name": "admin"})
        )
    );
}

#[tokio::test]
async fn what_is_not_clear_changes_nothing() {
    let bench = bench().await;
    let allow = policy::defaults::ALLOW_ALL;
    let no_scope = json!({ "policy": URL_SAFE_NO_PAD.encode(allow) }).to_string();
    let typo = json!({ "policy": URL_SAFE_NO_PAD.encode(allow), "scpoe": "a" }).to_string();
    let main = "resource-policy/resource-policy";
    for (method, path, body, status) in [
        ("PUT", "resource-policy/keys", no_scope, StatusCode::BAD_REQUEST),
        ("PUT", "resource-policy/keys", typo, StatusCode::BAD_REQUEST),
        (
            "PUT",
            "resource-policy/keys",
            body(allow, ""),
            StatusCode::BAD_REQUEST,
        ),
        (
            "PUT",
            "resource-policy/keys",
            body(allow, "../a"),
            StatusCode::BAD_REQUEST,
        ),
        (
            "PUT",
            "resource-policy/keys",
            body("not rego", "a"),
            StatusCode::BAD_REQUEST,
        ),
        (
            "PUT",
            "resource-policy/a.b",
            body(allow, "a"),
            StatusCode::BAD_REQUEST,
        ),
        ("PUT", main, body(allow, "a"), StatusCode::BAD_REQUEST),
        ("DELETE", main, String::new(), StatusCode::BAD_REQUEST),
        (
            "DELETE",
            "resource-policy/none",
            String::new(),
            StatusCode::NOT_FOUND,
        ),
        (
            "GET",
            "resource-policy/none/history",
            String::new(),
            StatusCode::NOT_FOUND,
        ),
        (
            "GET",
            "resource-policy/resource-policy/version/9",
            String::new(),
            StatusCode::NOT_FOUND,
        ),
        (
            "GET",
            "resource-policy/resource-policy/version/x",
            String::new(),
            StatusCode::NOT_FOUND,
        ),
        (
            "GET",
            "resource-policy?details=yes",
            String::new(),
            StatusCode::BAD_REQUEST,
        ),
        (
            "POST",
            "resource-policy/resource-policy/rollback",
            r#"{"version":9}"#.into(),
            StatusCode::NOT_FOUND,
        ),
        (
            "POST",
            "resource-policy/resource-policy/rollback",
            r#"{"versoin":1}"#.into(),
            StatusCode::BAD_REQUEST,
        ),
        (
            "POST",
            "resource-policy/resource-policy/rollback",
            String::new(),
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let answer = bench.administer(method, path, body.clone()).await;
        assert_eq!(answer.status, status, "{method} {path} {body}");
        assert!(!answer.json()["detail"].as_str().unwrap().is_empty());
    }
    let policies = bench
        .administer("GET", "resource-policy?details=true", "")
        .await
        .json();
    assert_eq!(
        (policies.as_array().unwrap().len(), &policies[0]["version"]),
        (1, &json!(2))
    );
}

#[tokio::test]
async fn what_a_policy_reads_that_is_not_there_comes_back_with_the_answer_or_as_a_refusal() {
    let bench = bench().await;
    let typo = "package policy\nimport rego.v1\nallow if input.submods.gpu\n";
    let typo = json!({ "policy": URL_SAFE_NO_PAD.encode(typo) }).to_string();
    let refused = bench
        .administer("POST", "resource-policy?strict=true", typo.clone())
        .await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(
        refused.json()["detail"]
            .as_str()
            .unwrap()
            .contains("did you mean `gpu0`?")
    );
    let odd = bench
        .administer("POST", "resource-policy?strict=1", typo.clone())
        .await;
    assert_eq!(odd.status, StatusCode::BAD_REQUEST);
    let set = bench.administer("POST", "resource-policy", typo).await.json();
    assert_eq!(
        (&set["version"], set["warnings"].as_array().unwrap().len()),
        (&json!(3), 1)
    );
}
