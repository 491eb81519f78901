//! What is said of policies and claims, by what a reader would look for.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::program::{Detail, Program};
use super::syntax::Syntax;
use crate::appraisal::tests::snapshot;
use crate::ar4si::TrustTier;
use crate::defaults::{self, ATTESTATION};
use crate::engine::Target;
use crate::explanation::{Allowed, ExplainedClaim, FailedCondition};
use crate::{
    Appraisal, AppraisalPolicy, Depth, Explanation, Limits, PolicyInput, ReferenceValueSnapshot, RegoVersion,
    ReleasePolicy, ReleaseRequest,
};

fn explain(rego: &str, input: &Json, reference: &Json) -> (Appraisal, Explanation) {
    let policy = AppraisalPolicy::compile(rego).unwrap();
    explain_by(&policy, input, &snapshot(reference))
}

fn explain_by(
    policy: &AppraisalPolicy,
    input: &Json,
    reference: &ReferenceValueSnapshot,
) -> (Appraisal, Explanation) {
    let input = PolicyInput::from_value(input.clone()).unwrap();
    let limits = Limits::default();
    let appraisal = policy.evaluate(&input, reference, &limits).unwrap();
    let explanation = policy.explain(&appraisal, &input, reference, &limits, Depth::Everything);
    (appraisal, explanation)
}

mod advice;
mod affirming;
mod empty;
mod together;

fn default_cpu() -> &'static str {
    ATTESTATION[0].1
}

#[track_caller]
fn claim<'a>(explanation: &'a Explanation, name: &str) -> &'a ExplainedClaim {
    assert_eq!(explanation.incomplete, None);
    let claims = &explanation.claims;
    claims.iter().find(|claim| claim.claim.as_str() == name).unwrap()
}

/// The one condition that kept a claim from its best value.
#[track_caller]
fn blamed<'a>(explanation: &'a Explanation, name: &str) -> &'a FailedCondition {
    let better = &claim(explanation, name).better;
    let failed = &better
        .first()
        .unwrap_or_else(|| panic!("{explanation:#?}"))
        .failed;
    assert_eq!(failed.len(), 1, "{failed:#?}");
    &failed[0]
}

fn snp(debug: bool) -> Json {
    json!({"snp": {
        "measurement": "ab", "policy_debug_allowed": debug, "policy_migrate_ma": false, "vmpl": 0,
        "reported_tcb_bootloader": 3, "reported_tcb_microcode": null,
    }})
}

#[test]
fn every_default_policy_can_be_looked_into_to_the_last_value() {
    for (id, rego) in ATTESTATION {
        let target = Target {
            rules: &["trust_claims", "extensions"],
            documents: &["reference"],
            queries: true,
        };
        crate::engine::with_deep_stack(|| {
            let syntax = Syntax::of(rego, RegoVersion::V1)?;
            Program::with(Detail::Values, rego, &syntax, RegoVersion::V1, &target).map(drop)
        })
        .unwrap_or_else(|error| panic!("{id}: {error}"));
    }
}

#[test]
fn an_unregistered_reference_value_is_told_from_another_value() {
    let (_, explanation) = explain(default_cpu(), &snp(false), &json!({}));
    let executables = claim(&explanation, "executables");
    assert_eq!((executables.value, executables.tier), (33, TrustTier::Warning));
    let rule = executables.rule.as_ref().unwrap();
    assert_eq!(rule.name, "snp_executables");
    assert!(
        default_cpu()
            .lines()
            .nth(rule.line as usize - 1)
            .unwrap()
            .contains("else := 33")
    );
    assert_eq!(executables.better[0].value, Some(3));
    let failed = blamed(&explanation, "executables");
    assert_eq!(
        failed.condition.text,
        "matches_reference_value(input.snp.measurement, \"snp_launch_measurement\")"
    );
    assert_eq!(failed.seen[0].what, "input.snp.measurement");
    assert_eq!(failed.seen[0].values, [json!("ab")]);
    assert!(
        matches!(&failed.allowed[..], [Allowed::Reference { registered: false, reference_value, .. }]
            if reference_value == "snp_launch_measurement")
    );
    assert!(
        failed.advice.starts_with("Register `snp_launch_measurement`"),
        "{failed:?}"
    );

    let (_, explanation) = explain(
        default_cpu(),
        &snp(false),
        &json!({"snp_launch_measurement": ["cd", "ef"]}),
    );
    let failed = blamed(&explanation, "executables");
    assert!(
        matches!(&failed.allowed[..], [Allowed::Reference { registered: true, values, .. }]
            if values[..] == [json!("cd"), json!("ef")])
    );
    assert_eq!(failed.came, "`input.snp.measurement` is \"ab\"");
    assert_eq!(
        failed.expected,
        "the reference value `snp_launch_measurement`: \"cd\", \"ef\""
    );
}

#[test]
fn absent_is_told_from_null() {
    let reference = json!({"snp_bootloader": [3], "snp_microcode": [4]});
    let (_, explanation) = explain(default_cpu(), &snp(false), &reference);
    let null = blamed(&explanation, "hardware");
    assert_eq!(null.seen[0].values, [Json::Null]);
    assert_eq!(null.came, "`input.snp.reported_tcb_microcode` is null");

    let mut input = snp(false);
    input["snp"]
        .as_object_mut()
        .unwrap()
        .remove("reported_tcb_microcode");
    let (_, explanation) = explain(default_cpu(), &input, &reference);
    let absent = blamed(&explanation, "hardware");
    assert_eq!(absent.seen[0].values, [] as [Json; 0]);
    assert!(
        absent
            .came
            .contains("`input.snp.reported_tcb_microcode` is absent"),
        "{absent:?}"
    );
}

#[test]
fn a_debug_guest_is_named_as_such_whatever_rule_it_stumbles_over() {
    let (_, explanation) = explain(default_cpu(), &snp(true), &json!({}));
    for name in ["executables", "hardware", "configuration"] {
        let failed = blamed(&explanation, name);
        assert_eq!(failed.condition.name, "snp_accepted", "{name}");
        assert_eq!(failed.came, "`input.snp.policy_debug_allowed` is true");
        assert_eq!(failed.expected, "`input.snp.policy_debug_allowed` equal to false");
        assert!(failed.advice.contains("debugged"), "{failed:?}");
    }
}

#[test]
fn a_typing_error_in_a_claim_or_an_id_is_met_with_the_right_name() {
    let policy = |claim: &str, id: &str| {
        format!(
            "package policy\nimport rego.v1\ndefault executables := 33\n\
             executables := 3 if matches_reference_value(input.snp.{claim}, \"{id}\")\n\
             trust_claims := {{\"executables\": executables}}\n"
        )
    };
    let reference = json!({"snp_launch_measurement": ["ab"]});
    let (_, explanation) = explain(
        &policy("mesurement", "snp_launch_measurement"),
        &snp(false),
        &reference,
    );
    let failed = blamed(&explanation, "executables");
    assert!(
        failed.came.contains("there is no `input.snp.mesurement`"),
        "{failed:?}"
    );
    assert_eq!(
        failed.advice,
        "There is `measurement`: check the spelling in the policy."
    );

    let (_, explanation) = explain(
        &policy("measurement", "snp_launch_mesurement"),
        &snp(false),
        &reference,
    );
    let failed = blamed(&explanation, "executables");
    assert!(
        failed
            .advice
            .contains("There is a reference value `snp_launch_measurement`"),
        "{failed:?}"
    );
}

#[test]
fn what_several_elements_were_is_shown() {
    let event = |digest: &str| {
        json!({"type_name": "EV_EFI_BOOT_SERVICES_APPLICATION", "digests": [{"digest": digest}],
               "details": {"device_paths": ["File(kernel)"]}})
    };
    let input = json!({"tdx": {
        "td_attributes": {"debug": false},
        "quote": {"body": {"rtmr_1": "1", "rtmr_2": "2"}},
        "uefi_event_logs": [event("aa"), event("bb")],
    }});
    let reference = json!({"rtmr_1": ["1"], "rtmr_2": "2", "tdvfkernel": ["cc"]});
    let (appraisal, explanation) = explain(default_cpu(), &input, &reference);
    // 4 is affirming: there is nothing to find out.
    assert_eq!(
        appraisal.vector.get(crate::ar4si::TrustClaim::Executables),
        Some(4)
    );
    assert_eq!(claim(&explanation, "executables").better, []);

    let rego = default_cpu().replace("else := 4 if {\n\ttdx_boot_accepted", "else := 4 if {\n\tfalse");
    let (_, explanation) = explain(&rego, &input, &reference);
    let failed = blamed(&explanation, "executables");
    assert_eq!(failed.condition.name, "tdx_kernel_accepted");
    assert_eq!(failed.seen[0].what, "entry.digest");
    assert_eq!(failed.seen[0].values, [json!("aa"), json!("bb")]);
}

#[test]
fn a_function_is_looked_into_with_its_arguments() {
    let chain = |status: &str| json!({"x-nvidia-cert-ocsp-status": "good", "x-nvidia-cert-status": status});
    let input = json!({"nvidia": {
        "dbgstat": "disabled", "x-nvidia-gpu-attestation-report-cert-chain": chain("expired"),
    }});
    let (_, explanation) = explain(ATTESTATION[1].1, &input, &json!({}));
    let better = &claim(&explanation, "hardware").better[0];
    let failed = better
        .failed
        .iter()
        .find(|failed| failed.condition.name == "good_chain")
        .unwrap();
    assert_eq!(failed.came, "`chain[\"x-nvidia-cert-status\"]` is \"expired\"");
    assert_eq!(
        failed.expected,
        "`chain[\"x-nvidia-cert-status\"]` equal to \"valid\""
    );
}

#[test]
fn evidence_that_no_rule_is_for_is_said_to_be_that() {
    let (_, explanation) = explain(default_cpu(), &json!({"new-tee": {"x": 1}}), &json!({}));
    let hardware = claim(&explanation, "hardware");
    assert_eq!(hardware.rule.as_ref().unwrap().name, "verdict");
    let failed = &hardware.better[0].failed[0];
    assert!(failed.came.contains("this evidence has no `input."), "{failed:?}");
}

#[test]
fn the_reference_values_of_named_rules_count_as_allowed() {
    let input = json!({"sample": {"svn": "1", "debug": false, "platform_version": {"major": 1, "minor": 2}}});
    let reference = json!({"svn": ["1"], "major_version": [1], "minimum_minor_version": [4]});
    let (_, explanation) = explain(default_cpu(), &input, &reference);
    let failed = blamed(&explanation, "hardware");
    assert_eq!(
        failed.came,
        "`input.sample.platform_version.minor` is 2; `minimum_minor_version` is 4"
    );
    assert!(
        matches!(&failed.allowed[..], [Allowed::Reference { reference_value, .. }]
        if reference_value == "minimum_minor_version")
    );
}

#[test]
fn older_rego_and_other_ways_to_write_a_policy_are_explained_too() {
    for (rego, condition) in [
        // Rego v0.
        (
            "package policy\ndefault executables = 33\nexecutables = 3 {\n input.a == 1\n input.b == 2\n}\n\
             trust_claims = {\"executables\": executables}",
            "input.b == 2",
        ),
        // A function gives the value.
        (
            "package policy\ntrust_claims := {\"executables\": grade(input.b)}\n\
             grade(b) := 3 if b == 2\nelse := 33",
            "b == 2",
        ),
        // A variable of the body.
        (
            "package policy\ntrust_claims := v if { e := executables; v := {\"executables\": e} }\n\
             default executables := 33\nexecutables := 3 if { x := input.b; x == 2 }",
            "x == 2",
        ),
        // An `every` that does not hold for all.
        (
            "package policy\ntrust_claims := {\"executables\": executables}\ndefault executables := 33\n\
             executables := 3 if { every x in input.list { x < 2 } }",
            "every x in input.list { x < 2 }",
        ),
        // A negation.
        (
            "package policy\ntrust_claims := {\"executables\": executables}\ndefault executables := 33\n\
             executables := 3 if { not input.b == 1 }",
            "not input.b == 1",
        ),
    ] {
        let input = json!({"a": 1, "b": 1, "list": [1, 2, 3]});
        let (_, explanation) = explain(rego, &input, &json!({}));
        assert_eq!(
            blamed(&explanation, "executables").condition.text,
            condition,
            "{rego}"
        );
    }
}

#[test]
fn the_elements_that_break_a_rule_for_every_one_are_shown() {
    let rego = "package policy\ntrust_claims := {\"executables\": executables}\ndefault executables := 33\n\
                executables := 3 if { every x in input.list { x < 2 } }";
    let (_, explanation) = explain(rego, &json!({"list": [1, 2, 3]}), &json!({}));
    assert_eq!(
        blamed(&explanation, "executables").seen[0].values,
        [json!(2), json!(3)]
    );
}

#[test]
fn of_large_elements_the_members_that_break_a_rule_are_shown() {
    let rego = "package policy\ntrust_claims := {\"executables\": executables}\ndefault executables := 33\n\
                executables := 3 if { every part in input.parts { part[\"ear.status\"] == \"affirming\" } }";
    let input = json!({"parts": {
        "cpu0": {"ear.status": "warning", "evidence": {"long": "x".repeat(1000)}},
        "gpu0": {"ear.status": "affirming"},
    }});
    let (_, explanation) = explain(rego, &input, &json!({}));
    let failed = blamed(&explanation, "executables");
    assert_eq!(failed.seen.len(), 1);
    assert_eq!(failed.seen[0].what, "input.parts[\"cpu0\"][\"ear.status\"]");
    assert_eq!(failed.seen[0].values, [json!("warning")]);
    assert_eq!(
        failed.came,
        "`input.parts[\"cpu0\"][\"ear.status\"]` is \"warning\""
    );
}

#[test]
fn a_body_in_another_order_than_its_variables_is_explained_as_a_whole() {
    let rego = "package policy\ntrust_claims := {\"executables\": executables}\ndefault executables := 33\n\
                executables := 3 if { x > 2; x = input.b }";
    let (_, explanation) = explain(rego, &json!({"b": 1}), &json!({}));
    let failed = blamed(&explanation, "executables");
    assert!(
        failed.came.contains("at least one of them does not hold"),
        "{failed:?}"
    );
}

#[test]
fn a_policy_that_takes_long_is_given_up_on() {
    let rego = "package policy\ntrust_claims := {\"executables\": executables}\n\
                executables := 3 if { slow } else := 33\n\
                slow if { count([1 | some a in numbers.range(1, 60); some b in numbers.range(1, 60); a == b]) < 0 }";
    let policy = AppraisalPolicy::compile(rego).unwrap();
    let input = PolicyInput::from_value(json!({"x": 1})).unwrap();
    let reference = ReferenceValueSnapshot::default();
    let appraisal = policy.evaluate(&input, &reference, &Limits::default()).unwrap();
    let limits = Limits {
        time: std::time::Duration::from_millis(1),
        ..Limits::default()
    };
    let explanation = policy.explain(&appraisal, &input, &reference, &limits, Depth::Everything);
    assert!(explanation.incomplete.is_some(), "{explanation:?}");
    assert_eq!(explanation.claims[0].value, 33);
}

#[test]
fn long_values_are_cut_and_many_are_counted() {
    let long = "x".repeat(5000);
    let many: Vec<u32> = (0..1000).collect();
    let (_, explanation) = explain(
        default_cpu(),
        &json!({"snp": {"measurement": long, "policy_debug_allowed": false}}),
        &json!({"snp_launch_measurement": many}),
    );
    let failed = blamed(&explanation, "executables");
    assert!(failed.seen[0].values[0].to_string().len() < 400);
    assert!(
        matches!(&failed.allowed[..], [Allowed::Reference { more: 992, .. }]),
        "{failed:?}"
    );
}

fn denied(rego: &str, claims: &Json, path: [&str; 3]) -> Vec<FailedCondition> {
    let policy = ReleasePolicy::compile(rego).unwrap();
    let claims = PolicyInput::from_value(claims.clone()).unwrap();
    let (path, query) = (path.map(str::to_owned), BTreeMap::new());
    let request = ReleaseRequest {
        plugin: "resource",
        path: &path,
        query: &query,
    };
    assert!(!policy.evaluate(&claims, &request, &Limits::default()).unwrap());
    policy.explain(&claims, &request, &Limits::default())
}

#[test]
fn a_denied_release_names_what_denied_it() {
    let claims = json!({"submods": {"cpu0": {
        "ear.status": "warning",
        "ear.veraison.annotated-evidence": {"tdx": {"td_attributes": {"debug": true}}},
    }}});
    let failed = denied(defaults::DEFAULT, &claims, ["a", "b", "c"]);
    assert_eq!(failed.len(), 1, "{failed:#?}");
    assert_eq!(failed[0].condition.name, "not_in_debug_mode");
    assert!(
        failed[0].came.ends_with("td_attributes.debug` is true"),
        "{failed:?}"
    );
    assert!(failed[0].advice.contains("debugged"));

    let sample = json!({"submods": {"cpu0": {"ear.veraison.annotated-evidence": {"sample": {"svn": "1"}}}}});
    let failed = denied(defaults::DEFAULT, &sample, ["a", "b", "c"]);
    assert_eq!(failed.len(), 1, "{failed:#?}");
    assert!(failed[0].condition.text.ends_with(".sample"), "{failed:?}");

    let failed = denied(defaults::AFFIRMING, &claims, ["a", "b", "c"]);
    assert_eq!(
        failed[0].came,
        "`input.submods[\"cpu0\"][\"ear.status\"]` is \"warning\""
    );

    let rego = "package policy\nallow if { data[\"resource-path\"][0] == \"shop\"; input.submods.cpu0[\"ear.status\"] == \"affirming\" }";
    let failed = denied(rego, &claims, ["bank", "b", "c"]);
    assert_eq!(failed[0].came, "`data[\"resource-path\"][0]` is \"bank\"");
    let failed = denied(rego, &claims, ["shop", "b", "c"]);
    assert_eq!(
        failed[0].expected,
        "`input.submods.cpu0[\"ear.status\"]` equal to \"affirming\""
    );
    assert_eq!(
        failed[0].came,
        "`input.submods.cpu0[\"ear.status\"]` is \"warning\""
    );
}

#[test]
fn a_denied_release_under_an_older_policy_is_explained_with_what_it_reads() {
    let rego = "package policy\ndefault allowed = false\nallowed {\n data[\"resource-path\"] == \"shop/key/1\"\n \
                input.submods.cpu[\"ear.status.executables\"] < 32\n}";
    let claims = json!({"submods": {"cpu0": {"ear.trustworthiness-vector": {"executables": 33}}}});
    let failed = denied(rego, &claims, ["shop", "key", "1"]);
    assert_eq!(
        failed[0].came,
        "`input.submods.cpu[\"ear.status.executables\"]` is 33"
    );
    assert_eq!(
        failed[0].expected,
        "`input.submods.cpu[\"ear.status.executables\"]` less than 32"
    );
}

fn value() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (0..3_u8).prop_map(Json::from),
        "[ab]{0,2}".prop_map(Json::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_explained_says_what_was_given(
        members in proptest::collection::btree_map(
            prop_oneof![Just("measurement"), Just("policy_debug_allowed"), Just("vmpl"), Just("policy_migrate_ma")],
            value(), 0..5),
        registered in proptest::option::of(value()),
    ) {
        static POLICY: std::sync::OnceLock<AppraisalPolicy> = std::sync::OnceLock::new();
        let policy = POLICY.get_or_init(|| AppraisalPolicy::compile(default_cpu()).unwrap());
        let reference = registered.map_or(json!({}), |value| json!({"snp_launch_measurement": value}));
        let (appraisal, explanation) = explain_by(policy, &json!({"snp": members}), &snapshot(&reference));
        prop_assert_eq!(explanation.incomplete, None);
        for ((name, value), claim) in appraisal.vector.iter().zip(&explanation.claims) {
            prop_assert_eq!((name, value), (claim.claim, claim.value));
            if claim.tier > TrustTier::Affirming {
                let rule = claim.rule.as_ref().unwrap();
                prop_assert!(rule.name.starts_with("snp_"), "{:?}", rule);
                prop_assert!(claim.better.iter().all(|better| !better.failed.is_empty()));
            }
        }
    }
}
