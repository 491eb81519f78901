//! UEFI variables (`UEFI_VARIABLE_DATA`).

use super::{DetailsError, members, text};
use crate::reader::Reader;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// Bytes before the name: the GUID and two lengths.
const FIXED: usize = 32;

/// A variable's name; its data stays where it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Variable {
    guid: [u8; 16],
    name: String,
    /// In units of UTF-16.
    name_length: u64,
    data_length: u64,
}

impl Variable {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, DetailsError> {
        let mut reader = Reader::new(bytes);
        let short = DetailsError::Malformed("it is shorter than it says");
        let guid = reader.array().ok_or(short)?;
        let name_length = reader.u64().ok_or(short)?;
        let data_length = reader.u64().ok_or(short)?;
        let name = length(name_length.checked_mul(2)).and_then(|length| reader.take(length));
        let name =
            text::utf16(name.ok_or(short)?).ok_or(DetailsError::Malformed("its name is not UTF-16"))?;
        let data = length(Some(data_length)).and_then(|length| reader.take(length));
        data.ok_or(short)?;
        Ok(Self {
            guid,
            name,
            name_length,
            data_length,
        })
    }

    /// `bytes` is what was parsed.
    pub(super) fn claims(&self, bytes: &[u8]) -> Map<String, Value> {
        let bounds = || {
            let name = length(self.name_length.checked_mul(2))?;
            let start = FIXED.checked_add(name)?;
            Some(start..start.checked_add(length(Some(self.data_length))?)?)
        };
        let data = bounds().and_then(|bounds| bytes.get(bounds)).unwrap_or_default();
        members([
            ("unicode_name", self.name.as_str().into()),
            ("unicode_name_length", self.name_length.into()),
            ("variable_data", STANDARD.encode(data).into()),
            ("variable_data_length", self.data_length.into()),
            ("variable_name", in_file_order(&self.guid).into()),
        ])
    }
}

fn length(number: Option<u64>) -> Option<usize> {
    usize::try_from(number?).ok()
}

/// The bytes of a GUID as they lie in the log: existing policies know them so, though the first three parts of a
/// GUID are little-endian numbers.
fn in_file_order(guid: &[u8; 16]) -> String {
    let digits = hex::encode(guid);
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default();
    let parts = [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)];
    parts.join("-")
}
