//! What is affirming is explained, too: by the rule that gave it and the conditions that held.

use super::*;

const POLICY: &str = r#"package policy

trust_claims := {"executables": executables, "hardware": hardware, "configuration": configuration, "file-system": 0}

default executables := 33
executables := 3 if {
    input.t.launch in query_reference_value("launch")
    input.t.svn >= 3
    not input.t.debug
}

hardware := hardware_of(input.t)
hardware_of(t) := 2 if t.tcb == 7
else := 97

configuration := 2
"#;

fn claims(debug: bool) -> Json {
    json!({"t": {"launch": "ab", "svn": 4, "debug": debug, "tcb": 7}})
}

fn values() -> Json {
    json!({"launch": ["cd", "ab"]})
}

#[test]
fn the_rule_is_named_with_the_conditions_that_held_and_what_they_saw() {
    let (appraisal, explanation) = explain(POLICY, &claims(false), &values());
    assert_eq!(appraisal.vector.status(), TrustTier::Affirming);
    let executables = claim(&explanation, "executables");
    let rule = executables.rule.as_ref().unwrap();
    assert_eq!((rule.name.as_str(), rule.line), ("executables", 6));
    assert!(rule.text.starts_with("executables := 3 if {"), "{rule:?}");
    assert!(executables.better.is_empty());
    let [launch, svn, debug] = &executables.held[..] else {
        panic!("{executables:#?}");
    };
    assert_eq!(
        (launch.condition.line, svn.condition.line, debug.condition.line),
        (7, 8, 9)
    );
    assert_eq!(launch.seen[0].what, "input.t.launch");
    assert_eq!(launch.seen[0].values, [json!("ab")]);
    assert!(
        matches!(&launch.allowed[..], [Allowed::Reference { reference_value, registered: true, values, .. }]
            if reference_value == "launch" && values[..] == [json!("cd"), json!("ab")])
    );
    assert_eq!(svn.seen[0].values, [json!(4)]);
    assert_eq!(
        svn.allowed,
        [Allowed::Value {
            is: "at least",
            value: json!(3)
        }]
    );
    assert_eq!(debug.seen[0].values, [json!(false)]);
}

#[test]
fn a_value_that_a_function_gives_is_followed_into_it() {
    let (_, explanation) = explain(POLICY, &claims(false), &values());
    let hardware = claim(&explanation, "hardware");
    let rule = hardware.rule.as_ref().unwrap();
    assert_eq!((rule.name.as_str(), rule.line), ("hardware_of", 13));
    assert_eq!(hardware.held[0].seen[0].what, "t.tcb");
    assert_eq!(hardware.held[0].seen[0].values, [json!(7)]);

    let configuration = claim(&explanation, "configuration");
    assert_eq!(configuration.rule.as_ref().unwrap().line, 16);
    assert!(configuration.held.is_empty(), "it has no conditions");
    assert!(claim(&explanation, "file-system").rule.is_none());
}

#[test]
fn without_being_asked_an_affirming_result_is_not_looked_into_and_another_one_only_for_its_rules() {
    let policy = AppraisalPolicy::compile(POLICY).unwrap();
    let reference = snapshot(&values());
    let explained = |debug| {
        let input = PolicyInput::from_value(claims(debug)).unwrap();
        let appraisal = policy.evaluate(&input, &reference, &Limits::default()).unwrap();
        policy.explain(
            &appraisal,
            &input,
            &reference,
            &Limits::default(),
            Depth::Failures,
        )
    };
    let affirming = explained(false);
    assert!(
        affirming
            .claims
            .iter()
            .all(|claim| claim.rule.is_none() && claim.held.is_empty())
    );
    let refused = explained(true);
    assert_eq!(
        claim(&refused, "executables").better[0].failed[0].condition.line,
        9
    );
    let hardware = claim(&refused, "hardware");
    assert_eq!(hardware.rule.as_ref().unwrap().name, "hardware_of");
    assert!(hardware.held.is_empty());
}

#[test]
fn every_affirming_claim_of_the_default_policy_has_its_rule_and_its_conditions() {
    let reference = json!({
        "snp_launch_measurement": ["ab"],
        "snp_bootloader": ["3"], "snp_microcode": ["1"], "snp_snp_svn": ["1"], "snp_tee_svn": ["1"],
    });
    let (_, explanation) = explain(default_cpu(), &snp(false), &reference);
    let affirming: Vec<_> = explanation
        .claims
        .iter()
        .filter(|claim| claim.tier == TrustTier::Affirming)
        .collect();
    assert!(
        affirming
            .iter()
            .any(|claim| claim.claim.as_str() == "executables")
    );
    for claim in affirming {
        let rule = claim.rule.as_ref().unwrap();
        assert!(rule.name.starts_with("snp_"), "{rule:?}");
        assert!(!claim.held.is_empty(), "{claim:#?}");
    }
}
