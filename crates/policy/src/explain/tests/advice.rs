//! What to do where registering or mending the guest would be no help.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::Gone;

fn advice(condition: &str, input: &Json, reference: &Json) -> String {
    let rego = format!(
        "package policy\nimport rego.v1\ndefault executables := 33\nexecutables := 3 if {condition}\n\
         trust_claims := {{\"executables\": executables}}\n"
    );
    let (_, explanation) = explain(&rego, input, reference);
    blamed(&explanation, "executables").advice.clone()
}

#[test]
fn a_value_of_another_kind_is_told() {
    let input = json!({"snp": {"svn": 23, "debug": false, "measurement": "ab"}});
    let of = |condition: &str| advice(condition, &input, &json!({}));
    for (condition, said) in [
        (
            "input.snp.svn == \"23\"",
            "The claim is a number, and the policy names the same as another",
        ),
        (
            "input.snp.debug == \"false\"",
            "The claim is true or false, and the policy names the same",
        ),
        ("input.snp.svn in [\"23\", \"24\"]", "write 23 there"),
        // Texts come after numbers, whatever they say.
        (
            "input.snp.svn > \"3\"",
            "compares a number with a text, and such have no order",
        ),
        (
            "input.snp.svn == 24",
            "Bring the guest to what the policy asks for",
        ),
        (
            "input.snp.measurement == \"cd\"",
            "Bring the guest to what the policy asks for",
        ),
    ] {
        let advice = of(condition);
        assert!(advice.contains(said), "{condition}: {advice}");
    }
}

#[test]
fn a_registered_value_that_is_asked_for_in_another_way_is_told() {
    let input = json!({"snp": {"svn": 23, "measurement": "ab"}});
    let of = |condition: &str, values: Json| advice(condition, &input, &json!({"m": values}));
    let equal = of(
        "input.snp.measurement == query_reference_value(\"m\")",
        json!(["cd", "ab"]),
    );
    assert!(
        equal.contains("`matches_reference_value(claim, \"m\")`"),
        "{equal}"
    );
    let text = of("matches_reference_value(input.snp.svn, \"m\")", json!(["23"]));
    assert_eq!(
        text,
        "The claim is a number, and under `m` the same is registered as a text: register it as a number."
    );
    let other = of("matches_reference_value(input.snp.svn, \"m\")", json!([22]));
    assert!(other.contains("register its value under `m` too"), "{other}");
}

#[test]
fn nobody_is_told_to_register_values_of_the_sample() {
    let input = json!({"sample": {"svn": "1", "debug": false, "launch_digest": "abcde"}});
    let (_, explanation) = explain(default_cpu(), &input, &json!({}));
    let failed = blamed(&explanation, "executables");
    assert!(
        failed.expected.contains("registered as `launch_digest`"),
        "{failed:?}"
    );
    assert!(
        failed.advice.contains("of no TEE") && !failed.advice.contains("Register `"),
        "{failed:?}"
    );
}

#[test]
fn a_slip_of_the_pen_is_told_beside_what_else_would_not_hold() {
    let rego = "package policy\nimport rego.v1\ndefault allow := false\n\
                allow if input.submods.cpu0[\"ear.stauts\"] == \"affirming\"\n\
                allow if data[\"resource-path\"][0] == \"other\"\n";
    let claims = json!({"submods": {"cpu0": {"ear.status": "affirming"}}});
    let told = denied(rego, &claims, ["a", "b", "c"]);
    let said: Vec<&str> = told.iter().map(|failed| failed.advice.as_str()).collect();
    assert!(
        said.contains(&"There is `ear.status`: check the spelling in the policy."),
        "{said:?}"
    );
    assert_eq!(told.len(), 2);

    let tee = advice("input.spn.vmpl == 0", &json!({"snp": {"vmpl": 0}}), &json!({}));
    assert_eq!(tee, "There is `snp`: check the spelling in the policy.");
}

#[test]
fn a_rule_that_says_no_itself_is_named() {
    let rego = "package policy\nimport rego.v1\ndefault allow := true\n\
                allow := false if input.submods.cpu0[\"ear.status\"] != \"affirming\"\n";
    let claims = json!({"submods": {"cpu0": {"ear.status": "warning"}}});
    let [denial] = &denied(rego, &claims, ["a", "b", "c"])[..] else {
        panic!("one rule");
    };
    assert_eq!(denial.condition.line, 4);
    assert!(denial.expected.contains("allow := false if"), "{denial:?}");
    assert!(denial.came.contains("is \"warning\""), "{denial:?}");

    let [denial] = &denied("package policy\ndefault allow := false", &claims, ["a", "b", "c"])[..] else {
        panic!("one rule");
    };
    assert_eq!(denial.came, "it decides");
}

const MISSED: &str = "package policy\nimport rego.v1\ndefault executables := 33\n\
    executables := 3 if input.snp.measurement in query_reference_value(\"snp_launch_measurement\")\n\
    trust_claims := {\"executables\": executables}\n";

#[test]
fn a_value_that_expired_or_was_taken_away_is_told_as_such() {
    for (gone, expected, said) in [
        (
            Gone::Expired(1_795_309_155),
            "a value registered as `snp_launch_measurement`, but it expired at 2026-11-22T00:59:15Z",
            "Register `snp_launch_measurement` again",
        ),
        (
            Gone::Removed,
            "a value registered as `snp_launch_measurement`, but it was deleted or revoked",
            "reference-value-history --id snp_launch_measurement",
        ),
    ] {
        let gone = BTreeMap::from([("snp_launch_measurement".to_owned(), gone)]);
        let reference = snapshot(&json!({"other": 1})).with_gone(Arc::new(gone));
        let policy = AppraisalPolicy::compile(MISSED).unwrap();
        let (appraisal, explanation) = explain_by(&policy, &snp(false), &reference);
        let failed = blamed(&explanation, "executables");
        assert_eq!(failed.expected, expected);
        assert!(failed.advice.contains(said), "{failed:#?}");
        // It explains, and no more: the policy has not seen it.
        assert_eq!(appraisal.asked.len(), 1);
        assert!(!appraisal.asked[0].known, "{:?}", appraisal.asked);
    }
}

#[test]
fn a_misspelt_name_is_found_though_the_right_one_has_no_value_now() {
    let misspelt = MISSED.replace("launch_measurement", "launch_mesurement");
    let expired = BTreeMap::from([("my_own_lanch_value".to_owned(), Gone::Expired(7))]);
    for (rego, right) in [
        (misspelt, "snp_launch_measurement"),
        (
            MISSED.replace("snp_launch_measurement", "my_own_launch_value"),
            "my_own_lanch_value",
        ),
    ] {
        let policy = AppraisalPolicy::compile(&rego).unwrap();
        let reference = snapshot(&json!({})).with_gone(Arc::new(expired.clone()));
        let (_, explanation) = explain_by(&policy, &snp(false), &reference);
        let failed = blamed(&explanation, "executables");
        assert!(failed.advice.contains(&format!("`{right}`")), "{failed:#?}");
        assert!(failed.advice.contains("Check the spelling"), "{failed:#?}");
        // One that has a value is a better guess.
        let reference = snapshot(&json!({right: "ab"}));
        let (_, explanation) = explain_by(&policy, &snp(false), &reference);
        let failed = blamed(&explanation, "executables");
        assert!(
            failed
                .advice
                .starts_with(&format!("There is a reference value `{right}`")),
            "{failed:#?}"
        );
    }
}

#[test]
fn a_guest_in_debug_mode_is_marked_as_such() {
    let (_, explanation) = explain(default_cpu(), &snp(true), &json!({}));
    let conditions = explanation
        .claims
        .iter()
        .flat_map(|claim| &claim.better)
        .flat_map(|better| &better.failed);
    let marked: Vec<_> = conditions
        .flat_map(|failed| std::iter::once(failed).chain(&failed.also))
        .filter(|failed| failed.debug)
        .collect();
    assert!(!marked.is_empty(), "{explanation:#?}");
    for failed in marked {
        assert!(failed.came.contains("policy_debug_allowed"), "{failed:#?}");
        assert!(failed.advice.contains("start it without"), "{failed:#?}");
    }
    let (_, explanation) = explain(default_cpu(), &snp(false), &json!({}));
    let text = serde_json::to_string(&explanation).unwrap();
    assert!(!text.contains("\"debug\""), "{text}");
}
