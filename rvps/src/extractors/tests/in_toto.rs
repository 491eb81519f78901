use proptest::prelude::*;
use serde_json::{Value, json};

use super::{extract, values};
use crate::extractors::{Settings, find};

fn provenance() -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": "kernel", "digest": {"sha256": "AB01", "sha384": "cd"}},
            {"name": "initrd", "digest": {"sha256": "ef"}},
            {"name": "kernel", "digest": {"sha256": "02"}},
        ],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"runDetails": {
            "builder": {"id": "https://builder.example/1"},
            "metadata": {"finishedOn": "2026-11-22T00:00:00Z"},
        }},
    })
}

#[test]
fn the_digests_of_the_subjects_become_reference_values() {
    let extracted = extract("in-toto", provenance().to_string()).unwrap();
    assert_eq!(extracted.times.issued_at, Some(crate::tests::NOW));
    assert_eq!(
        values(extracted),
        [
            ("initrd/sha256".to_owned(), json!(["ef"])),
            ("kernel/sha256".to_owned(), json!(["ab01", "02"])),
            ("kernel/sha384".to_owned(), json!(["cd"])),
        ]
    );
}

#[test]
fn older_statements_and_other_predicates_are_read() {
    let mut older = provenance();
    older["_type"] = json!("https://in-toto.io/Statement/v0.1");
    older["predicateType"] = json!("https://slsa.dev/provenance/v0.2");
    older["predicate"] =
        json!({"builder": {"id": "b"}, "metadata": {"buildFinishedOn": "1970-01-01T00:00:07Z"}});
    assert_eq!(
        extract("in-toto", older.to_string()).unwrap().times.issued_at,
        Some(7)
    );
    let mut other = provenance();
    other["predicateType"] = json!("https://example.com/predicate");
    assert_eq!(
        extract("in-toto", other.to_string()).unwrap().times.issued_at,
        None
    );
}

#[test]
fn only_the_provenance_of_configured_builders_counts() {
    let settings = Settings {
        builder_ids: vec!["https://builder.example/1".to_owned()],
    };
    let extract = |statement: &Value| {
        let extractor = find("in-toto").unwrap_or_else(|error| panic!("{error}"));
        extractor.extract(statement.to_string().as_bytes(), &settings)
    };
    extract(&provenance()).unwrap();
    let mut another = provenance();
    another["predicate"]["runDetails"]["builder"]["id"] = json!("https://builder.example/11");
    let mut no_provenance = provenance();
    no_provenance["predicateType"] = json!("https://example.com/predicate");
    let mut no_builder = provenance();
    no_builder["predicate"] = json!({});
    for statement in [another, no_provenance, no_builder] {
        assert!(extract(&statement).unwrap_err().contains("builder_ids"));
    }
}

#[test]
fn malformed_statements_are_refused() {
    for (pointer, to) in [
        ("/_type", json!("https://in-toto.io/Statement/v2")),
        ("/_type", json!(1)),
        ("/subject", json!({})),
        ("/subject/0/name", json!("")),
        ("/subject/0/digest", json!(["ab"])),
        ("/subject/0/digest/sha256", json!(5)),
        ("/predicateType", Value::Null),
        ("/predicate/runDetails/metadata/finishedOn", json!("yesterday")),
    ] {
        let mut statement = provenance();
        *statement.pointer_mut(pointer).unwrap() = to;
        extract("in-toto", statement.to_string()).expect_err(pointer);
    }
}

proptest! {
    #[test]
    fn no_statement_panics(text in "\\PC{0,200}", at in 0_usize..500) {
        let _ = extract("in-toto", &text);
        let statement = provenance().to_string();
        let _ = extract("in-toto", &statement.as_bytes()[..at.min(statement.len())]);
    }
}
