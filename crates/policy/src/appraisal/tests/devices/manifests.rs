//! A GPU that was judged here, by what the extractor `swid` makes of NVIDIA's manifests.

use super::*;

#[test]
fn zeros_are_known_where_a_manifest_names_none_but_them_or_them_beside_other_values() {
    let (mut input, mut reference) = judged_here();
    input["nvidia"]["measurements"]["3"] = json!("00".repeat(48));
    let unrecognised = verdict("gpu", &input, &reference);
    assert_ne!(unrecognised.3, TrustTier::Affirming);
    // Of another measurement, or of other zeros.
    for (index, zeros) in [(3, 48), (1, 48), (2, 32)] {
        let mut changed = reference.clone();
        changed[format!("{MEASUREMENT}{index}_zeros")] = json!(["00".repeat(zeros)]);
        assert_eq!(verdict("gpu", &input, &changed), unrecognised, "{index}");
    }
    reference[format!("{MEASUREMENT}2_zeros")] = json!(["00".repeat(48)]);
    let good = (3, 2, 2, TrustTier::Affirming);
    assert_eq!(verdict("gpu", &input, &reference), good);
    // They vouch for nothing but zeros.
    input["nvidia"]["measurements"]["3"] = json!("ab".repeat(48));
    assert_eq!(verdict("gpu", &input, &reference), unrecognised);
    // Registered by hand, they are a value like others.
    input["nvidia"]["measurements"]["3"] = json!("00".repeat(48));
    reference
        .as_object_mut()
        .unwrap()
        .remove(&format!("{MEASUREMENT}2_zeros"));
    reference[format!("{MEASUREMENT}2")] = json!(["00".repeat(48)]);
    assert_eq!(verdict("gpu", &input, &reference), good);
}

/// The measurements of a manifest for a VBIOS (`true`) or a driver, by what the published ones have in common, and
/// those that may be zeros as well.
const MANIFEST: [(std::ops::RangeInclusive<usize>, bool); 5] = [
    (0..=6, true),
    (7..=7, false),
    (8..=12, true),
    (21..=27, false),
    (28..=40, false),
];
const OPTIONAL: [usize; 3] = [12, 23, 24];

/// What the extractor makes of NVIDIA's manifests for a GPU with these measurements.
fn manifests(measurements: &[String], vbios: bool) -> serde_json::Map<String, Json> {
    let mut values = serde_json::Map::new();
    let indices = MANIFEST.into_iter().filter(|(_, of_vbios)| *of_vbios == vbios);
    for index in indices.flat_map(|(indices, _)| indices) {
        let (value, is_zero) = (
            &measurements[index],
            measurements[index].trim_matches('0').is_empty(),
        );
        let id = format!("{MEASUREMENT}{index}");
        if OPTIONAL.contains(&index) {
            values.insert(format!("{id}_zeros"), json!(["00".repeat(48)]));
            let measured = if is_zero { "c1".repeat(48) } else { value.clone() };
            values.insert(id, json!(["c0".repeat(48), measured]));
        } else if !is_zero {
            values.insert(id, json!([value, "c0".repeat(48)]));
        }
    }
    values
}

/// A real device is affirming by manifests for it, which count from 0, and by no half of them.
#[test]
fn a_real_hopper_is_affirming_by_manifests_that_list_its_measurements_from_0() {
    let beside = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/fixtures/nvidia/hopper-report-claims.txt"
    );
    let Ok(claims) = std::fs::read_to_string(beside) else {
        eprintln!("skipped: hopper-report-claims.txt is not beside the project");
        return;
    };
    let claims: Json = serde_json::from_str(claims.trim()).unwrap();
    let measurements: Vec<String> = (1..=64)
        .map(|index| {
            claims["measurements"][index.to_string()]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    check_manifests(&json!({"nvidia": claims}), &measurements);
}

#[test]
fn a_hopper_is_affirming_by_manifests_that_list_its_measurements_from_0() {
    let unmeasured = [0, 8, 10, 23, 24, 28];
    let measured = |index: usize| MANIFEST.iter().any(|(indices, _)| indices.contains(&index));
    let measurements: Vec<String> = (0..64)
        .map(|index| match measured(index) && !unmeasured.contains(&index) {
            true => format!("{:02x}", index + 1).repeat(48),
            false => "00".repeat(48),
        })
        .collect();
    let (mut input, _) = judged_here();
    input["nvidia"]["measurements"] = (1..)
        .zip(&measurements)
        .map(|(index, value): (usize, _)| (index.to_string(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    check_manifests(&input, &measurements);
}

#[track_caller]
fn check_manifests(input: &Json, measurements: &[String]) {
    let config = &input["nvidia"]["config"];
    let versions = json!({
        "allowed_driver_versions": [config["driver_version"]],
        "allowed_vbios_versions": [config["vbios_version"]],
    });
    let with = |parts: &[serde_json::Map<String, Json>]| {
        let mut reference = versions.clone();
        for part in parts {
            reference.as_object_mut().unwrap().extend(part.clone());
        }
        let policy = compile(default_policy("gpu")).unwrap();
        let input = PolicyInput::from_json(&input.to_string()).unwrap();
        // However busy the machine is.
        let limits = Limits {
            time: std::time::Duration::from_secs(30),
            ..Limits::default()
        };
        let appraisal = policy.evaluate(&input, &snapshot(&reference), &limits).unwrap();
        appraisal.vector.status()
    };
    let (driver, vbios) = (manifests(measurements, false), manifests(measurements, true));
    assert_eq!(with(&[driver.clone(), vbios.clone()]), TrustTier::Affirming);
    for part in [&driver, &vbios] {
        assert_ne!(with(std::slice::from_ref(part)), TrustTier::Affirming);
    }
    // The same values counted from 1.
    let mut shifted = measurements.to_vec();
    shifted.rotate_right(1);
    let shifted = [manifests(&shifted, false), manifests(&shifted, true)];
    assert_ne!(with(&shifted), TrustTier::Affirming);
    // No value of a manifest can be left out.
    for id in driver.keys().chain(vbios.keys()) {
        let mut parts = [driver.clone(), vbios.clone()];
        parts.iter_mut().for_each(|part| drop(part.remove(id)));
        let zeros = |id: &str| {
            let index = id.trim_start_matches(MEASUREMENT).trim_end_matches("_zeros");
            measurements[index.parse::<usize>().unwrap()]
                .trim_matches('0')
                .is_empty()
        };
        // Without the values beside them, zeros are as good as ever; and zeros matter to zeros alone.
        let matters = zeros(id) == id.ends_with("_zeros");
        assert_eq!(with(&parts) != TrustTier::Affirming, matters, "{id}");
    }
}
