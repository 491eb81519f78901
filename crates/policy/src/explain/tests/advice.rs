//! What to do where registering or mending the guest would be no help.

use super::*;

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
