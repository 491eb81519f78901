//! Input that nobody well-meaning sends.

use super::*;
use proptest::prelude::*;

/// Pointers to every number and list of numbers below `value`.
fn places(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Number(_) => found.push(path.to_owned()),
        Value::Array(items) if items.iter().all(Value::is_number) => found.push(path.to_owned()),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(at, item)| places(item, &format!("{path}/{at}"), found)),
        Value::Object(members) => members
            .iter()
            .for_each(|(name, item)| places(item, &format!("{path}/{name}"), found)),
        _ => {}
    }
}

/// What no signature covers and nothing depends on: what is behind the certificates' and the report's signatures,
/// the unused slot for a second signature, and the serial number.
fn is_free(path: &str) -> bool {
    path.contains("_reserved") || path.contains("/sigs/1/") || path == "/serial_number"
}

#[test]
fn no_field_of_the_certificates_can_be_changed() {
    let good = good(Version::V1).to_json();
    let mut found = Vec::new();
    places(&good["cert_chain"], "/cert_chain", &mut found);
    assert!(found.len() > 50);
    for path in found.into_iter().filter(|path| !is_free(path)) {
        let length = good.pointer(&path).unwrap().as_array().map_or(1, Vec::len);
        for at in [0, length / 2, length - 1] {
            let mut changed = good.clone();
            let place = changed.pointer_mut(&path).unwrap();
            let number = match place {
                Value::Array(items) => &mut items[at],
                number => number,
            };
            *number = json!(number.as_u64().unwrap() ^ 1);
            assert!(Attempt::new(&changed).run().is_err(), "{path} {at}");
        }
    }
}

#[test]
fn no_byte_of_a_report_can_be_changed() {
    for version in VERSIONS {
        let good = good(version);
        for at in (0..good.report.len()).filter(|at| at % 5 == 0 || *at > 160) {
            if version == Version::V2 && (400..1000).contains(&at) && at % 50 != 0 {
                continue; // 656 reserved bytes.
            }
            let mut changed = good.clone();
            changed.report[at] ^= 1 << (at % 8);
            assert!(verify(&changed).is_err(), "{version:?} {at}");
        }
    }
}

#[test]
fn lists_have_exactly_the_length_of_their_field() {
    let good = good(Version::V1).to_json();
    let mut found = Vec::new();
    places(&good, "", &mut found);
    for path in found.into_iter().filter(|path| path != "/serial_number") {
        if !good.pointer(&path).unwrap().is_array() {
            continue;
        }
        for longer in [true, false] {
            let mut changed = good.clone();
            let list = changed.pointer_mut(&path).unwrap().as_array_mut().unwrap();
            if longer {
                list.push(json!(0));
            } else {
                list.pop();
            }
            let outcome = Attempt::new(&changed).run();
            assert!(matches!(outcome, Err(VerifyError::Format { .. })), "{path}");
        }
    }
}

#[test]
fn what_is_no_evidence_is_malformed() {
    for text in ["", "null", "{}", "[]", r#"{"attestation_report":{}}"#] {
        let outcome = VERIFIER.parse(UnverifiedEvidence::new(text.as_bytes()));
        assert!(
            matches!(outcome.err(), Some(VerifyError::Format { .. })),
            "{text}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn nothing_panics_on_arbitrary_pages(bytes in proptest::collection::vec(any::<u8>(), 4096), newer in any::<bool>()) {
        let mut evidence = good(if newer { Version::V2 } else { Version::V1 }).to_json();
        evidence["attestation_report"]["data"] = json!(bytes);
        prop_assert!(Attempt::new(&evidence).run().is_err());
    }

    #[test]
    fn nothing_panics_on_arbitrary_certificates(bytes in proptest::collection::vec(any::<u8>(), 2916)) {
        let mut evidence = good(Version::V1);
        evidence.hsk_cek = None;
        let json = evidence.to_json();
        let mut attempt = Attempt::new(&json);
        let id = attempt.wanted().remove(0);
        attempt.endorsements.insert(id, bytes);
        let refused = matches!(attempt.run(), Err(VerifyError::BadEndorsement { .. }));
        prop_assert!(refused);
    }
}
