use policy::defaults;

use super::*;

fn doubts(rego: &str, registered: &[&str]) -> Vec<String> {
    findings(rego, registered).warnings
}

fn findings(rego: &str, registered: &[&str]) -> Findings {
    let rego = format!("package policy\nimport rego.v1\n{rego}");
    let policy = AppraisalPolicy::compile(&rego).unwrap();
    let checks = Checks::of(&rego);
    let registered: Vec<String> = registered.iter().map(ToString::to_string).collect();
    let ids = checks.reference_ids().iter();
    let values = KnownValues {
        unregistered: ids.filter(|id| !registered.contains(&id.name)).cloned().collect(),
        registered,
        ..KnownValues::default()
    };
    checks.findings(&policy, &values).unwrap()
}

const GOOD: &str = "trust_claims := {\"hardware\": 2}\n";

#[test]
fn a_policy_that_reads_what_is_there_raises_no_doubt() {
    let rego = "trust_claims := {\"hardware\": 2, \"executables\": 3} if {\n\
        \tinput.snp.measurement in query_reference_value(\"mine\")\n\
        \tinput.init_data_claims.anything.at == \"all\"\n\
        \tsome event in input.tdx.uefi_event_logs\n\
        \tevent.details.string == \"x\"\n}\n";
    assert_eq!(doubts(rego, &["mine"]), [""; 0]);
}

#[test]
fn an_unknown_trust_claim_is_named_with_the_nearest_one() {
    assert_eq!(
        doubts("trust_claims := {\"hardwear\": 2}\n", &[]),
        ["line 3: `hardwear` is no trust claim, so there will be no token: did you mean `hardware`?"]
    );
}

#[test]
fn a_result_of_the_wrong_type_is_found() {
    for rule in [
        "\"x\"",
        "{}",
        "object.union({\"hardware\": 900}, {\"hardware\": 999})",
    ] {
        let found = doubts(&format!("trust_claims := {rule}\n"), &[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("there will be no token"), "{found:?}");
    }
}

#[test]
fn a_value_that_no_trust_claim_can_have_is_found_also_where_it_is_given_to_few_guests() {
    for (rego, line, text) in [
        ("trust_claims := {\"hardware\": 128}\n", 3, "128"),
        ("trust_claims := {\"hardware\": \"2\"}\n", 3, "\"2\""),
        (
            "trust_claims[claim] := 300 if {\n\tinput.snp\n\tsome claim in [\"hardware\"]\n}\n",
            3,
            "300",
        ),
        (
            "trust_claims := {\"hardware\": hardware}\ndefault hardware := 97\nhardware := 3.5 if input.snp\n",
            5,
            "3.5",
        ),
        (
            "trust_claims := {\"hardware\": verdict[1]}\nverdict := [3, 2] if {\n\tinput.snp\n} else := [33, -129]\n",
            6,
            "-129",
        ),
    ] {
        assert_eq!(
            doubts(rego, &[]),
            [format!(
                "line {line}: `hardware` can be `{text}` here, and there will be no token then: a trust claim is an \
                 integer from -128 to 127"
            )]
        );
    }
    for value in ["-128", "127", "0", "2.0", "1e2"] {
        let rego = format!("trust_claims := {{\"hardware\": hardware}}\ndefault hardware := {value}\n");
        assert_eq!(doubts(&rego, &[]), [""; 0]);
        let policy = AppraisalPolicy::compile(&format!("package policy\nimport rego.v1\n{rego}")).unwrap();
        let nothing = PolicyInput::from_json("{}").unwrap();
        let values = ReferenceValueSnapshot::default();
        policy.evaluate(&nothing, &values, &Limits::default()).unwrap();
    }
}

#[test]
fn a_member_of_data_that_is_not_there_is_named_with_the_nearest_one() {
    for (path, found, advice) in [
        (
            "data.refrence.x",
            "data.refrence",
            "did you mean `data.reference`?",
        ),
        (
            "data[\"reference-values\"].x",
            "data[\"reference-values\"]",
            "did you mean `data.reference`?",
        ),
        (
            "data.elephants",
            "data.elephants",
            "reference values are in `data.reference`, and nothing else is there",
        ),
    ] {
        assert_eq!(
            doubts(&format!("{GOOD}a if input.snp.measurement in {path}\n"), &[]),
            [format!(
                "line 4: there is nothing at `{found}`: it is always undefined; {advice}"
            )]
        );
    }
    let rego = format!("{GOOD}a if input.snp.measurement in data.reference.x\nb if data.policy.a\n");
    assert_eq!(doubts(&rego, &["x"]), [""; 0]);
}

#[test]
fn an_id_that_is_computed_is_noted_and_no_reason_to_refuse() {
    let rego = format!("{GOOD}a if query_reference_value(concat(\"_\", [input.snp.x, \"y\"]))\n");
    let rego = rego.replace("input.snp.x", "input.snp.measurement");
    let found = findings(&rego, &[]);
    assert_eq!(found.warnings, [""; 0]);
    assert_eq!(
        found.notes,
        [
            "line 4: which reference value is asked for with `concat(\"_\", [input.snp.measurement, \"y\"])` shows only \
             when the policy runs, so it could not be checked whether it is registered"
        ]
    );
}

#[test]
fn what_could_not_be_looked_up_is_told_with_the_reason() {
    let rego = format!("package policy\nimport rego.v1\n{GOOD}");
    let policy = AppraisalPolicy::compile(&rego).unwrap();
    let ids = (1..=40).map(|number| Mention {
        name: format!("id{number}"),
        line: number,
    });
    let values = KnownValues {
        unknown: Some((ids.collect(), "it is away".to_owned())),
        age: Some(7),
        ..KnownValues::default()
    };
    let found = Checks::of(&rego).findings(&policy, &values).unwrap();
    assert_eq!(found.warnings.len(), 2, "{found:?}");
    assert!(
        found.warnings[0].contains("could not be checked, for it is away; set the policy again"),
        "{found:?}"
    );
    assert!(found.warnings[1].ends_with(", id39, id40"), "{found:?}");
    assert_eq!(found.notes.len(), 1, "{found:?}");
    assert!(found.notes[0].contains("7 s"), "{found:?}");
}

#[test]
fn a_name_with_control_characters_makes_no_second_line() {
    let found = doubts(
        &format!("{GOOD}a if query_reference_value(\"a\\nline 9: b\")\n"),
        &[],
    );
    assert_eq!(found.len(), 1);
    assert!(!found[0].contains('\n'), "{found:?}");
}

#[test]
fn a_claim_that_no_verifier_gives_is_named_with_the_nearest_one() {
    for (path, near) in [
        ("input.sevsnp.measurement", "; did you mean `snp`?"),
        ("input.snp.measurment", "; did you mean `input.snp.measurement`?"),
        (
            "input.tdx.quote.body.rtmr1",
            "; did you mean `input.tdx.quote.body.rtmr_1`?",
        ),
        (
            "input[\"az-snp-vtpm\"].tpm.pcr_11",
            "; did you mean `input[\"az-snp-vtpm\"].tpm.pcr11`?",
        ),
        (
            "input.sgx.body[\"attributes.xfrn\"]",
            "; did you mean `input.sgx.body[\"attributes.xfrm\"]`?",
        ),
        ("input.snp.elephants", ""),
        (
            "input.tdx.uefi_event_log",
            "; did you mean `input.tdx.uefi_event_logs`?",
        ),
        (
            "input.tdx.uefi_event_logs[_].digest",
            "; did you mean `input.tdx.uefi_event_logs[_].digests`?",
        ),
        (
            "input.tdx.uefi_event_logs[_].details.sting",
            "; did you mean `input.tdx.uefi_event_logs[_].details.string`?",
        ),
        (
            "input.csv.uefi_event_logs[_].details.device_pats",
            "; did you mean `input.csv.uefi_event_logs[_].details.device_paths`?",
        ),
        (
            "object.get(input.snp, \"mesurement\", 0)",
            "; did you mean `input.snp.measurement`?",
        ),
        (
            "object.get(input, [\"snp\", \"mesurement\"], 0)",
            "; did you mean `input.snp.measurement`?",
        ),
    ] {
        let found = doubts(&format!("{GOOD}a if {path} == 1\n"), &[]);
        assert_eq!(found.len(), 1, "{path}: {found:?}");
        assert!(
            found[0].starts_with("line 4: no verifier gives the claim `input"),
            "{found:?}"
        );
        assert!(
            found[0].ends_with(&format!("always undefined{near}")),
            "{found:?}"
        );
    }
}

#[test]
fn the_claims_of_devices_and_of_other_services_verifiers_are_known_too() {
    for (path, near) in [
        (
            "input.nvidia.config.driver_verson",
            "did you mean `input.nvidia.config.driver_version`?",
        ),
        ("input.nvidia.dbgstate", "did you mean `input.nvidia.dbgstat`?"),
        ("input.se.image_phk", "did you mean `input.se.image_phkh`?"),
        (
            "input.hygondcu.body.measurement",
            "did you mean `input.hygondcu.body.measure`?",
        ),
        (
            "input[\"nvidia-dpu\"].serial",
            "did you mean `input[\"nvidia-dpu\"].device_serial`?",
        ),
    ] {
        let found = doubts(&format!("{GOOD}a if {path} == 1\n"), &[]);
        assert_eq!(found.len(), 1, "{path}: {found:?}");
        assert!(found[0].ends_with(near), "{found:?}");
    }
    for (path, known) in [
        (
            "input.nvidia[\"x-nvidia-gpu-vbios-versoin\"]",
            "input.nvidia[\"x-nvidia-gpu-vbios-version\"]",
        ),
        (
            "input.nvidia[\"x-nvidia-gpu-arch-chek\"]",
            "input.nvidia[\"x-nvidia-gpu-arch-check\"]",
        ),
        (
            "input.nvidia[\"x-nvidia-gpu-vbios-rim-cert-chain\"][\"x-nvidia-cert-statos\"]",
            "input.nvidia[\"x-nvidia-gpu-vbios-rim-cert-chain\"][\"x-nvidia-cert-status\"]",
        ),
        (
            "input[\"az-snp-vtpm\"].vm_configuration[\"secure-bot\"]",
            "input[\"az-snp-vtpm\"].vm_configuration[\"secure-boot\"]",
        ),
    ] {
        let found = doubts(&format!("{GOOD}a if {path} == 1\n"), &[]);
        let said =
            format!("line 4: no verifier is known to give the claim `{path}`; did you mean `{known}`?");
        assert_eq!(found, [said]);
    }
    for path in [
        "input[\"az-snp-vtpm\"].vm_configuration[\"secure-launch\"]",
        "input.nvidia[\"x-nvidia-gpu-driver-version\"]",
        "input.nvidia[\"x-nvidia-attestation-detailed-result\"].anything",
        "input.nvidia.measurements[\"9\"]",
        "input.nvidia.gpu_count",
        "input.se.attestation_phkh",
        "input.hygondcu.body.chip_id",
    ] {
        assert_eq!(
            doubts(&format!("{GOOD}a if {path} == 1\n"), &[]),
            [""; 0],
            "{path}"
        );
    }
}

#[test]
fn that_a_tee_is_not_verified_here_is_noted_once_and_no_reason_to_refuse() {
    let rego = format!(
        "{GOOD}a if input.se.tag == \"1\"\nb if input.se.cuid == \"2\"\nc if input[\"nvidia-dpu\"].device_class == 1\n"
    );
    let found = findings(&rego, &[]);
    assert_eq!(found.warnings, [""; 0]);
    assert_eq!(
        found.notes,
        [
            "line 4: no verifier of this Attestation Service gives `input.se`, the claims of IBM Secure Execution: here \
             it is always undefined (docs/tees/se.md)",
            "line 6: no verifier of this Attestation Service gives `input[\"nvidia-dpu\"]`, the claims of NVIDIA's \
             BlueField DPU: here it is always undefined (docs/tees/nvidia-dpu.md)",
        ]
    );
}

#[test]
fn a_slip_in_the_name_of_an_init_data_claim_is_found_and_a_name_of_the_owners_own_is_not() {
    for (path, near) in [
        (
            "input.init_data_claims[\"cdh.tml\"].kbc",
            "input.init_data_claims[\"cdh.toml\"]",
        ),
        (
            "input.init_data_claims.cdh.toml",
            "input.init_data_claims[\"cdh.toml\"]",
        ),
        (
            "input.init_data_claims.agent_policy_claim.containers",
            "input.init_data_claims.agent_policy_claims",
        ),
        ("input.init_data.containers", "input.init_data_claims"),
        ("input.report_data.nonce", "input.runtime_data_claims"),
    ] {
        let found = doubts(&format!("{GOOD}a if {path} == 1\n"), &[]);
        assert_eq!(found.len(), 1, "{path}: {found:?}");
        assert!(
            found[0].ends_with(&format!("did you mean `{near}`?")),
            "{found:?}"
        );
    }
    for path in [
        "input.init_data_claims[\"cdh.toml\"].kbc.url",
        "input.init_data_claims[\"policy.rego\"]",
        "input.init_data_claims.workload",
        "input.init_data_claims[_].x",
        "input.runtime_data_claims.anything",
        "input.init_data",
    ] {
        assert_eq!(
            doubts(&format!("{GOOD}a if {path} == \"1\"\n"), &[]),
            [""; 0],
            "{path}"
        );
    }
}

#[test]
fn a_member_of_what_has_no_members_is_found() {
    let found = doubts(&format!("{GOOD}a if input.snp.measurement.x\n"), &[]);
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn a_value_that_is_not_registered_is_named_with_the_nearest_one_that_is_or_is_shipped() {
    let asks = |id: &str| format!("{GOOD}a if input.snp.measurement in query_reference_value(\"{id}\")\n");
    assert_eq!(
        doubts(&asks("my_measurment"), &["my_measurement"]),
        ["line 4: the reference value `my_measurment` is not registered: did you mean `my_measurement`?"]
    );
    assert_eq!(
        doubts(&asks("snp_lauch_measurement"), &[]),
        [
            "line 4: the reference value `snp_lauch_measurement` is not registered: did you mean `snp_launch_measurement`?"
        ]
    );
    assert_eq!(
        doubts(&asks("elephants"), &["my_measurement"]),
        ["these reference values are not registered, so nothing will match them: elephants"]
    );
}

#[test]
fn the_shipped_policies_read_nothing_that_is_not_there() {
    for (id, rego) in defaults::ATTESTATION {
        let policy = AppraisalPolicy::compile(rego).unwrap();
        let found = Checks::of(rego)
            .findings(&policy, &KnownValues::default())
            .unwrap();
        assert_eq!(found.warnings, [""; 0], "{id}");
    }
}

#[test]
fn an_order_between_a_claim_and_the_text_of_a_number_is_found() {
    let rule = |condition: &str| format!("trust_claims := {{\"hardware\": 2}} if {condition}\n");
    let found = doubts(&rule("input.snp.reported_tcb_snp < \"1\""), &[]);
    assert_eq!(
        found,
        [
            "line 3: `input.snp.reported_tcb_snp < \"1\"` compares with a text, and every number comes before every text, \
             so it says nothing of a number: write 1 without quotes"
        ]
    );
    // Dates are texts that have an order.
    let dated = rule("input.tdx.tcb_date >= \"2024-03-13T00:00:00Z\"");
    assert_eq!(doubts(&dated, &[]), [""; 0]);
}
