use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::{AppraisalPolicy, Limits, PolicyInput};

/// Claims as a JSON object.
struct Object(Json);

impl Claims for Object {
    fn member(&self, name: &str) -> Option<Member<'_>> {
        self.0.get(name).map(Member::Value)
    }
}

fn snapshot(values: &Json) -> ReferenceValueSnapshot {
    super::super::tests::snapshot(values)
}

/// What a service does: recalls, or evaluates and keeps. Says whether it was recalled.
fn appraise(
    policy: &AppraisalPolicy,
    input: &Json,
    reference: &ReferenceValueSnapshot,
) -> (Arc<Appraisal>, bool) {
    let fingerprint = policy.fingerprint(&Object(input.clone()));
    if let Some(known) = fingerprint.and_then(|f| policy.recall(&f, reference)) {
        return (known, true);
    }
    let input = PolicyInput::from_json(&input.to_string()).unwrap();
    let appraisal = Arc::new(policy.evaluate(&input, reference, &Limits::default()).unwrap());
    if let Some(fingerprint) = fingerprint {
        policy.keep(fingerprint, reference, &appraisal);
    }
    (appraisal, false)
}

fn default_cpu() -> AppraisalPolicy {
    AppraisalPolicy::compile(crate::defaults::ATTESTATION[0].1).unwrap()
}

fn snp(measurement: &str, nonce: &str) -> Json {
    json!({
        "snp": {"policy_debug_allowed": false, "measurement": measurement, "vmpl": 0},
        "report_data": nonce,
        "runtime_data_claims": {"nonce": nonce},
    })
}

#[test]
fn guests_that_differ_only_in_what_the_policy_does_not_read_share_an_appraisal() {
    let (policy, values) = (default_cpu(), snapshot(&json!({"snp_launch_measurement": ["a"]})));
    let (first, recalled) = appraise(&policy, &snp("a", "1"), &values);
    assert!(!recalled);
    let (second, recalled) = appraise(&policy, &snp("a", "2"), &values);
    assert!(recalled);
    assert_eq!(first, second);
    assert!(!appraise(&policy, &snp("b", "2"), &values).1);
}

#[test]
fn a_changed_reference_value_that_was_asked_for_is_seen_and_any_other_is_not_waited_for() {
    let (policy, values) = (default_cpu(), snapshot(&json!({"snp_launch_measurement": ["b"]})));
    let (before, _) = appraise(&policy, &snp("a", "1"), &values);
    let other = values
        .with_change([("unrelated".to_owned(), json!([1]))], [])
        .unwrap();
    assert!(appraise(&policy, &snp("a", "1"), &other).1);
    let vouched = other
        .with_change([("snp_launch_measurement".to_owned(), json!(["a"]))], [])
        .unwrap();
    let (after, recalled) = appraise(&policy, &snp("a", "1"), &vouched);
    assert!(!recalled);
    assert_ne!(before.vector, after.vector);
    let gone = vouched.with_change([], ["snp_launch_measurement"]).unwrap();
    assert!(!appraise(&policy, &snp("a", "1"), &gone).1);
}

#[test]
fn a_policy_that_reads_all_values_is_asked_anew_after_any_change() {
    let policy = AppraisalPolicy::compile(
        "package policy\nimport rego.v1\ntrust_claims := {\"hardware\": count(data.reference.a) + input.x.y}",
    )
    .unwrap();
    let values = snapshot(&json!({"a": [1, 2]}));
    let input = json!({"x": {"y": 1, "z": 2}});
    appraise(&policy, &input, &values);
    assert!(appraise(&policy, &input, &values).1);
    let changed = values
        .with_change([("a".to_owned(), json!([1, 2, 3]))], [])
        .unwrap();
    let (appraisal, recalled) = appraise(&policy, &input, &changed);
    assert!(!recalled);
    assert_eq!(appraisal.vector.get(crate::ar4si::TrustClaim::Hardware), Some(4));
}

#[test]
fn a_policy_that_may_read_anything_is_always_asked() {
    let policy = AppraisalPolicy::compile(
        "package policy\nimport rego.v1\ntrust_claims := {\"hardware\": count(input)}",
    )
    .unwrap();
    let values = snapshot(&json!({}));
    for input in [json!({}), json!({"a": 1}), json!({})] {
        assert!(!appraise(&policy, &input, &values).1);
    }
}

#[test]
fn large_extensions_are_not_remembered() {
    let policy = AppraisalPolicy::compile(
        "package policy\nimport rego.v1\ntrust_claims := {\"hardware\": 2}\n\
         extensions := [{\"name\": \"x\", \"key\": 1, \"value\": input.list}]",
    )
    .unwrap();
    let values = snapshot(&json!({}));
    for (length, again) in [(10, true), (2 * MAX_NODES, false)] {
        let input = json!({ "list": vec![7; length] });
        appraise(&policy, &input, &values);
        assert_eq!(appraise(&policy, &input, &values).1, again);
    }
}

/// JSON whose parts could be mistaken for one another.
fn leaf() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (-1_i64..2).prop_map(Json::from),
        "[\"{},:x\\\\\u{0}]{0,4}".prop_map(Json::from),
    ]
}

fn claims() -> impl Strategy<Value = Json> {
    let members = prop::collection::btree_map("[abc]", leaf(), 0..3).prop_map(|m| json!(m));
    let values = prop_oneof![
        leaf(),
        members,
        prop::collection::vec(leaf(), 0..3).prop_map(Json::from)
    ];
    prop::collection::btree_map("[abc]", values, 0..4).prop_map(|members| json!(members))
}

proptest! {
    /// The fingerprint stands for what is read, all of it, and nothing else.
    #[test]
    fn two_inputs_have_one_fingerprint_if_what_is_read_of_them_is_the_same(one in claims(), other in claims()) {
        let memo = Memo::new("package policy\np := [input.a.a, input.b]\nq if {\n\tinput.c\n}", false);
        let read = |input: &Json| {
            let present = input.get("c").is_some_and(|c| *c != json!(false));
            let nothing_or_false = input.get("c").map(|c| *c == json!(false));
            (input.pointer("/a/a").cloned(), input.get("b").cloned(), present, nothing_or_false)
        };
        let fingerprint = |input: &Json| memo.fingerprint(&Object(input.clone())).unwrap();
        let array_or_object = |input: &Json| input.get("a").is_none_or(|a| !a.is_array());
        prop_assume!(array_or_object(&one) && array_or_object(&other));
        prop_assert_eq!(read(&one) == read(&other), fingerprint(&one) == fingerprint(&other));
    }

    /// Whatever was appraised before, the default policy's answer is that of an evaluation.
    #[test]
    fn what_is_recalled_is_what_would_be_found(
        guests in prop::collection::vec(("[ab]", 0..3_u8, any::<bool>(), "[ab]"), 1..12)
    ) {
        let policy = {
            static POLICY: std::sync::OnceLock<AppraisalPolicy> = std::sync::OnceLock::new();
            POLICY.get_or_init(default_cpu)
        };
        for (measurement, vmpl, debug, vouched) in guests {
            let input = json!({"snp": {
                "policy_debug_allowed": debug, "measurement": measurement, "vmpl": vmpl, "nonce": vouched,
            }});
            let values = snapshot(&json!({"snp_launch_measurement": [vouched]}));
            let (appraisal, _) = appraise(policy, &input, &values);
            let input = PolicyInput::from_json(&input.to_string()).unwrap();
            let expected = policy.evaluate(&input, &values, &Limits::default()).unwrap();
            prop_assert_eq!(&*appraisal, &expected);
        }
    }
}

/// The same claims twice: as values, and with one member as text.
struct Texted(serde_json::Map<String, Json>, Box<RawValue>);

impl Claims for Texted {
    fn member(&self, name: &str) -> Option<Member<'_>> {
        let (members, json) = (&self.0, &*self.1);
        (name == "tdx").then_some(Member::Extended(Extended {
            members,
            name: "logs",
            json,
        }))
    }
}

impl Texted {
    fn new(logs: &str) -> Self {
        let members = json!({"a": 1, "z": {"logs": 2}}).as_object().unwrap().clone();
        Self(members, RawValue::from_string(logs.to_owned()).unwrap())
    }

    fn plain(&self) -> Object {
        let mut members = self.0.clone();
        members.insert("logs".to_owned(), serde_json::from_str(self.1.get()).unwrap());
        Object(json!({"tdx": members}))
    }
}

#[test]
fn a_member_that_is_text_is_written_in_its_place() {
    let texted = Texted::new(r#"[{"x":"y"}]"#);
    let plain = texted.plain().0["tdx"].to_string();
    assert_eq!(plain, r#"{"a":1,"logs":[{"x":"y"}],"z":{"logs":2}}"#);
    assert_eq!(serde_json::to_string(&texted.member("tdx")).unwrap(), plain);
    assert_eq!(
        serde_json::to_string(&Member::Json(&texted.1)).unwrap(),
        texted.1.get()
    );
}

#[test]
fn whoever_reads_the_text_shares_no_appraisal_where_it_differs() {
    let fingerprint = |rego: &str, logs: &str| {
        let policy = AppraisalPolicy::compile(&format!(
            "package policy\nimport rego.v1\ntrust_claims := {{}}\nx := 1 if {{\n{rego}\n}}\n"
        ));
        policy.unwrap().fingerprint(&Texted::new(logs))
    };
    for reads in [
        "input.tdx == 1",
        "input.tdx.logs",
        "some l in input.tdx.logs\nl == 1",
    ] {
        assert!(fingerprint(reads, "[1]").is_some(), "{reads}");
        assert_eq!(fingerprint(reads, "[1]"), fingerprint(reads, "[1]"), "{reads}");
        assert_ne!(fingerprint(reads, "[1]"), fingerprint(reads, "[2]"), "{reads}");
        assert_ne!(fingerprint(reads, "false"), fingerprint(reads, "[]"), "{reads}");
    }
    for others in ["input.tdx.a == 1", "input.tdx.z.logs == 2", "input.tdx.z"] {
        assert!(fingerprint(others, "[1]").is_some(), "{others}");
        assert_eq!(fingerprint(others, "[1]"), fingerprint(others, "[2]"), "{others}");
    }
    assert_eq!(fingerprint("input.tdx.logs.deeper == 1", "[1]"), None);
}

#[test]
fn every_byte_counts_however_long_what_is_read_is() {
    let policy = AppraisalPolicy::compile(
        "package policy\nimport rego.v1\ntrust_claims := {}\nx := 1 if { input.a == 1; input.b == 1 }\n",
    )
    .unwrap();
    let fingerprint = |a: &str, b: &str| policy.fingerprint(&Object(json!({"a": a, "b": b}))).unwrap();
    for length in [1, 1000, 1014, 1015, 1023, 1024, 1025, 3000] {
        let (text, other) = ("x".repeat(length), format!("{}y", "x".repeat(length - 1)));
        assert_eq!(fingerprint(&text, "b"), fingerprint(&text, "b"));
        assert_ne!(fingerprint(&text, "b"), fingerprint(&other, "b"));
        assert_ne!(fingerprint(&text, "b"), fingerprint(&text, "c"));
        assert_ne!(fingerprint("b", &text), fingerprint("b", &other));
    }
}
