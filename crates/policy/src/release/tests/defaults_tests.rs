//! The release policies that come with the product.

use super::*;

/// Evidence of each TEE that is not in debug mode, and where it says so.
fn not_in_debug_mode() -> Vec<(Json, &'static str)> {
    vec![
        (snp(), "/snp/policy_debug_allowed"),
        (
            json!({"az-snp-vtpm": {"policy_debug_allowed": "false"}}),
            "/az-snp-vtpm/policy_debug_allowed",
        ),
        (
            json!({"az-snp-vtpm": {"policy_debug_allowed": false}}),
            "/az-snp-vtpm/policy_debug_allowed",
        ),
        (
            json!({"tdx": {"td_attributes": {"debug": false}}}),
            "/tdx/td_attributes/debug",
        ),
        (
            json!({"az-tdx-vtpm": {"td_attributes": {"debug": false}}}),
            "/az-tdx-vtpm/td_attributes/debug",
        ),
        (
            json!({"sgx": {"body": {"attributes.flags": "0500000000000000"}}}),
            "/sgx/body/attributes.flags",
        ),
        (
            json!({"csv": {"version": "2", "policy": {"nodbg": 1}}}),
            "/csv/policy/nodbg",
        ),
        (
            json!({"csv": {"version": "1", "policy": {"nodbg": 1}}}),
            "/csv/policy/nodbg",
        ),
        (
            json!({"cca": {"platform": {"cca-platform-lifecycle": 0x3003}}}),
            "/cca/platform/cca-platform-lifecycle",
        ),
        (json!({"se": {"tag": "t"}}), "/se/tag"),
    ]
}

fn default_grants(claims: &Json) -> bool {
    ask(defaults::DEFAULT, claims, "a/b/c")
}

#[test]
fn default_releases_to_any_tee_that_is_not_in_debug_mode() {
    for (evidence, _) in not_in_debug_mode() {
        for status in ["affirming", "none", "warning", "contraindicated"] {
            assert!(default_grants(&claims(status, &evidence)), "{evidence}");
        }
    }
}

#[test]
fn default_refuses_debug_mode_and_evidence_that_does_not_say() {
    for (evidence, pointer) in not_in_debug_mode() {
        for odd in [
            json!(true),
            json!("true"),
            json!(null),
            json!(0),
            json!("0700000000000000"),
            json!(""),
        ] {
            if matches!(pointer, "/se/tag") && odd.is_string() {
                continue;
            }
            let mut changed = evidence.clone();
            *changed.pointer_mut(pointer).unwrap() = odd;
            assert!(!default_grants(&claims("affirming", &changed)), "{changed}");
        }
        let mut changed = evidence.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        changed
            .pointer_mut(parent)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(name);
        assert!(!default_grants(&claims("affirming", &changed)), "{changed}");
    }
}

#[test]
fn default_releases_to_secured_cca_platforms_only() {
    for (lifecycle, granted) in [
        (0x0000, false),
        (0x1000, false),
        (0x2000, false),
        (0x2fff, false),
        (0x3000, true),
        (0x30ff, true),
        (0x3100, false),
        (0x4000, false),
        (0x5000, false),
        (0x6000, false),
    ] {
        let evidence = json!({"cca": {"platform": {"cca-platform-lifecycle": lifecycle}, "realm": {}}});
        let claims = claims("affirming", &evidence);
        assert_eq!(default_grants(&claims), granted, "{lifecycle:#x}");
    }
}

#[test]
fn default_believes_a_csv_report_with_a_mask_only_beside_a_known_measurement() {
    let mut masked = claims(
        "affirming",
        &json!({"csv": {"version": "1", "policy": {"nodbg": 1}}}),
    );
    assert!(default_grants(&masked));
    for hardware in [json!(97), json!(0), json!(null), json!("2")] {
        masked["submods"]["cpu0"]["ear.trustworthiness-vector"]["hardware"] = hardware;
        assert!(!default_grants(&masked), "{masked}");
        masked["submods"]["cpu0"]["ear.veraison.annotated-evidence"]["csv"]["version"] = json!("2");
        assert!(default_grants(&masked), "{masked}");
        masked["submods"]["cpu0"]["ear.veraison.annotated-evidence"]["csv"]["version"] = json!("1");
    }
}

#[test]
fn default_knows_the_debug_bit_of_sgx() {
    for (flags, granted) in [
        ("0500000000000000", true),
        ("e500000000000000", true),
        ("0700000000000000", false),
        ("0200000000000000", false),
        ("0f00000000000000", false),
        ("0500000000000000\n", false),
        ("050000000000000000", false),
        ("05", false),
        ("0X00000000000000", false),
    ] {
        let evidence = json!({"sgx": {"body": {"attributes.flags": flags}}});
        assert_eq!(
            default_grants(&claims("affirming", &evidence)),
            granted,
            "{flags:?}"
        );
    }
}

#[test]
fn default_refuses_sample_and_unknown_evidence() {
    for evidence in [
        json!({"sample": {"svn": "1", "debug": false}}),
        json!({"sample": {"debug": false}, "snp": {"policy_debug_allowed": false}}),
        json!({"sampledevice": {"svn": "2"}}),
        json!({"unheard-of": {"debug": false}}),
        json!({"hygondcu": {}}),
        json!({}),
        json!(null),
        json!("snp"),
    ] {
        assert!(!default_grants(&claims("affirming", &evidence)), "{evidence}");
    }
}

#[test]
fn default_takes_a_tpm_only_with_a_known_key() {
    let mut with_tpm = claims("affirming", &json!({"tpm": {"ak_public": "k"}}));
    assert!(default_grants(&with_tpm));
    for hardware in [json!(97), json!(0), json!(null), json!("2")] {
        with_tpm["submods"]["cpu0"]["ear.trustworthiness-vector"]["hardware"] = hardware;
        assert!(!default_grants(&with_tpm), "{with_tpm}");
    }
}

#[test]
fn default_refuses_without_cpu0() {
    let good = claims("affirming", &snp());
    let cpu = &good["submods"]["cpu0"];
    for other in [
        json!({}),
        json!({"submods": {}}),
        json!({"submods": null}),
        json!({"submods": {"cpu": cpu}}),
        json!({"submods": {"cpu1": cpu}}),
        json!({"submods": {"gpu0": cpu}}),
        json!({"submods": [cpu]}),
        json!({"cpu0": cpu}),
        json!([]),
        json!(null),
    ] {
        assert!(!default_grants(&other), "{other}");
    }
}

#[test]
fn default_looks_at_every_part() {
    let with = |name: &str, evidence: Json| {
        let mut changed = claims("affirming", &snp());
        changed["submods"][name] = json!({"ear.veraison.annotated-evidence": evidence});
        default_grants(&changed)
    };
    assert!(with("gpu0", json!({"nvidia": {"dbgstat": "disabled"}})));
    assert!(!with("gpu0", json!({"nvidia": {"dbgstat": "enabled"}})));
    assert!(!with("gpu3", json!({"sampledevice": {"svn": "2"}})));
    // Two CPUs are one more than the policy can tell about.
    assert!(!with("cpu1", snp()));
}

#[test]
fn default_wants_to_know_of_each_nvidia_device_that_it_is_not_in_debug_mode() {
    let with = |nvidia: Json, vector: Json| {
        let mut changed = claims("affirming", &snp());
        changed["submods"]["gpu0"] = json!({"ear.veraison.annotated-evidence": {"nvidia": nvidia}});
        changed["submods"]["gpu0"]["ear.trustworthiness-vector"] = vector;
        default_grants(&changed)
    };
    let judged_here = json!({"arch": "Hopper", "measurements": {"1": "00"}});
    // What the policy for GPUs gives one that was judged here: its measurements known, or not.
    assert!(with(judged_here.clone(), json!({"configuration": 2})));
    for unknown in [
        json!({"configuration": 36}),
        json!({"configuration": 96}),
        json!({"configuration": "2"}),
        json!({"hardware": 2}),
        json!({}),
        json!(null),
    ] {
        assert!(!with(judged_here.clone(), unknown.clone()), "{unknown}");
    }
    // A protected PCIe group: each device speaks for itself.
    assert!(with(
        json!({"gpu_count": 8, "switch_count": 4}),
        json!({"configuration": 2})
    ));
    for dbgstat in [
        json!("enabled"),
        json!(""),
        json!(null),
        json!(false),
        json!(["disabled"]),
    ] {
        let said = json!({"dbgstat": dbgstat});
        assert!(!with(said.clone(), json!({"configuration": 2})), "{said}");
        assert!(!with(said.clone(), json!({"configuration": 36})), "{said}");
    }
    assert!(with(json!({"dbgstat": "disabled"}), json!({"configuration": 36})));
}

#[test]
fn default_and_allow_all_release_resources_only() {
    let good = claims("affirming", &snp());
    for plugin in ["", "Resource", "resource2", "pkcs11", "resource-policy"] {
        for rego in [defaults::DEFAULT, defaults::ALLOW_ALL] {
            assert!(!ask_plugin(rego, &good, plugin, "a/b/c").unwrap(), "{plugin}");
        }
    }
}

#[test]
fn affirming_wants_every_part_affirming() {
    let with = |statuses: &[(&str, &str)]| {
        let submods: serde_json::Map<_, _> = statuses
            .iter()
            .map(|(name, status)| ((*name).to_owned(), json!({"ear.status": status})))
            .collect();
        ask(defaults::AFFIRMING, &json!({"submods": submods}), "a/b/c")
    };
    assert!(with(&[("cpu0", "affirming")]));
    assert!(with(&[("cpu0", "affirming"), ("gpu0", "affirming")]));
    for others in [
        &[][..],
        &[("gpu0", "affirming")],
        &[("cpu", "affirming")],
        &[("cpu0", "none")],
        &[("cpu0", "warning")],
        &[("cpu0", "contraindicated")],
        &[("cpu0", "Affirming")],
        &[("cpu0", "affirming"), ("gpu0", "contraindicated")],
        &[("cpu0", "affirming"), ("gpu0", "none")],
        &[("cpu0", "warning"), ("gpu0", "affirming")],
    ] {
        assert!(!with(others), "{others:?}");
    }
    for odd in [
        json!({"submods": {"cpu0": {"ear.status": "affirming"}, "gpu0": {}}}),
        json!({"submods": {"cpu0": {"ear.status": "affirming"}, "gpu0": null}}),
        json!({"submods": {"cpu0": {}}}),
        json!({"submods": {"cpu0": null}}),
        json!({"submods": ["affirming"]}),
        json!({"ear.status": "affirming"}),
        json!({}),
    ] {
        assert!(!ask(defaults::AFFIRMING, &odd, "a/b/c"), "{odd}");
    }
}

#[test]
fn allow_all_and_deny_all_do_as_they_say() {
    for claims in [
        claims("contraindicated", &json!({"sample": {}})),
        json!({}),
        claims("affirming", &snp()),
    ] {
        assert!(ask(defaults::ALLOW_ALL, &claims, "a/b/c"));
        assert!(!ask(defaults::DENY_ALL, &claims, "a/b/c"));
    }
}
