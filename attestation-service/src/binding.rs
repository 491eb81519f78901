//! What the evidence must be bound to: freshness and the key of the attester through the report data, and the
//! guest's configuration through the init-data register.

use serde_json::Value;
use verifier::ExpectedBinding;

use crate::init_data::{InitDataDocument, InitDataError};
use crate::request::{IndividualRequest, InitData, RuntimeData};

/// The expected values of one piece of evidence, and the claims they stand for.
#[derive(Debug)]
pub(crate) struct Binding {
    /// For the verifier, which fits the values to its registers' sizes.
    pub(crate) expected: ExpectedBinding,
    /// `runtime_data_claims`, or null if the caller gave a digest or nothing.
    pub(crate) runtime_data_claims: Value,
    /// `init_data_claims`, or null if the caller gave a digest or nothing.
    pub(crate) init_data_claims: Value,
}

/// The runtime data or init data cannot be used: the caller's mistake.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindingError {
    #[error("parse runtime data")]
    RuntimeData(#[source] serde_json::Error),
    #[error("parse init data")]
    InitData(#[from] InitDataError),
}

/// The member of the runtime data that repeats the evidence of the devices, at length.
const ADDITIONAL_EVIDENCE: &str = "additional-evidence";

impl Binding {
    /// Computes the expected values of `request`. Without `verbose`, the claims leave out the evidence of the
    /// devices, which the digest still covers.
    pub(crate) fn of(request: &IndividualRequest, verbose: bool) -> Result<Self, BindingError> {
        let (report_data, mut runtime_data_claims) = match &request.runtime_data {
            RuntimeData::None => (None, Value::Null),
            RuntimeData::Raw(bytes) => (Some(bytes.clone()), Value::Null),
            RuntimeData::Structured(text) => {
                let value: Value = serde_json::from_str(text).map_err(BindingError::RuntimeData)?;
                (Some(request.hash.digest(&canonical(&value)?)), value)
            }
        };
        if !verbose && let Value::Object(members) = &mut runtime_data_claims {
            members.remove(ADDITIONAL_EVIDENCE);
        }
        let (init_data, init_data_claims) = match &request.init_data {
            InitData::None => (None, Value::Null),
            InitData::Digest(bytes) => (Some(bytes.clone()), Value::Null),
            InitData::Toml(text) => {
                let document = InitDataDocument::parse(text)?;
                (Some(document.digest), document.claims)
            }
        };
        let expected = ExpectedBinding {
            report_data,
            init_data,
        };
        Ok(Self {
            expected,
            runtime_data_claims,
            init_data_claims,
        })
    }
}

/// RFC 8785, JSON Canonicalization Scheme.
fn canonical(value: &Value) -> Result<Vec<u8>, BindingError> {
    let bytes = match is_canonical_as_it_is(value) {
        true => serde_json::to_vec(value),
        false => serde_json_canonicalizer::to_vec(value),
    };
    bytes.map_err(BindingError::RuntimeData)
}

/// Whether `serde_json` writes the canonical form by itself, in half the time. It does but for two things: it
/// sorts names by their bytes and not by UTF-16 units, which is the same in ASCII, and has a form of its own for
/// numbers, which the runtime data of a guest has none of.
fn is_canonical_as_it_is(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(_) => false,
        Value::Array(items) => items.iter().all(is_canonical_as_it_is),
        Value::Object(members) => members
            .iter()
            .all(|(name, value)| name.is_ascii() && is_canonical_as_it_is(value)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::request::{HashAlgorithm, Tee};

    const CHECK_TEXT: &str = r#"{"b":1,"a":"test","c":{"d":"e"}}"#;
    const CHECK_VALUE: &str =
        "e71ce8e70d814ba6639c3612ebee0ff1f76f650f8dbb5e47157e0f3f525cd22c4597480a186427c813ca941da78870c3";

    fn request(runtime_data: RuntimeData, init_data: InitData) -> IndividualRequest {
        IndividualRequest {
            tee: Tee::Sample,
            evidence: Vec::new(),
            runtime_data,
            init_data,
            hash: HashAlgorithm::Sha384,
        }
    }

    fn structured(text: &str) -> RuntimeData {
        RuntimeData::Structured(text.to_owned())
    }

    #[test]
    fn structured_runtime_data_gives_the_ecosystems_check_value() {
        let binding = Binding::of(&request(structured(CHECK_TEXT), InitData::None), true).unwrap();
        assert_eq!(
            binding.expected.report_data.map(hex::encode).as_deref(),
            Some(CHECK_VALUE)
        );
        assert_eq!(
            binding.runtime_data_claims,
            json!({"a": "test", "b": 1, "c": {"d": "e"}})
        );
    }

    #[test]
    fn order_and_spaces_of_the_runtime_data_change_nothing_and_a_value_does() {
        let digest = |text: &str| {
            Binding::of(&request(structured(text), InitData::None), true)
                .unwrap()
                .expected
                .report_data
        };
        assert_eq!(
            digest(r#"{ "c": {"d":"e"}, "a": "test", "b": 1 }"#),
            digest(CHECK_TEXT)
        );
        assert_ne!(digest(r#"{"b":1,"a":"test","c":{"d":"f"}}"#), digest(CHECK_TEXT));
        assert_ne!(digest(r#"{"b":2,"a":"test","c":{"d":"e"}}"#), digest(CHECK_TEXT));
    }

    proptest! {
        #[test]
        fn the_short_way_to_the_canonical_form_leads_to_the_same(value in document()) {
            prop_assert_eq!(canonical(&value).unwrap(), serde_json_canonicalizer::to_vec(&value).unwrap());
        }
    }

    /// Any names and texts, control characters and what lies beyond UTF-16 units among them.
    fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[\\x00-\\x7f]{0,8}".prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 6, |inner| {
            let name = prop_oneof!["[\\x00-\\x7f]{0,6}", any::<String>()];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::vec((name, inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn raw_values_are_expected_as_they_are_and_give_no_claims() {
        let binding = Binding::of(
            &request(RuntimeData::Raw(vec![1, 2]), InitData::Digest(vec![3])),
            true,
        )
        .unwrap();
        assert_eq!(binding.expected.report_data, Some(vec![1, 2]));
        assert_eq!(binding.expected.init_data, Some(vec![3]));
        assert_eq!(binding.runtime_data_claims, Value::Null);
        assert_eq!(binding.init_data_claims, Value::Null);
    }

    #[test]
    fn nothing_given_is_nothing_expected() {
        let binding = Binding::of(&request(RuntimeData::None, InitData::None), true).unwrap();
        assert_eq!(binding.expected.report_data, None);
        assert_eq!(binding.expected.init_data, None);
    }

    #[test]
    fn a_terse_token_leaves_out_the_devices_evidence_and_still_binds_it() {
        let text = r#"{"additional-evidence":"long","nonce":"n"}"#;
        let verbose = Binding::of(&request(structured(text), InitData::None), true).unwrap();
        let terse = Binding::of(&request(structured(text), InitData::None), false).unwrap();
        assert_eq!(terse.expected.report_data, verbose.expected.report_data);
        assert_eq!(
            verbose.runtime_data_claims,
            json!({"additional-evidence": "long", "nonce": "n"})
        );
        assert_eq!(terse.runtime_data_claims, json!({"nonce": "n"}));
    }

    #[test]
    fn text_that_is_not_json_is_refused() {
        for text in ["", "{", "{\"a\":1} trailing", "nonsense"] {
            assert!(
                Binding::of(&request(structured(text), InitData::None), true).is_err(),
                "{text}"
            );
        }
    }
}
