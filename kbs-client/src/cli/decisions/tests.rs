use clap::Parser;
use serde_json::json;

use super::super::args::Cli;
use super::super::{CliError, run};
use super::*;
use crate::fake_kbs::FakeKbs;

const ID: &str = "6921aabc-3f9c2e81d04b7a55";

async fn run_line(kbs: &FakeKbs, line: &str) -> (String, Result<(), CliError>) {
    let arguments = ["kbs-client", "--url", &kbs.url]
        .into_iter()
        .chain(line.split_whitespace());
    let mut out = Vec::new();
    let result = match Cli::try_parse_from(arguments) {
        Ok(cli) => run(cli, &mut out).await,
        Err(error) => Err(CliError::Usage(error.to_string())),
    };
    (String::from_utf8(out).unwrap(), result)
}

fn denied() -> Value {
    json!({
        "id": ID, "at": 1_795_309_155, "kind": "release", "verdict": "denied", "class": "PolicyDeny",
        "request_id": "r1", "resource": "resource/default/key/1", "attestation": "6921aab0-0000000000000001",
        "policies": [{"id": "resource-policy", "digest": "ab".repeat(48)}],
        "devices": {"cpu0": {
            "status": "contraindicated", "policy_id": "default", "vector": {"hardware": 97, "executables": 33},
        }},
    })
}

fn attested() -> Value {
    json!({
        "id": "6921aab0-0000000000000001", "at": 1_795_309_150, "kind": "attestation",
        "verdict": "contraindicated", "tee": "snp", "devices": denied()["devices"],
        "explanation": {"submods": {"cpu0": {"claims": [{
            "claim": "executables", "value": 33, "better": [{"value": 3, "failed": [{
                "condition": {"name": "snp_executables", "line": 61, "text": "matches_reference_value(…)"},
                "expected": "a value registered as `snp_launch_measurement`", "came": "it is \"ab\"",
                "advice": "Register `snp_launch_measurement`.",
            }]}],
        }]}}},
    })
}

#[tokio::test]
async fn a_list_has_a_line_for_each_decision_and_asks_for_what_was_said() {
    let kbs = FakeKbs::start().await;
    kbs.script(
        "decisions",
        200,
        json!({"decisions": [attested(), denied()], "next": ID}).to_string(),
    );
    let line = "decisions list --since 2h --kind release --verdict denied --tee snp --resource default/key \
                --request-id r1 --limit 5";
    let (text, result) = run_line(&kbs, line).await;
    result.unwrap();
    assert_eq!(
        kbs.calls(),
        [
            "GET decisions?kind=release&verdict=denied&tee=snp&resource=resource/default/key&request_id=r1&since=-7200&limit=5"
        ]
    );
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].starts_with("2026-11-22 00:59:10Z  6921aab0-0000000000000001"),
        "{text}"
    );
    assert!(
        lines[1].contains("denied") && lines[1].contains("resource/default/key/1"),
        "{text}"
    );
    assert!(lines[1].ends_with("cpu0=contraindicated"), "{text}");

    kbs.script("decisions", 200, json!({"decisions": []}).to_string());
    assert_eq!(run_line(&kbs, "decisions list").await.0, "no decisions match\n");
    kbs.script("decisions", 200, json!({"decisions": [denied()]}).to_string());
    let (text, _) = run_line(&kbs, "--output json decisions list").await;
    assert_eq!(
        serde_json::from_str::<Value>(&text).unwrap()["items"][0],
        denied()
    );
}

#[tokio::test]
async fn what_is_shown_says_what_was_found_and_what_to_do() {
    let kbs = FakeKbs::start().await;
    kbs.script(
        "decisions/",
        200,
        json!({"decision": denied(), "attestation": attested()}).to_string(),
    );
    let (text, result) = run_line(&kbs, &format!("decisions show {ID}")).await;
    result.unwrap();
    for part in [
        "asked for  resource/default/key/1",
        "denied: the resource policy said no",
        "resource-policy (sha384 abababababababab…): said no",
        "snp, by attestation 6921aab0-0000000000000001",
        "request    r1",
        "cpu0: contraindicated, by policy default",
        "executables",
        "what was booted is not known to be good",
        "expected   a value registered as `snp_launch_measurement`",
        "What to do\n  The resource policy `resource-policy` said no. Read it with `config get-resource-policy`:",
        "\n  Register `snp_launch_measurement`.",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
    assert_eq!(kbs.calls(), [format!("GET decisions/{ID}?claims=false")]);
}

/// An attestation that missed the reference value `m`, and showed "ab".
fn missed() -> Value {
    let mut attested = attested();
    let failed = "/explanation/submods/cpu0/claims/0/better/0/failed/0";
    let failed = attested.pointer_mut(failed).unwrap();
    failed["seen"] = json!([{"what": "input.snp.measurement", "values": ["ab"]}]);
    failed["allowed"] = json!([{"reference_value": "m", "registered": false, "values": []}]);
    attested
}

/// What is said of `m` where this is its history.
async fn told(current: Value, versions: Value, revoked: Value) -> (String, Value) {
    let kbs = FakeKbs::start().await;
    let shown = json!({"decision": denied(), "attestation": missed()}).to_string();
    let history = json!({
        "id": "m", "current": current, "current_is_newest": true, "versions": versions, "revoked": revoked,
    });
    for _ in 0..2 {
        kbs.script("decisions/", 200, shown.clone());
        kbs.script("reference-value-history/m", 200, history.to_string());
    }
    let (text, result) = run_line(&kbs, &format!("decisions show {ID}")).await;
    result.unwrap();
    let (json, _) = run_line(&kbs, &format!("--output json decisions show {ID}")).await;
    let json: Value = serde_json::from_str(&json).unwrap();
    (text, json["reference_values_gone"].clone())
}

#[tokio::test]
async fn a_reference_value_that_was_taken_away_is_told_with_when_by_whom_and_why() {
    let by = json!({"how": "token", "name": "kbs", "on_behalf_of": "owner"});
    let registered = json!({"number": 1, "event": "registered", "at": 1_795_300_000, "by": by, "value": ["ab"],
        "expires_at": 1_795_309_000});
    let revoked = json!({"number": 2, "event": "revoked", "at": 1_795_305_600, "by": by, "reason": "debug\u{1b} build"});
    let deleted = json!({"number": 2, "event": "deleted", "at": 1_795_305_600, "by": by});
    let later = json!({"number": 3, "event": "registered", "at": 1_795_400_000, "by": by, "value": ["cd"],
        "expires_at": 1_895_309_000});
    let is_back = json!({"value": ["cd"], "expires_at": 1_895_309_000});

    let (text, json) = told(json!(null), json!([revoked, registered]), json!([])).await;
    assert!(
        text.ends_with(
            "Reference values\n  `m` was revoked at 2026-11-22 00:00:00Z by kbs (token), for owner: debug\u{fffd} build.\n"
        ),
        "{text}"
    );
    assert_eq!(
        json,
        json!({"m": {"event": "revoked", "at": 1_795_305_600, "by": by, "reason": "debug\u{1b} build"}})
    );
    let (text, _) = told(is_back, json!([later, deleted, registered]), json!([])).await;
    let again = "was deleted at 2026-11-22 00:00:00Z by kbs (token), for owner. There is a value again: let the guest";
    assert!(text.contains(again), "{text}");
    let (text, json) = told(json!(null), json!([registered]), json!([])).await;
    assert!(
        text.contains("`m` had expired at 2026-11-22 00:56:40Z.\n"),
        "{text}"
    );
    assert_eq!(json, json!({"m": {"event": "expired", "at": 1_795_309_000}}));
    // What the guest shows is revoked, whatever else is registered.
    let never = json!([{"value": "ab", "at": 1_795_305_600, "by": by}]);
    let (text, _) = told(json!(null), json!([later, registered]), never).await;
    assert!(
        text.contains("\"ab\" of `m` was revoked at 2026-11-22 00:00:00Z")
            && text.contains("cannot be registered again"),
        "{text}"
    );
}

#[tokio::test]
async fn of_a_reference_value_that_nobody_took_away_nothing_is_told() {
    let kept = json!({"number": 1, "event": "registered", "at": 1_795_300_000, "value": ["cd"],
        "expires_at": 1_895_309_000});
    let later = json!({"number": 2, "event": "revoked", "at": 1_795_400_000});
    for versions in [json!([kept]), json!([later, kept]), json!([later]), json!([])] {
        let (text, json) = told(
            json!(null),
            versions,
            json!([{"value": "cd", "at": 1_795_300_000}]),
        )
        .await;
        assert!(!text.contains("Reference values\n"), "{text}");
        assert_eq!(json, Value::Null);
    }
    // A KBS that does not tell.
    let kbs = FakeKbs::start().await;
    let shown = json!({"decision": denied(), "attestation": missed()}).to_string();
    kbs.script("decisions/", 200, shown);
    kbs.script_error("reference-value-history/m", 403, "AdminAuthAccess", "no");
    let (text, result) = run_line(&kbs, &format!("decisions show {ID}")).await;
    result.unwrap();
    assert!(
        text.contains("What to do") && !text.contains("Reference values\n"),
        "{text}"
    );
}

fn shown(decision: &Value, attestation: Option<&Value>) -> String {
    let read = |json: &Value| Decision::read(json).unwrap();
    show::describe(&read(decision), attestation.map(read).as_ref())
}

#[test]
fn what_the_resource_policy_asks_for_comes_before_what_no_policy_asked_for() {
    let denial = |text: &str| {
        let mut decision = denied();
        decision["explanation"] = json!({"denied": [{
            "condition": {"name": "allow", "line": 3, "text": text}, "expected": "\"shop\"", "came": "\"demo\"",
            "advice": "Mend the path.",
        }]});
        decision
    };
    let text = shown(
        &denial("data[\"resource-path\"][0] == \"shop\""),
        Some(&attested()),
    );
    assert!(text.ends_with("What to do\n  Mend the path."), "{text}");
    let text = shown(
        &denial("submod[\"ear.status\"] == \"affirming\""),
        Some(&attested()),
    );
    assert!(
        text.ends_with("What to do\n  Mend the path.\n  Register `snp_launch_measurement`."),
        "{text}"
    );
}

#[test]
fn of_several_policies_the_one_is_named_that_said_no() {
    let mut decision = denied();
    decision["policies"] = json!([
        {"id": "resource-policy", "digest": "ab".repeat(48)}, {"id": "shop-keys", "digest": "cd".repeat(48)},
    ]);
    decision["devices"]["cpu0"]["status"] = json!("affirming");
    let text = shown(&decision, None);
    for part in [
        "resource-policy (sha384 abababababababab…): said yes",
        "shop-keys (sha384 cdcdcdcdcdcdcdcd…): said no",
        "What to do\n  The resource policy `shop-keys` said no. Read it with `config get-resource-policy --id shop-keys`:",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
    decision["explanation"] = json!({"denied": [{"advice": "Mend it."}]});
    let text = shown(&decision, None);
    assert!(text.contains("the resource policy `shop-keys` said no"), "{text}");
    assert!(text.ends_with("What to do\n  Mend it."), "{text}");
}

#[test]
fn reference_values_that_were_old_are_told_before_anybody_registers_more() {
    let mut attestation = attested();
    attestation["devices"]["cpu0"]["reference_values_age"] = json!(7);
    let text = shown(&attestation, None);
    assert!(
        text.contains("by reference values that were 7 seconds old"),
        "{text}"
    );
    let (stale, register) = (text.find("for 7 seconds"), text.find("Register `snp"));
    assert!(stale.is_some() && stale < register, "{text}");
}

#[test]
fn nothing_is_said_of_reference_values_that_nobody_looked_up_and_none_are_asked_of_a_kbs_without() {
    let mut decision = denied();
    decision.as_object_mut().unwrap().remove("attestation");
    let text = shown(&decision, None);
    assert!(!text.contains("no reference value matches"), "{text}");
    assert!(
        text.contains("with the attestation service that made the token") && !text.contains("set-sample"),
        "{text}"
    );
    decision["attestation"] = json!("6921aab0-0000000000000001");
    assert!(shown(&decision, None).contains("set-sample-reference-value --add"));
}

#[tokio::test]
async fn a_request_id_from_a_log_does_as_well() {
    let kbs = FakeKbs::start().await;
    kbs.script("decisions?", 200, json!({"decisions": [denied()]}).to_string());
    kbs.script(
        "decisions/",
        200,
        json!({"decision": denied(), "claims": {"x": 1}}).to_string(),
    );
    let (text, result) = run_line(&kbs, "decisions show --claims r1").await;
    result.unwrap();
    assert!(text.contains("\"x\": 1"), "{text}");
    assert_eq!(
        kbs.calls(),
        [
            "GET decisions?request_id=r1&limit=1".to_owned(),
            format!("GET decisions/{ID}?claims=true")
        ]
    );
    kbs.script("decisions?", 200, json!({"decisions": []}).to_string());
    let error = run_line(&kbs, "decisions show r2").await.1.unwrap_err();
    assert!(error.to_string().contains("\"r2\""), "{error}");
}

#[tokio::test]
async fn whoever_follows_sees_each_decision_once_and_goes_on_where_it_was() {
    let kbs = FakeKbs::start().await;
    kbs.script(
        "decisions",
        200,
        json!({"decisions": [attested()], "next": "6921aab0-0000000000000001"}).to_string(),
    );
    kbs.script(
        "decisions",
        200,
        json!({"decisions": [], "next": "6921aab0-0000000000000001"}).to_string(),
    );
    kbs.script(
        "decisions",
        200,
        json!({"decisions": [denied()], "next": ID}).to_string(),
    );
    kbs.script_error("decisions", 401, "AdminAuthAccess", "expired");
    let (text, result) = run_line(&kbs, "decisions follow --limit 3").await;
    assert_eq!(result.unwrap_err().exit_code(), 5);
    assert_eq!(text.lines().count(), 2);
    assert_eq!(
        kbs.calls(),
        [
            "GET decisions?limit=3".to_owned(),
            "GET decisions?after=6921aab0-0000000000000001&wait=20".to_owned(),
            "GET decisions?after=6921aab0-0000000000000001&wait=20".to_owned(),
            format!("GET decisions?after={ID}&wait=20"),
        ]
    );
}

#[tokio::test]
async fn what_a_guest_put_into_a_record_cannot_drive_the_terminal() {
    let kbs = FakeKbs::start().await;
    let mut evil = denied();
    evil["reason"] = json!("\u{1b}[2Jgone\nand more");
    evil["resource"] = json!("resource/\u{1b}]0;x");
    kbs.script("decisions/", 200, json!({"decision": evil}).to_string());
    let (text, _) = run_line(&kbs, &format!("decisions show {ID}")).await;
    assert!(
        !text.contains('\u{1b}') && text.contains("gone and more"),
        "{text}"
    );
    kbs.script("decisions", 200, json!({"decisions": [evil]}).to_string());
    let (text, _) = run_line(&kbs, "decisions list").await;
    assert!(!text.contains('\u{1b}') && text.lines().count() == 1, "{text}");
}

#[tokio::test]
async fn a_decision_that_is_gone_has_the_exit_code_of_what_is_not_there() {
    let kbs = FakeKbs::start().await;
    kbs.script_error("decisions/", 404, "DecisionNotFound", "gone");
    let error = run_line(&kbs, &format!("decisions show {ID}"))
        .await
        .1
        .unwrap_err();
    assert_eq!(error.exit_code(), 4);
    for line in [
        "decisions list --since 5",
        "decisions list --verdict good",
        "decisions show",
    ] {
        assert_eq!(run_line(&kbs, line).await.1.unwrap_err().exit_code(), 2, "{line}");
    }
}

#[test]
fn a_length_of_time_has_a_unit() {
    for (text, expected) in [("90s", 90), ("30m", 1800), ("2h", 7200), ("7d", 604_800)] {
        assert_eq!(seconds(text), Ok(expected));
    }
    for text in ["", "h", "5", "-5m", "1w", "99999999999999999999d", "1é"] {
        assert!(seconds(text).is_err(), "{text}");
    }
}

#[test]
fn each_end_of_a_decision_has_its_words_and_its_advice() {
    for verdict in words::VERDICTS {
        let decision = Decision {
            verdict: verdict.to_owned(),
            ..Decision::default()
        };
        let text = show::describe(&decision, None);
        assert!(text.contains(&format!("{verdict}: ")), "{text}");
        let good = matches!(verdict, "released" | "affirming");
        assert_ne!(text.contains("What to do"), good, "{text}");
    }
}

#[tokio::test]
async fn an_affirming_guest_is_explained_by_the_rules_in_force_on_request() {
    let kbs = FakeKbs::start().await;
    let vector = json!({"executables": 3, "hardware": 0});
    let devices = json!({"cpu0": {"status": "affirming", "policy_id": "default", "vector": vector}});
    let decision =
        json!({"id": ID, "at": 1, "kind": "attestation", "verdict": "affirming", "devices": devices});
    let claims = json!({"submods": {"cpu0": {}}});
    let shown = json!({"decision": decision, "claims": claims});
    kbs.script("decisions/", 200, shown.to_string());
    let held = json!({
        "condition": {"name": "snp_executables", "line": 61, "text": "matches_reference_value(…)"},
        "seen": [{"what": "input.snp.measurement", "values": ["ab\u{1b}"]}],
        "allowed": [{"reference_value": "m", "registered": true, "values": ["ab"]}, {"is": "at least", "value": 3}],
    });
    let claim = json!({"claim": "executables", "value": 3, "tier": "affirming",
        "rule": {"name": "snp_executables", "line": 60, "text": "…"}, "held": [held]});
    let report = |executables: i64| {
        let side = json!({"status": "affirming", "vector": {"executables": executables, "hardware": 0}});
        let device = json!({"was": side, "would_be": side, "why": {"claims": [claim]}});
        json!({"tried": 1, "guests": [{"name": ID, "devices": {"cpu0": device}}]}).to_string()
    };
    kbs.script("policy-test", 200, report(3));
    let (text, result) = run_line(&kbs, &format!("decisions show {ID} --explain")).await;
    result.unwrap();
    for line in [
        "By the rules and reference values in force now",
        "  cpu0",
        "    executables 3:",
        "      by:       rule snp_executables, line 60",
        "      held:     matches_reference_value(…)",
        "        saw:    input.snp.measurement = [\"ab\\u001b\"]",
        "        allows: reference value `m`: [\"ab\"]",
        "        allows: at least 3",
    ] {
        assert!(text.lines().any(|each| each == line), "{line}\n{text}");
    }
    assert!(!text.contains("submods"), "the claims were not asked for: {text}");
    let sent: Value = serde_json::from_slice(&kbs.seen().pop().unwrap().body).unwrap();
    assert_eq!(
        sent,
        json!({"explain": true, "guests": [{"name": ID, "claims": claims}]})
    );

    kbs.script("decisions/", 200, shown.to_string());
    kbs.script("policy-test", 200, report(2));
    let (text, _) = run_line(&kbs, &format!("decisions show {ID} --explain")).await;
    assert!(text.contains("cpu0 (they have changed"), "{text}");
    kbs.script("decisions/", 200, shown.to_string());
    kbs.script("policy-test", 200, report(2));
    let (text, _) = run_line(&kbs, &format!("--output json decisions show {ID} --explain")).await;
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["explained_now"]["cpu0"]["why"]["claims"][0], claim);

    kbs.script("decisions/", 200, json!({"decision": decision}).to_string());
    let (_, result) = run_line(&kbs, &format!("decisions show {ID} --explain")).await;
    assert!(result.unwrap_err().to_string().contains("no claims"));
}

#[tokio::test]
async fn refused_evidence_is_shown_with_the_check_that_failed_and_whose_fault_it_is() {
    let kbs = FakeKbs::start().await;
    let decision = json!({
        "id": ID, "at": 1, "kind": "attestation", "verdict": "refused", "class": "AttestationError", "tee": "snp",
        "reason": "Verifier evaluate failed: TEE `snp`: the report is of VMPL 2, not 0",
        "failed_check": {
            "tee": "snp", "check": "snp.vmpl", "fault": "attester", "expected": "VMPL 0", "came": "VMPL\n2\u{1b}",
            "advice": "Take the evidence at VMPL 0.",
        },
    });
    kbs.script("decisions/", 200, json!({"decision": decision}).to_string());
    let (text, result) = run_line(&kbs, &format!("decisions show {ID}")).await;
    result.unwrap();
    for part in [
        "  because    Verifier evaluate failed",
        "Why\n  check      snp.vmpl\n  expected   VMPL 0\n  came       VMPL 2",
        "  fault      the guest's",
        "What to do\n  Take the evidence at VMPL 0.",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
    assert!(!text.contains('\u{1b}') && !text.contains("docs/tees"), "{text}");
}
