//! Which policies could build values that are many times as large as their input.

use crate::reads::growth::may_grow;

#[track_caller]
fn check(rego: &str, expected: bool) {
    let rego = format!("package policy\n\nimport rego.v1\n\n{rego}");
    assert_eq!(may_grow(&rego), expected, "{rego}");
}

/// `a1 := [a0, a0]` and so on, with this between two.
fn doubled(times: usize, between: &str) -> String {
    let lines = (1..=times).map(|n| format!("a{n} := [a{0}, a{0}]{between}", n - 1));
    lines.collect()
}

#[test]
fn the_shipped_policies_build_nothing_large() {
    for (id, rego) in crate::defaults::ATTESTATION {
        assert!(!may_grow(rego), "{id}");
    }
    for rego in [
        crate::defaults::DEFAULT,
        crate::defaults::AFFIRMING,
        crate::defaults::ALLOW_ALL,
        crate::defaults::DENY_ALL,
    ] {
        assert!(!may_grow(rego), "{rego}");
    }
}

#[test]
fn what_most_policies_do_builds_nothing_large() {
    for rego in [
        "allow if input.submods.cpu0[\"ear.status\"] == \"affirming\"\n",
        "path := split(data[\"resource-path\"], \"/\")\n\nallow if path[0] == \"red\"\n",
        "allow if every device in input.submods { device[\"ear.status\"] == \"affirming\" }\n",
        "names := [name | some name, _ in input.submods]\n\nallow if count(names) == 1\n",
        "names := {image | image := input.containers[_].image}\n",
        "kinds contains kind if some kind, _ in input.submods\n",
        "trust_claims := {\"hardware\": hardware, \"executables\": 3}\n\nhardware := level(input.snp)\n\nlevel(claims) := 2 if claims.x == 1 else := 97\n",
        "a if {\n\tx := input.a\n\ty := [x.b, x.c, [x.d]]\n\ty == [1, 2, [3]]\n}\n",
        &format!("a if {{\n\ta0 := input.x\n{}}}\n", doubled(6, "\n")),
    ] {
        check(rego, false);
    }
}

#[test]
fn values_that_hold_others_thousands_of_times_are_found() {
    for rego in [
        &format!("a if {{\n\ta0 := input.x\n{}}}\n", doubled(13, "\n")),
        &format!("a if {{ a0 := input.x; {} a13 == 1 }}\n", doubled(13, ";")),
        &format!("a0 := input.x\n\n{}", doubled(13, "\n\n")),
        // Through functions.
        "d(x) := [x, x]\n\na := d(d(d(d(d(d(d(d(d(d(d(d(d(input.x)))))))))))))\n",
        "d1(x) := d2([x, x, x, x, x, x, x, x])\n\nd2(x) := d3([x, x, x, x, x, x, x, x])\n\nd3(x) := d4([x, x, x, x, x, x, x, x])\n\nd4(x) := d5([x, x, x, x, x, x, x, x])\n\nd5(x) := [x, x]\n\na := d1(input)\n",
        // Of all rounds of a loop.
        "a := [input.x | some i in numbers.range(1, 100000)]\n",
        "a := [x | some x in input.x; some y in input.x]\n",
        "a contains input.x if some i in numbers.range(1, 100000)\n",
        "a[i] := input.x if some i in numbers.range(1, 100000)\n",
        "a if [input.x | numbers.range(1, 100000)[_]] == input.y\n",
        "a := [b | some i in [1, 2]; b := c]\n\nc := input.x\n",
        "a := [f(x) | some x in input.x]\n\nf(x) := input.y\n",
        "a := [b | c := input.y; b := [c, input.x[_]]]\n",
        "a := [x | input.x[[x, _]]]\n\nb := [input | input.x[[_, _]]]\n",
        // By built-ins.
        "a := json.patch(input, [{\"op\": \"copy\", \"from\": \"/x\", \"path\": \"/y\"}])\n",
        &format!(
            "a0 := input.x\n\n{}",
            (1..=13)
                .map(|n| format!("a{n} := array.concat(a{0}, a{0})\n\n", n - 1))
                .collect::<String>()
        ),
        &format!(
            "a0 := {{input.x}}\n\n{}",
            (1..=13)
                .map(|n| format!("a{n} := {{a{0}}} |\n\t{{[a{0}]}}\n\n", n - 1))
                .collect::<String>()
        ),
        // Through patterns and parts.
        &format!(
            "a if {{\n\ta0 := input.x\n{}}}\n",
            (1..=13)
                .map(|n| format!("[a{n}, b{n}] := [[a{0}, a{0}], 1]\n", n - 1))
                .collect::<String>()
        ),
        // What is not understood.
        "a if {\n\tx := [y, 1]\n\ty := [x, 1]\n}\n",
    ] {
        check(rego, true);
    }
}

#[test]
fn a_value_that_nests_deep_is_found() {
    for (first, next) in [("a", 1), ("z", 0)] {
        // Whichever of the names come first.
        let name = |n: usize| format!("{first}{:05}", if next == 1 { n } else { 9999 - n });
        let chain: String = (1..=2000)
            .map(|n| format!("\t{} := [{}]\n", name(n), name(n - 1)))
            .collect();
        check(&format!("a if {{\n\t{} := input.x\n{chain}}}\n", name(0)), true);
    }
}
