//! Trials of resource policies, which need nobody else. Those of attestation policies run whole stacks
//! (`integration-tests/tests/dry_run.rs`).

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::testing::{ALLOW_AFFIRMING, Bench};

fn guest(name: &str, status: &str) -> Value {
    json!({"name": name, "claims": {"submods": {"cpu0": {
        "ear.status": status,
        "ear.appraisal-policy-id": "default",
        "ear.trustworthiness-vector": {"hardware": 2},
        "ear.veraison.annotated-evidence": {"snp": {"policy_debug_allowed": false}},
    }}}})
}

async fn tried(bench: &Bench, trial: &Value) -> Value {
    let answer = bench.administer("POST", "policy-test", trial.to_string()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
    answer.json()
}

fn resource_policy(rego: &str) -> String {
    URL_SAFE_NO_PAD.encode(rego)
}

#[tokio::test]
async fn a_stricter_resource_policy_shows_who_would_lose_what_and_why() {
    let bench = Bench::new().await;
    bench.set_policy(policy::defaults::ALLOW_ALL).await;
    let trial = json!({
        "resource_policy": resource_policy(ALLOW_AFFIRMING),
        "guests": [guest("good", "affirming"), guest("bad", "warning")],
        "resources": ["a/b/c"],
    });
    let report = tried(&bench, &trial).await;
    let counts = ["tried", "changed", "gained", "lost"].map(|name| report[name].as_u64().unwrap());
    assert_eq!(counts, [2, 1, 0, 1]);
    let [good, bad] = [&report["guests"][0], &report["guests"][1]];
    assert_eq!((&good["name"], &good["changed"]), (&json!("good"), &json!(false)));
    assert_eq!((&bad["name"], &bad["changed"]), (&json!("bad"), &json!(true)));
    let resource = &bad["resources"][0];
    assert_eq!(resource["resource"], "resource/a/b/c");
    assert_eq!(
        (&resource["was"], &resource["would_be"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(
        resource["why"][0]["seen"][0]["what"],
        "input.submods[\"cpu0\"][\"ear.status\"]"
    );

    // The policy in force is the same as before.
    let shown = bench
        .administer("GET", "resource-policy/resource-policy", "")
        .await
        .json();
    assert_eq!(shown["policy"], resource_policy(policy::defaults::ALLOW_ALL));
}

#[tokio::test]
async fn a_looser_resource_policy_shows_who_would_gain_what() {
    let bench = Bench::new().await;
    bench.set_policy(ALLOW_AFFIRMING).await;
    let trial = json!({
        "resource_policy": resource_policy(policy::defaults::ALLOW_ALL),
        "guests": [guest("bad", "warning")],
        "resources": ["a/b/c", "a/b/d"],
    });
    let report = tried(&bench, &trial).await;
    assert_eq!((&report["gained"], &report["lost"]), (&json!(2), &json!(0)));
}

async fn put(bench: &Bench, id: &str, scope: &str, rego: &str) {
    let body = json!({"policy": resource_policy(rego), "scope": scope});
    let path = format!("resource-policy/{id}");
    let answer = bench.administer("PUT", &path, body.to_string()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
}

/// Was and would be of each resource of the first guest.
fn answers(report: &Value) -> Vec<(bool, bool)> {
    let resources = report["guests"][0]["resources"].as_array().unwrap();
    resources
        .iter()
        .map(|resource| (resource["was"] == true, resource["would_be"] == true))
        .collect()
}

#[tokio::test]
async fn a_policy_with_a_scope_that_joins_takes_away_in_its_scope_and_nowhere_else() {
    let bench = Bench::new().await;
    bench.set_policy(policy::defaults::ALLOW_ALL).await;
    let trial = json!({
        "scoped_resource_policies":
            {"shop-keys": {"policy": resource_policy(ALLOW_AFFIRMING), "scope": "shop/key"}},
        "guests": [guest("bad", "warning")],
        "resources": ["shop/key/1", "shop/other/1", "a/b/c"],
    });
    let report = tried(&bench, &trial).await;
    assert_eq!(answers(&report), [(true, false), (true, true), (true, true)]);
    assert_eq!((&report["lost"], &report["changed"]), (&json!(1), &json!(1)));
    let why = &report["guests"][0]["resources"][0]["why"][0]["seen"][0]["what"];
    assert_eq!(why, "input.submods[\"cpu0\"][\"ear.status\"]");
    assert!(report.get("covers_nothing").is_none());
    // It is not there: nothing was stored.
    let shown = bench.administer("GET", "resource-policy/shop-keys", "").await;
    assert_eq!(shown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_policy_with_a_scope_is_tried_in_the_place_of_the_one_of_its_id_beside_all_others() {
    let bench = Bench::new().await;
    bench.set_policy(policy::defaults::ALLOW_ALL).await;
    put(&bench, "shop-keys", "shop/key", policy::defaults::DENY_ALL).await;
    put(&bench, "shop-one", "shop/key/1", policy::defaults::DENY_ALL).await;
    let asked = ["shop/key/1", "shop/key/2", "shop/other/1"];
    let trial = |scoped: Value| {
        json!({
            "scoped_resource_policies": scoped,
            "guests": [guest("good", "affirming")],
            "resources": asked,
        })
    };
    let instead = json!({"shop-keys": {"policy": resource_policy(ALLOW_AFFIRMING)}});
    let report = tried(&bench, &trial(instead)).await;
    assert_eq!(answers(&report), [(false, false), (false, true), (true, true)]);
    let without = json!({"shop-keys": null, "shop-one": null});
    let report = tried(&bench, &trial(without)).await;
    assert_eq!(answers(&report), [(false, true), (false, true), (true, true)]);
    let elsewhere = json!({"other": {"policy": resource_policy(ALLOW_AFFIRMING), "scope": "elsewhere"}});
    let report = tried(&bench, &trial(elsewhere)).await;
    assert_eq!(
        (&report["changed"], &report["covers_nothing"]),
        (&json!(0), &json!(["other"]))
    );
    // Together with the one for everything.
    let mut both = trial(json!({"shop-keys": null}));
    both["resource_policy"] = json!(resource_policy(policy::defaults::DENY_ALL));
    let report = tried(&bench, &both).await;
    assert_eq!(answers(&report), [(false, false), (false, false), (true, false)]);
}

#[tokio::test]
async fn evidence_that_is_given_is_verified_and_no_token_leaves() {
    let bench = Bench::new().await;
    bench.set_policy(policy::defaults::DENY_ALL).await;
    let key = jose::tee_key::TeePrivateKey::generate(jose::tee_key::TeeKeyKind::P256).unwrap();
    let attestation: Value = serde_json::from_str(&crate::testing::attestation("bm9uY2U=", &key)).unwrap();
    let trial = |attestation: &Value| {
        json!({
            "resource_policy": resource_policy(ALLOW_AFFIRMING),
            "guests": [{"name": "file", "evidence": {"tee": "snp", "attestation": attestation}}],
            "resources": ["a/b/c"],
        })
    };
    let report = tried(&bench, &trial(&attestation)).await;
    assert_eq!(report["gained"], 1);
    assert_eq!(report["guests"][0]["tee"], "snp");
    assert!(!report.to_string().contains("eyJ"), "{report}");

    let mut bad = attestation;
    bad["tee-evidence"]["primary_evidence"] = json!({"holds": false});
    let answer = bench
        .administer("POST", "policy-test", trial(&bad).to_string())
        .await;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (StatusCode::BAD_REQUEST, "PolicyTestError")
    );
    assert!(
        answer.json()["detail"]
            .as_str()
            .unwrap()
            .contains("the evidence does not hold")
    );
}

#[tokio::test]
async fn what_cannot_be_tried_is_refused_with_the_reason() {
    let bench = Bench::new().await;
    let allow = resource_policy(policy::defaults::ALLOW_ALL);
    for (trial, error, reason) in [
        (json!({}), "PolicyTestError", "nothing is tried"),
        (
            json!({"policy": allow}),
            "PolicyTestError",
            "unknown field `policy`",
        ),
        (json!({"resource_policy": "!"}), "ParsePolicyError", "base64url"),
        (
            json!({"resource_policy": resource_policy("package policy\nx := 1")}),
            "PolicyEngineError",
            "allow",
        ),
        (
            json!({"resource_policy": allow, "guests": [{"name": "x"}]}),
            "PolicyTestError",
            "guest `x`: give either `claims` or `evidence`",
        ),
        (
            json!({"resource_policy": allow, "guests": [guest("x", "none")], "resources": ["../a/b"]}),
            "PolicyTestError",
            "resource `../a/b`",
        ),
    ] {
        let answer = bench.administer("POST", "policy-test", trial.to_string()).await;
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (StatusCode::BAD_REQUEST, error),
            "{trial}"
        );
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(reason), "{detail}");
    }
    put(&bench, "shop-keys", "shop/key", policy::defaults::ALLOW_ALL).await;
    for (scoped, reason) in [
        (json!({"new": {"policy": allow}}), "give a `scope`"),
        (json!({"new": null}), "none of this id in force to be deleted"),
        (
            json!({"new": {"policy": allow, "scope": "../a"}}),
            "resource policy `new`",
        ),
        (
            json!({"shop-keys": {"policy": allow, "scope": "shop"}}),
            "in force for `shop/key`",
        ),
        (
            json!({"resource-policy": {"policy": allow, "scope": "shop"}}),
            "asked about everything",
        ),
        (
            json!({"new": {"policy": allow, "scop": "shop"}}),
            "unknown field `scop`",
        ),
    ] {
        let trial = json!({"scoped_resource_policies": scoped});
        let answer = bench.administer("POST", "policy-test", trial.to_string()).await;
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (StatusCode::BAD_REQUEST, "PolicyTestError"),
            "{trial}"
        );
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(reason), "{detail}");
    }
    // The service in use does not know how to try attestation policies.
    let trial = json!({"attestation_policies": {"default_cpu": allow}, "guests": [guest("x", "none")]});
    let answer = bench.administer("POST", "policy-test", trial.to_string()).await;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (StatusCode::NOT_FOUND, "NotOffered")
    );
}

#[tokio::test]
async fn claims_that_are_no_tokens_are_refused() {
    let bench = Bench::new().await;
    let trial = json!({
        "resource_policy": resource_policy(ALLOW_AFFIRMING),
        "guests": [{"name": "values.json", "claims": {"svn": ["1"]}}],
    });
    let answer = bench.administer("POST", "policy-test", trial.to_string()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let text = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(text.contains("guest `values.json`"), "{text}");
}
