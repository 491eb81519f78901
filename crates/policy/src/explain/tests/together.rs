//! Several conditions of one rule that do not hold.

use serde_json::json;

use super::*;

/// The conditions beside the one that is blamed, with the first value that each saw.
fn beside(failed: &FailedCondition) -> Vec<(&str, Json)> {
    let seen = |failed: &FailedCondition| {
        let values = failed.seen.first().map(|seen| seen.values.clone());
        values.unwrap_or_default().first().cloned().unwrap_or_default()
    };
    failed
        .also
        .iter()
        .map(|also| (also.condition.text.as_str(), seen(also)))
        .collect()
}

fn expected(failed: &FailedCondition) -> Vec<&str> {
    failed.also.iter().map(|also| also.expected.as_str()).collect()
}

fn executables(body: &str, more: &str) -> String {
    format!(
        "package policy\nimport rego.v1\ndefault executables := 33\n\
         executables := 3 if {{\n{body}\n}}\n{more}\ntrust_claims := {{\"executables\": executables}}\n"
    )
}

#[test]
fn all_that_is_to_be_registered_is_learnt_at_once() {
    let mut input = snp(false);
    let more = json!({"reported_tcb_microcode": 7, "reported_tcb_snp": 8, "reported_tcb_tee": 0});
    let claims = input["snp"].as_object_mut().unwrap();
    claims.extend(more.as_object().unwrap().clone());
    let reference = json!({"snp_snp_svn": [8]});
    let (_, explanation) = explain(default_cpu(), &input, &reference);
    let failed = blamed(&explanation, "hardware");
    assert!(
        failed.advice.starts_with("Register `snp_bootloader`"),
        "{failed:#?}"
    );
    assert_eq!(
        expected(failed),
        ["snp_microcode", "snp_tee_svn"]
            .map(|id| format!("a value registered as `{id}`, but there is none, or it has expired"))
    );
    assert_eq!(blamed(&explanation, "executables").also, []);
}

#[test]
fn conditions_that_share_a_variable_with_one_that_fails_are_not_judged() {
    let body = "some event in input.events\nevent.kind == \"kernel\"\nevent.digest == \"aa\"\n\
                input.version == 2\nlimit := input.limit\nlimit > 5\ninput.version < limit";
    let input = json!({
        "events": [{"kind": "shim", "digest": "bb"}], "version": 1, "limit": 3,
    });
    let (_, explanation) = explain(&executables(body, ""), &input, &json!({}));
    let failed = blamed(&explanation, "executables");
    assert_eq!(failed.condition.text, "event.kind == \"kernel\"");
    assert_eq!(
        beside(failed),
        [("input.version == 2", json!(1)), ("limit > 5", json!(3))]
    );
}

#[test]
fn a_variable_with_the_name_of_a_rule_is_a_variable() {
    let body = "limit := input.limits[_]\nlimit == 3\ninput.other == 1\nlimit < 2";
    let input = json!({"limits": [4], "other": 2});
    let (_, explanation) = explain(&executables(body, "limit := 1"), &input, &json!({}));
    let failed = blamed(&explanation, "executables");
    assert_eq!(failed.condition.text, "limit == 3");
    assert_eq!(beside(failed), [("input.other == 1", json!(2))]);
}

#[test]
fn rules_and_functions_are_looked_into_for_the_others_too() {
    let body = "input.version == 2\nbooted\nat_least(input.svn, 4)\neither";
    let more = "booted if {\ninput.rtmr_1 == \"a\"\ninput.rtmr_2 == \"b\"\n}\n\
                at_least(svn, least) if svn >= least\n\
                either if input.x == 1\neither if input.x == 2";
    let input = json!({"version": 1, "rtmr_1": "c", "rtmr_2": "d", "svn": 3, "x": 3});
    let (_, explanation) = explain(&executables(body, more), &input, &json!({}));
    let failed = blamed(&explanation, "executables");
    assert_eq!(failed.condition.text, "input.version == 2");
    assert_eq!(
        beside(failed),
        [
            ("input.rtmr_1 == \"a\"", json!("c")),
            ("input.rtmr_2 == \"b\"", json!("d")),
            ("svn >= least", json!(3)),
            // Of two ways one would do: the condition itself is named.
            ("either", Json::Null),
        ]
    );
}

#[test]
fn ways_that_begin_alike_are_told_apart() {
    let body = "input.version == 2\neither";
    let more = "either if {\ninput.x == 1\ninput.y == 1\n}\neither if {\ninput.x == 1\ninput.z == 1\n}";
    let input = json!({"version": 2, "x": 3, "y": 3, "z": 3});
    let (_, explanation) = explain(&executables(body, more), &input, &json!({}));
    let failed = &claim(&explanation, "executables").better[0].failed;
    let ways: Vec<_> = failed
        .iter()
        .map(|way| (way.condition.text.as_str(), beside(way)))
        .collect();
    assert_eq!(
        ways,
        [
            ("input.x == 1", vec![("input.y == 1", json!(3))]),
            ("input.x == 1", vec![("input.z == 1", json!(3))]),
        ]
    );
}

#[test]
fn of_a_rule_for_another_tee_nothing_more_is_said() {
    let body = "input.tdx.debug == false\ninput.tdx.svn == 2\ninput.snp.vmpl == 1";
    let (_, explanation) = explain(&executables(body, ""), &snp(false), &json!({}));
    let failed = blamed(&explanation, "executables");
    assert!(failed.came.contains("this evidence has no `input.tdx`"));
    assert_eq!(failed.also, []);

    let body = "input.snp.vmpl == 1\ninput.tdx.svn == 2\ninput.snp.migrate == true";
    let (_, explanation) = explain(&executables(body, ""), &snp(false), &json!({}));
    let failed = blamed(&explanation, "executables");
    assert_eq!(
        beside(failed),
        [("input.snp.migrate == true", Json::Null)],
        "what this evidence should have is missed, and what it cannot have is not"
    );
}

#[test]
fn a_denied_release_names_all_that_kept_it_back() {
    let rego = "package policy\nimport rego.v1\ndefault allow := false\nallow if {\n\
                input.submods.cpu0[\"ear.status\"] == \"affirming\"\n\
                data[\"resource-path\"] == [\"a\", \"b\", \"c\"]\n}\n";
    let claims = json!({"submods": {"cpu0": {"ear.status": "warning"}}});
    let [failed] = &denied(rego, &claims, ["a", "b", "d"])[..] else {
        panic!("one way");
    };
    assert_eq!(
        beside(failed),
        [(
            "data[\"resource-path\"] == [\"a\", \"b\", \"c\"]",
            json!(["a", "b", "d"])
        )]
    );
}

#[test]
fn the_number_of_conditions_named_beside_one_is_bounded() {
    let body: String = (0..40).map(|number| format!("input.a{number} == 1\n")).collect();
    let input: serde_json::Map<String, Json> =
        (0..40).map(|number| (format!("a{number}"), json!(2))).collect();
    let (_, explanation) = explain(&executables(&body, ""), &Json::Object(input), &json!({}));
    assert_eq!(blamed(&explanation, "executables").also.len(), 15);

    let long = "x".repeat(200);
    let input = (0..40).map(|number| (format!("a{number}"), json!(vec![long.clone(); 8])));
    let body: String = (0..40)
        .map(|number| format!("input.a{number}[_] == 1\n"))
        .collect();
    let (_, explanation) = explain(
        &executables(&body, ""),
        &Json::Object(input.collect()),
        &json!({}),
    );
    let explained = serde_json::to_string(&explanation).unwrap();
    assert!(
        (4 << 10..64 << 10).contains(&explained.len()),
        "{}",
        explained.len()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_named_is_what_does_not_hold(holds in prop::collection::vec(any::<bool>(), 1..12)) {
        let body: String = (0..holds.len()).map(|number| format!("input.a[{number}] == true\n")).collect();
        let (_, explanation) = explain(&executables(&body, ""), &json!({"a": holds}), &json!({}));
        let named: Vec<String> = claim(&explanation, "executables")
            .better
            .iter()
            .flat_map(|better| &better.failed)
            .flat_map(|failed| std::iter::once(failed).chain(&failed.also))
            .map(|failed| failed.condition.text.clone())
            .collect();
        let failing: Vec<String> = holds
            .iter()
            .enumerate()
            .filter(|(_, holds)| !**holds)
            .map(|(number, _)| format!("input.a[{number}] == true"))
            .collect();
        prop_assert_eq!(named, failing);
    }
}

#[test]
fn a_rule_with_claims_that_has_no_value_is_looked_into() {
    for rego in [
        // A rule without a default, in the object that needs it.
        "package policy\nimport rego.v1\nexecutables := 3 if input.snp.measurement == \"cd\"\n\
         trust_claims := {\"hardware\": 2, \"executables\": executables}",
        "package policy\nimport rego.v1\ntrust_claims := {\"executables\": 3} if input.snp.measurement == \"cd\"",
    ] {
        let (appraisal, explanation) = explain(rego, &snp(false), &json!({}));
        assert_eq!(appraisal.vector.status(), TrustTier::None);
        let [failed] = &explanation.undefined[..] else {
            panic!("{explanation:#?}");
        };
        assert_eq!(failed.condition.text, "input.snp.measurement == \"cd\"");
        assert_eq!(failed.came, "`input.snp.measurement` is \"ab\"");
        // For another TEE there is nothing to be said of it.
        let (_, explanation) = explain(rego, &json!({"tdx": {}}), &json!({}));
        assert_eq!(explanation.undefined, []);
    }
    let nothing = "package policy\ntrust_claims := {\"executables\": 0}";
    assert_eq!(explain(nothing, &snp(false), &json!({})).1.undefined, []);
}
