//! Ids of reference values, on all the ways that they take through a policy.

use super::*;

/// The ids that a policy asks for, and the expressions that it computes others with.
#[track_caller]
fn check(rego: &str, ids: &[&str], computed: &[&str]) {
    let reads = Reads::of(&format!("package policy\n\nimport rego.v1\n\n{rego}"));
    assert_eq!(names(&reads.reference_ids), ids, "{rego}");
    assert_eq!(names(&reads.computed_ids), computed, "{rego}");
}

const ASKED: &str = "a if input.snp.x in query_reference_value(id)";

#[test]
fn an_id_that_has_a_name_is_found() {
    for constant in [
        "id := \"x\"",
        "id = \"x\"",
        "default id := \"x\"",
        "id := ids.of[1]\n\nids := {\"of\": [\"y\", \"x\"]}",
    ] {
        check(&format!("{constant}\n\n{ASKED}\n"), &["x"], &[]);
    }
    for body in [
        "id := \"x\"\n\tinput.snp.x in query_reference_value(id)",
        "id := \"x\"; matches_reference_value(input.snp.x, id)",
        "id = \"x\"\n\tvalues := query_reference_value(id)\n\tinput.snp.x in values",
        "id := ids[0]\n\tids := [\"x\"]\n\tmatches_reference_value(input.snp.x, id)",
    ] {
        check(&format!("a if {{\n\t{body}\n}}\n"), &["x"], &[]);
    }
    check(
        "a if {\n\tmatches_reference_value(input.snp.x, (\"x\"))\n}\n",
        &["x"],
        &[],
    );
}

#[test]
fn a_name_is_followed_where_it_is_good_and_nowhere_else() {
    let rego = "a := 1 if {\n\tid := \"x\"\n\tmatches_reference_value(input.snp.a, id)\n} else := 2 if {\n\tid := \"y\"\n\tinput.b == id\n}\n";
    check(rego, &["x"], &[]);
    let hidden = "id := \"global\"\n\na if {\n\tid := \"own\"\n\tmatches_reference_value(input.snp.a, id)\n}\n\nf(id) if id == 3\n";
    check(hidden, &["own"], &[]);
    let head = "f(x) := query_reference_value(id) if {\n\tx\n\tid := \"x\"\n}\n";
    check(head, &["x"], &[]);
}

#[test]
fn ids_in_lists_sets_and_tables_are_found() {
    let both = ["x", "y"];
    for rego in [
        "ids := [\"x\", \"y\"]\n\na if {\n\tsome id in ids\n\tinput.snp.x in query_reference_value(id)\n}\n",
        "a if {\n\tsome id in {\"x\", \"y\"}\n\tinput.snp.x in query_reference_value(id)\n}\n",
        "a if every id in [\"x\", \"y\"] {\n\tinput.snp.x in query_reference_value(id)\n}\n",
        "ids := [\"x\", \"y\"]\n\na if input.snp.x in query_reference_value(ids[_])\n",
        "a if every _, id in {\"a\": \"x\", \"b\": \"y\"} {\n\tmatches_reference_value(input.snp.x, id)\n}\n",
        "checks := [{\"id\": \"x\", \"claim\": \"a\"}, {\"id\": \"y\", \"claim\": \"b\"}]\n\na if every check in checks {\n\tmatches_reference_value(input.snp[check.claim], check.id)\n}\n",
        "ids contains \"x\"\n\nids contains id if some id in [\"y\"]\n\na if {\n\tsome id in ids\n\tmatches_reference_value(input.snp.x, id)\n}\n",
        "known := {v | some id in [\"x\", \"y\"]; v := query_reference_value(id)}\n",
    ] {
        check(rego, &both, &[]);
    }
}

#[test]
fn ids_are_followed_through_the_parameters_of_functions_and_other_texts_are_none() {
    let rego = "a if good(\"snp\", \"x\")\n\nb if good(\"tdx\", name)\n\nname := \"y\"\n\ngood(kind, id) if {\n\tfound := query_reference_value(id)\n\tinput[kind].measurement in found\n}\n";
    check(rego, &["x", "y"], &[]);
    let by_kind = "a if vouched(\"one\", \"x\")\n\nb if vouched(\"two\", \"y\")\n\nvouched(\"one\", id) if query_reference_value(id)\n\nvouched(\"two\", _) if input.snp\n";
    check(by_kind, &["x"], &[]);
    let picked = "a if query_reference_value(pick(\"b\"))\n\npick(\"a\") := \"x\"\n\npick(\"b\") := \"y\"\n";
    check(picked, &["y"], &[]);
    // Nobody calls it.
    check("good(id) if query_reference_value(id)\n", &[], &[]);
}

#[test]
fn members_of_the_reference_document_are_found_under_every_name_it_has() {
    for rego in [
        "a if input.snp.x in data.reference.x\n",
        "a if input.snp.x in data[\"reference\"][\"x\"]\n",
        "a if input.snp.x in data.reference[\"x\"]\n",
        "import data.reference\n\na if input.snp.x in reference.x\n",
        "import data.reference as r\n\na if input.snp.x in r[\"x\"]\n",
        "r := data.reference\n\na if input.snp.x in r.x\n",
        "a if {\n\tr := data.reference\n\tinput.snp.x in r.x\n}\n",
        "id := \"x\"\n\na if input.snp.x in data.reference[id]\n",
        "import data.reference\n\na if input.snp.x in object.get(reference, \"x\", [])\n",
    ] {
        check(rego, &["x"], &[]);
    }
    // Whatever is registered.
    for rego in [
        "a if input.snp.x in data.reference[_]\n",
        "a if {\n\tsome id\n\tinput.snp.x in data.reference[id]\n}\n",
        "a if {\n\tsome values in data.reference\n\tinput.snp.x in values\n}\n",
    ] {
        check(rego, &[], &[]);
    }
    check("f(reference) if reference.x\n\nimport data.reference\n", &[], &[]);
}

#[test]
fn an_id_that_is_put_together_while_the_policy_runs_is_told_as_such() {
    check(
        "a if query_reference_value(input.init_data_claims.workload)\n",
        &[],
        &["input.init_data_claims.workload"],
    );
    check(
        "a if {\n\tid := sprintf(\"%s_x\", [input.snp.kind])\n\tmatches_reference_value(input.snp.x, id)\n}\n",
        &[],
        &["sprintf(\"%s_x\", [input.snp.kind])"],
    );
    check(
        "a if good(\"snp\")\n\ngood(kind) if query_reference_value(concat(\"_\", [kind, \"measurement\"]))\n",
        &[],
        &["concat(\"_\", [kind, \"measurement\"])"],
    );
    check("a if data.reference[input.snp.x]\n", &[], &["input.snp.x"]);
    check("a if query_reference_value(\"x\" | 3)\n", &[], &["\"x\" | 3"]);
}

#[test]
fn of_the_shipped_policies_only_that_for_gpus_computes_ids() {
    for (id, rego) in crate::defaults::ATTESTATION {
        let computed = Reads::of(rego).computed_ids;
        let expected: &[&str] = match id {
            "default_gpu" => &[
                "concat(\"\", [id, \"_zeros\"])",
                "concat(\"\", [\"NVIDIA_Corporation.GPU.measurement_\", format_in…",
            ],
            _ => &[],
        };
        assert_eq!(names(&computed), expected, "{id}");
    }
}

#[test]
fn names_for_names_and_lists_of_lists_have_an_end() {
    for rego in [
        "id := other\n\nother := id\n\na if query_reference_value(id)\n",
        "f(id) if f(id)\n\na if f(\"x\")\n\nb(id) if query_reference_value(id)\n\nc(id) if b(id)\n\nd if c(\"x\")\n",
        "a if {\n\tid := id\n\tquery_reference_value(id)\n}\n",
    ] {
        let _ = Reads::of(rego);
    }
    // Each list has each of the next: 40 times as many, again and again.
    let mut rego = String::new();
    for list in 0..20 {
        let items = vec![format!("l{}", list + 1); 40].join(", ");
        rego += &format!("l{list} := [{items}]\n\n");
    }
    rego += "l20 := [\"x\"]\n\na if query_reference_value(l0";
    rego += &"[_]".repeat(21);
    rego += ")\n";
    let begin = std::time::Instant::now();
    let _ = Reads::of(&rego);
    assert!(begin.elapsed() < std::time::Duration::from_secs(10));
}
