//! The default policy for CPU TEEs.

use super::*;

const GOOD: (i8, i8, i8, TrustTier) = (3, 2, 2, TrustTier::Affirming);

pub(crate) fn snp() -> (Json, Json) {
    let input = json!({
        "init_data": "00".repeat(32), "init_data_claims": null, "report_data": "11".repeat(64),
        "runtime_data_claims": {"nonce": "bm9uY2U=", "tee-pubkey": {"kty": "EC"}},
        "snp": {
            "policy_abi_major": 0, "policy_abi_minor": 0, "policy_smt_allowed": true, "policy_migrate_ma": false,
            "policy_debug_allowed": false, "policy_single_socket": false, "reported_tcb_bootloader": 9,
            "reported_tcb_tee": 0, "reported_tcb_snp": 23, "reported_tcb_microcode": 72,
            "platform_tsme_enabled": true, "platform_smt_enabled": true, "measurement": "ab".repeat(48),
            "chip_id": "cd".repeat(64),
        },
    });
    let reference = json!({
        "snp_launch_measurement": ["ee".repeat(48), "ab".repeat(48)], "snp_bootloader": [9], "snp_microcode": [72],
        "snp_snp_svn": [22, 23], "snp_tee_svn": [0], "snp_smt_enabled": true, "snp_tsme_enabled": [true],
        "snp_guest_abi_major": 0, "snp_guest_abi_minor": [0], "snp_single_socket": false, "snp_smt_allowed": [true],
    });
    (input, reference)
}

fn sample() -> (Json, Json) {
    let claims = json!({"svn": "1", "launch_digest": "abcde", "platform_version": {"major": 1, "minor": 4},
        "debug": false});
    let reference =
        json!({"launch_digest": ["abcde"], "svn": ["1"], "major_version": 1, "minimum_minor_version": 4});
    (
        json!({"report_data": "", "runtime_data_claims": null, "sample": claims}),
        reference,
    )
}

fn tdx_claims() -> Json {
    json!({
        "quote": {
            "header": {"tee_type": "81000000", "vendor_id": "939a7233f79c4ca9940a0db3957f0607"},
            "body": {"mr_td": "a1", "xfam": "e700", "rtmr_1": "b1", "rtmr_2": "b2"},
        },
        "td_attributes": {"debug": false, "septve_disable": true},
        "tcb_status": "UpToDate", "collateral_expiration_status": "0",
        "uefi_event_logs": [
            {"type_name": "EV_SEPARATOR", "details": {}, "digests": [{"alg": "SHA-384", "digest": "k1"}]},
            {"type_name": "EV_EFI_BOOT_SERVICES_APPLICATION", "details": {"device_paths": ["File(kernel)"]},
                "digests": [{"alg": "SHA-384", "digest": "k1"}]},
            {"type_name": "EV_EVENT_TAG", "details": {"string": "LOADED_IMAGE::LoadOptions"},
                "digests": [{"alg": "SHA-384", "digest": "p1"}]},
        ],
    })
}

fn tdx() -> (Json, Json) {
    let reference = json!({"mr_td": ["a1"], "xfam": ["e700"], "rtmr_1": ["b1"], "rtmr_2": ["b2"],
        "tdvfkernel": "k1", "tdvfkernelparams": ["p1"]});
    (json!({"tdx": tdx_claims()}), reference)
}

fn az_tdx() -> (Json, Json) {
    let mut claims = tdx_claims();
    claims["tpm"] = registers();
    claims.as_object_mut().unwrap().remove("uefi_event_logs");
    claims["quote"]["body"] = json!({"mr_td": "a1", "xfam": "e700"});
    (
        json!({"az-tdx-vtpm": claims}),
        json!({"mr_td": "a1", "xfam": "e700", "tdx_pcr04": "e4", "tdx_pcr11": ["f0"], "tdx_pcr13": ["d3"]}),
    )
}

/// Of a TPM below which a recognised image runs, with a known system extension.
fn registers() -> Json {
    json!({"pcr04": "e4", "pcr11": "f0", "pcr12": NEVER_EXTENDED, "pcr13": "d3"})
}

const NEVER_EXTENDED: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn az_snp() -> (Json, Json) {
    let claims = json!({
        "policy_abi_major": "0", "policy_abi_minor": "31", "policy_smt_allowed": "true", "policy_migrate_ma": "false",
        "policy_debug_allowed": "false", "policy_single_socket": "false", "reported_tcb_bootloader": "3",
        "reported_tcb_tee": "0", "reported_tcb_snp": "8", "reported_tcb_microcode": "115",
        "platform_tsme_enabled": "false", "platform_smt_enabled": "true", "measurement": "bWVhcw==",
        "tpm": registers(),
    });
    let reference = json!({
        "measurement": ["bWVhcw=="], "snp_pcr04": "e4", "snp_pcr11": ["f0"],
        "snp_pcr13": ["d3"], "tcb_bootloader": ["3"], "tcb_microcode": ["115"],
        "tcb_snp": ["8"], "tcb_tee": ["0"], "smt_enabled": ["true"], "tsme_enabled": ["false"], "abi_major": ["0"],
        "abi_minor": ["31"], "single_socket": ["false"], "smt_allowed": ["true"],
    });
    (json!({"az-snp-vtpm": claims}), reference)
}

fn cca() -> (Json, Json) {
    let claims = json!({
        "platform": {
            "cca-platform-lifecycle-state": "secured", "cca-platform-implementation-id": "aW1wbA==",
            "cca-platform-config": "z8/Pzw==",
        },
        "realm": {"cca-realm-initial-measurement": "cmlt"},
        "appraisal": {"realm": {"executables": 2}},
    });
    let reference = json!({
        "cca_realm_initial_measurement": ["cmlt"], "cca_platform_implementation_id": ["b3RoZXI=", "aW1wbA=="],
        "cca_platform_config": "z8/Pzw==",
    });
    (json!({"cca": claims}), reference)
}

fn csv() -> (Json, Json) {
    let claims = json!({"policy": {"nodbg": 1, "es": 1, "nosend": 1}, "measure": "ab".repeat(32)});
    (
        json!({"csv": claims}),
        json!({"csv_launch_measurement": ["ab".repeat(32)]}),
    )
}

fn sgx() -> (Json, Json) {
    let claims = json!({
        "header": {"vendor_id": "939a7233f79c4ca9940a0db3957f0607"},
        "body": {"mr_enclave": "ab".repeat(32), "attributes.xfrm": "0700000000000000"},
        "debug": false, "tcb_status": "UpToDate", "collateral_expiration_status": "0",
    });
    let reference = json!({"sgx_mr_enclave": ["ab".repeat(32)], "sgx_xfrm": ["0700000000000000"]});
    (json!({"sgx": claims}), reference)
}

/// A good sample of each TEE that has a claim which says whether it is in debug mode.
fn samples_with_a_flag() -> Vec<(&'static str, Json, Json)> {
    [snp(), sample(), tdx(), az_tdx(), az_snp(), sgx()]
        .into_iter()
        .map(|(i, r)| ("cpu", i, r))
        .collect()
}

/// A good sample of each TEE.
pub(crate) fn samples() -> Vec<(&'static str, Json, Json)> {
    let others = [cca(), csv()].into_iter().map(|(i, r)| ("cpu", i, r));
    samples_with_a_flag().into_iter().chain(others).collect()
}

#[test]
fn good_sample_of_each_tee_is_affirming() {
    for (class, input, reference) in samples() {
        assert_eq!(verdict(class, &input, &reference), GOOD, "{input}");
    }
}

#[test]
fn without_reference_values_no_tee_is_affirming() {
    for (class, input, _) in samples() {
        let (executables, hardware, _, tier) = verdict(class, &input, &json!({}));
        assert_eq!(
            (executables, hardware, tier),
            (33, 97, TrustTier::Contraindicated),
            "{input}"
        );
    }
}

#[test]
fn each_reference_value_matters() {
    for (class, input, reference) in samples() {
        for id in reference.as_object().unwrap().keys() {
            for other in [
                None,
                Some(json!(null)),
                Some(json!([])),
                Some(json!([null])),
                Some(json!("other")),
            ] {
                let mut changed = reference.clone();
                match other {
                    None => drop(changed.as_object_mut().unwrap().remove(id)),
                    Some(other) => changed[id] = other,
                }
                assert_ne!(verdict(class, &input, &changed), GOOD, "{id} in {changed}");
            }
        }
    }
}

#[test]
fn each_claim_that_the_policy_names_matters() {
    let unused = [
        "chip_id",
        "septve",
        "uefi_event_logs/0",
        "_data",
        "/alg",
        "/nonce",
        "/kty",
    ];
    for (class, input, reference) in samples() {
        let mut pointers = Vec::new();
        leaves(&input, String::new(), &mut pointers);
        for pointer in pointers
            .iter()
            .filter(|pointer| !unused.iter().any(|part| pointer.contains(part)))
        {
            for other in [json!(null), json!({}), json!("other"), json!([])] {
                let mut changed = input.clone();
                *changed.pointer_mut(pointer).unwrap() = other;
                assert_ne!(
                    verdict(class, &changed, &reference),
                    GOOD,
                    "{pointer} in {changed}"
                );
            }
        }
    }
}

#[test]
fn null_equals_nothing() {
    let (mut input, mut reference) = snp();
    input["snp"]["policy_abi_major"] = json!(null);
    reference["snp_guest_abi_major"] = json!(null);
    input["snp"]["measurement"] = json!(null);
    reference["snp_launch_measurement"] = json!([null]);
    let (executables, _, configuration, _) = verdict("cpu", &input, &reference);
    assert_eq!((executables, configuration), (33, 3));
}

#[test]
fn debug_is_never_affirming_and_contraindicated() {
    for (class, input, reference) in samples_with_a_flag() {
        let mut pointers = Vec::new();
        leaves(&input, String::new(), &mut pointers);
        let debug = pointers.iter().find(|pointer| pointer.contains("debug")).unwrap();
        let with = |value: Json| {
            let mut changed = input.clone();
            *changed.pointer_mut(debug).unwrap() = value;
            verdict(class, &changed, &reference)
        };
        let on = if input.get("az-snp-vtpm").is_some() {
            json!("true")
        } else {
            json!(true)
        };
        assert_eq!(with(on), (33, 97, 96, TrustTier::Contraindicated), "{input}");
        for odd in [
            json!(null),
            json!(0),
            json!(""),
            json!("no"),
            json!("False"),
            json!([false]),
        ] {
            assert_eq!(
                with(odd.clone()),
                (33, 97, 36, TrustTier::Contraindicated),
                "{odd} in {input}"
            );
        }
    }
}

#[test]
fn a_realm_on_a_platform_that_is_not_secured_is_contraindicated() {
    for (state, configuration) in [
        ("non-platform-rot-debug", 96),
        ("recoverable-platform-rot-debug", 96),
        ("assembly-and-test", 36),
        ("decommissioned", 36),
        ("unknown", 36),
    ] {
        let (mut input, reference) = cca();
        input["cca"]["platform"]["cca-platform-lifecycle-state"] = json!(state);
        assert_eq!(
            verdict("cpu", &input, &reference),
            (33, 97, configuration, TrustTier::Contraindicated),
            "{state}"
        );
    }
}

#[test]
fn a_realm_that_was_changed_since_it_started_is_contraindicated() {
    for (executables, affirming) in [(2, true), (3, true), (-97, true), (96, false), (33, false)] {
        let (mut input, reference) = cca();
        input["cca"]["appraisal"]["realm"]["executables"] = json!(executables);
        let verdict = verdict("cpu", &input, &reference);
        assert_eq!(verdict == GOOD, affirming, "{executables}: {verdict:?}");
    }
}

#[test]
fn a_csv_guest_whose_registers_the_host_sees_or_that_may_be_sent_away_has_no_approved_configuration() {
    for bit in ["es", "nosend"] {
        for value in [json!(0), json!(null), json!("1")] {
            let (mut input, reference) = csv();
            input["csv"]["policy"][bit] = value;
            assert_eq!(
                verdict("cpu", &input, &reference),
                (3, 2, 36, TrustTier::Warning),
                "{bit}"
            );
        }
    }
}

#[test]
fn a_csv_guest_that_may_be_debugged_is_contraindicated() {
    let (mut input, reference) = csv();
    input["csv"]["policy"]["nodbg"] = json!(0);
    assert_eq!(
        verdict("cpu", &input, &reference),
        (33, 97, 96, TrustTier::Contraindicated)
    );
}

#[test]
fn snp_guest_that_may_migrate_or_has_another_vmpl_is_not_affirming() {
    let (mut input, reference) = snp();
    input["snp"]["policy_migrate_ma"] = json!(true);
    assert_eq!(verdict("cpu", &input, &reference), (3, 2, 36, TrustTier::Warning));
    let (mut input, reference) = snp();
    for vmpl in [json!(1), json!(3), json!(null), json!("0")] {
        input["snp"]["vmpl"] = vmpl;
        assert_eq!(
            verdict("cpu", &input, &reference),
            (33, 97, 36, TrustTier::Contraindicated)
        );
    }
    input["snp"]["vmpl"] = json!(0);
    assert_eq!(verdict("cpu", &input, &reference), GOOD);
}

#[test]
fn snp_configuration_is_three_without_its_reference_values() {
    let (input, mut reference) = snp();
    reference.as_object_mut().unwrap().remove("snp_smt_enabled");
    assert_eq!(
        verdict("cpu", &input, &reference),
        (3, 2, 3, TrustTier::Affirming)
    );
}

#[test]
fn tdx_boot_without_a_kernel_in_the_log_is_four() {
    let (mut input, reference) = tdx();
    input["tdx"]["uefi_event_logs"] = json!([]);
    assert_eq!(
        verdict("cpu", &input, &reference),
        (4, 2, 2, TrustTier::Affirming)
    );
    input["tdx"].as_object_mut().unwrap().remove("uefi_event_logs");
    assert_eq!(
        verdict("cpu", &input, &reference),
        (4, 2, 2, TrustTier::Affirming)
    );
}

#[test]
fn tdx_of_any_other_tcb_status_is_contraindicated() {
    for status in [
        "OutOfDate",
        "ConfigurationNeeded",
        "SWHardeningNeeded",
        "Revoked",
        "TDRelaunchAdvised",
        "",
    ] {
        for (mut input, reference) in [tdx(), az_tdx()] {
            let tee = input.as_object().unwrap().keys().next().unwrap().clone();
            input[&tee]["tcb_status"] = json!(status);
            assert_eq!(
                verdict("cpu", &input, &reference),
                (3, 97, 2, TrustTier::Contraindicated),
                "{status}"
            );
        }
    }
}

#[test]
fn sample_with_an_older_minor_version_is_contraindicated() {
    let (mut input, reference) = sample();
    for (minor, hardware) in [
        (json!(5), 2),
        (json!(4), 2),
        (json!(3), 97),
        (json!("9"), 97),
        (json!(null), 97),
    ] {
        input["sample"]["platform_version"]["minor"] = minor.clone();
        assert_eq!(verdict("cpu", &input, &reference).1, hardware, "{minor}");
    }
}

fn tpm() -> (Json, Json) {
    let mut claims = registers();
    claims["ak_public"] = json!("key");
    claims["pcr00"] = json!("e0");
    let reference = json!({"trusted_aks": ["key"], "tpm_pcr00": ["e0"], "tpm_pcr04": ["e4"], "tpm_pcr11": ["f0"],
        "tpm_pcr13": ["d3"]});
    (json!({"tpm": claims}), reference)
}

#[test]
fn tpm_is_trusted_through_its_key_only() {
    let (input, mut reference) = tpm();
    assert_eq!(
        verdict("cpu", &input, &reference),
        (3, 2, 0, TrustTier::Affirming)
    );
    reference["trusted_aks"] = json!(["other"]);
    assert_eq!(
        verdict("cpu", &input, &reference),
        (33, 97, 36, TrustTier::Contraindicated)
    );
}

#[test]
fn below_a_tpm_no_register_of_the_boot_may_be_unknown() {
    for (mut input, reference) in [az_snp(), az_tdx(), tpm()] {
        let tee = input.as_object().unwrap().keys().next().unwrap().clone();
        let bare = tee == "tpm";
        let pointer = |register: &str| match bare {
            true => format!("/tpm/{register}"),
            false => format!("/{tee}/tpm/{register}"),
        };
        let executables = |input: &Json| verdict("cpu", input, &reference).0;
        assert_eq!(executables(&input), 3, "{tee}");
        for register in ["pcr04", "pcr11", "pcr12", "pcr13"]
            .into_iter()
            .chain(bare.then_some("pcr00"))
        {
            let place = input.pointer_mut(&pointer(register)).unwrap();
            let good = std::mem::replace(place, json!("ab".repeat(32)));
            assert_eq!(executables(&input), 33, "{register} of {tee}");
            *input.pointer_mut(&pointer(register)).unwrap() = good;
        }
    }
}

#[test]
fn below_a_tpm_a_command_line_beside_the_image_is_none_or_a_known_one() {
    for (mut input, mut reference) in [az_snp(), az_tdx(), tpm()] {
        let tee = input.as_object().unwrap().keys().next().unwrap().clone();
        let (pointer, id) = match tee.as_str() {
            "tpm" => ("/tpm/pcr12".to_owned(), "tpm_pcr12"),
            "az-snp-vtpm" => (format!("/{tee}/tpm/pcr12"), "snp_pcr12"),
            _ => (format!("/{tee}/tpm/pcr12"), "tdx_pcr12"),
        };
        *input.pointer_mut(&pointer).unwrap() = json!("c0");
        assert_eq!(verdict("cpu", &input, &reference).0, 33, "{tee}");
        reference[id] = json!(["c0"]);
        assert_eq!(verdict("cpu", &input, &reference).0, 3, "{tee}");
    }
}

#[test]
fn secure_execution_is_affirming_with_all_its_measured_claims() {
    let claims = json!({"cuid": "c", "tag": "t", "image_phkh": "i", "attestation_phkh": "a", "version": 256});
    assert_eq!(verdict("cpu", &json!({"se": claims}), &json!({})), GOOD);
    for name in ["cuid", "tag", "image_phkh", "attestation_phkh"] {
        let mut changed = claims.clone();
        changed[name] = json!("");
        assert_eq!(
            verdict("cpu", &json!({"se": changed}), &json!({})).3,
            TrustTier::Contraindicated,
            "{name}"
        );
    }
}

#[test]
fn tee_without_rules_is_contraindicated() {
    for input in [
        json!({}),
        json!({"sgx": {"body": {}}}),
        json!({"csv": {"policy": {"nodbg": 1}}}),
        json!({"cca": {"realm": {}}}),
        json!({"hygondcu": {}}),
        json!({"sampledevice": {"svn": "2"}}),
        json!({"nvidia": {}}),
        json!({"unheard-of": {"debug": false}}),
        json!(null),
        json!([1]),
        json!("snp"),
    ] {
        let expected = (33, 97, 36, TrustTier::Contraindicated);
        assert_eq!(verdict("cpu", &input, &snp().1), expected, "{input}");
    }
}

#[test]
fn identifiers_come_from_the_init_data() {
    let identifiers = |input: &Json| {
        let appraisal = appraise(default_policy("cpu"), input, &json!({})).unwrap();
        let [only] = appraisal.extensions.as_slice() else {
            panic!("{:?}", appraisal.extensions)
        };
        assert_eq!((only.name.as_str(), only.key), ("ear.trustee.identifiers", -18));
        only.value.clone()
    };
    assert_eq!(identifiers(&sample().0), json!({"validated": {}}));
    let container = |image: &str, uid: u32| json!({"OCI": {"Annotations": {"io.kubernetes.cri.image-name": image}, "Process": {"User": {"UID": uid}}}});
    let mut input = sample().0;
    input["init_data_claims"] = json!({"agent_policy_claims": {"containers": [container("pause", 65535), container("nginx", 0), {}]}});
    assert_eq!(
        identifiers(&input),
        json!({"validated": {"container_images": ["pause", "nginx"], "container_uids": [65535, 0]}})
    );
}

#[test]
fn default_policy_asks_for_eleven_values_on_snp() {
    let (input, reference) = snp();
    let appraisal = appraise(default_policy("cpu"), &input, &reference).unwrap();
    assert_eq!(appraisal.asked.len(), 11);
    assert!(
        appraisal
            .asked
            .iter()
            .all(|asked| asked.known && asked.id.starts_with("snp_"))
    );
}
