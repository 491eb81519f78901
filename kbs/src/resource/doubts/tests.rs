use std::time::Duration;

use super::*;

fn told(body: &str) -> Vec<String> {
    let rego = format!("package policy\nimport rego.v1\ndefault allow := false\nallow if {{\n{body}\n}}\n");
    of(&rego)
}

fn of(rego: &str) -> Vec<String> {
    let limits = Limits {
        time: Duration::from_millis(100),
        memory: 1 << 20,
    };
    doubts(rego, &ReleasePolicy::compile(rego).unwrap(), &limits)
}

#[test]
fn a_name_with_a_slip_of_the_pen_is_told_with_the_right_one() {
    for (body, expected) in [
        (
            "data[\"resource_path\"][0] == \"a\"",
            "line 5: there is no `resource_path` in data: it is always undefined; did you mean `resource-path`?",
        ),
        (
            "data.resource == \"a\"",
            "line 5: there is no `resource` in data: it is always undefined; did you mean `resource-path`?",
        ),
        (
            "input.submod.cpu0[\"ear.status\"] == \"affirming\"",
            "line 5: there is no `submod` in the token: it is always undefined; did you mean `submods`?",
        ),
        (
            "input.submods.gpu[\"ear.status\"] == \"affirming\"",
            "line 5: there is no `gpu` in input.submods: it is always undefined; did you mean `gpu0`?",
        ),
        (
            "input.submods.cpu0[\"ear.state\"] == \"affirming\"",
            "line 5: there is no `ear.state` in a submodule: it is always undefined; did you mean `ear.status`?",
        ),
        (
            "input.submods.cpu0[\"ear.trustworthiness-vector\"].filesystem < 32",
            "line 5: there is no `filesystem` in ear.trustworthiness-vector: it is always undefined; did you mean `file-system`?",
        ),
        (
            "cpu := input.submods.cpu0\ncpu[\"ear.veraison.annotated-evidence\"][\"az-snp-vtmp\"]",
            "line 6: there is no `az-snp-vtmp` in ear.veraison.annotated-evidence: it is always undefined; did you mean `az-snp-vtpm`?",
        ),
    ] {
        assert_eq!(told(body), [expected], "{body}");
    }
}

#[test]
fn a_claim_of_a_tee_that_no_verifier_gives_is_told_with_the_nearest_one() {
    let undefined =
        "in ear.veraison.annotated-evidence: it is undefined, unless another Attestation Service adds it";
    for (path, said) in [
        (
            "cpu0[\"ear.veraison.annotated-evidence\"].snp.measurment",
            format!("gives `snp.measurment` {undefined}; did you mean `snp.measurement`?"),
        ),
        (
            "cpu0[\"ear.veraison.annotated-evidence\"].tdx.td_attributes.debugg",
            format!("gives `tdx.td_attributes.debugg` {undefined}; did you mean `tdx.td_attributes.debug`?"),
        ),
        (
            "cpu[\"ear.veraison.annotated-evidence\"][\"az-snp-vtpm\"].tpm.pcr_11",
            format!(
                "gives `[\"az-snp-vtpm\"].tpm.pcr_11` {undefined}; did you mean `[\"az-snp-vtpm\"].tpm.pcr11`?"
            ),
        ),
        (
            "cpu0[\"ear.veraison.annotated-evidence\"].snp.elephants",
            format!("gives `snp.elephants` {undefined}"),
        ),
        (
            "gpu0[\"ear.veraison.annotated-evidence\"].nvidia[\"x-nvidia-gpu-arch-chek\"]",
            "is known to give `nvidia[\"x-nvidia-gpu-arch-chek\"]` in ear.veraison.annotated-evidence; did you mean \
             `nvidia[\"x-nvidia-gpu-arch-check\"]`?"
                .to_owned(),
        ),
    ] {
        let told = told(&format!("input.submods.{path} == 1"));
        assert_eq!(told, [format!("line 5: no verifier {said}")], "{path}");
    }
}

#[test]
fn a_rule_that_never_says_yes_is_told() {
    for (allow, kind) in [
        ("allow := \"true\"", "a string"),
        ("allow := 1", "a number"),
        ("allow contains true", "a set"),
        ("allow := [true]", "an array"),
    ] {
        let told = of(&format!("package policy\nimport rego.v1\n{allow}\n"));
        assert_eq!(
            told,
            [format!(
                "its rule `allow` gives {kind}, and only `true` is yes: nothing will be released by it"
            )],
            "{allow}"
        );
    }
}

#[test]
fn a_name_that_object_get_or_a_constant_has_is_told_too() {
    for (body, unknown) in [
        ("object.get(input.submods, \"cpuO\", {})", "cpuO"),
        ("object.get(input, [\"submods\", \"cpuO\"], {})", "cpuO"),
        ("some name in [\"cpu0\", \"cpuO\"]\ninput.submods[name]", "cpuO"),
    ] {
        let told = told(body);
        assert_eq!(told.len(), 1, "{body}: {told:?}");
        assert!(told[0].contains(unknown), "{told:?}");
    }
}

#[test]
fn what_is_right_or_may_be_somebody_elses_is_not_told() {
    for rego in [
        policy::defaults::DEFAULT,
        policy::defaults::AFFIRMING,
        policy::defaults::ALLOW_ALL,
        policy::defaults::DENY_ALL,
    ] {
        assert_eq!(of(rego), Vec::<String>::new(), "{rego}");
    }
    for body in [
        "input.submods.cpu0[\"ear.veraison.annotated-evidence\"].snp.measurement == \"ab\"",
        "input.submods.cpu0[\"ear.veraison.annotated-evidence\"].tdx.uefi_event_logs[_].details.string == \"ab\"",
        "input.submods.cpu0[\"ear.veraison.annotated-evidence\"].se.tag == \"ab\"",
        "input.submods.gpu0[\"ear.veraison.annotated-evidence\"].nvidia[\"x-nvidia-future\"]",
        "input.submods.cpu0[\"ear.veraison.annotated-evidence\"].init_data_claims.workload == \"a\"",
        "input.submods.cpu[\"ear.status.executables\"] < 32",
        "input.submods.gpu12[\"ear.status\"] == \"affirming\"",
        "some name, device in input.submods\ndevice[\"ear.status\"] == \"affirming\"",
        "input.submods.cpu0[\"acme.extension\"] == 1",
        "input.tdx.tdx_mrtd == \"a\"",
        "input.policy_ids_matched[0].id == \"a\"",
        "input.iss == \"a\"",
        "data.plugin == \"resource\"\ndata.query.x == \"1\"\ncount(data[\"resource-path\"]) == 3",
    ] {
        assert_eq!(told(body), Vec::<String>::new(), "{body}");
    }
}

#[test]
fn the_policies_of_the_documents_raise_no_doubt_as_they_are_printed_there() {
    let status = "input[\"submods\"][\"cpu\"][\"ear.status\"] != \"contraindicated\"";
    let kind =
        |tee: &str| format!("input[\"submods\"][\"cpu\"][\"ear.veraison.annotated-evidence\"][\"{tee}\"]");
    let executables = "input[\"submods\"][\"cpu\"][\"ear.status.executables\"] == 2";
    let (snp, tdx) = (kind("snp"), kind("tdx"));
    let allow = "package policy\nimport rego.v1\ndefault allow = false\nallow if {\n";
    let path = "package policy\nimport rego.v1\ndefault allowed = false\npath := split(data[\"resource-path\"], \"/\")\n";
    for rego in [
        format!("{allow}{status}\n}}\n"),
        format!("{allow}{status}\n{snp}\n}}\n"),
        format!("{allow}{status}\n{snp}\n{executables}\n}}\n"),
        format!("{path}allowed if {{\npath[0] == \"red\"\n}}\n"),
        format!(
            "{path}allowed if {{\npath[0] == \"red\"\n{status}\n{snp}\n}}\nallowed if {{\npath[0] == \"blue\"\n\
             {status}\n{tdx}\n}}\n"
        ),
    ] {
        assert_eq!(of(&rego), Vec::<String>::new(), "{rego}");
    }
}

#[test]
fn every_kind_of_evidence_that_is_suggested_is_one() {
    for tee in claims::tees() {
        assert!(tee.parse::<kbs_types::Tee>().is_ok(), "{tee}");
        assert!(is_evidence(tee));
    }
}

proptest::proptest! {
    #[test]
    fn no_path_makes_it_panic(members in proptest::collection::vec("[a-z0-9.*-]{0,12}|submods|cpu0", 0..5)) {
        let read = Mention { name: members, line: 1 };
        let _ = unknown_claim(&read);
        let _ = unknown_document(&read);
    }
}

#[test]
fn a_status_that_never_is_and_a_number_in_quotes_are_found() {
    for (condition, said) in [
        (
            "input.submods.cpu0[\"ear.status\"] == \"Affirming\"",
            "ear.status is never \"Affirming\"; did you mean \"affirming\"?",
        ),
        (
            "\"ok!\" == input.submods.cpu0[\"ear.status\"]",
            "ear.status is never \"ok!\": there are none, affirming, warning, contraindicated",
        ),
        (
            "input.submods.cpu0[\"ear.trustworthiness-vector\"].executables == \"3\"",
            "trust claims are numbers, and never \"3\": write it without quotes",
        ),
        (
            "input.submods.cpu0[\"ear.veraison.annotated-evidence\"].snp.reported_tcb_snp >= \"23\"",
            "compares with a text",
        ),
    ] {
        let found = told(condition);
        assert_eq!(found.len(), 1, "{condition}: {found:?}");
        assert!(
            found[0].starts_with("line ") && found[0].contains(said),
            "{condition}: {found:?}"
        );
    }
    for condition in [
        "input.submods.cpu0[\"ear.status\"] in {\"affirming\", \"warning\"}",
        "input.submods.cpu[\"ear.status\"] != \"contraindicated\"",
        "input.submods.cpu0[\"ear.trustworthiness-vector\"].executables == 3",
        "input.submods.cpu[\"ear.status.executables\"] == 2",
    ] {
        assert_eq!(told(condition), [""; 0], "{condition}");
    }
}
