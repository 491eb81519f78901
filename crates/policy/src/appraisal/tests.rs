use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::LimitKind;
use crate::ar4si::TrustTier;
use crate::defaults::ATTESTATION;

pub(crate) fn snapshot(values: &Json) -> ReferenceValueSnapshot {
    let entries = values
        .as_object()
        .unwrap()
        .iter()
        .map(|(id, value)| (id.clone(), value.clone()));
    ReferenceValueSnapshot::from_entries(entries).unwrap()
}

/// Compiles a policy, each text once.
fn compile(rego: &str) -> Result<Arc<AppraisalPolicy>, PolicyError> {
    static COMPILED: Mutex<BTreeMap<String, Arc<AppraisalPolicy>>> = Mutex::new(BTreeMap::new());
    let known = COMPILED.lock().unwrap().get(rego).cloned();
    known.map_or_else(
        || {
            let policy = Arc::new(AppraisalPolicy::compile(rego)?);
            COMPILED
                .lock()
                .unwrap()
                .insert(rego.to_owned(), Arc::clone(&policy));
            Ok(policy)
        },
        Ok,
    )
}

fn appraise(rego: &str, input: &Json, reference: &Json) -> Result<Appraisal, PolicyError> {
    compile(rego)?.evaluate(
        &PolicyInput::from_json(&input.to_string()).unwrap(),
        &snapshot(reference),
        &Limits::default(),
    )
}

pub(crate) fn default_policy(class: &str) -> &'static str {
    ATTESTATION
        .iter()
        .find(|(id, _)| *id == format!("default_{class}"))
        .unwrap()
        .1
}

/// (executables, hardware, configuration, tier) by a default policy.
fn verdict(class: &str, input: &Json, reference: &Json) -> (i8, i8, i8, TrustTier) {
    let appraisal = appraise(default_policy(class), input, reference).unwrap();
    let get = |claim| appraisal.vector.get(claim).unwrap();
    (
        get(TrustClaim::Executables),
        get(TrustClaim::Hardware),
        get(TrustClaim::Configuration),
        appraisal.vector.status(),
    )
}

pub(crate) mod default_cpu;
mod devices;

#[test]
fn vector_and_extensions_are_as_the_policy_says() {
    let appraisal = appraise(
        r#"package policy
        trust_claims := {"hardware": 2, "instance-identity": -1, "executables": query_reference_value("a")}
        extensions := [{"name": "ours", "key": -70, "value": {"n": [1, null, query_reference_value("b")]}}]"#,
        &json!({}),
        &json!({"a": 3}),
    )
    .unwrap();
    assert_eq!(
        serde_json::to_string(&appraisal.vector).unwrap(),
        r#"{"instance-identity":-1,"executables":3,"hardware":2}"#
    );
    let value = json!({"n": [1, null, null]});
    assert_eq!(
        appraisal.extensions,
        [Extension {
            name: "ours".into(),
            key: -70,
            value
        }]
    );
    let asked = |id: &str, known| AskedValue { id: id.into(), known };
    assert_eq!(appraisal.asked, [asked("a", true), asked("b", false)]);
}

#[test]
fn reference_values_are_data_too() {
    let rego = r#"package policy
        default executables := 33
        executables := 3 if input.m in data.reference.measurement
        trust_claims := {"executables": executables}"#;
    let result = |reference| {
        appraise(rego, &json!({"m": "aa"}), &reference)
            .unwrap()
            .vector
            .get(TrustClaim::Executables)
            .unwrap()
    };
    assert_eq!(result(json!({"measurement": ["aa"]})), 3);
    assert_eq!(result(json!({"measurement": ["bb"]})), 33);
    assert_eq!(result(json!({})), 33);
}

#[test]
fn what_a_policy_reads_of_the_reference_document_is_known() {
    let members = |ids: &[&str]| ReferenceDocument::Members(ids.iter().map(ToString::to_string).collect());
    for (rule, expected) in [
        ("x := 1", members(&[])),
        ("x := query_reference_value(\"a\")", members(&[])),
        (
            "x := data.reference.a[0]\ny := data[\"reference\"][\"b-c\"]",
            members(&["a", "b-c"]),
        ),
        ("x := data.reference[input.name]", ReferenceDocument::Whole),
        (
            "x := data.reference.a\ny := data.reference",
            ReferenceDocument::Whole,
        ),
        (
            "x := {id | some id, _ in data.reference}",
            ReferenceDocument::Whole,
        ),
    ] {
        let rego = format!("package policy\n{rule}\ntrust_claims := {{\"hardware\": 2}}");
        let policy = AppraisalPolicy::compile(&rego).unwrap();
        assert_eq!(policy.reference_document(), &expected, "{rule}");
    }
}

#[test]
fn undefined_trust_claims_claim_nothing() {
    let appraisal = appraise(
        "package policy\ntrust_claims := {\"hardware\": 2} if input.absent",
        &json!({}),
        &json!({}),
    );
    assert_eq!(appraisal.unwrap().vector, TrustVector::NO_CLAIMS);
    let error = AppraisalPolicy::compile("package policy\nextensions := []").unwrap_err();
    assert!(matches!(error, PolicyError::Compile(_)), "{error:?}");
}

#[test]
fn bad_trust_claims_are_an_error() {
    for claims in [
        "{}",
        "[]",
        "2",
        "null",
        "\"hardware\"",
        "{\"hardware\"}",
        "{\"hardware\": \"2\"}",
        "{\"hardware\": null}",
        "{\"hardware\": 2.5}",
        "{\"hardware\": 128}",
        "{\"hardware\": -129}",
        "{\"hardware\": 258}",
        "{\"hardware\": 36893488147419103234}",
        "{\"hardware\": 2, \"file_system\": 2}",
        "{\"hardware\": 2, \"Hardware\": 2}",
        "{\"hardware\": 2, 1: 2}",
        "{\"\": 2}",
    ] {
        let result = appraise(
            &format!("package policy\ntrust_claims := {claims}"),
            &json!({}),
            &json!({}),
        );
        assert!(
            matches!(result, Err(PolicyError::Result(_))),
            "{claims}: {result:?}"
        );
    }
}

#[test]
fn bad_extensions_are_an_error() {
    let good = r#"{"name": "a", "key": 1, "value": 0}"#;
    for extensions in [
        "{}".to_owned(),
        "[1]".to_owned(),
        r#"[{"name": "a", "key": 1}]"#.to_owned(),
        r#"[{"name": "a", "key": 1, "value": 0, "more": 0}]"#.to_owned(),
        r#"[{"name": 1, "key": 1, "value": 0}]"#.to_owned(),
        r#"[{"name": "a", "key": "1", "value": 0}]"#.to_owned(),
        r#"[{"name": "a", "key": 1.5, "value": 0}]"#.to_owned(),
        r#"[{"name": "a", "key": 2147483648, "value": 0}]"#.to_owned(),
        format!(r#"[{good}, {{"name": "a", "key": 2, "value": 0}}]"#),
        format!(r#"[{good}, {{"name": "b", "key": 1, "value": 0}}]"#),
        r#"[{"name": "ear.status", "key": 1, "value": "affirming"}]"#.to_owned(),
        r#"[{"name": "ear.veraison.annotated-evidence", "key": 1, "value": {}}]"#.to_owned(),
        r#"[{"name": "a", "key": 1, "value": numbers.range(1, 100001)}]"#.to_owned(),
    ] {
        let rego = format!("package policy\ntrust_claims := {{\"hardware\": 2}}\nextensions := {extensions}");
        let result = appraise(&rego, &json!({}), &json!({}));
        assert!(
            matches!(result, Err(PolicyError::Result(_))),
            "{extensions}: {result:?}"
        );
    }
}

#[test]
fn asking_for_something_else_than_a_text_is_an_error() {
    for argument in ["1", "null", "[\"a\"]", "{}"] {
        let rego =
            format!("package policy\ntrust_claims := {{\"hardware\": query_reference_value({argument})}}");
        let result = appraise(&rego, &json!({}), &json!({}));
        assert!(
            matches!(result, Err(PolicyError::Evaluation(_))),
            "{argument}: {result:?}"
        );
    }
    for rego in [
        "package policy\ntrust_claims := query_reference_value(\"a\", \"b\", \"c\")",
        "package policy\ntrust_claims := {}\nquery_reference_value(_) := [2]",
    ] {
        assert!(
            matches!(AppraisalPolicy::compile(rego), Err(PolicyError::Compile(_))),
            "{rego}"
        );
    }
}

#[test]
fn evaluation_over_its_limit_is_an_error() {
    for rules in [
        "bad if { some a in n; some b in n; a + b == 0 }\ntrust_claims := {\"hardware\": 2} if not bad",
        // Where the engine has to go through rules and functions to get there.
        "bad contains a if { some a in n; not good(a) }\ngood(a) if { some b in n; a + b == 0 }\n\
         known if count(bad) == 0\ntrust_claims := {\"hardware\": 2} if known",
    ] {
        let rego = format!("package policy\nn := numbers.range(1, 1000)\n{rules}");
        let result = appraise(&rego, &json!({}), &json!({}));
        assert!(
            matches!(result, Err(PolicyError::Limit(LimitKind::Time))),
            "{result:?}"
        );
    }
}

#[test]
fn digest_is_sha384_of_the_text() {
    let rego = "package policy\ntrust_claims := {\"hardware\": 2}";
    let policy = AppraisalPolicy::compile(rego).unwrap();
    assert_eq!(policy.digest(), hex::encode(digest(&SHA384, rego.as_bytes())));
    assert_eq!(policy.digest().len(), 96);
}

#[test]
pub(crate) fn snapshot_changes_leave_the_old_one_as_it_was() {
    let old = snapshot(&json!({"a": 1, "b": [2]}));
    let new = old
        .with_change(
            [("c".to_owned(), json!({"d": null})), ("a".to_owned(), json!(9))],
            ["b", "x"],
        )
        .unwrap();
    assert_eq!(
        (old.get("a"), old.get("b"), old.get("c")),
        (Some(json!(1)), Some(json!([2])), None)
    );
    assert_eq!(
        (new.get("a"), new.get("b"), new.get("c")),
        (Some(json!(9)), None, Some(json!({"d": null})))
    );
    assert_eq!(
        (old.len(), new.len(), ReferenceValueSnapshot::default().is_empty()),
        (2, 2, true)
    );
}

/// Every leaf of `value`, as a JSON pointer.
fn leaves(value: &Json, at: String, found: &mut Vec<String>) {
    match value {
        Json::Object(members) if !members.is_empty() => {
            members
                .iter()
                .for_each(|(name, v)| leaves(v, format!("{at}/{}", name.replace('/', "~1")), found));
        }
        Json::Array(items) if !items.is_empty() => {
            items
                .iter()
                .enumerate()
                .for_each(|(n, v)| leaves(v, format!("{at}/{n}"), found));
        }
        _ if at.is_empty() => {}
        _ => found.push(at),
    }
}

/// What a claim may look like to a hostile or odd verifier.
fn odd() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>()
            .prop_filter("finite", |f| f.is_finite())
            .prop_map(Json::from),
        "[a-z0-9]{0,4}".prop_map(Json::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([null, {"a": []}])),
    ]
}

/// A good sample of some device and its reference values, and both with a few leaves made odd.
#[derive(Debug)]
struct Mutated {
    class: &'static str,
    good: [Json; 2],
    odd: [Json; 2],
}

fn mutated() -> impl Strategy<Value = Mutated> {
    let samples: Vec<_> = default_cpu::samples()
        .into_iter()
        .chain(devices::samples())
        .collect();
    let mutations = || prop::collection::vec((any::<prop::sample::Index>(), odd()), 0..4);
    (prop::sample::select(samples), mutations(), mutations()).prop_map(|((class, input, reference), a, b)| {
        let mutate = |value: &Json, mutations: Vec<(prop::sample::Index, Json)>| {
            let mut value = value.clone();
            let mut pointers = Vec::new();
            leaves(&value, String::new(), &mut pointers);
            for (index, odd) in mutations.into_iter().filter(|_| !pointers.is_empty()) {
                if let Some(leaf) = value.pointer_mut(index.get::<String>(&pointers)) {
                    *leaf = odd;
                }
            }
            value
        };
        Mutated {
            class,
            odd: [mutate(&input, a), mutate(&reference, b)],
            good: [input, reference],
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever changes in a good sample, no claim gets better by it, and nothing ends in an error.
    #[test]
    fn odd_claims_and_reference_values_never_help(case in mutated()) {
        let tiers = |[input, reference]: &[Json; 2]| {
            let appraisal = appraise(default_policy(case.class), input, reference).unwrap();
            appraisal.vector.iter().map(|(_, value)| TrustTier::of(value)).collect::<Vec<_>>()
        };
        let (good, odd) = (tiers(&case.good), tiers(&case.odd));
        prop_assert!(good.iter().zip(&odd).all(|(good, odd)| odd >= good), "{:?} after {:?}", odd, good);
    }
}
