//! Tests against a fake KBS.

use serde_json::{Value, json};

use crate::cli::tests::{Files, run_line};
use crate::fake_kbs::FakeKbs;

async fn run(kbs: &FakeKbs, line: &str) -> Result<String, crate::cli::CliError> {
    let files = Files::new();
    let line = format!("config --admin-token-file {} {line}", files.put("token", "h.p.s"));
    run_line(kbs, &line, &[]).await
}

#[tokio::test]
async fn a_policy_with_a_scope_goes_where_no_other_kbs_takes_it_for_the_one_for_everything() {
    let (kbs, files) = (FakeKbs::start().await, Files::new());
    let file = files.put("policy", "package policy");
    kbs.script(
        "resource-policy/",
        200,
        json!({"policy_id": "keys", "version": 1, "warnings": []}).to_string(),
    );
    let line = format!("set-resource-policy --policy-file {file} --id keys --scope shop/key");
    assert_eq!(run(&kbs, &line).await.unwrap(), "keys is set for shop/key.\n");
    assert_eq!(kbs.calls(), ["PUT resource-policy/keys"]);
    let body: Value = serde_json::from_slice(&kbs.seen()[0].body).unwrap();
    assert_eq!(
        body,
        json!({"policy": "cGFja2FnZSBwb2xpY3k", "scope": "shop/key"})
    );
    for line in [
        "--deny-all --id keys",
        "--deny-all --scope a",
        "--id keys --scope a",
    ] {
        let error = run(&kbs, &format!("set-resource-policy {line}"))
            .await
            .unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
    }
    assert_eq!(kbs.calls().len(), 1);
}

#[tokio::test]
async fn policies_are_listed_with_what_the_kbs_tells_of_them() {
    let kbs = FakeKbs::start().await;
    let ours = json!([
        {"policy_id": "keys", "scope": "shop/key", "version": 3, "digest": "ab", "broken": "no \u{1b}rule"},
        {"policy_id": "resource-policy", "version": 1, "digest": "cd"},
    ]);
    kbs.script("resource-policy", 200, ours.to_string());
    assert_eq!(
        run(&kbs, "list-resource-policies").await.unwrap(),
        "keys  for shop/key  version 3  denies all: it does not compile: no \u{fffd}rule\n\
         resource-policy  version 1\n"
    );
    kbs.script("resource-policy", 200, r#"["resource-policy"]"#);
    assert_eq!(
        run(&kbs, "list-resource-policies").await.unwrap(),
        "resource-policy\n"
    );
}

#[tokio::test]
async fn a_history_says_who_did_what_and_leads_back() {
    let kbs = FakeKbs::start().await;
    let digest = "0123456789abcdef0123456789abcdef";
    let by = json!({"how": "role", "name": "admin"});
    let versions = json!({"policy_id": "keys", "versions": [
        {"number": 4, "digest": null, "at": 1_700_000_003, "by": by, "event": "deleted"},
        {"number": 3, "digest": digest, "at": 1_700_000_002, "by": {"how": "storage", "name": ""}, "event": "found"},
        {"number": 2, "digest": digest, "at": 1_700_000_001, "by": by, "event": "rolled-back", "to": 1},
        {"number": 1, "digest": digest, "at": 1_700_000_000, "by": by, "event": "set",
         "labels": {"scope": "shop/key"}},
    ]});
    kbs.script("resource-policy/keys/history", 200, versions.to_string());
    assert_eq!(
        run(&kbs, "resource-policy-history --id keys").await.unwrap(),
        "keys\n\
         \x20 version 4: deleted 2023-11-14T22:13:23Z by admin (role)  no policy\n\
         \x20 version 3: found changed in the storage 2023-11-14T22:13:22Z by storage  0123456789abcdef\n\
         \x20 version 2: rolled back to 1 2023-11-14T22:13:21Z by admin (role)  0123456789abcdef\n\
         \x20 version 1: set 2023-11-14T22:13:20Z by admin (role)  for shop/key  0123456789abcdef\n"
    );
    kbs.script(
        "resource-policy/keys/rollback",
        200,
        json!({"version": 5, "warnings": []}).to_string(),
    );
    assert_eq!(
        run(&kbs, "roll-back-resource-policy --id keys --version 1")
            .await
            .unwrap(),
        "keys: version 1 is in force again, as version 5.\n"
    );
    kbs.script(
        "resource-policy/resource-policy/version/2",
        200,
        json!({"policy_id": "resource-policy", "version": 2, "policy": "cGFja2FnZSBwb2xpY3k"}).to_string(),
    );
    assert_eq!(
        run(&kbs, "get-resource-policy --version 2").await.unwrap(),
        "package policy\n"
    );
    assert_eq!(
        run(&kbs, "delete-resource-policy --id keys").await.unwrap(),
        "keys is deleted.\n"
    );
    assert_eq!(
        kbs.calls(),
        [
            "GET resource-policy/keys/history",
            "POST resource-policy/keys/rollback",
            "GET resource-policy/resource-policy/version/2",
            "DELETE resource-policy/keys",
        ]
    );
}

#[tokio::test]
async fn rolling_back_tells_what_is_doubtful_about_the_older_policy() {
    let kbs = FakeKbs::start().await;
    let back = json!({"policy_id": "a_cpu", "version": 3, "warnings": ["line 3: …"], "notes": ["line 4: …"]});
    for (path, command) in [
        (
            "resource-policy/a_cpu/rollback",
            "roll-back-resource-policy --id a_cpu",
        ),
        (
            "attestation-policy/a_cpu/rollback",
            "roll-back-attestation-policy --id a_cpu",
        ),
    ] {
        kbs.script(path, 200, back.to_string());
        let told = run(&kbs, &format!("--output json {command} --version 1"))
            .await
            .unwrap();
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(
            told,
            json!({"rolled_back": "a_cpu", "to": 1, "version": 3, "warnings": ["line 3: …"], "notes": ["line 4: …"]})
        );
    }
}

#[tokio::test]
async fn a_refused_policy_is_shown_with_everything_that_is_wrong_with_it() {
    let kbs = FakeKbs::start().await;
    let lines: Vec<String> = (1..=200)
        .map(|line| format!("  line {line}: no verifier gives this claim"))
        .collect();
    let detail = format!("not set:\n{}", lines.join("\n"));
    let refusal = json!({"type": "https://example.com/errors/PolicyEngineError", "detail": detail});
    kbs.script("resource-policy", 400, refusal.to_string());
    let error = run(&kbs, "set-resource-policy --affirming --strict")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("line 200: "), "{error}");
}

#[tokio::test]
async fn a_strict_setting_says_so_and_notices_a_kbs_that_does_not_check() {
    let kbs = FakeKbs::start().await;
    let warned = json!({"policy_id": "resource-policy", "version": 2, "warnings": ["line 3: …"]});
    kbs.script("resource-policy", 200, warned.to_string());
    let set = run(&kbs, "--output json set-resource-policy --affirming")
        .await
        .unwrap();
    let set: Value = serde_json::from_str(&set).unwrap();
    assert_eq!(
        (&set["version"], &set["warnings"]),
        (&json!(2), &json!(["line 3: …"]))
    );
    // As the existing implementation answers.
    let unchecked = run(&kbs, "set-resource-policy --affirming --strict")
        .await
        .unwrap_err();
    assert!(unchecked.to_string().contains("unchecked"), "{unchecked}");
    assert_eq!(
        kbs.calls(),
        ["POST resource-policy", "POST resource-policy?strict=true"]
    );
}
