//! Input that nobody well-meaning sends: it is refused, and nothing panics.

use super::*;
use proptest::prelude::*;
use serde_json::json;

/// Every number in the report, by its path.
fn numbers(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Number(_) => found.push(path.to_owned()),
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(at, item)| numbers(item, &format!("{path}/{at}"), found));
        }
        Value::Object(members) => {
            members
                .iter()
                .for_each(|(name, item)| numbers(item, &format!("{path}/{name}"), found));
        }
        _ => {}
    }
}

#[test]
fn no_number_of_a_report_can_be_changed() {
    let builder = TURIN
        .report()
        .version(5)
        .report_data(&REPORT_DATA)
        .host_data(&INIT_DATA);
    let good = evidence(&builder.sign().unwrap(), &TURIN.vcek_chain()).unwrap();
    let verifier = verifier();
    let mut paths = Vec::new();
    numbers(&good["attestation_report"], "/attestation_report", &mut paths);
    assert!(paths.len() > 500);
    for path in paths {
        let mut changed = good.clone();
        let number = changed.pointer_mut(&path).unwrap();
        *number = json!(number.as_u64().unwrap() ^ 1);
        let attempt = Attempt {
            verifier: verifier.clone(),
            ..Attempt::new(&changed)
        };
        // What is not bound to anything else falls to the signature.
        assert!(attempt.run().is_err(), "{path}");
    }
}

#[test]
fn members_may_not_be_missing_or_of_another_type() {
    let good = evidence(&report(&MILAN), &MILAN.vcek_chain()).unwrap();
    let names: Vec<String> = good["attestation_report"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    for name in names {
        for wrong in [
            None,
            Some(json!("1")),
            Some(json!(-1)),
            Some(json!(1.5)),
            Some(json!({})),
            Some(json!([1])),
        ] {
            let mut evidence = good.clone();
            let report = evidence["attestation_report"].as_object_mut().unwrap();
            match wrong {
                Some(wrong) => report.insert(name.clone(), wrong),
                None => report.remove(&name),
            };
            // Members of version 5 are null in version 3, and so may be missing.
            let optional = name.ends_with("mit_vector") && Attempt::new(&evidence).run().is_ok();
            assert!(optional || Attempt::new(&evidence).run().is_err(), "{name}");
        }
    }
}

#[test]
fn too_many_and_too_long_certificates_are_refused() {
    let many: Vec<TableEntry<'_>> = vec![("OTHER", b""); 17];
    let long: Vec<TableEntry<'_>> = vec![("ASK", &[0x30; 8193])];
    for table in [many, long] {
        assert!(matches!(
            verify(&report(&MILAN), &table),
            Err(VerifyError::Format { .. })
        ));
    }
}

#[test]
fn what_is_not_snp_evidence_is_malformed() {
    let verifier = verifier();
    let deep = "[".repeat(100_000);
    for text in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"attestation_report":{}}"#,
        r#"{"svn":"1"}"#,
        &deep,
    ] {
        let outcome = verifier
            .parse(UnverifiedEvidence::new(text.as_bytes()))
            .map(|_| ());
        assert!(
            matches!(outcome, Err(VerifyError::Format { .. })),
            "{}",
            text.len()
        );
    }
}

#[test]
fn an_entry_of_a_type_without_a_name_is_passed_over() {
    let mut evidence = evidence(&report(&MILAN), &MILAN.vcek_chain()).unwrap();
    let other = json!({"cert_type": {"OTHER": "c0b406a4-a803-4952-9743-3fb6014cd0ae"}, "data": [1, 2]});
    evidence["cert_chain"].as_array_mut().unwrap().insert(0, other);
    assert!(Attempt::new(&evidence).run().is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_parser_panic(text in prop::collection::vec(any::<u8>(), 0..300)) {
        let parsed = verifier().parse(UnverifiedEvidence::new(&text));
        prop_assert!(parsed.is_err());
    }

    #[test]
    fn no_report_makes_the_verifier_panic(
        bytes in prop::collection::vec(any::<u8>(), 1184),
        version in 0..7_u32,
        family in prop::sample::select(vec![0x19_u8, 0x1a, 0]),
        algorithm in 0..3_u32,
    ) {
        use sev::parser::ByteParser;
        let mut bytes = bytes;
        bytes[..4].copy_from_slice(&version.to_le_bytes());
        bytes[0x34..0x38].copy_from_slice(&algorithm.to_le_bytes());
        bytes[0x188] = family;
        if let Ok(report) = AttestationReport::from_bytes(&bytes) {
            let evidence = evidence(&report, &MILAN.vcek_chain()).unwrap();
            prop_assert!(Attempt::new(&evidence).run().is_err());
        }
    }

    #[test]
    fn no_certificate_table_makes_the_verifier_panic(
        at in any::<prop::sample::Index>(),
        flip in 1..=u8::MAX,
        cut in any::<prop::sample::Index>(),
        garbage in prop::collection::vec(any::<u8>(), 0..200),
        entry in 0..3_usize,
    ) {
        let mut data = MILAN.vcek_chain().map(|(_, der)| der.to_vec());
        let length = data[entry].len();
        data[entry][at.index(length)] ^= flip;
        data[entry].truncate(cut.index(length) + 1);
        let [ark, ask, vcek] = &data;
        let flipped = verify(&report(&MILAN), &[("ARK", ark), ("ASK", ask), ("VCEK", vcek)]);
        // ARK and ASK are ours: what comes with the evidence need not even be certificates.
        prop_assert_eq!(flipped.is_ok(), entry != 2);
        prop_assert!(verify(&report(&MILAN), &[("VCEK", &garbage)]).is_err());
    }

    #[test]
    fn no_flipped_bit_in_a_vcek_is_accepted(at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let mut vcek = MILAN.vcek_der().to_vec();
        let length = vcek.len();
        vcek[at.index(length)] ^= 1 << bit;
        prop_assert!(verify(&report(&MILAN), &[("VCEK", &vcek)]).is_err());
    }
}
