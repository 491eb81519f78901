//! Members of the input that are not written behind a dot.

use super::*;

#[track_caller]
fn check(rego: &str, path: &str) {
    let found = inputs(&format!("package policy\n\n{rego}"));
    assert!(
        found.iter().any(|found| found == path),
        "{path} is not in {found:?}: {rego}"
    );
}

#[test]
fn what_object_get_reads_is_read() {
    for (rego, path) in [
        (
            "a if object.get(input.snp, \"mesurement\", \"\") == \"x\"",
            "snp.mesurement",
        ),
        (
            "a if object.get(input, [\"snp\", \"mesurement\"], \"\")",
            "snp.mesurement",
        ),
        (
            "a if object.get(object.get(input, \"tdx\", {}), \"quote\", {}).body",
            "tdx.quote.body",
        ),
        (
            "import input.snp\na if object.get(snp, \"vmpl\", 0) == 0",
            "snp.vmpl",
        ),
        (
            "a if {\n\tquote := object.get(input.tdx, \"quote\", {})\n\tquote.body\n}",
            "tdx.quote.body",
        ),
        (
            "a if {\n\tsome log in object.get(input.tdx, \"logs\", [])\n\tlog.kind\n}",
            "tdx.logs.*.kind",
        ),
        (
            "a if object.get(input.tdx, [\"logs\", 0, \"kind\"], 1)",
            "tdx.logs.*.kind",
        ),
        ("a if object.get(input.tdx, input.name, 1)", "tdx.*"),
        (
            "name := \"vmpl\"\na if object.get(input.snp, name, 0) == 0",
            "snp.vmpl",
        ),
    ] {
        check(rego, path);
    }
}

#[test]
fn what_is_no_part_of_the_input_is_not_read_by_object_get() {
    for rego in [
        "a if object.get({\"x\": 1}, \"y\", 0) == 0",
        "a if object.get(object.union(input.snp, {\"y\": 1}), \"y\", 0) == 0",
        "a if my.object.get(input, \"y\", 0)",
    ] {
        assert!(!inputs(rego).iter().any(|path| path.ends_with('y')), "{rego}");
    }
}

#[test]
fn a_member_whose_names_are_written_elsewhere_is_each_of_them() {
    let rego = "a if {\n\tsome name in [\"vmpl\", \"mesurement\"]\n\tinput.snp[name]\n}\n";
    check(rego, "snp.vmpl");
    check(rego, "snp.mesurement");
    check("name := \"vmpl\"\na if input.snp[name] == 0\n", "snp.vmpl");
    check("a if input.snp[input.name] == 0\n", "snp.*");
}

#[test]
fn a_parameter_of_the_name_of_an_import_is_not_the_import() {
    let found = inputs("import input.snp\n\nf(snp) if snp.elephants\n\na if f(input.tdx)\n");
    assert_eq!(found, ["snp", "tdx"]);
}

#[test]
fn a_policy_that_is_indented_as_a_whole_has_its_rules_too() {
    let rego = "\n    package policy\n\n    a if {\n      x := input.snp\n      x.b\n    }\n\n    c if {\n      x := input.tdx\n      x.d\n    }\n";
    assert_eq!(inputs(rego), ["snp", "snp.b", "tdx", "tdx.d"]);
}

#[test]
fn lines_at_the_margin_within_brackets_begin_no_rule() {
    let rego = "a if {\nx := input.snp\nx.b == 1\n}\n";
    check(rego, "snp.b");
}
