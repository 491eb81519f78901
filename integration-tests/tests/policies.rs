//! The policies that the documents show, as printed there, through a real KBS.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::json;

use crate::guest::{Guest, assert_refused, token};
use crate::stack::TestStack;

const SECRET: &[u8] = b"s";

/// What a guest gets of `path` under the policy in force.
async fn gets(guest: &Guest<'_>, path: &str) -> bool {
    let (session, _) = guest.handshake().await;
    let answer = guest.get(&session, path).await;
    if answer.status() == 200 {
        assert_eq!(guest.open(answer).await, SECRET);
        return true;
    }
    assert_refused(answer, 403, "PolicyDeny").await;
    false
}

async fn stack() -> TestStack {
    let stack = TestStack::start().await;
    for path in ["red/a/b", "blue/a/b"] {
        stack.store(path, SECRET).await;
    }
    stack
}

#[tokio::test]
async fn the_simplest_policy_allows_or_denies_everything() {
    let stack = stack().await;
    for (value, expected) in [("true", true), ("false", false)] {
        stack
            .release_by(&format!("package policy\ndefault allow = {value}\n"))
            .await;
        assert_eq!(gets(&Guest::sample(&stack), "red/a/b").await, expected);
    }
}

#[tokio::test]
async fn policies_about_the_status_and_the_kind_of_a_guest_hold() {
    let stack = stack().await;
    let status = "input[\"submods\"][\"cpu\"][\"ear.status\"] != \"contraindicated\"";
    let snp = "input[\"submods\"][\"cpu\"][\"ear.veraison.annotated-evidence\"][\"snp\"]";
    let head = "package policy\nimport rego.v1\ndefault allow = false\nallow if {\n";
    let by_status = format!("{head}{status}\n}}\n");
    let by_kind = format!("{head}{status}\n{snp}\n}}\n");

    stack.release_by(&by_status).await;
    assert!(!gets(&Guest::snp(&stack), "red/a/b").await);
    stack.vouch_for_platform().await;
    stack.vouch_for_sample().await;
    assert!(gets(&Guest::snp(&stack), "red/a/b").await);
    assert!(gets(&Guest::sample(&stack), "red/a/b").await);
    stack.release_by(&by_kind).await;
    assert!(gets(&Guest::snp(&stack), "red/a/b").await);
    assert!(!gets(&Guest::sample(&stack), "red/a/b").await);
    let shown = stack.shown("/kbs/v0/resource-policy/resource-policy").await;
    assert_eq!(shown["dialect"]["rule"], "allow");

    // As printed: no token has this member, so nothing is released rather than everything.
    let by_member = by_kind.replace(
        snp,
        "input[\"submods\"][\"cpu\"][\"ear.status.executables\"] == 2",
    );
    stack.release_by(&by_member).await;
    assert!(!gets(&Guest::snp(&stack), "red/a/b").await);
}

#[tokio::test]
async fn policies_about_the_path_hold_in_the_older_dialect() {
    let stack = stack().await;
    stack.vouch_for_platform().await;
    let head = "package policy\nimport rego.v1\ndefault allowed = false\n\
                path := split(data[\"resource-path\"], \"/\")\n";
    stack
        .release_by(&format!("{head}allowed if {{\npath[0] == \"red\"\n}}\n"))
        .await;
    let shown = stack.shown("/kbs/v0/resource-policy/resource-policy").await;
    assert_eq!(shown["dialect"]["rule"], "allowed");
    let guest = Guest::snp(&stack);
    assert!(gets(&guest, "red/a/b").await);
    assert!(!gets(&guest, "blue/a/b").await);

    let rule = |colour: &str, tee: &str| {
        format!(
            "allowed if {{\npath[0] == \"{colour}\"\n\
             input[\"submods\"][\"cpu\"][\"ear.status\"] != \"contraindicated\"\n\
             input[\"submods\"][\"cpu\"][\"ear.veraison.annotated-evidence\"][\"{tee}\"]\n}}\n"
        )
    };
    stack
        .release_by(&format!("{head}{}{}", rule("red", "snp"), rule("blue", "tdx")))
        .await;
    assert!(gets(&guest, "red/a/b").await);
    assert!(!gets(&guest, "blue/a/b").await);
}

#[tokio::test]
async fn a_policy_that_cannot_decide_releases_nothing_and_stalls_nobody() {
    let stack = stack().await;
    stack.vouch_for_platform().await;
    let guest = Guest::snp(&stack);
    let endless = "package policy\nimport rego.v1\ndefault allow := false\n\
                   allow if {\nsome a in numbers.range(1, 100000)\nsome b in numbers.range(1, 100000)\na * b < 0\n}\n";
    stack.release_by(endless).await;
    let (session, _) = guest.handshake().await;
    let asking = guest.get(&session, "red/a/b");
    let meanwhile = async {
        let answer = stack.send(Method::GET, "/healthz", "").await;
        assert_eq!(answer.status(), 200);
    };
    let (answer, ()) = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        tokio::join!(asking, meanwhile)
    })
    .await
    .expect("the policy must be stopped");
    let status = answer.status().as_u16();
    assert!(matches!(status, 403 | 500), "{status}");
}

#[tokio::test]
async fn an_attestation_policy_set_through_the_kbs_counts_for_the_next_guest() {
    let stack = stack().await;
    stack.release_by(policy::defaults::AFFIRMING).await;
    let guest = Guest::sample(&stack);
    assert!(!gets(&guest, "red/a/b").await);
    let rego = "package policy\nimport rego.v1\ntrust_claims := {\"executables\": 3, \"hardware\": 2}\n";
    stack.appraise_by("default_cpu", rego).await;
    assert!(gets(&guest, "red/a/b").await);
    let shown = stack.shown("/kbs/v0/attestation-policy").await;
    assert!(
        shown
            .as_array()
            .unwrap()
            .iter()
            .any(|policy| policy["policy_id"] == "default_cpu")
    );

    // One that makes no sense of the evidence leaves nobody with a token.
    let rego = "package policy\nimport rego.v1\ntrust_claims := {\"no-such-claim\": 2}\n";
    stack.appraise_by("default_cpu", rego).await;
    let challenge = guest.challenge().await;
    let answer = guest
        .attest(&challenge, &guest.attestation(&challenge.nonce))
        .await;
    assert_refused(answer, 500, "AttestationError").await;
}

#[tokio::test]
async fn registered_reference_values_are_shown_and_the_last_registration_counts() {
    let stack = stack().await;
    stack.register(&json!({"svn": ["0"], "other": 7})).await;
    stack.vouch_for_sample().await;
    assert_eq!(stack.shown("/kbs/v0/reference-value/svn").await, json!(["1"]));
    let all = stack.shown("/kbs/v0/reference-value").await;
    assert_eq!(all["other"], 7);
    assert_eq!(all["svn"], json!(["1"]));
    let guest = Guest::sample(&stack);
    let challenge = guest.challenge().await;
    let answer = guest
        .attest(&challenge, &guest.attestation(&challenge.nonce))
        .await;
    assert_eq!(crate::guest::cpu_status(&token(answer).await), "affirming");
}

#[tokio::test]
async fn a_policy_for_a_part_of_the_resources_takes_away_and_comes_back_after_a_restart() {
    let mut stack = stack().await;
    stack
        .release_by("package policy\nimport rego.v1\ndefault allow := true\n")
        .await;
    let deny = "package policy\nimport rego.v1\ndefault allow := false\n";
    let body = json!({"policy": URL_SAFE_NO_PAD.encode(deny), "scope": "red/a"}).to_string();
    let path = "/kbs/v0/resource-policy/red-a";
    assert_eq!(stack.as_owner(Method::PUT, path, body).await.status(), 200);
    for _ in 0..2 {
        assert!(!gets(&Guest::sample(&stack), "red/a/b").await);
        assert!(gets(&Guest::sample(&stack), "blue/a/b").await);
        stack.restart_kbs().await;
    }
    assert_eq!(stack.as_owner(Method::DELETE, path, "").await.status(), 200);
    assert!(gets(&Guest::sample(&stack), "red/a/b").await);
    let history = stack.shown(&format!("{path}/history")).await;
    assert_eq!(history["versions"][0]["event"], "deleted");
    assert_eq!(history["versions"][1]["labels"]["scope"], "red/a");
}
