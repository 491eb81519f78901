//! The default policies for devices.

use super::*;

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
