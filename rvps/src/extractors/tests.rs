//! Each extractor on payloads as they are met, and on hostile ones.

mod corim;
mod in_toto;
mod list;
mod swid;

use serde_json::Value;

use super::{Extracted, Settings, find};

/// What an extractor makes of a payload.
fn extract(kind: &str, payload: impl AsRef<[u8]>) -> Result<Extracted, String> {
    let extractor = find(kind).unwrap_or_else(|error| panic!("{error}"));
    extractor.extract(payload.as_ref(), &Settings::default())
}

/// Names and values only.
fn values(extracted: Extracted) -> Vec<(String, Value)> {
    extracted
        .values
        .into_iter()
        .map(|named| (named.name, named.value))
        .collect()
}

#[test]
fn every_extractor_has_its_page_and_its_own_content_types() {
    let mut seen = std::collections::BTreeSet::new();
    for extractor in super::ALL {
        let page = format!(
            "{}/../docs/extractors/{}.md",
            env!("CARGO_MANIFEST_DIR"),
            extractor.kind()
        );
        assert!(std::path::Path::new(&page).is_file(), "{page} is missing");
        assert!(!extractor.content_types().is_empty());
        for content_type in extractor.content_types() {
            assert!(seen.insert(content_type), "{content_type} is of two types");
        }
    }
}
