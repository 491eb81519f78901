use super::*;
use crate::ReleasePolicy;

fn dialect(rego: &str) -> ReleaseDialect {
    ReleasePolicy::compile(rego)
        .unwrap_or_else(|e| panic!("{rego}: {e}"))
        .dialect()
}

/// The form found for a policy with rule `allow` and with rule `allowed`, with this body.
#[track_caller]
fn path_form(body: &str, expected: [ResourcePathForm; 2]) {
    let found = ["allow", "allowed"].map(|rule| {
        dialect(&format!(
            "package policy\nimport rego.v1\n{rule} if {{\n{body}\n}}\n"
        ))
        .resource_path
    });
    assert_eq!(found, expected, "{body}");
}

const STRING: [ResourcePathForm; 2] = [ResourcePathForm::String; 2];
const ARRAY: [ResourcePathForm; 2] = [ResourcePathForm::Array; 2];
const BY_RULE: [ResourcePathForm; 2] = [ResourcePathForm::Array, ResourcePathForm::String];

#[test]
fn path_form_is_told_by_what_is_done_with_the_path() {
    for body in [
        r#"split(data["resource-path"], "/")[0] == "red""#,
        r#"path := split(data["resource-path"], "/")
           path[0] == "red""#,
        r#"whole := data["resource-path"]
           startswith(whole, "red/")"#,
        r#"whole := data["resource-path"]
           [repository, _, _] = split(whole, "/")
           repository == "red""#,
        r#"data["resource-path"] == "red/a/b""#,
        r#""red/a/b" == data["resource-path"]"#,
        r#"data["resource-path"] != "red/a/b""#,
        r#"data["resource-path"] in {"red/a/b", "blue/a/b"}"#,
        r#"regex.match(`^red/`, data["resource-path"])"#,
        r#"glob.match("red/*", ["/"], data["resource-path"])"#,
        r#"contains(data["resource-path"], "red")"#,
        r#"upper(data["resource-path"]) == "A/B/C""#,
        r#"paths := {"red/a/b", "blue/a/b"}
           data["resource-path"] in paths"#,
        r#"paths := ["red/a/b"]
           data["resource-path"] == paths[_]"#,
        r#"acl := {"red/a/b": {"affirming"}}
           input.submods.cpu0["ear.status"] in acl[data["resource-path"]]"#,
        r#"some path in ["red/a/b"]
           path == data["resource-path"]"#,
        r#"split(
             data["resource-path"], # the path
             "/",
           )[1] == "a""#,
    ] {
        path_form(body, STRING);
    }
    for body in [
        r#"data["resource-path"][0] == "red""#,
        r#"path := data["resource-path"]
           path[0] == "red""#,
        r#"[repository, _, _] = data["resource-path"]
           repository == "red""#,
        r#"data["resource-path"] == ["red", "a", "b"]"#,
        r#"["red", "a", "b"] == data["resource-path"]"#,
        r#""red" in data["resource-path"]"#,
        r#"some segment in data["resource-path"]
           segment == "red""#,
        r#"concat("/", data["resource-path"]) == "red/a/b""#,
        r#"array.slice(data["resource-path"], 0, 1) == ["red"]"#,
        r#"data["resource-path"] in [["red", "a", "b"]]"#,
        r#"data["resource-path"][count(data["resource-path"]) - 1] == "key""#,
    ] {
        path_form(body, ARRAY);
    }
}

#[test]
fn path_is_a_string_where_it_is_compared_with_what_a_string_function_gives() {
    for body in [
        r#"data["resource-path"] == concat("/", ["red", input.type, "b"])"#,
        r#"concat("/", ["red", input.type, "b"]) == data["resource-path"]"#,
        r#"data["resource-path"] == sprintf("red/%s/b", [input.type])"#,
        r#"data["resource-path"] != sprintf("red/%s/b", [input.type])"#,
        r#"data["resource-path"] == lower(input.path)"#,
        r#"data["resource-path"] == trim_prefix(input.path, "/")"#,
        r#"data["resource-path"] == strings.reverse(input.path)"#,
        r#"strings.replace_n({"-": "/"}, input.path) == data["resource-path"]"#,
        r#"data["resource-path"] in {concat("/", ["red", "a", "b"])}"#,
        r#"wanted := concat("/", ["red", "a", "b"])
           data["resource-path"] == wanted"#,
        r#"wanted := concat("/", ["red", "a", "b"])
           wanted == data["resource-path"]"#,
        r#"path := data["resource-path"]
           path == sprintf("red/%s/b", [input.type])"#,
    ] {
        path_form(body, STRING);
    }
    for body in [
        // A list, and functions of other kinds.
        r#"data["resource-path"] == split(input.path, "/")"#,
        r#"wanted := split(input.path, "/")
           data["resource-path"] == wanted"#,
        r#"data["resource-path"] == input.lower"#,
        r#"count(data["resource-path"]) == to_number(trim("3", " "))"#,
    ] {
        path_form(body, BY_RULE);
    }
}

#[test]
fn path_that_is_put_together_is_compared_with_the_path_that_is_asked_for() {
    let claims = crate::PolicyInput::from_json(r#"{"type": "a"}"#).unwrap();
    let query = std::collections::BTreeMap::new();
    for rule in ["allow", "allowed"] {
        for wanted in [
            r#"concat("/", ["red", input.type, "b"])"#,
            r#"sprintf("red/%s/b", [input.type])"#,
        ] {
            let rego =
                format!("package policy\nimport rego.v1\n{rule} if data[\"resource-path\"] == {wanted}\n");
            let policy = ReleasePolicy::compile(&rego).unwrap();
            for (path, expected) in [(["red", "a", "b"], true), (["red", "a", "c"], false)] {
                let path = path.map(str::to_owned);
                let request = crate::ReleaseRequest {
                    plugin: "resource",
                    path: &path,
                    query: &query,
                };
                let granted = policy.evaluate(&claims, &request, &crate::Limits::DEFAULT);
                assert_eq!(granted.unwrap(), expected, "{rego}");
            }
        }
    }
}

#[test]
fn path_form_is_told_by_what_a_function_does_with_it() {
    for (function, expected) in [
        (r#"first(n, p) := split(p, "/")[n]"#, ResourcePathForm::String),
        ("first(n, p) := p[n]", ResourcePathForm::Array),
    ] {
        let rego = format!(
            "package policy\nimport rego.v1\nallow if first(0, data[\"resource-path\"]) == \"red\"\n{function}\n"
        );
        assert_eq!(dialect(&rego).resource_path, expected, "{function}");
    }
}

#[test]
fn path_form_goes_by_the_rule_where_the_code_does_not_say() {
    for body in [
        "true",
        r#"count(data["resource-path"]) == 3"#,
        r#"data["resource-path"] == input.path"#,
        // Both: a policy written for either.
        r#"p := data["resource-path"]
           is_array(p)
           p[0] == "red"
           not startswith(p, "blue")"#,
        // The variable of that name is another one.
        r#"x := {"p": data["resource-path"]}
           startswith(input.p, "red")
           x.p == input.p"#,
    ] {
        path_form(body, BY_RULE);
    }
}

#[test]
fn comments_and_texts_say_nothing_about_the_dialect() {
    let found = dialect(
        r##"package policy
# default allowed = true
# path := split(data["resource-path"], "/"); input.submods.cpu
import rego.v1
default allow := false
note := "split(data[\"resource-path\"], \"/\") input.submods.cpu # \" allowed if {"
other := `
allowed if { input["submods"]["cpu"]["ear.status"] == "affirming" }
`
allow if {
	note != other # "
	data["resource-path"][0] == "red"
}
"##,
    );
    assert_eq!(
        found,
        ReleaseDialect {
            rego: RegoVersion::V1,
            rule: ReleaseRule::Allow,
            resource_path: ResourcePathForm::Array,
            cpu_submod: CpuSubmod::Cpu0,
        }
    );
}

#[test]
fn cpu_submod_is_told_by_the_member_that_is_read() {
    let cpu_submod = |body: &str| dialect(&format!("package policy\nallow if {{ {body} }}")).cpu_submod;
    for body in [
        r#"input["submods"]["cpu"]["ear.status"] != "contraindicated""#,
        "input.submods.cpu.x",
        "s := input.submods; s.cpu.x",
        r#"object.get(input.submods, "cpu", {}) != {}"#,
    ] {
        assert_eq!(cpu_submod(body), CpuSubmod::Cpu, "{body}");
    }
    for body in [
        "input.submods.cpu0.x",
        "input.submods.cpu0.x; not input.submods.cpu.y",
        "input.submods.gpu0.x",
        "some name, x in input.submods; startswith(name, `cpu0`)",
        "input.cpus",
    ] {
        assert_eq!(cpu_submod(body), CpuSubmod::Cpu0, "{body}");
    }
}

#[test]
fn rule_allow_goes_before_rule_allowed() {
    assert_eq!(
        dialect("package policy\nallow if allowed\nallowed if true").rule,
        ReleaseRule::Allow
    );
    assert_eq!(
        dialect("package policy\ndefault allowed = false").rule,
        ReleaseRule::Allowed
    );
    assert_eq!(
        dialect("package policy\ndefault allow = false\nallowed if true").rule,
        ReleaseRule::Allow
    );
}

#[test]
fn rego_version_is_v0_only_where_the_text_is_no_v1() {
    for (rego, version) in [
        ("package policy\ndefault allow = true", RegoVersion::V1),
        ("package policy\nimport rego.v1\nallow if true", RegoVersion::V1),
        (
            "package policy\nimport future.keywords.if\nallow if true",
            RegoVersion::V1,
        ),
        (
            "package policy\ndefault allow = false\nallow { input.x == 1 }",
            RegoVersion::V0,
        ),
        (
            "package policy\nimport future.keywords.every\nallow = true { every x in [1] { x == 1 } }",
            RegoVersion::V0,
        ),
    ] {
        assert_eq!(dialect(rego).rego, version, "{rego}");
    }
}

#[test]
fn dialect_is_shown_to_people_and_to_programs() {
    let dialect = dialect("package policy\ndefault allowed = false\nallowed { input.submods.cpu }");
    assert_eq!(
        dialect.to_string(),
        "Rego v0, rule allowed, resource path as a string, CPU at submods.cpu"
    );
    assert_eq!(
        serde_json::to_string(&dialect).unwrap(),
        r#"{"rego":"v0","rule":"allowed","resource_path":"string","cpu_submod":"cpu"}"#
    );
}
