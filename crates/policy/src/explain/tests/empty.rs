//! Conditions on sets that are to be empty are explained by what put the elements in.

use super::*;

const MEASUREMENT: &str = "NVIDIA_Corporation.GPU.measurement_";

fn gpu(measurements: Json) -> Json {
    json!({"nvidia": {
        "arch": "Hopper",
        "measurements": measurements,
        "config": {"driver_version": "550.90.07", "vbios_version": "96.00.9f.00.01"},
    }})
}

fn versions() -> Json {
    json!({"allowed_driver_versions": ["550.90.07"], "allowed_vbios_versions": ["96.00.9f.00.01"]})
}

/// What kept `configuration` of a GPU from 2.
fn told(input: &Json, reference: &Json) -> Vec<FailedCondition> {
    let (_, explanation) = explain(ATTESTATION[1].1, input, reference);
    let configuration = claim(&explanation, "configuration");
    let better = configuration.better.iter();
    let here = better
        .filter(|better| better.value == Some(2))
        .flat_map(|better| &better.failed);
    here.filter(|failed| failed.condition.name == "unknown_measurements")
        .cloned()
        .collect()
}

#[test]
fn an_unknown_measurement_of_a_gpu_is_named_with_its_value_those_allowed_and_the_id_to_register() {
    let digest = |byte: &str| byte.repeat(48);
    let input = gpu(json!({"1": digest("00"), "2": digest("02"), "3": digest("03"), "4": digest("04")}));
    let mut reference = versions();
    reference[format!("{MEASUREMENT}1")] = json!([digest("ff")]);
    reference[format!("{MEASUREMENT}3")] = json!([digest("04")]);
    let [other, none] = &told(&input, &reference)[..] else {
        panic!("{:#?}", told(&input, &reference));
    };
    assert_eq!(other.seen[0].values, [json!(digest("02"))]);
    assert_eq!(
        other.condition.text,
        "not matches_reference_value(value, measurement_id(index))"
    );
    assert_eq!(
        other.expected,
        format!("the reference value `{MEASUREMENT}1`: \"{}\"", digest("ff"))
    );
    assert!(other.came.contains(&digest("02")), "{other:?}");
    assert!(
        other
            .advice
            .contains(&format!("register its value under `{MEASUREMENT}1` too")),
        "{other:?}"
    );

    assert_eq!(none.seen[0].values, [json!(digest("03"))]);
    assert!(
        none.expected.contains(&format!("registered as `{MEASUREMENT}2`")),
        "{none:?}"
    );
    // The names are alike, and each is right.
    assert!(
        matches!(&none.allowed[..], [Allowed::Reference { registered: false, reference_value, .. }]
            if *reference_value == format!("{MEASUREMENT}2"))
    );
}

#[test]
fn unknown_measurements_are_named_beside_versions_that_nobody_vouches_for() {
    let input = gpu(json!({"2": "02".repeat(48), "3": "03".repeat(48)}));
    let (_, explanation) = explain(ATTESTATION[1].1, &input, &json!({}));
    let configuration = claim(&explanation, "configuration");
    let also: Vec<String> = configuration
        .better
        .iter()
        .flat_map(|better| &better.failed)
        .flat_map(|failed| &failed.also)
        .map(|also| also.expected.clone())
        .collect();
    for id in [format!("{MEASUREMENT}1"), format!("{MEASUREMENT}2")] {
        assert!(
            also.iter().any(|said| said.contains(&format!("`{id}`"))),
            "{also:#?}"
        );
    }
}

#[test]
fn of_many_elements_some_are_named_and_the_set_beside_them() {
    let measurements: BTreeMap<String, String> = (1..=30)
        .map(|index: u8| (index.to_string(), format!("{index:02x}").repeat(48)))
        .collect();
    let told = told(&gpu(json!(measurements)), &versions());
    assert_eq!(told.len(), 4);
    let set = told[0]
        .also
        .iter()
        .find(|also| also.condition.text.contains("count("));
    let seen = &set.unwrap().seen[0];
    assert_eq!((seen.values.len(), seen.more), (1, 0));
    assert_eq!(seen.values[0].as_array().map(Vec::len), Some(30));
}

/// What kept `executables` of a policy with these rules from 3.
fn kept(rules: &str, input: &Json) -> Vec<FailedCondition> {
    let rego = format!(
        "package policy\nimport rego.v1\ndefault executables := 33\n{rules}\n\
         trust_claims := {{\"executables\": executables}}\n"
    );
    let (_, explanation) = explain(&rego, input, &json!({"good": ["a", "b"]}));
    claim(&explanation, "executables").better[0].failed.clone()
}

#[test]
fn whatever_kind_of_set_it_is_its_elements_are_looked_through() {
    let input = json!({"t": {"events": [{"digest": "a"}, {"digest": "x"}, {"digest": "y"}]}});
    let rules = [
        // A comprehension, and one that uses what the body has said.
        "executables := 3 if count([e | some e in input.t.events; not matches_reference_value(e.digest, \"good\")]) == 0",
        "executables := 3 if {\n\tevents := input.t.events\n\t0 == count({e.digest | some e in events; not matches_reference_value(e.digest, \"good\")})\n}",
        // Through a function, and in several rules.
        "executables := 3 if count(bad) == 0\nbad contains e.digest if {\n\tsome e in input.t.events\n\tnot good(e)\n}\n\
         good(event) if matches_reference_value(event.digest, \"good\")",
        "executables := 3 if count(bad) == 0\nbad contains e if {\n\tsome e in input.t.events\n\tfalse\n}\n\
         bad contains e if {\n\tsome e in input.t.events\n\tnot matches_reference_value(e.digest, \"good\")\n}",
    ];
    for rule in rules {
        let kept = kept(rule, &input);
        let seen: Vec<&Json> = kept.iter().flat_map(|failed| &failed.seen[0].values).collect();
        assert_eq!(seen, [&json!("x"), &json!("y")], "{rule}: {kept:#?}");
        for failed in &kept {
            assert_eq!(
                failed.expected, "the reference value `good`: \"a\", \"b\"",
                "{rule}"
            );
        }
    }
}

#[test]
fn an_element_that_a_condition_lets_in_is_named_with_that_it_should_not() {
    let input = json!({"t": {"events": [{"kind": "good"}, {"kind": "bad"}]}});
    let rule = "executables := 3 if count(bad) == 0\n\
                bad contains e if {\n\tsome e in input.t.events\n\te.kind == \"bad\"\n}";
    let [failed] = &kept(rule, &input)[..] else {
        panic!("one element");
    };
    assert_eq!(failed.expected, "that this does not hold: `e.kind == \"bad\"`");
    assert_eq!(failed.seen[0].values, [json!("bad")]);
    // A set that is empty keeps nothing back.
    let good = json!({"t": {"events": [{"kind": "good"}]}});
    let rego = format!(
        "package policy\nimport rego.v1\ndefault executables := 33\n{rule}\ntrust_claims := {{\"executables\": executables}}\n"
    );
    let (appraisal, _) = explain(&rego, &good, &json!({}));
    assert_eq!(
        appraisal.vector.get(crate::ar4si::TrustClaim::Executables),
        Some(3)
    );
}
