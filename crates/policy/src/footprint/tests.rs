use super::*;

/// The parts as in `snp/measurement`; `?` behind one that only has to be there, `*` for each.
fn parts(rego: &str) -> Option<Vec<String>> {
    let footprint = Footprint::of(rego)?;
    let parts = footprint.parts().iter().map(|part| {
        let steps = part.path.iter().map(|step| match step {
            Step::Name(name) => name.as_str(),
            Step::Each => "*",
        });
        let path = steps.collect::<Vec<_>>().join("/");
        let mark = if part.presence { "?" } else { "" };
        format!("{path}{mark}")
    });
    Some(parts.collect())
}

#[track_caller]
fn check(rego: &str, expected: &[&str]) {
    let expected = expected.iter().map(ToString::to_string).collect();
    assert_eq!(parts(rego), Some(expected), "{rego}");
}

#[test]
fn paths_of_constant_names_are_read() {
    check("a if input.snp.measurement == \"x\"", &["snp/measurement"]);
    check("a := input[\"az-snp-vtpm\"].tpm + 1", &["az-snp-vtpm/tpm"]);
    check("import input.snp as s\na if s.x", &["snp"]);
    check("a if object.get(input.snp, \"x\", 0) == 0", &["snp"]);
    check("# input\na := \"input\"", &[]);
}

#[test]
fn an_index_that_is_a_name_stands_for_every_member() {
    check("a := input.tdx.logs[i].x == 3", &["tdx/logs/*/x"]);
    check(
        "a if input.submods[_][\"ear.status\"] != \"x\"",
        &["submods/*/ear.status"],
    );
    check("a := input[x] == 1", &["*"]);
    check("a := input.x[input.y] == 1", &["x", "y"]);
}

#[test]
fn a_statement_that_is_nothing_but_a_path_asks_for_presence() {
    for body in [
        "a if { input.snp }",
        "a if {\n\tinput.snp\n}",
        "a if {\n\tinput.snp; x\n}",
        "a := 1 if {\n\tinput[\"snp\"]\n\tx\n}",
    ] {
        check(body, &["snp?"]);
    }
    for body in [
        "a := {input.snp}",
        "a if { input.snp == 3 }",
        "a if {\n\tinput.snp in x\n}",
        "a if {\n\tinput.snp\n\tin x\n}",
        "a if {\n\tx; input.snp\n}",
        "a if { input.snp x }",
        "a if input.snp",
    ] {
        check(body, &["snp"]);
    }
}

#[test]
fn what_a_name_is_used_for_is_read_of_what_it_stands_for() {
    check(
        "a if {\n\te := input.x.y\n\te.z == 1\n\tnot e[\"v\"].w\n}",
        &["x/y?", "x/y/v/w", "x/y/z"],
    );
    check(
        "a if every s in input.submods {\n\te := s.x\n\tnot e.y\n}",
        &["submods/*?", "submods/*/x?", "submods/*/x/y"],
    );
    check(
        "a if {\n\tsome k, s in input.submods\n\ts.x == k\n}",
        &["submods/*?", "submods/*/x"],
    );
    check("e := input.x\na if e.y == 1", &["x?", "x/y"]);
    check("e := input.x", &["x?"]);
}

#[test]
fn a_name_that_gets_about_is_read_as_a_whole() {
    for rego in [
        "a if {\n\te := input.x\n\tf(e)\n}",
        "a := [e | e := input.x]",
        "a := {e | some e in input.x }",
        "e := input.x\na if data.policy.e.y",
        "e := input.x\na if data[\"policy\"].e.y",
        "e := input.x\na if data[p].e.y",
        "import data as d\ne := input.x\na if d.policy.e.y",
        "e := input.x if b\na if e.y",
        "e := 1 if b else := input.x\na if e.y",
        "e = input.x\na if e.y",
        "f(p) := input.x\na if f(1).y",
        "e.p := input.x\na if e.p.y",
        "[e, d] := input.x\na if e.y",
        "a if {\n\tsome e in input.x | d\n\te.y\n}",
        "allow := input.x",
        "trust_claims := input.x",
    ] {
        let parts = parts(rego).unwrap_or_else(|| panic!("{rego}"));
        let whole = parts.iter().any(|part| part == "x" || part == "x/*");
        assert!(whole, "{rego}: {parts:?}");
    }
}

#[test]
fn a_name_for_two_parts_stands_for_both_whichever_comes_first() {
    for rego in [
        "a if {\n\te := input.x\n\tf := e.z\n\tf.y\n}\nb if {\n\te := input.w\n}",
        "b if {\n\te := input.w\n}\na if {\n\tf := e.z\n\tf.y\n}\na if {\n\te := input.x\n\te\n}",
    ] {
        let parts = parts(rego).unwrap();
        for part in ["x/z/y", "w/z/y"] {
            assert!(parts.iter().any(|p| p.starts_with(part)), "{rego}: {parts:?}");
        }
    }
}

#[test]
fn a_name_that_stands_for_a_part_of_itself_has_an_end() {
    for rego in [
        "a if {\n\te := e.x\n\te := input.y\n}",
        "a if {\n\tsome e in e\n\te := input.y\n}",
    ] {
        let parts = parts(rego).unwrap();
        assert!(parts.iter().any(|part| part == "y"), "{rego}: {parts:?}");
    }
    let long = format!("a := input{} == 1", ".x".repeat(2 * MAX_STEPS));
    check(&long, &[&["x"; MAX_STEPS].join("/")]);
}

#[test]
fn much_of_anything_is_not_followed() {
    let many = |write: fn(usize) -> String| (0..20_000).map(write).collect::<String>();
    // Names for names, one name for many parts, and many parts.
    let names = many(|n| format!("e{n} := input.x\n"));
    assert_eq!(parts(&names), Some(vec!["x".to_owned()]));
    let one = many(|n| format!("a{n} if {{\n\te := input.x{}\n\te.y == 1\n}}\n", n % 100));
    let whole: Vec<String> = parts(&one).unwrap();
    assert_eq!(whole.len(), 100, "{whole:?}");
    assert!(
        whole
            .iter()
            .all(|part| part.starts_with('x') && !part.contains('/'))
    );
    assert_eq!(parts(&many(|n| format!("a{n} if input.x{n} == 1\n"))), None);
}

#[test]
fn who_reads_what_cannot_be_told_or_what_is_not_pure_may_read_everything() {
    for rego in [
        "a := input",
        "a if input [\"snp\"]",
        "import input\na if input.snp",
        "a if walk(input, x)",
        "e := input\na if e.x",
        "a if time.now_ns() > input.snp.x",
        "a if time[\"now_ns\"]() > input.snp.x",
        "a if rand.intn(\"x\", 2) == 0",
    ] {
        assert_eq!(parts(rego), None, "{rego}");
    }
}

#[test]
fn of_a_token_the_shipped_policies_read_nothing_that_tells_guests_of_one_kind_apart() {
    for rego in [crate::defaults::DEFAULT, crate::defaults::AFFIRMING] {
        let parts = parts(rego).unwrap();
        let evidence = "ear.veraison.annotated-evidence";
        for secret in [
            "submods".to_owned(),
            "submods/*".to_owned(),
            "submods/cpu0".to_owned(),
            format!("submods/*/{evidence}"),
            format!("submods/cpu0/{evidence}"),
        ] {
            assert!(!parts.contains(&secret), "{secret}: {parts:?}");
        }
    }
}
