//! The values of trust claims, wherever a policy writes them.

use super::*;

/// The values as `hardware 300@5`: the claim, the value as it is written, and the line.
#[track_caller]
fn check(rego: &str, expected: &[&str]) {
    let reads = Reads::of(&format!("package policy\nimport rego.v1\n{rego}"));
    let values = reads.trust_values.iter();
    let values: Vec<_> = values
        .map(|given| format!("{} {}@{}", given.name.claim, given.name.text, given.line))
        .collect();
    assert_eq!(values, expected, "{rego}");
}

#[test]
fn values_are_found_in_every_form_that_gives_a_claim() {
    for rego in [
        "trust_claims := {\"hardware\": 300}\n",
        "trust_claims := {\"hardware\": 300} if {\n\tinput.snp\n}\n",
        "default trust_claims := {\"hardware\": 300}\n",
        "trust_claims = {\"hardware\": 300} { input.snp }\n",
        "trust_claims.hardware := 300 if {\n\tinput.snp\n}\n",
        "trust_claims[\"hardware\"] := 300 if input.snp\n",
        "trust_claims[\"hardware\"] = 300 { input.snp }\n",
        "trust_claims[claim] := 300 if some claim in [\"hardware\"]\n",
    ] {
        check(rego, &["hardware 300@3"]);
    }
}

#[test]
fn values_are_followed_through_rules_conditions_lists_and_functions() {
    check(
        "trust_claims := {\"executables\": executables}\n\ndefault executables := 33\n\nexecutables := 3.5 if input.snp\n",
        &["executables 33@5", "executables 3.5@7"],
    );
    check(
        "trust_claims := {\"executables\": executables}\nexecutables := 3 if {\n\tinput.snp\n} else := -129 if {\n\tinput.tdx\n} else := 33\n",
        &["executables 3@4", "executables -129@6", "executables 33@8"],
    );
    check(
        "trust_claims := {\"executables\": e, \"hardware\": h}\ne := verdict[0]\nh := verdict[1]\nverdict := [3, 2] if {\n\tinput.snp\n} else := [33, 970]\n",
        &[
            "executables 3@6",
            "hardware 2@6",
            "executables 33@8",
            "hardware 970@8",
        ],
    );
    check(
        "trust_claims := claims if {\n\tclaims := {\"hardware\": 2000}\n}\n",
        &["hardware 2000@4"],
    );
    check(
        "trust_claims := all\n\nall.hardware := 2 if input.snp\n\nall.executables := \"3\"\n",
        &["hardware 2@5", "executables \"3\"@7"],
    );
    check(
        "trust_claims := {\"hardware\": level(\"bad\")}\nlevel(\"bad\") := 970\nlevel(\"port\") := 8080\n",
        &["hardware 970@4"],
    );
    check(
        "trust_claims := {\"hardware\": levels.bad}\nlevels := {\"bad\": 1e3, \"good\": 2}\n",
        &["hardware 1e3@4"],
    );
    check(
        "trust_claims := {\"hardware\": [2], \"executables\": true}\n",
        &["hardware [2]@3", "executables true@3"],
    );
}

#[test]
fn values_that_are_computed_are_nobody_s_guess() {
    for rego in [
        "trust_claims := {\"hardware\": 300 - 298}\n",
        "trust_claims := {\"hardware\": level}\nlevel := 1000 / 500\n",
        "trust_claims := {\"hardware\": count(input.snp)}\n",
        "trust_claims := {\"hardware\": input.snp.level}\n",
        "trust_claims := object.union({\"hardware\": 300}, {\"hardware\": 2})\n",
        "trust_claims := {\"hardware\": level(input.snp.x)}\nlevel(\"port\") := 8080\nlevel(other) := input.snp.y\n",
        "other := {\"hardware\": 300}\n",
        "trust_claims := {claim: 2 | some claim in [\"hardware\"]}\n",
    ] {
        check(rego, &[]);
    }
}
