//! Endorsements in one file, to be carried to a place without a way out.
//!
//! ```json
//! {"format": "trustee-endorsements", "version": 1, "created_at": "2026-11-22T05:00:00Z",
//!  "entries": [{"id": "dcap-tcb-info.tdx.00806F050000", "source": "https://…", "fetched_at": 1795323600,
//!               "bytes": "base64", "issuer_chain": "PEM"}]}
//! ```

use serde::{Deserialize, Serialize};
use verifier::EndorsementId;

use super::packed::{Packed, PackedError};
use super::record::Record;
use super::report::date;

/// The content of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bundle {
    format: String,
    version: u32,
    /// For people.
    created_at: String,
    entries: Vec<Packed>,
}

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BundleError {
    /// Not JSON of this form. What is wrong is said by place.
    #[error("it has not the form of a bundle of endorsements: line {line} column {column}")]
    Form {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// JSON of this form that calls itself something else.
    #[error("it is `{0}`, not a bundle of endorsements")]
    Format(String),
    /// Of a later program.
    #[error("it is of version {0}; this program reads version {VERSION}")]
    Version(u32),
    /// More than any site has.
    #[error("it has {0} entries, more than {MAX_ENTRIES}")]
    TooMany(usize),
    /// An entry is damaged.
    #[error("its entry {number}: {source}")]
    Entry {
        /// From 1.
        number: usize,
        /// What is wrong with it.
        source: PackedError,
    },
}

const FORMAT: &str = "trustee-endorsements";

const VERSION: u32 = 1;

/// The most entries that a bundle may have.
pub(crate) const MAX_ENTRIES: usize = 65_536;

/// The longest file that is read, in bytes.
pub(crate) const MAX_BUNDLE: usize = 512 * 1024 * 1024;

impl Bundle {
    /// A bundle of these.
    pub(crate) fn new<'a>(
        records: impl IntoIterator<Item = (&'a EndorsementId, &'a Record)>,
        now: i64,
    ) -> Self {
        let entries = records
            .into_iter()
            .filter_map(|(id, record)| Packed::pack(id, record));
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            created_at: date(now).unwrap_or_default(),
            entries: entries.collect(),
        }
    }

    /// As the file holds it: an entry a line, so that two bundles can be compared.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).unwrap_or_default();
        json.push(b'\n');
        json
    }

    /// What the file holds, each of the form that its name says. All or nothing.
    pub(crate) fn read(json: &[u8]) -> Result<Vec<(EndorsementId, Record)>, BundleError> {
        let bundle: Self = serde_json::from_slice(json).map_err(|error| BundleError::Form {
            line: error.line(),
            column: error.column(),
        })?;
        if bundle.format != FORMAT {
            return Err(BundleError::Format(bundle.format.chars().take(64).collect()));
        }
        if bundle.version != VERSION {
            return Err(BundleError::Version(bundle.version));
        }
        if bundle.entries.len() > MAX_ENTRIES {
            return Err(BundleError::TooMany(bundle.entries.len()));
        }
        let numbered = (1..).zip(bundle.entries);
        let records = numbered.map(|(number, entry)| {
            entry
                .unpack()
                .map_err(|source| BundleError::Entry { number, source })
        });
        records.collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::endorsements::record::tests::{ISSUED, TCB_INFO, record};

    fn json() -> String {
        let record = record(1, ISSUED);
        String::from_utf8(Bundle::new([(&TCB_INFO, &record)], ISSUED).to_json()).unwrap()
    }

    #[test]
    fn a_bundle_holds_what_was_put_into_it() {
        let text = json();
        assert!(text.contains("2026-01-01T00:00:00Z"), "{text}");
        let found = Bundle::read(text.as_bytes()).unwrap();
        assert_eq!(found, [(TCB_INFO, record(1, ISSUED))]);
    }

    #[test]
    fn every_damage_is_named() {
        let read = |from: &str, to: &str| {
            let text = json();
            assert!(text.contains(from), "{text}");
            Bundle::read(text.replace(from, to).as_bytes()).unwrap_err()
        };
        assert!(matches!(
            read("\"version\": 1", "\"version\": 2"),
            BundleError::Version(2)
        ));
        assert!(matches!(read(FORMAT, "other"), BundleError::Format(_)));
        assert!(matches!(
            read("\"entries\"", "\"entry\""),
            BundleError::Form { .. }
        ));
        let error = read("tdx.00806F050000", "tdx.00806F050001");
        assert!(matches!(error, BundleError::Entry { number: 1, .. }), "{error}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Bundle::read(&bytes);
        }

        #[test]
        fn a_bundle_with_one_byte_changed_is_read_without_panic(at in any::<prop::sample::Index>(), byte: u8) {
            let mut bytes = json().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = Bundle::read(&bytes);
        }
    }
}
