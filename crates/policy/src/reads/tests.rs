mod given;
mod growth;
mod ids;
mod members;

use proptest::prelude::*;

use super::*;

fn inputs(rego: &str) -> Vec<String> {
    let reads = Reads::of(rego);
    reads.inputs.iter().map(|read| read.name.join(".")).collect()
}

fn names(mentions: &[Mention<String>]) -> Vec<&str> {
    mentions.iter().map(|mention| mention.name.as_str()).collect()
}

#[test]
fn paths_are_found_as_members_and_as_indexes() {
    let rego = "package policy\n\na if input.snp.measurement == \"x\"\n\nb if input[\"az-snp-vtpm\"].tpm[\"pcr11\"]\n";
    assert_eq!(inputs(rego), ["snp.measurement", "az-snp-vtpm.tpm.pcr11"]);
    assert_eq!(Reads::of(rego).inputs[1].line, 5);
}

#[test]
fn documents_beside_the_input_are_found() {
    let rego =
        "import data.query as q\na if {\n\tdata[\"resource-path\"][0] == data.plugin\n\tinput.data.x\n}\n";
    let reads = Reads::of(rego);
    let found: Vec<_> = reads
        .documents
        .iter()
        .map(|read| (read.name.join("."), read.line))
        .collect();
    let expected = [("query", 1), ("resource-path.*", 3), ("plugin", 3)];
    assert_eq!(found, expected.map(|(name, line)| (name.to_owned(), line)));
}

#[test]
fn comments_and_texts_are_not_read() {
    assert_eq!(
        inputs("a if { # input.a\n\t\"input.b\" == `input.c`\n}\n"),
        [""; 0]
    );
}

#[test]
fn a_member_that_is_not_written_out_is_any() {
    let rego = "a if input.tdx.logs[_].kind == 1\nb if input.se[name] == input.se[names[0]].x\n";
    assert_eq!(inputs(rego), ["tdx.logs.*.kind", "se.*", "se.*.x"]);
}

#[test]
fn names_for_parts_of_the_input_are_followed() {
    let rego = r#"
import input.snp
import input.tpm as vtpm

body := quote.body

quote := input.tdx.quote

a if {
	events := input.tdx.uefi_event_logs
	some event in events
	event.details.string == "x"
	some digest in event.digests
	digest.digest == body.mr_td
	every _, other in input.tdx.others { other.x }
	snp.vmpl == vtpm.pcr11
}
"#;
    let expected = [
        "tdx.quote.body",
        "tdx.quote",
        "tdx.uefi_event_logs",
        "tdx.uefi_event_logs.*",
        "tdx.uefi_event_logs.*.details.string",
        "tdx.uefi_event_logs.*.digests",
        "tdx.uefi_event_logs.*.digests.*",
        "tdx.uefi_event_logs.*.digests.*.digest",
        "tdx.quote.body.mr_td",
        "tdx.others",
        "tdx.others.*",
        "tdx.others.*.x",
        "snp.vmpl",
        "tpm.pcr11",
    ];
    let found = inputs(rego);
    for path in expected {
        assert!(
            found.iter().any(|found| found == path),
            "{path} is not in {found:?}"
        );
    }
}

#[test]
fn a_name_of_one_rule_means_nothing_in_another_and_one_for_two_things_nothing_at_all() {
    let rego = "a if {\n\tx := input.snp\n\tx.b\n}\n\nc if {\n\tx.d\n}\n\ne if {\n\tx := input.f\n} else if {\n\tx := input.g\n\tx.h\n}\n";
    let found = inputs(rego);
    assert!(found.contains(&"snp.b".to_owned()), "{found:?}");
    assert!(
        !found
            .iter()
            .any(|path| path.ends_with(".d") || path.ends_with(".h")),
        "{found:?}"
    );
}

#[test]
fn ids_are_found_in_calls_through_functions_and_in_data() {
    let reads = Reads::of(
        r#"
package policy
import rego.v1

# query_reference_value("in a comment")
h := 2 if input.snp.measurement in query_reference_value("direct")
h := 2 if matches_reference_value(input.snp["x"], "matched")
e := 3 if vouched(input.snp["measurement"], "through one")
e := 4 if twice("through two", other("not an id"))
e := 5 if input.a in data.reference.older
e := 6 if input.a in data.reference["older still"]

twice(id, _) if vouched(input.snp.x, id)

vouched(claim, id) if {
	claim in query_reference_value(id)
}

other(x) := x
"#,
    );
    let expected = [
        "direct",
        "matched",
        "through one",
        "through two",
        "older",
        "older still",
    ];
    assert_eq!(names(&reads.reference_ids), expected);
    assert_eq!(reads.reference_ids[0].line, 6);
}

#[test]
fn trust_claims_are_found_where_they_are_written_out() {
    for rego in [
        "trust_claims := {\"hardware\": 2, \"executables\": f({\"other\": 1})} if {\n\tx == {\"y\": 1}\n}\n",
        "default trust_claims := {\"hardware\": 2, \"executables\": 3}\n",
        "trust_claims[\"hardware\"] := 2\n\ntrust_claims.executables := 3\n",
    ] {
        assert_eq!(
            names(&Reads::of(rego).trust_claims),
            ["hardware", "executables"],
            "{rego}"
        );
    }
    for rego in [
        "trust_claims := computed if {\n\tx == {\"y\": 1}\n}\n",
        "other := {\"hardware\": 2}\n",
        "trust_claims",
        "trust_claims := {",
    ] {
        assert_eq!(names(&Reads::of(rego).trust_claims), [""; 0], "{rego}");
    }
}

#[test]
fn the_default_policy_reads_what_its_text_says() {
    let (_, rego) = crate::defaults::ATTESTATION[0];
    let reads = Reads::of(rego);
    let found = inputs(rego);
    for path in [
        "snp.measurement",
        "tdx.uefi_event_logs.*.digests.*.digest",
        "az-tdx-vtpm.quote.body.xfam",
        "cca.realm.cca-realm-initial-measurement",
        "init_data_claims.agent_policy_claims.containers.*.OCI.Process.User.UID",
    ] {
        assert!(
            found.iter().any(|found| found == path),
            "{path} is not in {found:?}"
        );
    }
    let ids = names(&reads.reference_ids);
    for id in [
        "launch_digest",
        "snp_launch_measurement",
        "trusted_aks",
        "minimum_minor_version",
    ] {
        assert!(ids.contains(&id), "{id} is not in {ids:?}");
    }
    assert!(!ids.contains(&"81000000"));
    assert_eq!(reads.computed_ids, []);
    assert_eq!(reads.trust_claims.len(), 8);
    let executables = reads
        .trust_values
        .iter()
        .filter(|given| given.name.claim == "executables");
    let executables: std::collections::BTreeSet<_> =
        executables.map(|given| given.name.text.as_str()).collect();
    assert_eq!(executables, ["3", "33", "4"].into());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[a-z\"`\\\\#(){}\\[\\]., :=\n]{0,200}") {
        let _ = Reads::of(&text);
    }

    #[test]
    fn no_sequence_of_words_makes_it_panic(
        words in proptest::collection::vec("(input|data|reference|some|in|every|import|as|x|f|:=|=|\\[|\\]|\\{|\\}|\\(|\\)|\\.|,|:|if|else|-|3|\"a\"|object.get|query_reference_value|trust_claims|\n)", 0..60)
    ) {
        let _ = Reads::of(&words.join(" "));
    }
}

#[test]
fn what_a_claim_is_compared_with_is_found_on_both_sides() {
    let reads = Reads::of(
        "package policy\nallow if {\n\
         input.snp.svn >= \"23\"\n\
         3 != input.snp.vmpl # a remark\n\
         input.snp.tee in {\"a\", true}\n\
         claims := input.tdx\n\
         claims.svn < 1.5\n\
         input.a == input.b\n\
         count(input.c) == 2\n}\n",
    );
    let found: Vec<_> = reads
        .comparisons
        .iter()
        .map(|each| {
            let compared = &each.name;
            (
                each.line,
                compared.claim.join("."),
                compared.is_order,
                compared.value.to_string(),
                compared.text.as_str(),
            )
        })
        .collect();
    let expected =
        |line, claim: &str, order, value: &str, text| (line, claim.to_owned(), order, value.to_owned(), text);
    assert_eq!(
        found,
        [
            expected(3, "snp.svn", true, "\"23\"", "input.snp.svn >= \"23\""),
            expected(4, "snp.vmpl", false, "3", "3 != input.snp.vmpl"),
            expected(5, "snp.tee", false, "\"a\"", "input.snp.tee in {\"a\", true}"),
            expected(5, "snp.tee", false, "true", "input.snp.tee in {\"a\", true}"),
            expected(7, "tdx.svn", true, "1.5", "claims.svn < 1.5"),
        ]
    );
    let odd: Vec<bool> = reads
        .comparisons
        .iter()
        .map(|each| each.name.of_no_order().is_some())
        .collect();
    assert_eq!(odd, [true, false, false, false, false]);
}
