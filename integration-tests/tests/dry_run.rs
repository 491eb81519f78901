//! What would change: policies and reference values that are tried on real guests, and on nobody else.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::guest::{Guest, claims};
use crate::stack::TestStack;

const SECRET: &[u8] = b"s";

/// A guest that is affirming and gets its secret, and the claims of its token.
async fn served(stack: &TestStack) -> (Guest<'_>, Value) {
    stack.store("red/a/b", SECRET).await;
    stack.vouch_for_sample().await;
    stack.release_by(policy::defaults::AFFIRMING).await;
    let guest = Guest::sample(stack);
    let (session, token) = guest.handshake().await;
    let claims = claims(&token);
    assert_eq!(guest.get(&session, "red/a/b").await.status(), 200);
    (guest, claims)
}

async fn tried(stack: &TestStack, trial: Value) -> Value {
    let answer = stack
        .as_owner(Method::POST, "/kbs/v0/policy-test", trial.to_string())
        .await;
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn new_reference_values_show_who_would_be_locked_out_and_why() {
    let stack = TestStack::start().await;
    let (guest, claims) = served(&stack).await;
    let report = tried(
        &stack,
        json!({
            "reference_values": {"launch_digest": ["fghij"]},
            "guests": [{"name": "mine", "claims": claims}],
            "resources": ["red/a/b"],
        }),
    )
    .await;
    assert_eq!((&report["tried"], &report["lost"]), (&json!(1), &json!(1)));
    let cpu = &report["guests"][0]["devices"]["cpu0"];
    assert_eq!(cpu["was"]["status"], "affirming");
    assert_eq!(cpu["would_be"]["status"], "warning");
    let executables = cpu["why"]["claims"].as_array().unwrap();
    let executables = executables
        .iter()
        .find(|claim| claim["claim"] == "executables")
        .unwrap();
    let failed = &executables["better"][0]["failed"][0];
    assert_eq!(failed["came"], "`input.sample.launch_digest` is \"abcde\"");
    assert_eq!(
        failed["expected"],
        "the reference value `launch_digest`: \"fghij\""
    );

    // Nothing has changed for the guest.
    let (session, _) = guest.handshake().await;
    assert_eq!(guest.get(&session, "red/a/b").await.status(), 200);
}

#[tokio::test]
async fn an_attestation_policy_and_a_resource_policy_are_tried_together() {
    let stack = TestStack::start().await;
    let (guest, claims) = served(&stack).await;
    let attestation = "package policy\ntrust_claims := {\"executables\": 33}";
    let resource =
        "package policy\nallow if input.submods.cpu0[\"ear.trustworthiness-vector\"].executables == 33";
    let report = tried(
        &stack,
        json!({
            "attestation_policies": {"default_cpu": URL_SAFE_NO_PAD.encode(attestation)},
            "resource_policy": URL_SAFE_NO_PAD.encode(resource),
            "guests": [{"name": "mine", "claims": claims}],
            "resources": ["red/a/b"],
        }),
    )
    .await;
    let guests = &report["guests"][0];
    assert_eq!(
        guests["devices"]["cpu0"]["would_be"],
        json!({"status": "warning", "vector": {"executables": 33}})
    );
    // Appraised otherwise, but the new resource policy takes that.
    assert_eq!(guests["resources"][0]["would_be"], true);
    assert_eq!((&report["changed"], &report["lost"]), (&json!(1), &json!(0)));

    let (session, _) = guest.handshake().await;
    assert_eq!(guest.get(&session, "red/a/b").await.status(), 200);
}

#[tokio::test]
async fn a_policy_that_fails_on_a_guest_leaves_it_without_a_token() {
    let stack = TestStack::start().await;
    let (_, claims) = served(&stack).await;
    let broken = "package policy\ntrust_claims := {\"no-such-claim\": 2}";
    let report = tried(
        &stack,
        json!({
            "attestation_policies": {"default_cpu": URL_SAFE_NO_PAD.encode(broken)},
            "guests": [{"name": "mine", "claims": claims}],
            "resources": ["red/a/b"],
        }),
    )
    .await;
    let error = &report["guests"][0]["devices"]["cpu0"]["would_be"]["error"];
    assert!(error.as_str().unwrap().contains("no AR4SI claim"), "{error}");
    assert_eq!(report["lost"], 1);
}

#[tokio::test]
async fn guests_from_the_records_are_tried_with_what_they_asked_for() {
    let stack = TestStack::start().await;
    let (guest, _) = served(&stack).await;
    let (session, _) = guest.handshake().await;
    assert_eq!(guest.get(&session, "red/a/none").await.status(), 404);
    let trial = json!({
        "resource_policy": URL_SAFE_NO_PAD.encode(policy::defaults::DENY_ALL),
        "last": 10,
    });
    // The records are written in the background.
    let mut report = tried(&stack, trial.clone()).await;
    for _ in 0..200 {
        if report["lost"] == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        report = tried(&stack, trial.clone()).await;
    }
    assert_eq!(
        (&report["tried"], &report["lost"]),
        (&json!(2), &json!(2)),
        "{report}"
    );
    let asked = |guest: usize| &report["guests"][guest]["resources"][0]["resource"];
    assert_eq!(
        (asked(0), asked(1)),
        (&json!("resource/red/a/none"), &json!("resource/red/a/b"))
    );
    assert_eq!(report["guests"][0]["tee"], "sample");
}

#[tokio::test]
async fn an_affirming_guest_is_explained_with_nothing_to_try() {
    let stack = TestStack::start().await;
    let (_, claims) = served(&stack).await;
    let guest = json!({"name": "mine", "claims": claims});
    let report = tried(&stack, json!({"explain": true, "guests": [guest]})).await;
    assert_eq!(report["changed"], 0);
    let cpu = &report["guests"][0]["devices"]["cpu0"];
    assert_eq!(cpu["would_be"]["status"], "affirming");
    let claims = cpu["why"]["claims"].as_array().unwrap();
    let executables = claims
        .iter()
        .find(|claim| claim["claim"] == "executables")
        .unwrap();
    assert_eq!(executables["rule"]["name"], "sample_executables");
    let held = executables["held"].as_array().unwrap();
    let launch = held
        .iter()
        .find(|held| held["allowed"][0]["reference_value"] == "launch_digest")
        .unwrap();
    assert_eq!(launch["seen"][0]["what"], "input.sample.launch_digest");
    assert_eq!(launch["seen"][0]["values"], json!(["abcde"]));
    assert_eq!(launch["allowed"][0]["values"], json!(["abcde"]));

    // Nobody who does not ask gets it.
    let values = json!({"launch_digest": ["abcde", "x"]});
    let report = tried(&stack, json!({"reference_values": values, "guests": [guest]})).await;
    assert!(
        report["guests"][0]["devices"]["cpu0"]["why"].is_null(),
        "{report}"
    );
}

#[tokio::test]
async fn a_resource_policy_that_goes_by_the_digest_of_the_attestation_policy_is_tried_as_it_releases() {
    let stack = TestStack::start().await;
    let (guest, claims) = served(&stack).await;
    let digest = claims["submods"]["cpu0"]["ear.trustee.policy-digest"]
        .as_str()
        .unwrap();
    let by_digest =
        format!("package policy\nallow if input.submods.cpu0[\"ear.trustee.policy-digest\"] == \"{digest}\"");
    stack.release_by(&by_digest).await;
    let (session, _) = guest.handshake().await;
    assert_eq!(guest.get(&session, "red/a/b").await.status(), 200);

    // Another text, though it appraises the same, locks everybody out.
    let (_, shipped) = policy::defaults::ATTESTATION[0];
    let trial = json!({
        "attestation_policies": {"default_cpu": URL_SAFE_NO_PAD.encode(format!("{shipped}\n# new"))},
        "guests": [{"name": "mine", "claims": claims}],
        "resources": ["red/a/b"],
    });
    let report = tried(&stack, trial).await;
    let resource = &report["guests"][0]["resources"][0];
    assert_eq!(
        (&resource["was"], &resource["would_be"], &report["changed"]),
        (&json!(true), &json!(false), &json!(1)),
        "{report}"
    );
}

#[tokio::test]
async fn a_resource_policy_that_begins_to_fail_is_a_change() {
    let stack = TestStack::start().await;
    let (_, claims) = served(&stack).await;
    stack.release_by(policy::defaults::DENY_ALL).await;
    let failing = "package policy\nallow := x if some x in input.submods.cpu0[\"ear.status\"]";
    let report = tried(
        &stack,
        json!({
            "resource_policy": URL_SAFE_NO_PAD.encode(failing),
            "guests": [{"name": "mine", "claims": claims}],
            "resources": ["red/a/b"],
        }),
    )
    .await;
    let resource = &report["guests"][0]["resources"][0];
    assert!(
        resource["error"].is_string() && resource.get("was_error").is_none(),
        "{report}"
    );
    assert_eq!((&report["changed"], &report["lost"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn a_policy_that_judges_none_of_the_guests_is_told() {
    let stack = TestStack::start().await;
    let (_, claims) = served(&stack).await;
    let policy = URL_SAFE_NO_PAD.encode("package policy\ntrust_claims := {\"executables\": 33}");
    let report = tried(
        &stack,
        json!({
            "attestation_policies": {"gpu_foo": policy},
            "guests": [{"name": "mine", "claims": claims}],
        }),
    )
    .await;
    assert_eq!(
        (&report["judges_nobody"], &report["changed"]),
        (&json!(["gpu_foo"]), &json!(0))
    );
}

#[tokio::test]
async fn a_resource_policy_is_tried_on_guests_of_the_records_as_they_would_be_appraised_today() {
    let stack = TestStack::start().await;
    stack.store("red/a/b", SECRET).await;
    stack.release_by(policy::defaults::AFFIRMING).await;
    let guest = Guest::sample(&stack);
    let (session, _) = guest.handshake().await;
    assert_eq!(guest.get(&session, "red/a/b").await.status(), 403);
    // The guest is the same, and what it should be is known now.
    stack.vouch_for_sample().await;
    let deny = json!({"resource_policy": URL_SAFE_NO_PAD.encode(policy::defaults::DENY_ALL), "last": 100});
    let report = tried(&stack, deny).await;
    let oldest = report["guests"].as_array().unwrap().last().unwrap();
    let resource = &oldest["resources"][0];
    assert_eq!(
        (&resource["was"], &resource["would_be"]),
        (&json!(true), &json!(false)),
        "{report}"
    );
    assert!(report.get("as_recorded").is_none());
}

#[tokio::test]
async fn a_reference_value_that_no_policy_asks_for_is_told_with_the_nearest_that_is() {
    let stack = TestStack::start().await;
    let (_, claims) = served(&stack).await;
    let trial =
        |values: Value| json!({"reference_values": values, "guests": [{"name": "mine", "claims": claims}]});
    let values = json!({"lanch_digest": ["x"], "rtmr_1": ["y"], "of_my_own": ["z"]});
    let report = tried(&stack, trial(values)).await;
    assert_eq!(
        report["asked_by_nobody"],
        json!([{"id": "lanch_digest", "nearest": "launch_digest"}, {"id": "of_my_own"}]),
        "{report}"
    );
    let report = tried(&stack, trial(json!({"launch_digest": ["abcde"]}))).await;
    assert!(report.get("asked_by_nobody").is_none(), "{report}");

    // What is put together while the policy runs cannot be known.
    let computed = "package policy\nid := sprintf(\"%v_digest\", [\"launch\"])\n\
                    trust_claims := {\"executables\": 3} if input.sample.launch_digest in query_reference_value(id)";
    let mut trial = trial(json!({"lanch_digest": ["x"]}));
    trial["attestation_policies"] = json!({"default_cpu": URL_SAFE_NO_PAD.encode(computed)});
    let report = tried(&stack, trial).await;
    assert!(report.get("asked_by_nobody").is_none(), "{report}");
}
