use super::*;

fn doubts(rego: &str, registered: &[&str]) -> Vec<String> {
    let rego = format!("package policy\nimport rego.v1\n{rego}");
    let policy = AppraisalPolicy::compile(&rego).unwrap();
    let checks = Checks::of(&rego);
    let registered: Vec<String> = registered.iter().map(ToString::to_string).collect();
    let unregistered: Vec<_> = checks
        .reference_ids()
        .filter(|id| !registered.contains(&id.name))
        .collect();
    checks.doubts(&policy, &unregistered, &registered)
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
    for rule in ["\"x\"", "{\"hardware\": 1000}", "{}", "{\"hardware\": \"2\"}"] {
        let found = doubts(&format!("trust_claims := {rule}\n"), &[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("there will be no token"), "{found:?}");
    }
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
    for path in [
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
        let found = Checks::of(rego).doubts(&policy, &[], &[]);
        assert_eq!(found, [""; 0], "{id}");
    }
}
