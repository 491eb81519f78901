use super::*;

#[track_caller]
fn asks(rego: &str, expected: bool) {
    let policy = ReleasePolicy::compile(rego).unwrap_or_else(|e| panic!("{rego}: {e}"));
    assert_eq!(policy.asks_for_affirming(), expected, "{rego}");
}

#[test]
fn a_policy_that_names_the_status_and_grants_all_the_same_does_not_ask() {
    for rules in [
        // Nobody reads the rule.
        r#"default allow := true
           unused if input.submods.cpu0["ear.status"] == "affirming""#,
        r#"allow if input.submods.cpu0["ear.status"] != "affirming""#,
        r#"allow if input.submods.cpu0["ear.status"] in {"affirming", "warning", "contraindicated", "none"}"#,
        r#"allow if input.submods.cpu0["ear.status"] in {"affirming", "warning"}"#,
        r#"allow if {
             input.submods.cpu0["ear.veraison.annotated-evidence"].tdx
             input.submods.cpu0["ear.status"] in {"affirming", "none"}
           }"#,
        r#"allow if not input.submods.gpu0["ear.status"] == "affirming""#,
        // The device is affirming, and the CPU is not.
        r#"allow if {
             some device in input.submods
             device["ear.status"] == "affirming"
           }"#,
        r#"allowed if input.submods.cpu["ear.status"] != "affirming""#,
        r#"allowed if {
             split(data["resource-path"], "/")[1] == "x"
             input.submods.cpu["ear.status"] != "affirming"
           }"#,
    ] {
        asks(&format!("package policy\nimport rego.v1\n{rules}\n"), false);
    }
}

#[test]
fn the_paths_that_a_policy_names_are_asked_for_as_well() {
    let open = r#"input.submods.cpu0["ear.status"] in {"affirming", "warning"}"#;
    for condition in [
        r#"data["resource-path"][0] == "shop""#,
        r#"data["resource-path"] == ["shop", "key", "disk"]"#,
        r#"data["resource-path"] == "shop/key/disk""#,
        r#"startswith(data["resource-path"], "shop/")"#,
        r#"glob.match("shop/*/*", ["/"], data["resource-path"])"#,
        r#"data["resource-path"][0] == "shop"
           data["resource-path"][1] == "key""#,
    ] {
        for rule in ["allow", "allowed"] {
            asks(
                &format!("package policy\nimport rego.v1\n{rule} if {{\n{condition}\n{open}\n}}\n"),
                false,
            );
        }
    }
}

#[test]
fn a_policy_that_grants_nothing_to_others_asks() {
    for rules in [
        r#"allow if input.submods.cpu0["ear.status"] == "affirming""#,
        r#"allow if {
             data["resource-path"][0] == "shop"
             every device in input.submods { device["ear.status"] == "affirming" }
           }"#,
        r#"good := {"affirming"}
           allow if input.submods.cpu0["ear.status"] in good"#,
        r#"allowed if {
             startswith(data["resource-path"], "shop/")
             input.submods.cpu["ear.status"] == "affirming"
           }"#,
    ] {
        asks(&format!("package policy\nimport rego.v1\n{rules}\n"), true);
    }
    asks(
        "package policy\ndefault allow = false\nallow { input.submods.cpu0[\"ear.status\"] == \"affirming\" }",
        true,
    );
}

#[test]
fn a_policy_that_cannot_be_evaluated_is_taken_for_one_that_does_not_ask() {
    // More than any evaluation may make.
    asks(
        r#"package policy
           import rego.v1
           allow if {
             count(numbers.range(1, 100000000)) > 0
             input.submods.cpu0["ear.status"] == "affirming"
           }"#,
        false,
    );
}

#[test]
fn no_guest_that_is_shown_has_an_affirming_cpu() {
    let guests = guests(&TEES);
    assert_eq!(guests.len(), 3 * (TEES.len() + 1) * 2);
    for guest in guests {
        assert_ne!(guest["submods"]["cpu0"]["ear.status"], "affirming");
    }
}
