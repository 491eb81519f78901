//! The default policies for devices.

use super::*;

mod manifests;

const CHECKS: [&str; 5] = [
    "fetched",
    "measurements-available",
    "schema-validated",
    "signature-verified",
    "version-match",
];

/// Claims as NVIDIA's remote attestation service words them.
fn device(kind: &str, manifests: &[&str]) -> Json {
    let chain = json!({"x-nvidia-cert-ocsp-status": "good", "x-nvidia-cert-status": "valid"});
    let mut claims =
        json!({"measres": "success", "secboot": true, "dbgstat": "disabled", "hwmodel": "GH100"});
    let report = format!("x-nvidia-{kind}-attestation-report");
    claims[format!("{report}-cert-chain")] = chain.clone();
    claims[format!("{report}-cert-chain-fwid-match")] = json!(true);
    claims[format!("{report}-parsed")] = json!(true);
    claims[format!("{report}-signature-verified")] = json!(true);
    claims[format!("x-nvidia-{kind}-arch-check")] = json!(true);
    for part in manifests {
        claims[format!("x-nvidia-{kind}-{part}-rim-cert-chain")] = chain.clone();
        for check in CHECKS {
            claims[format!("x-nvidia-{kind}-{part}-rim-{check}")] = json!(true);
        }
        claims[format!("x-nvidia-{kind}-{part}-version")] = json!(format!("{part} 1"));
    }
    json!({"nvidia": claims})
}

/// A good GPU, switch and protected PCIe group.
pub(super) fn samples() -> Vec<(&'static str, Json, Json)> {
    let gpu = json!({"allowed_vbios_versions": ["vbios 1"], "allowed_driver_versions": ["driver 1"]});
    let switch = json!({"allowed_switch_bios_versions": ["bios 0", "bios 1"]});
    vec![
        ("gpu", device("gpu", &["driver", "vbios"]), gpu),
        ("switch", device("switch", &["bios"]), switch),
        (
            "ppcie",
            json!({"nvidia": {"gpu_count": 8, "switch_count": 4}}),
            json!({}),
        ),
    ]
}

#[test]
fn good_devices_are_affirming() {
    for (class, input, reference) in samples() {
        let (executables, hardware) = if class == "ppcie" { (0, 0) } else { (3, 2) };
        let expected = (executables, hardware, 2, TrustTier::Affirming);
        assert_eq!(verdict(class, &input, &reference), expected, "{class}");
    }
}

#[test]
fn device_versions_need_reference_values() {
    for (class, input, reference) in samples().into_iter().take(2) {
        assert_eq!(
            verdict(class, &input, &json!({})),
            (3, 2, 3, TrustTier::Affirming),
            "{class}"
        );
        let good = verdict(class, &input, &reference);
        for id in reference.as_object().unwrap().keys() {
            let mut changed = reference.clone();
            changed[id] = json!([null, "other"]);
            assert_ne!(verdict(class, &input, &changed), good, "{id}");
        }
    }
}

#[test]
fn each_claim_of_a_device_matters() {
    for (class, input, reference) in samples() {
        let good = verdict(class, &input, &reference);
        let mut pointers = Vec::new();
        leaves(&input, String::new(), &mut pointers);
        for pointer in pointers.iter().filter(|pointer| !pointer.ends_with("hwmodel")) {
            for other in [json!(null), json!(false), json!("other"), json!([])] {
                let mut changed = input.clone();
                *changed.pointer_mut(pointer).unwrap() = other;
                assert_ne!(verdict(class, &changed, &reference), good, "{pointer}");
            }
        }
    }
}

#[test]
fn device_in_debug_mode_is_contraindicated() {
    for (class, mut input, reference) in samples().into_iter().take(2) {
        input["nvidia"]["dbgstat"] = json!("enabled");
        assert_eq!(
            verdict(class, &input, &reference),
            (33, 97, 96, TrustTier::Contraindicated),
            "{class}"
        );
        input["nvidia"].as_object_mut().unwrap().remove("dbgstat");
        assert_eq!(
            verdict(class, &input, &reference),
            (33, 97, 36, TrustTier::Contraindicated),
            "{class}"
        );
    }
}

#[test]
fn other_devices_are_contraindicated() {
    for (class, _, reference) in samples() {
        for input in [
            json!({}),
            json!({"sampledevice": {"svn": "2"}}),
            json!({"nvidia": {"arch": "Hopper"}}),
        ] {
            assert_eq!(
                verdict(class, &input, &reference).3,
                TrustTier::Contraindicated,
                "{class}: {input}"
            );
        }
    }
}

#[test]
fn device_whose_overall_result_is_bad_is_not_affirming() {
    for (class, mut input, reference) in samples().into_iter().take(2) {
        input["nvidia"]["x-nvidia-overall-att-result"] = json!(true);
        assert_eq!(
            verdict(class, &input, &reference).3,
            TrustTier::Affirming,
            "{class}"
        );
        input["nvidia"]["x-nvidia-overall-att-result"] = json!(false);
        assert_eq!(
            verdict(class, &input, &reference).3,
            TrustTier::Contraindicated,
            "{class}"
        );
    }
}

const MEASUREMENT: &str = "NVIDIA_Corporation.GPU.measurement_";

/// A Hopper GPU as the verifier itself words its claims: measurements 2 and 3, and a zero; and what its manifests say,
/// which count from 0.
fn judged_here() -> (Json, Json) {
    let digest = |byte: &str| byte.repeat(48);
    let input = json!({"nvidia": {
        "arch": "Hopper",
        "uuid": "GPU-1",
        "measurements": {"1": digest("00"), "2": digest("02"), "3": digest("03")},
        "config": {"driver_version": "550.90.07", "vbios_version": "96.00.9f.00.01"},
    }});
    let reference = json!({
        "allowed_driver_versions": ["550.90.07"],
        "allowed_vbios_versions": ["96.00.9f.00.01"],
        format!("{MEASUREMENT}1"): [digest("ff"), digest("02")],
        format!("{MEASUREMENT}2"): [digest("03")],
    });
    (input, reference)
}

#[test]
fn a_gpu_judged_here_is_affirming_if_its_versions_and_all_its_measurements_are_known() {
    let (input, reference) = judged_here();
    let good = (3, 2, 2, TrustTier::Affirming);
    assert_eq!(verdict("gpu", &input, &reference), good);
}

#[test]
fn a_gpu_judged_here_is_contraindicated_while_nobody_vouches_for_its_versions() {
    let (input, reference) = judged_here();
    let bad = (33, 97, 36, TrustTier::Contraindicated);
    assert_eq!(verdict("gpu", &input, &json!({})), bad);
    for id in ["allowed_driver_versions", "allowed_vbios_versions"] {
        for other in [json!([]), json!(["1"]), json!(null)] {
            let mut changed = reference.clone();
            changed[id] = other;
            assert_eq!(verdict("gpu", &input, &changed), bad, "{id}");
        }
        let mut changed = reference.clone();
        changed.as_object_mut().unwrap().remove(id);
        assert_eq!(verdict("gpu", &input, &changed), bad, "{id}");
    }
}

#[test]
fn one_unknown_measurement_of_a_gpu_judged_here_is_one_too_many() {
    let (input, reference) = judged_here();
    let unrecognised = (33, 97, 36, TrustTier::Contraindicated);
    for (index, id) in [("2", format!("{MEASUREMENT}1")), ("3", format!("{MEASUREMENT}2"))] {
        // Not vouched for, or vouched for with another value.
        let mut changed = reference.clone();
        changed.as_object_mut().unwrap().remove(&id);
        assert_eq!(verdict("gpu", &input, &changed), unrecognised, "{index}");
        changed[&id] = json!(["aa".repeat(48)]);
        assert_eq!(verdict("gpu", &input, &changed), unrecognised, "{index}");
        // Another value, none where one is known, or one more.
        for value in ["ab".repeat(48), "00".repeat(48), String::new()] {
            let mut changed = input.clone();
            changed["nvidia"]["measurements"][index] = json!(value);
            assert_eq!(verdict("gpu", &changed, &reference), unrecognised, "{index}");
        }
    }
    let mut more = input.clone();
    more["nvidia"]["measurements"]["64"] = json!("ab".repeat(48));
    assert_eq!(verdict("gpu", &more, &reference), unrecognised);
    // Values that are no text match nothing.
    let mut odd = input.clone();
    odd["nvidia"]["measurements"]["2"] = json!(null);
    assert_eq!(verdict("gpu", &odd, &reference), unrecognised);
}

#[test]
fn a_gpu_that_measures_nothing_is_not_affirming() {
    let (mut input, reference) = judged_here();
    for measurements in [json!({}), json!(null), json!("2")] {
        input["nvidia"]["measurements"] = measurements;
        assert_eq!(verdict("gpu", &input, &reference).3, TrustTier::Contraindicated);
    }
    input["nvidia"]["measurements"] = json!({"1": "00".repeat(48)});
    assert_eq!(
        verdict("gpu", &input, &reference),
        (33, 97, 36, TrustTier::Contraindicated)
    );
}

#[test]
fn claims_of_the_service_are_never_appraised_as_if_they_were_made_here() {
    let (mut input, reference) = judged_here();
    for (name, value) in [
        ("measres", json!("fail")),
        ("measres", json!(false)),
        ("x-nvidia-overall-att-result", json!(true)),
        ("x-nvidia-overall-att-result", json!(false)),
        ("x-nvidia-overall-att-result", json!(null)),
        ("arch", json!("Blackwell")),
    ] {
        let good = input["nvidia"][name].clone();
        input["nvidia"][name] = value;
        assert_eq!(
            verdict("gpu", &input, &reference).3,
            TrustTier::Contraindicated,
            "{name}"
        );
        match good {
            Json::Null => drop(input["nvidia"].as_object_mut().unwrap().remove(name)),
            good => input["nvidia"][name] = good,
        }
    }
}
