use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::defaults;
use crate::{CpuSubmod, RegoVersion, ReleaseRule, ResourcePathForm};

/// A token's claims, with one CPU whose evidence is `evidence`.
fn claims(status: &str, evidence: &Json) -> Json {
    json!({"submods": {"cpu0": {
        "ear.status": status,
        "ear.trustworthiness-vector": {"executables": 3, "hardware": 2, "file-system": 0},
        "ear.veraison.annotated-evidence": evidence,
    }}})
}

fn snp() -> Json {
    json!({"snp": {"policy_debug_allowed": false, "measurement": "ab"}, "init_data_claims": {"workload": "shop"}})
}

fn ask_plugin(rego: &str, claims: &Json, plugin: &str, path: &str) -> Result<bool, PolicyError> {
    let path: Vec<String> = path.split('/').map(str::to_owned).collect();
    let query = BTreeMap::from([("version".to_owned(), "2".to_owned())]);
    let claims = PolicyInput::from_json(&claims.to_string()).unwrap();
    let request = ReleaseRequest {
        plugin,
        path: &path,
        query: &query,
    };
    ReleasePolicy::compile(rego)?.evaluate(&claims, &request, &Limits::DEFAULT)
}

fn ask(rego: &str, claims: &Json, path: &str) -> bool {
    ask_plugin(rego, claims, "resource", path).unwrap_or_else(|e| panic!("{rego}: {e}"))
}

mod defaults_tests;

/// The policies printed in the documentation of the older dialect, word for word.
const PRINTED_ALLOW_ALL: &str = "package policy\ndefault allow = true\n";
const PRINTED_STATUS: &str = r#"package policy
import rego.v1
default allow = false
allow if {
input["submods"]["cpu"]["ear.status"] != "contraindicated"
}
"#;
const PRINTED_SNP: &str = r#"package policy
import rego.v1
default allow = false
allow if {
input["submods"]["cpu"]["ear.status"] != "contraindicated"
input["submods"]["cpu"]["ear.veraison.annotated-evidence"]["snp"]
}
"#;
const PRINTED_EXECUTABLES: &str = r#"package policy
import rego.v1
default allow = false
allow if {
input["submods"]["cpu"]["ear.status"] != "contraindicated"
input["submods"]["cpu"]["ear.veraison.annotated-evidence"]["snp"]
input["submods"]["cpu"]["ear.status.executables"] == 2
}
"#;
const PRINTED_PATH: &str = r#"package policy
import rego.v1
default allowed = false
path := split(data["resource-path"], "/")
allowed if {
path[0] == "red"
}
"#;
const PRINTED_PATH_AND_PLATFORM: &str = r#"package policy
import rego.v1
default allowed = false
path := split(data["resource-path"], "/")
allowed if {
path[0] == "red"
input["submods"]["cpu"]["ear.status"] != "contraindicated"
input["submods"]["cpu"]["ear.veraison.annotated-evidence"]["snp"]
}
allowed if {
path[0] == "blue"
input["submods"]["cpu"]["ear.status"] != "contraindicated"
input["submods"]["cpu"]["ear.veraison.annotated-evidence"]["tdx"]
}
"#;

#[test]
fn every_printed_policy_works_as_printed() {
    let good = claims("affirming", &snp());
    let bad = claims("contraindicated", &snp());
    let sample = claims("warning", &json!({"sample": {"debug": false}}));
    let tdx = claims("none", &json!({"tdx": {}}));
    let mut approved = good.clone();
    approved["submods"]["cpu0"]["ear.trustworthiness-vector"]["executables"] = json!(2);
    for (rego, claims, path, granted) in [
        (PRINTED_ALLOW_ALL, &bad, "a/b/c", true),
        (PRINTED_STATUS, &good, "a/b/c", true),
        (PRINTED_STATUS, &sample, "a/b/c", true),
        (PRINTED_STATUS, &bad, "a/b/c", false),
        (PRINTED_STATUS, &json!({"submods": {}}), "a/b/c", false),
        (PRINTED_SNP, &good, "a/b/c", true),
        (PRINTED_SNP, &sample, "a/b/c", false),
        (PRINTED_SNP, &bad, "a/b/c", false),
        (PRINTED_EXECUTABLES, &good, "a/b/c", false),
        (PRINTED_EXECUTABLES, &approved, "a/b/c", true),
        (PRINTED_PATH, &bad, "red/b/c", true),
        (PRINTED_PATH, &bad, "reddish/b/c", false),
        (PRINTED_PATH, &bad, "blue/red/c", false),
        (PRINTED_PATH_AND_PLATFORM, &good, "red/b/c", true),
        (PRINTED_PATH_AND_PLATFORM, &good, "blue/b/c", false),
        (PRINTED_PATH_AND_PLATFORM, &tdx, "blue/b/c", true),
        (PRINTED_PATH_AND_PLATFORM, &tdx, "red/b/c", false),
        (PRINTED_PATH_AND_PLATFORM, &bad, "red/b/c", false),
        (PRINTED_PATH_AND_PLATFORM, &good, "green/b/c", false),
    ] {
        assert_eq!(
            ask(rego, claims, path),
            granted,
            "{rego} for {path} with {claims}"
        );
    }
}

#[test]
fn printed_policies_are_of_the_older_dialect() {
    let dialect = |rego| ReleasePolicy::compile(rego).unwrap().dialect();
    assert_eq!(dialect(PRINTED_STATUS).cpu_submod, CpuSubmod::Cpu);
    assert_eq!(
        dialect(PRINTED_PATH_AND_PLATFORM),
        ReleaseDialect {
            rego: RegoVersion::V1,
            rule: ReleaseRule::Allowed,
            resource_path: ResourcePathForm::String,
            cpu_submod: CpuSubmod::Cpu,
        }
    );
}

#[test]
fn older_dialect_sees_init_data_and_vector_of_the_cpu() {
    let good = claims("affirming", &snp());
    for (body, granted) in [
        (
            r#"input.submods.cpu["ear.veraison.annotated-evidence"].init_data_claims.workload == "shop""#,
            true,
        ),
        (r#"input.submods.cpu["ear.status.file_system"] == 0"#, true),
        (r#"input.submods.cpu["ear.status.file-system"] == 0"#, true),
        (r#"input.submods.cpu["ear.status.hardware"] == 3"#, false),
        (r#"input.submods.cpu["ear.status.sourced_data"] == 0"#, false),
    ] {
        let rego = format!("package policy\nallow if {{ {body} }}");
        assert_eq!(ask(&rego, &good, "a/b/c"), granted, "{body}");
    }
    // A CPU of that name in the token itself stays what it is.
    let mut own = good.clone();
    own["submods"]["cpu"] = json!({"ear.status": "warning"});
    assert!(ask(
        "package policy\nallow if { input.submods.cpu[\"ear.status\"] == \"warning\" }",
        &own,
        "a/b/c"
    ));
}

#[test]
fn current_dialect_has_the_path_in_segments() {
    let good = claims("affirming", &snp());
    for (body, granted) in [
        (r#"data["resource-path"] == ["red", "key", "1"]"#, true),
        (
            r#"data["resource-path"][0] == "red"; data["resource-path"][2] == "1""#,
            true,
        ),
        (r#"path := data["resource-path"]; path[0] == "red""#, true),
        (r#"path := data["resource-path"]; path[0] == "blue""#, false),
        (r#"count(data["resource-path"]) == 3"#, true),
        (r#"data.plugin == "resource"; data.query.version == "2""#, true),
        (r#"data.query == {"version": "2"}"#, true),
        (r#"data.query.absent"#, false),
        (r#"input.submods.cpu0["ear.status"] == "affirming""#, true),
        (
            r#"input.submods.cpu0["ear.trustworthiness-vector"].executables == 3"#,
            true,
        ),
    ] {
        let rego = format!("package policy\nimport rego.v1\ndefault allow := false\nallow if {{ {body} }}");
        assert_eq!(ask(&rego, &good, "red/key/1"), granted, "{body}");
    }
}

#[test]
fn rego_v0_policies_work_in_both_dialects() {
    let good = claims("affirming", &snp());
    let current = "package policy\ndefault allow = false\nallow { data[\"resource-path\"][0] == \"red\"; input.submods.cpu0[\"ear.status\"] == \"affirming\" }";
    let older = "package policy\ndefault allowed = false\npath := split(data[\"resource-path\"], \"/\")\nallowed { path[0] == \"red\"; input.submods.cpu[\"ear.status\"] == \"affirming\" }";
    let imports = "package policy\nimport data.plugin\nimport input.submods as s\nallow { plugin == \"resource\"; s.cpu0[\"ear.status\"] == \"affirming\"; data[\"resource-path\"][_] == \"red\" }";
    for rego in [current, older, imports] {
        assert_eq!(
            ReleasePolicy::compile(rego).unwrap().dialect().rego,
            RegoVersion::V0,
            "{rego}"
        );
        assert!(ask(rego, &good, "red/b/c"), "{rego}");
        assert!(!ask(rego, &good, "blue/b/c"), "{rego}");
        assert!(!ask(rego, &claims("warning", &snp()), "red/b/c"), "{rego}");
    }
}

#[test]
fn anything_but_true_is_no() {
    let good = claims("affirming", &snp());
    for value in [
        "false",
        "null",
        "0",
        "1",
        "\"true\"",
        "[true]",
        "{true}",
        "{\"allow\": true}",
        "input.absent",
    ] {
        assert!(
            !ask(&format!("package policy\nallow := {value}"), &good, "a/b/c"),
            "{value}"
        );
    }
    assert!(!ask("package policy\nallow contains true", &good, "a/b/c"));
    assert!(ask("package policy\nallow := true", &good, "a/b/c"));
}

#[test]
fn policy_that_fails_grants_nothing() {
    let good = claims("affirming", &snp());
    for (rego, plugin) in [
        (
            "package policy\nallow := true if input.submods\nallow := false if input.submods",
            "resource",
        ),
        (
            "package policy\nallow if startswith(input.submods, \"a\")",
            "resource",
        ),
        (
            "package policy\nn := numbers.range(1, 1000)\nallow if { some a in n; some b in n; a * b < 0 }",
            "resource",
        ),
    ] {
        let result = ask_plugin(rego, &good, plugin, "a/b/c");
        assert!(
            matches!(result, Err(PolicyError::Evaluation(_) | PolicyError::Limit(_))),
            "{rego}: {result:?}"
        );
    }
    for rego in [
        "",
        "package policy",
        "package policy\nother := true",
        "package kbs\nallow := true",
    ] {
        assert!(
            matches!(ReleasePolicy::compile(rego), Err(PolicyError::Compile(_))),
            "{rego}"
        );
    }
}

#[test]
fn text_that_asks_for_affirming_is_told() {
    for (rego, asks) in [
        (
            r#"package policy
            allow if input.submods.cpu0["ear.status"] == "affirming""#,
            true,
        ),
        (
            r#"package policy
            # "ear.status" "affirming"
            allow if input.submods.cpu0["ear.status"] != "contraindicated""#,
            false,
        ),
        ("package policy\nallow := true", false),
    ] {
        assert_eq!(
            ReleasePolicy::compile(rego).unwrap().asks_for_affirming(),
            asks,
            "{rego}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// No request path can pass for another one.
    #[test]
    fn path_segments_arrive_as_they_are(segments in prop::collection::vec("[^/]{0,8}", 1..5), plugin in ".{0,8}") {
        thread_local! {
            static POLICIES: [ReleasePolicy; 2] = [
                "package policy\nallow if { data[\"resource-path\"] == input.segments; data.plugin == input.plugin }",
                "package policy\nallowed if { split(data[\"resource-path\"], \"/\") == input.segments; data.plugin == input.plugin }",
            ].map(|rego| ReleasePolicy::compile(rego).unwrap());
        }
        let claims = PolicyInput::from_value(json!({"segments": segments, "plugin": plugin})).unwrap();
        let query = BTreeMap::new();
        let request = ReleaseRequest { plugin: &plugin, path: &segments, query: &query };
        let granted = POLICIES.with(|all| all.each_ref().map(|policy| policy.evaluate(&claims, &request, &Limits::DEFAULT).unwrap()));
        prop_assert_eq!(granted, [true, true]);
    }

    /// Parsing gives what the engine's own parser gives.
    #[test]
    fn input_is_parsed_as_written(text in r#"(\{"a":)?\[(null|true|-?[0-9]{1,18}|[0-9]\.[0-9]{1,9}|"[a-zü\\\\n]{0,5}"|\{"b":\{\}\}|,){0,9}\]\}?"#) {
        let parsed = PolicyInput::from_json(&text).map(|input| input.0);
        prop_assert_eq!(parsed.ok(), Value::from_json_str(&text).ok());
    }
}

#[test]
fn odd_input_is_an_error_not_a_panic() {
    let deep = "[".repeat(100_000);
    let digits = "9".repeat(100_000);
    for text in [
        "",
        "{",
        "{\"a\":1e999}",
        "NaN",
        "[1,]",
        deep.as_str(),
        "\"\\ud800\"",
    ] {
        assert!(
            matches!(PolicyInput::from_json(text), Err(PolicyError::Input(_))),
            "{:.20}",
            text
        );
    }
    assert!(PolicyInput::from_json(&digits).is_err());
    let number = PolicyInput::from_json(r#"{"$serde_json::private::Number":"1e99999999"}"#).unwrap();
    assert!(serde_json::to_value(&number.0).unwrap().is_object());
    assert!(!format!("{:?}", PolicyInput::from_json("\"canary\"").unwrap()).contains("canary"));
}
