//! Type `in-toto`: an in-toto statement (v1 or v0.1) in a DSSE envelope, such as SLSA provenance. The digests of its
//! subjects are the reference values. See `docs/extractors/in-toto.md`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Extracted, Extractor, MAX_VALUES, Named, NativeSignature, Settings};
use crate::{error::bounded, signature::Times};

/// Reads the statement.
pub(crate) struct InToto;

#[derive(Deserialize)]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    #[serde(default)]
    predicate: Value,
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    name: String,
    digest: BTreeMap<String, String>,
}

const STATEMENTS: [&str; 2] = [
    "https://in-toto.io/Statement/v1",
    "https://in-toto.io/Statement/v0.1",
];

/// SLSA provenance: its predicate type, and where in the predicate are the builder's id and the end of the build.
const PROVENANCE: [(&str, &str, &str); 3] = [
    (
        "https://slsa.dev/provenance/v1",
        "/runDetails/builder/id",
        "/runDetails/metadata/finishedOn",
    ),
    (
        "https://slsa.dev/provenance/v0.2",
        "/builder/id",
        "/metadata/buildFinishedOn",
    ),
    (
        "https://slsa.dev/provenance/v0.1",
        "/builder/id",
        "/metadata/buildFinishedOn",
    ),
];

impl Extractor for InToto {
    fn kind(&self) -> &'static str {
        "in-toto"
    }

    fn content_types(&self) -> &'static [&'static str] {
        &["application/vnd.in-toto+json"]
    }

    fn native_signature(&self) -> NativeSignature {
        NativeSignature::Dsse
    }

    fn extract(&self, payload: &[u8], settings: &Settings) -> Result<Extracted, String> {
        let statement: Statement = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        if !STATEMENTS.contains(&statement.kind.as_str()) {
            return Err(format!(
                "it is no in-toto statement but {:?}",
                bounded(&statement.kind)
            ));
        }
        let provenance = PROVENANCE
            .iter()
            .find(|(predicate_type, ..)| statement.predicate_type == *predicate_type);
        let at = |pointer: &str| statement.predicate.pointer(pointer).and_then(Value::as_str);
        let builder = provenance.and_then(|(_, builder, _)| at(builder));
        let trusted = |builder: &str| settings.builder_ids.iter().any(|id| id == builder);
        if !settings.builder_ids.is_empty() && !builder.is_some_and(trusted) {
            return Err(format!(
                "its builder is not one of `builder_ids`: {:?}",
                builder.map(bounded)
            ));
        }
        let issued_at = match provenance.and_then(|(.., finished)| at(finished)) {
            Some(text) => Some(
                OffsetDateTime::parse(text, &Rfc3339)
                    .map_err(|error| format!("the end of the build is not a time: {error}"))?
                    .unix_timestamp(),
            ),
            None => None,
        };
        Ok(Extracted {
            values: values(statement.subject)?,
            times: Times {
                issued_at,
                ..Times::default()
            },
        })
    }
}

/// `<subject>/<algorithm>` → the digests that subjects of this name have.
fn values(subjects: Vec<Subject>) -> Result<Vec<Named>, String> {
    let mut digests = BTreeMap::<String, Vec<Value>>::new();
    let mut count = 0;
    for subject in subjects {
        if subject.name.is_empty() {
            return Err("a subject has no name".to_owned());
        }
        for (algorithm, digest) in subject.digest {
            count += 1;
            if count > MAX_VALUES {
                return Err(format!("it has more than {MAX_VALUES} digests"));
            }
            // Lower case, as claims are.
            let digest = Value::from(digest.to_ascii_lowercase());
            digests
                .entry(format!("{}/{algorithm}", subject.name))
                .or_default()
                .push(digest);
        }
    }
    let named = |(name, digests): (String, Vec<Value>)| Named::new(name, digests.into());
    Ok(digests.into_iter().map(named).collect())
}
