use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::{Limits, PolicyInput, ReleasePolicy, ReleaseRequest};

const EVIDENCE: &str = "ear.veraison.annotated-evidence";

/// Policies that read their input in every way that has to be understood, and in some that are not.
const REGO: [&str; 14] = [
    crate::defaults::DEFAULT,
    crate::defaults::AFFIRMING,
    "allow if { input.a }",
    "allow := input.a",
    "allow if input.a.b == input.b.a",
    "allow if input.a[_].b == 1",
    "allow if { some k, v in input.a\n\tv.b == 1\n\tk == \"a\"\n}",
    "allow if { e := input.a\n\tnot e.b.a\n}",
    "e := input.a\nf := e.b\nallow if f.a == input.b",
    "allow if every e in input.a { e.b != false }",
    "allow if { some e in input.a\n\tf := e.b\n\tf == input.b.a\n}",
    "allow if { input.a.b; data[\"resource-path\"][0] == input.b.a }",
    "allow if { not input.a.b == data.query.q }",
    "allow if count(input.a) > 1",
];

/// With what they remember of all cases.
static POLICIES: LazyLock<Vec<ReleasePolicy>> = LazyLock::new(|| REGO.map(compile).into());

fn compile(rego: &str) -> ReleasePolicy {
    let rego = match rego.contains("package") {
        true => rego.to_owned(),
        false => format!("package policy\nimport rego.v1\ndefault allow := false\n{rego}"),
    };
    ReleasePolicy::compile(&rego).unwrap_or_else(|e| panic!("{rego}: {e}"))
}

/// JSON over very few names and values, so that much of it happens to be the same.
fn document() -> impl Strategy<Value = Value> {
    let scalar = select(vec![
        json!(null),
        json!(false),
        json!(true),
        json!(1),
        json!("a"),
        json!("1"),
    ]);
    scalar.prop_recursive(4, 24, 3, |inner| {
        let name = select(vec!["a", "b", "0"]).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..3).prop_map(|members| json!(members)),
        ]
    })
}

/// Attestation results as the shipped policies know them.
fn result() -> impl Strategy<Value = Value> {
    let evidence = select(vec![
        json!({"snp": {"policy_debug_allowed": false}, "nonce": "x"}),
        json!({"snp": {"policy_debug_allowed": true}}),
        json!({"sample": {"svn": "1"}}),
        json!({"tdx": {"td_attributes": {"debug": false}}, "nonce": "y"}),
        json!({"sampledevice": {}}),
        json!({"nvidia": {"dbgstat": "enabled"}}),
        json!({"nvidia": {"dbgstat": "disabled"}}),
        json!({"nvidia": {"measurements": {"1": "00"}}}),
        json!({"tpm": {}}),
        json!({}),
    ]);
    let status = select(vec!["affirming", "warning"]);
    let submod = (evidence, status, 0..3).prop_map(
        |(evidence, status, value)| json!({EVIDENCE: evidence, "ear.status": status, "ear.trustworthiness-vector": {"hardware": value, "configuration": value}}),
    );
    let name = select(vec!["cpu0", "cpu1", "gpu0"]).prop_map(str::to_owned);
    let submods = prop::collection::btree_map(name, submod, 0..3);
    (submods, 0..3).prop_map(|(submods, iat)| json!({"submods": submods, "iat": iat}))
}

/// The answer without a memory; `None` if the policy fails.
fn evaluated(policy: &ReleasePolicy, claims: &str, request: &ReleaseRequest<'_>) -> Option<bool> {
    let input = PolicyInput::from_json(claims).unwrap();
    policy.evaluate(&input, request, &Limits::default()).ok()
}

fn decided(policy: &ReleasePolicy, claims: &str, request: &ReleaseRequest<'_>) -> Option<bool> {
    let parse = || PolicyInput::from_json(claims);
    policy.decide(claims, parse, request, &Limits::default()).ok()
}

/// The answer from memory; `None` if it has to be evaluated.
fn recalled(policy: &ReleasePolicy, claims: &Value, path: &str) -> Option<bool> {
    let request = ReleaseRequest {
        plugin: "resource",
        path: &[path.to_owned()],
        query: &BTreeMap::new(),
    };
    let parse = || Err(crate::PolicyError::Input("it was not to be parsed".to_owned()));
    let decided = policy.decide(&claims.to_string(), parse, &request, &Limits::default());
    decided.ok()
}

fn asked(policy: &ReleasePolicy, claims: &Value, path: &str) -> bool {
    let request = ReleaseRequest {
        plugin: "resource",
        path: &[path.to_owned()],
        query: &BTreeMap::new(),
    };
    decided(policy, &claims.to_string(), &request).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn an_answer_from_memory_is_the_answer(
        documents in prop::collection::vec(prop_oneof![document(), result()], 1..20),
        paths in prop::collection::vec(select(vec!["a", "1"]), 1..3),
    ) {
        for (policy, rego) in POLICIES.iter().zip(REGO) {
            for document in &documents {
                for (number, path) in paths.iter().enumerate() {
                    let query = BTreeMap::from([("q".to_owned(), number.to_string())]);
                    let path = [(*path).to_owned()];
                    let request = ReleaseRequest { plugin: "resource", path: &path, query: &query };
                    let claims = document.to_string();
                    let expected = evaluated(policy, &claims, &request);
                    prop_assert_eq!(decided(policy, &claims, &request), expected, "{}: {}", rego, claims);
                    prop_assert_eq!(decided(policy, &claims, &request), expected, "{}: {}", rego, claims);
                }
            }
        }
    }
}

fn snp(debug: bool, nonce: &str) -> Value {
    let evidence = json!({"snp": {"policy_debug_allowed": debug}, "runtime_data_claims": {"nonce": nonce}});
    json!({"submods": {"cpu0": {EVIDENCE: evidence, "ear.status": "affirming"}}, "iat": nonce.len()})
}

#[test]
fn guests_of_one_kind_share_the_answers_of_the_shipped_policies() {
    for rego in [crate::defaults::DEFAULT, crate::defaults::AFFIRMING] {
        let policy = compile(rego);
        assert_eq!(recalled(&policy, &snp(false, "1"), "a"), None);
        assert!(asked(&policy, &snp(false, "1"), "a"));
        assert_eq!(recalled(&policy, &snp(false, "another"), "b"), Some(true));
    }
    let policy = compile(crate::defaults::DEFAULT);
    assert!(!asked(&policy, &snp(true, "1"), "a"));
    assert_eq!(recalled(&policy, &snp(true, "2"), "a"), Some(false));
}

#[test]
fn a_policy_that_looks_at_the_path_is_asked_about_each() {
    let policy = compile("allow if { input.submods; data[\"resource-path\"][0] == \"a\" }");
    assert!(asked(&policy, &snp(false, "1"), "a"));
    assert_eq!(recalled(&policy, &snp(false, "1"), "b"), None);
    assert!(!asked(&policy, &snp(false, "1"), "b"));
    assert_eq!(recalled(&policy, &snp(false, "2"), "a"), Some(true));
}

#[test]
fn what_is_not_a_function_of_the_claims_is_not_remembered() {
    let older = "package policy\ndefault allowed = false\nallowed { input.submods.cpu[\"ear.status\"] == \"affirming\" }";
    for rego in [
        "allow if { input.submods; time.now_ns() > 0 }",
        "allow if count(input) > 0",
        older,
    ] {
        let policy = compile(rego);
        assert!(asked(&policy, &snp(false, "1"), "a"), "{rego}");
        assert_eq!(recalled(&policy, &snp(false, "1"), "a"), None, "{rego}");
    }
}

#[test]
fn claims_that_can_be_read_in_two_ways_are_not_remembered() {
    let policy = compile("allow if input.a.b == 1");
    let request = ReleaseRequest {
        plugin: "resource",
        path: &[],
        query: &BTreeMap::new(),
    };
    let twice = r#"{"a":{"b":2,"b":1}}"#;
    for _ in 0..2 {
        assert_eq!(decided(&policy, twice, &request), Some(true));
        let parse = || Err(crate::PolicyError::Input("not remembered".to_owned()));
        assert!(policy.decide(twice, parse, &request, &Limits::default()).is_err());
    }
}

#[test]
fn a_failure_is_not_remembered() {
    let policy = compile("allow if input.a == 1");
    let request = ReleaseRequest {
        plugin: "resource",
        path: &[],
        query: &BTreeMap::new(),
    };
    let broken = || Err(crate::PolicyError::Input("broken".to_owned()));
    let claims = r#"{"a":1}"#;
    assert!(
        policy
            .decide(claims, broken, &request, &Limits::default())
            .is_err()
    );
    assert_eq!(decided(&policy, claims, &request), Some(true));
}

/// Has the policy granted this request of a guest, and does it remember an answer for another?
fn granted_and_recalled(
    policy: &ReleasePolicy,
    granted: &ReleaseRequest<'_>,
    other: &ReleaseRequest<'_>,
) -> (Option<bool>, Option<bool>) {
    let claims = snp(false, "1").to_string();
    let answer = decided(policy, &claims, granted);
    let parse = || Err(crate::PolicyError::Input("it was not to be parsed".to_owned()));
    (
        answer,
        policy.decide(&claims, parse, other, &Limits::default()).ok(),
    )
}

#[test]
fn a_policy_that_looks_at_the_plugin_is_asked_about_each() {
    let policy = compile("allow if { input.submods; data.plugin == \"resource\" }");
    let query = &BTreeMap::new();
    let [resource, other] = ["resource", "other"].map(|plugin| ReleaseRequest {
        plugin,
        path: &[],
        query,
    });
    assert_eq!(
        granted_and_recalled(&policy, &resource, &other),
        (Some(true), None)
    );
}

#[test]
fn a_policy_that_looks_at_the_query_is_asked_about_each() {
    let policy = compile("allow if { input.submods; data.query.id == \"1\" }");
    let [one, two] = ["1", "2"].map(|id| BTreeMap::from([("id".to_owned(), id.to_owned())]));
    let [one, two] = [&one, &two].map(|query| ReleaseRequest {
        plugin: "resource",
        path: &[],
        query,
    });
    assert_eq!(granted_and_recalled(&policy, &one, &two), (Some(true), None));
}

#[test]
fn paths_that_are_divided_otherwise_are_other_paths() {
    let policy = compile("allow if { input.submods; data[\"resource-path\"][0] == \"a\" }");
    let [granted, other] = [["a", "bc"], ["ab", "c"]].map(|path| path.map(str::to_owned));
    let query = &BTreeMap::new();
    let [granted, other] = [&granted, &other].map(|path| ReleaseRequest {
        plugin: "resource",
        path,
        query,
    });
    assert_eq!(
        granted_and_recalled(&policy, &granted, &other),
        (Some(true), None)
    );
}

#[test]
fn what_is_in_the_query_is_never_taken_for_the_path() {
    let policy =
        compile("allow if { input.submods; data[\"resource-path\"][0] == \"a\"; count(data.query) == 1 }");
    // Without how long the path is, both would be hashed alike: the numbers of eight bytes fall into one another.
    let query = BTreeMap::from([("\0".to_owned(), String::new())]);
    let longer = ["a", "\u{1}", ""].map(str::to_owned);
    let granted = ReleaseRequest {
        plugin: "resource",
        path: &longer[..1],
        query: &query,
    };
    let other = ReleaseRequest {
        plugin: "resource",
        path: &longer,
        query: &BTreeMap::new(),
    };
    assert_eq!(
        granted_and_recalled(&policy, &granted, &other),
        (Some(true), None)
    );
}
