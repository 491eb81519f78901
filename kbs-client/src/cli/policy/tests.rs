use clap::Parser;
use serde_json::{Value, json};

use super::*;
use crate::cli::args::Cli;
use crate::fake_kbs::FakeKbs;

fn report() -> Value {
    let failed = json!({
        "condition": {"name": "snp_executables", "line": 61, "text": "…"},
        "expected": "a value registered as `snp_launch_measurement`, but there is none, or it has expired",
        "came": "`input.snp.measurement` is \"ab\"",
        "advice": "Register it.\u{1b}[2J",
        "also": [{"expected": "`input.snp.vmpl` equal to 0"}],
    });
    let side = |status: &str, executables: i64| json!({"status": status, "vector": {"executables": executables, "hardware": 0}});
    let why = json!({"claims": [{"claim": "executables", "value": 33, "better": [{"failed": [failed]}]}],
        "incomplete": "it takes too long"});
    json!({"tried": 3, "changed": 1, "gained": 0, "lost": 1, "guests": [
        {"name": "quiet", "changed": false, "devices": {}, "resources": []},
        {"name": "d1", "tee": "snp", "changed": true,
         "devices": {"cpu0": {"was": side("affirming", 3), "would_be": side("warning", 33), "why": why}},
         "resources": [{"resource": "resource/a/b/c", "was": true, "would_be": false, "why": [failed]},
                       {"resource": "resource/a/b/d", "was": false, "would_be": false}]},
    ]})
}

async fn run(kbs: &FakeKbs, line: &str) -> (String, Result<(), CliError>) {
    let line = format!("kbs-client --url {} policy test {line}", kbs.url);
    let mut out = Vec::new();
    let cli = Cli::try_parse_from(line.split_whitespace()).unwrap();
    let result = crate::cli::run(cli, &mut out).await;
    (String::from_utf8(out).unwrap(), result)
}

fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn a_report_says_was_would_be_and_why() {
    let text = print::report(&report(), false);
    for line in [
        "d1 (snp)",
        "  cpu0: was affirming (executables 3), would be warning (executables 33)",
        "    executables 33:",
        "      expected: a value registered as `snp_launch_measurement`, but there is none, or it has expired",
        "      came:     `input.snp.measurement` is \"ab\"",
        "      where:    rule snp_executables, line 61",
        "      and also",
        "      expected: `input.snp.vmpl` equal to 0",
        "    not all could be looked into: it takes too long",
        "  would lose resource/a/b/c",
        "3 guests tried: 1 would change, 0 secrets gained, 1 lost.",
    ] {
        assert!(text.lines().any(|each| each == line), "{line}\n{text}");
    }
    assert!(
        !text.contains("quiet") && !text.contains("a/b/d") && !text.contains('\u{1b}'),
        "{text}"
    );
}

#[test]
fn guests_for_whom_the_same_changes_are_told_together() {
    let mut many = report();
    let like = many["guests"][1].clone();
    let mut other = like.clone();
    other["tee"] = json!("tdx");
    let named = |guest: &Value, name: &str| {
        let mut guest = guest.clone();
        guest["name"] = json!(name);
        guest
    };
    let guests = many["guests"].as_array_mut().unwrap();
    guests.push(named(&other, "t1"));
    guests.extend((2..33).map(|number| named(&like, &format!("d{number}"))));
    guests.push(named(&other, "t2"));
    let text = print::report(&many, false);
    let heads: Vec<_> = text
        .lines()
        .filter(|line| line.ends_with(')') && !line.starts_with(' '))
        .collect();
    assert_eq!(
        heads,
        ["d1 and 31 others (snp)", "t1 and 1 other (tdx)"],
        "{text}"
    );
    assert_eq!(text.matches("would lose").count(), 2, "{text}");
}

#[tokio::test]
async fn a_trial_of_nothing_names_the_flags() {
    let kbs = FakeKbs::start().await;
    let error = run(&kbs, "--last 3").await.1.unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("--reference-values FILE"), "{error}");
    assert!(kbs.calls().is_empty());
}

#[test]
fn a_policy_that_fails_and_one_that_judges_nobody_are_told() {
    let resource = |name: &str, was: Option<&str>, now: Option<&str>| json!({"resource": name, "was": false, "would_be": false, "was_error": was, "error": now});
    let mut failing = json!({"tried": 1, "changed": 1, "guests": [{"name": "d1", "changed": true, "resources": [
        resource("a", None, Some("it takes too long")), resource("b", Some("it took too long"), None),
        resource("c", Some("x"), Some("x")),
    ]}], "judges_nobody": ["gpu_foo"]});
    for resource in failing["guests"][0]["resources"].as_array_mut().unwrap() {
        resource
            .as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
    }
    let text = print::report(&failing, false);
    for line in [
        "  would still not get, now for an error, a",
        "    the policy cannot be asked: it takes too long",
        "  would still not get, and no longer for an error, b",
        "Nothing was found out of policy `gpu_foo`: none of these guests is judged by a policy of that id.",
    ] {
        assert!(text.lines().any(|each| each == line), "{line}\n{text}");
    }
    assert!(!text.contains("error, c"), "{text}");
}

#[test]
fn a_trial_without_guests_and_one_without_changes_say_so() {
    let nobody = json!({"tried": 0, "changed": 0, "guests": []});
    assert!(print::report(&nobody, false).starts_with("No guest to try it on"));
    let same = json!({"tried": 7, "changed": 0, "guests": []});
    assert_eq!(
        print::report(&same, false),
        "7 guests tried: nothing would change."
    );
}

#[tokio::test]
async fn everything_on_the_command_line_is_sent() {
    let (kbs, folder) = (FakeKbs::start().await, tempfile::TempDir::new().unwrap());
    let token = format!("h.{}.s", URL_SAFE_NO_PAD.encode(r#"{"submods":{}}"#));
    let policy = file(
        &folder,
        "p.rego",
        "package policy\ndefault trust_claims := {\"hardware\": 2}",
    );
    let values = file(&folder, "v.json", r#"{"svn": ["1"], "old": null}"#);
    let claims = file(&folder, "t.json", &json!({ "token": token }).to_string());
    let evidence = file(&folder, "e.json", r#"{"tee": "snp", "attestation": {"x": 1}}"#);
    kbs.script("policy-test", 200, report().to_string());
    let line = format!(
        "--policy {policy} --reference-values {values} --claims {claims} --evidence {evidence} --last 5 \
         --resource a/b/c --resource a/b/d --explain"
    );
    let (text, result) = run(&kbs, &line).await;
    result.unwrap();
    assert!(text.ends_with("1 lost.\n"), "{text}");
    let sent: Value = serde_json::from_slice(&kbs.seen().pop().unwrap().body).unwrap();
    assert_eq!(
        sent,
        json!({
            "attestation_policies": {"default_cpu": URL_SAFE_NO_PAD.encode(std::fs::read(&policy).unwrap())},
            "reference_values": {"svn": ["1"], "old": null},
            "guests": [{"name": claims, "claims": {"submods": {}}},
                       {"name": evidence, "evidence": {"tee": "snp", "attestation": {"x": 1}}}],
            "last": 5,
            "resources": ["a/b/c", "a/b/d"],
            "explain": true,
        })
    );
}

#[tokio::test]
async fn a_pipeline_fails_where_something_would_change_if_it_asks_for_that() {
    let (kbs, folder) = (FakeKbs::start().await, tempfile::TempDir::new().unwrap());
    let policy = file(&folder, "p.rego", "package policy\nallow if true");
    kbs.script("policy-test", 200, report().to_string());
    let (text, result) = run(&kbs, &format!("--policy {policy} --fail-on-change --output json")).await;
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), report());
    assert_eq!(result.unwrap_err().exit_code(), 1);
    let sent: Value = serde_json::from_slice(&kbs.seen().pop().unwrap().body).unwrap();
    assert!(sent["resource_policy"].is_string());

    kbs.script("policy-test", 200, r#"{"tried":1,"changed":0,"guests":[]}"#);
    let (_, result) = run(&kbs, &format!("--policy {policy} --fail-on-change")).await;
    result.unwrap();
}

#[test]
fn the_policy_that_is_meant_is_told_by_its_rules() {
    for (rego, id) in [
        ("trust_claims := {}", Some("default_cpu")),
        ("default allow = false\nallow if { x }", Some("resource-policy")),
        ("allowed { true }", Some("resource-policy")),
        ("# trust_claims := {}\nallow if true", Some("resource-policy")),
        ("trust_claims := {}\nallow := true", None),
        ("allowance := 1", None),
    ] {
        assert_eq!(replaced(rego), id, "{rego}");
    }
}

#[tokio::test]
async fn a_resource_policy_with_a_scope_is_tried_beside_the_others() {
    let (kbs, folder) = (FakeKbs::start().await, tempfile::TempDir::new().unwrap());
    let policy = file(&folder, "p.rego", "package policy\nallow if true");
    let encoded = URL_SAFE_NO_PAD.encode(std::fs::read(&policy).unwrap());
    let idle = json!({"tried": 1, "changed": 0, "guests": [], "covers_nothing": ["shop-keys"]});
    for (line, expected) in [
        (
            format!("--policy {policy} --id shop-keys --scope shop/key"),
            json!({"shop-keys": {"policy": encoded, "scope": "shop/key"}}),
        ),
        (
            format!("--policy {policy} --id shop-keys --without shop-one"),
            json!({"shop-keys": {"policy": encoded}, "shop-one": null}),
        ),
        ("--without shop-one".to_owned(), json!({"shop-one": null})),
    ] {
        kbs.script("policy-test", 200, idle.to_string());
        let (text, result) = run(&kbs, &format!("{line} --fail-on-change")).await;
        assert!(
            text.starts_with("Nothing was found out of policy `shop-keys`: nothing that"),
            "{text}"
        );
        assert_eq!(result.unwrap_err().exit_code(), 1);
        let sent: Value = serde_json::from_slice(&kbs.seen().pop().unwrap().body).unwrap();
        assert_eq!(sent, json!({ "scoped_resource_policies": expected }));
    }
    assert!(Cli::try_parse_from(["kbs-client", "policy", "test", "--policy", "p", "--scope", "a"]).is_err());
}

#[tokio::test]
async fn nothing_found_out_is_no_proof_that_nothing_changes() {
    let (kbs, folder) = (FakeKbs::start().await, tempfile::TempDir::new().unwrap());
    let values = file(&folder, "v.json", r#"{"snp_bootlader": [1], "rtmr_1": ["a"]}"#);
    let line = format!("--reference-values {values}");
    let report = |tried: u64, unasked: Value| {
        json!({"tried": tried, "changed": 0, "guests": [], "asked_by_nobody": unasked}).to_string()
    };
    let near = json!([{"id": "snp_bootlader", "nearest": "snp_bootloader"}]);
    for (report, error) in [
        (report(0, json!([])), Some("there was no guest to try it on")),
        (
            report(1, near.clone()),
            Some("`snp_bootlader` (`snp_bootloader`?)"),
        ),
        (report(1, json!([{"id": "a"}, {"id": "rtmr_1"}])), Some("`a`, so")),
        // Of the values of several TEEs one has nobody who asks for it.
        (report(1, json!([{"id": "rtmr_1"}])), None),
    ] {
        kbs.script("policy-test", 200, report.clone());
        let (_, result) = run(&kbs, &format!("{line} --fail-on-change")).await;
        match (result, error) {
            (Ok(()), None) => {}
            (Err(found), Some(error)) => {
                assert_eq!(found.exit_code(), 1);
                assert!(found.to_string().contains(error), "{found}");
            }
            (result, _) => panic!("{report}: {result:?}"),
        }
        kbs.script("policy-test", 200, report);
        run(&kbs, &line).await.1.unwrap();
    }
    kbs.script("policy-test", 200, report(1, near));
    let (text, _) = run(&kbs, &line).await;
    assert!(
        text.contains("reference value `snp_bootlader`") && text.contains("Did you mean `snp_bootloader`?"),
        "{text}"
    );
}
