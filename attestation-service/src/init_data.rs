//! The init-data document: what a guest was started with, bound to its evidence by a digest.
//!
//! TOML with `version`, `algorithm` and a table `data` of texts, all three required. The digest is over the
//! exact bytes of the text, never over what it parses to.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::request::{HashAlgorithm, UnknownHashAlgorithm};

/// A parsed init-data document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct InitDataDocument {
    /// What the init-data register must hold, before it is fitted to the register's size.
    pub(crate) digest: Vec<u8>,
    /// `init_data_claims` of the policy input.
    pub(crate) claims: Value,
}

/// The document cannot be used: the caller's mistake.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InitDataError {
    #[error("the init-data document has {0} bytes, more than the {MAX_LENGTH} allowed")]
    TooLong(usize),
    #[error(
        "the init-data document has too many values: up to {MAX_VALUES}, and {MAX_SIGNS} signs `=`, are allowed"
    )]
    TooMuch,
    #[error("the init-data document is not the TOML it should be: {0}")]
    Malformed(String),
    #[error(transparent)]
    UnknownHash(#[from] UnknownHashAlgorithm),
}

/// The longest document accepted, in bytes.
const MAX_LENGTH: usize = 2 * 1024 * 1024;

/// How many values there may be in what is shown parsed: each takes much more than its text.
const MAX_VALUES: usize = 65_536;

/// How many `=` there may be, in whatever text: before anything is parsed, for a key takes a thousand times as much.
const MAX_SIGNS: usize = 32_768;

/// The longest reason given, in characters.
const MAX_REASON_LENGTH: usize = 200;

/// Entries that hold TOML themselves, and are shown parsed.
const TOML_ENTRIES: [&str; 2] = [AA, CDH];
const AA: &str = "aa.toml";
const CDH: &str = "cdh.toml";

/// The entry that holds the guest agent's policy.
const AGENT_POLICY: &str = "policy.rego";
/// The claim with the data of that policy.
const AGENT_POLICY_CLAIMS: &str = "agent_policy_claims";

/// The members of `init_data_claims` that documents usually have. Others are as a document names them.
pub(crate) const KNOWN_CLAIMS: [&str; 4] = [AA, CDH, AGENT_POLICY, AGENT_POLICY_CLAIMS];

/// What stands before the data of the guest agent's policy.
const AGENT_POLICY_DATA: &str = "policy_data := {";

#[derive(Deserialize)]
#[allow(dead_code)] // `version` is required, and not looked at
struct Document {
    version: String,
    algorithm: String,
    data: BTreeMap<String, String>,
}

impl InitDataDocument {
    /// Parses and hashes `text`.
    pub(crate) fn parse(text: &str) -> Result<Self, InitDataError> {
        if text.len() > MAX_LENGTH {
            return Err(InitDataError::TooLong(text.len()));
        }
        if text.bytes().filter(|byte| *byte == b'=').count() > MAX_SIGNS {
            return Err(InitDataError::TooMuch);
        }
        let document: Document = toml::from_str(text).map_err(|error| {
            // It may repeat what was sent, at any length.
            InitDataError::Malformed(error.message().chars().take(MAX_REASON_LENGTH).collect())
        })?;
        let algorithm: HashAlgorithm = document.algorithm.parse()?;
        Ok(Self {
            digest: algorithm.digest(text.as_bytes()),
            claims: claims(document.data)?,
        })
    }
}

/// The `data` table with what is known to be TOML, or to hold data, taken apart.
fn claims(data: BTreeMap<String, String>) -> Result<Value, InitDataError> {
    let mut claims = Map::new();
    for (name, text) in data {
        if TOML_ENTRIES.contains(&name.as_str())
            && let Ok(parsed) = toml::from_str::<Value>(&text)
        {
            claims.insert(name, parsed);
        } else if name == AGENT_POLICY
            && let Some(data) = agent_policy_data(&text)
        {
            claims.insert(AGENT_POLICY_CLAIMS.to_owned(), data);
        } else {
            claims.insert(name, Value::String(text));
        }
    }
    let claims = Value::Object(claims);
    match values(&claims) {
        ..=MAX_VALUES => Ok(claims),
        _ => Err(InitDataError::TooMuch),
    }
}

/// How many values there are in one, itself included.
fn values(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(values).sum(),
        Value::Object(members) => members.values().map(values).sum(),
        _ => 0,
    }
}

/// The JSON object that ends a generated agent policy, if the text ends with exactly that.
fn agent_policy_data(rego: &str) -> Option<Value> {
    let start = rego.find(AGENT_POLICY_DATA)? + AGENT_POLICY_DATA.len() - 1;
    serde_json::from_str(rego.get(start..)?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DOCUMENT: &str = "version = \"0.1.0\"\nalgorithm = \"sha384\"\n[data]\n\"aa.toml\" = '''\n[token_configs]\nurl = \"http://a\"\n'''\n\"cdh.toml\" = \"not = = toml\"\n\"policy.rego\" = '''\npackage agent_policy\npolicy_data := {\"containers\": [1]}\n'''\nother = \"text\"\n";

    #[test]
    fn known_entries_are_shown_parsed_and_others_as_they_are() {
        let document = InitDataDocument::parse(DOCUMENT).unwrap();
        assert_eq!(
            document.claims,
            json!({
                "aa.toml": {"token_configs": {"url": "http://a"}},
                "cdh.toml": "not = = toml",
                "agent_policy_claims": {"containers": [1]},
                "other": "text",
            })
        );
    }

    #[test]
    fn a_document_of_very_many_values_is_refused_and_long_texts_are_not() {
        let document = |entry: &str| {
            format!(
                "version = \"0.1.0\"\nalgorithm = \"sha384\"\n[data]\n\"aa.toml\" = \'\'\'\n{entry}\'\'\'\n"
            )
        };
        let many: String = (0..MAX_VALUES).map(|number| format!("a{number} = 1\n")).collect();
        let error = InitDataDocument::parse(&document(&many)).unwrap_err();
        assert!(matches!(error, InitDataError::TooMuch), "{error}");
        let keys: String = (0..=MAX_SIGNS)
            .map(|number| format!("a.b{number}.c=1\n"))
            .collect();
        let error = InitDataDocument::parse(&keys).unwrap_err();
        assert!(matches!(error, InitDataError::TooMuch), "{error}");
        // With few signs.
        let list = |numbers: usize| format!("a = [{}]\n", "0,".repeat(numbers));
        let error = InitDataDocument::parse(&document(&list(MAX_VALUES))).unwrap_err();
        assert!(matches!(error, InitDataError::TooMuch), "{error}");
        assert!(InitDataDocument::parse(&document(&list(MAX_VALUES - 8))).is_ok());
        let long = format!("a = \"{}\"\n", "x".repeat(MAX_LENGTH - 200));
        assert!(InitDataDocument::parse(&document(&long)).is_ok());
    }

    #[test]
    fn an_agent_policy_whose_data_does_not_end_the_text_is_left_as_it_is() {
        for rego in [
            "package agent_policy\n",
            "policy_data := {\"a\": 1}\nallow := true\n",
            "policy_data := { not json",
        ] {
            let document = InitDataDocument::parse(&format!(
                "version = \"0.1.0\"\nalgorithm = \"sha256\"\n[data]\n\"policy.rego\" = '''{rego}'''\n"
            ))
            .unwrap();
            assert_eq!(document.claims, json!({ "policy.rego": rego }));
        }
    }

    #[test]
    fn the_digest_is_over_the_exact_text() {
        let one = InitDataDocument::parse(DOCUMENT).unwrap();
        assert_eq!(one.digest, HashAlgorithm::Sha384.digest(DOCUMENT.as_bytes()));
        let other = InitDataDocument::parse(&DOCUMENT.replace("other = ", "other  = ")).unwrap();
        assert_eq!(one.claims, other.claims);
        assert_ne!(one.digest, other.digest);
    }

    #[test]
    fn the_named_algorithm_makes_the_digest() {
        for (name, length) in [("sha256", 32), ("sha384", 48), ("sha512", 64), ("sm3", 32)] {
            let document = InitDataDocument::parse(&DOCUMENT.replace("sha384", name)).unwrap();
            assert_eq!(document.digest.len(), length);
        }
    }

    #[test]
    fn a_document_without_a_required_member_is_refused() {
        for text in [
            "",
            "version = \"0.1.0\"\nalgorithm = \"sha384\"\n",
            "version = \"0.1.0\"\n[data]\n",
            "algorithm = \"sha384\"\n[data]\n",
            "version = \"0.1.0\"\nalgorithm = \"sha384\"\n[data]\na = 1\n",
            "version = 1\nalgorithm = \"sha384\"\n[data]\n",
        ] {
            assert!(
                matches!(InitDataDocument::parse(text), Err(InitDataError::Malformed(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn an_unknown_algorithm_is_refused() {
        let text = DOCUMENT.replace("sha384", "md5");
        assert!(matches!(
            InitDataDocument::parse(&text),
            Err(InitDataError::UnknownHash(_))
        ));
    }

    #[test]
    fn a_document_over_the_limit_is_refused() {
        let text = format!("{DOCUMENT}big = \"{}\"\n", "x".repeat(MAX_LENGTH));
        assert!(matches!(
            InitDataDocument::parse(&text),
            Err(InitDataError::TooLong(_))
        ));
    }

    #[test]
    fn a_reason_does_not_repeat_a_long_document() {
        let text = format!(
            "version = \"0.1.0\"\nalgorithm = \"sha384\"\ndata = \"{}\"\n",
            "x".repeat(100_000)
        );
        let reason = InitDataDocument::parse(&text).unwrap_err().to_string();
        assert!(reason.len() < 400, "{} bytes", reason.len());
    }

    #[test]
    fn the_claims_that_are_known_are_those_that_documents_give() {
        let without_data = DOCUMENT.replace("policy_data := {", "data := {");
        let mut given = Vec::new();
        for text in [DOCUMENT, &without_data] {
            let claims = InitDataDocument::parse(text).unwrap().claims;
            given.extend(claims.as_object().unwrap().keys().cloned());
        }
        for known in KNOWN_CLAIMS {
            assert!(given.iter().any(|name| name == known), "{known}");
        }
        given.retain(|name| !KNOWN_CLAIMS.contains(&name.as_str()));
        given.dedup();
        assert_eq!(given, ["other", "other"][..given.len()]);
    }

    #[test]
    fn deeply_nested_toml_is_an_error_and_not_a_crash() {
        let nested = format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000));
        let text = format!("version = \"0.1.0\"\nalgorithm = \"sha384\"\n{nested}\n[data]\n");
        assert!(InitDataDocument::parse(&text).is_err());
        let inner = DOCUMENT.replace("[token_configs]\nurl = \"http://a\"", &nested);
        let document = InitDataDocument::parse(&inner).unwrap();
        assert!(document.claims["aa.toml"].is_string());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,400}") {
            let _ = InitDataDocument::parse(&text);
        }
    }
}
