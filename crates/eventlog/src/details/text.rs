//! Data that is text.

use super::{AROUND, DetailsError, write_text};
use crate::json::{Json, RUN, is_all, runs};
use crate::reader::Reader;
use std::char::DecodeUtf16Error;
use std::ffi::CStr;

/// What Google's loader puts before UTF-16.
const UTF16_PREFIX: [u8; 2] = [0x2e, 0x00];

const NOT_UTF8: DetailsError = DetailsError::Malformed("it is not UTF-8");

/// All of it, in UTF-8.
pub(super) fn whole(data: &[u8]) -> Result<&str, DetailsError> {
    std::str::from_utf8(data).map_err(|_| NOT_UTF8)
}

/// A length in one byte, so many bytes of UTF-8, of which the last may be zero, then numbers
/// (`UEFI_PLATFORM_FIRMWARE_BLOB2`, `UEFI_HANDOFF_TABLE_POINTERS2`).
pub(super) fn counted(data: &[u8]) -> Result<&str, DetailsError> {
    let mut reader = Reader::new(data);
    let text = reader.u8().and_then(|length| reader.take(usize::from(length)));
    let text = text.ok_or(DetailsError::Malformed("it is shorter than it says"))?;
    whole(text.strip_suffix(&[0]).unwrap_or(text))
}

/// Whatever the manufacturer chose: the characters that can be printed, nothing if it is not UTF-8. TD-shim
/// separates a name from its text with 0x10, the low byte of a size, which becomes a space.
pub(super) fn printable(data: &[u8]) -> String {
    let text = std::str::from_utf8(data).unwrap_or_default();
    let mut printed = String::with_capacity(text.len());
    for run in runs(text, RUN) {
        if is_all(run.as_bytes(), |byte| matches!(byte, 0x20..0x7f)) {
            printed.push_str(run);
        } else {
            let spaced = run.chars().map(|c| if c == '\u{10}' { ' ' } else { c });
            printed.extend(spaced.filter(|c| !c.is_control()));
        }
    }
    printed
}

/// What a boot loader wrote: UTF-16 behind a prefix, else UTF-8 up to the first zero, else hex of all.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loader<'a> {
    Utf16(&'a [u8]),
    Utf8(&'a str),
    Other(&'a [u8]),
}

impl<'a> Loader<'a> {
    pub(super) fn parse(data: &'a [u8]) -> Result<Self, DetailsError> {
        if let Some(rest) = data.strip_prefix(&UTF16_PREFIX) {
            if rest.is_empty() || !rest.len().is_multiple_of(2) {
                return Err(DetailsError::Malformed("it is not UTF-16"));
            }
            return Ok(Self::Utf16(rest.strip_suffix(&[0, 0]).unwrap_or(rest)));
        }
        let text = CStr::from_bytes_until_nul(data).map_or(data, CStr::to_bytes);
        Ok(std::str::from_utf8(text).map_or(Self::Other(data), Self::Utf8))
    }

    /// The object with the text.
    pub(super) fn write(self, json: &mut Json) {
        match self {
            Loader::Utf16(bytes) => json.about((bytes.len() / 2).saturating_add(AROUND), |json| {
                write_text(json, &utf16_lossy(bytes));
            }),
            Loader::Utf8(text) => write_text(json, text),
            Loader::Other(bytes) => {
                json.raw(r#"{"string":"#);
                json.hex(bytes);
                json.raw("}");
            }
        }
    }
}

/// Is it UTF-16, little-endian? A last odd byte does not count.
pub(super) fn is_utf16(bytes: &[u8]) -> bool {
    is_ascii16(bytes) || characters(bytes).all(|character| character.is_ok())
}

/// UTF-16 with a replacement for what is no character.
pub(super) fn utf16_lossy(bytes: &[u8]) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    if is_ascii16(bytes) {
        let ascii = pairs.iter().map(|[low, _]| *low).collect();
        return String::from_utf8(ascii).unwrap_or_default();
    }
    let mut text = String::with_capacity(bytes.len());
    text.extend(characters(bytes).map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER)));
    text
}

fn characters(bytes: &[u8]) -> impl Iterator<Item = Result<char, DecodeUtf16Error>> {
    let (pairs, _) = bytes.as_chunks::<2>();
    char::decode_utf16(pairs.iter().map(|pair| u16::from_le_bytes(*pair)))
}

fn is_ascii16(bytes: &[u8]) -> bool {
    let (pairs, _) = bytes.as_chunks::<2>();
    pairs.iter().all(|[low, high]| low.is_ascii() && *high == 0)
}
