//! UEFI variables (`UEFI_VARIABLE_DATA`).

use super::{DetailsError, text};
use crate::json::{Json, hex};
use crate::reader::Reader;

/// A variable in form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variable<'a> {
    guid: [u8; 16],
    name: &'a [u8],
    /// In units of UTF-16.
    name_length: u64,
    data: &'a [u8],
}

impl<'a> Variable<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, DetailsError> {
        let mut reader = Reader::new(bytes);
        let short = DetailsError::Malformed("it is shorter than it says");
        let guid = reader.array().ok_or(short)?;
        let name_length = reader.u64().ok_or(short)?;
        let data_length = reader.u64().ok_or(short)?;
        let name = length(name_length.checked_mul(2)).and_then(|length| reader.take(length));
        let name = name.ok_or(short)?;
        if !text::is_utf16(name) {
            return Err(DetailsError::Malformed("its name is not UTF-16"));
        }
        let data = length(Some(data_length)).and_then(|length| reader.take(length));
        Ok(Self {
            guid,
            name,
            name_length,
            data: data.ok_or(short)?,
        })
    }

    pub(super) fn write(&self, json: &mut Json) {
        json.raw(r#"{"unicode_name":"#);
        json.about((self.name.len() / 2).saturating_add(2), |json| {
            json.text(&text::utf16_lossy(self.name));
        });
        json.raw(r#","unicode_name_length":"#);
        json.raw(&self.name_length.to_string());
        json.raw(r#","variable_data":"#);
        json.base64(self.data);
        json.raw(r#","variable_data_length":"#);
        json.raw(&self.data.len().to_string());
        json.raw(r#","variable_name":"#);
        json.text(&in_file_order(&self.guid));
        json.raw("}");
    }
}

fn length(number: Option<u64>) -> Option<usize> {
    usize::try_from(number?).ok()
}

/// The bytes of a GUID as they lie in the log: existing policies know them so, though the first three parts of a
/// GUID are little-endian numbers.
fn in_file_order(guid: &[u8; 16]) -> String {
    let digits = hex(guid);
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default();
    let parts = [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)];
    parts.join("-")
}
