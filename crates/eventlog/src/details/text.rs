//! Data that is text.

use super::DetailsError;
use crate::reader::Reader;

/// What Google's loader puts before UTF-16.
const UTF16_PREFIX: [u8; 2] = [0x2e, 0x00];

const NOT_UTF8: DetailsError = DetailsError::Malformed("it is not UTF-8");

/// All of it, in UTF-8.
pub(super) fn whole(data: &[u8]) -> Result<&str, DetailsError> {
    std::str::from_utf8(data).map_err(|_| NOT_UTF8)
}

/// A length in one byte, so many bytes of UTF-8, of which the last may be zero, then numbers
/// (`UEFI_PLATFORM_FIRMWARE_BLOB2`, `UEFI_HANDOFF_TABLE_POINTERS2`).
pub(super) fn counted(data: &[u8]) -> Result<String, DetailsError> {
    let mut reader = Reader::new(data);
    let text = reader.u8().and_then(|length| reader.take(usize::from(length)));
    let text = text.ok_or(DetailsError::Malformed("it is shorter than it says"))?;
    whole(text.strip_suffix(&[0]).unwrap_or(text)).map(str::to_owned)
}

/// Whatever the manufacturer chose: the characters that can be printed, nothing if it is not UTF-8. TD-shim
/// separates a name from its text with 0x10, the low byte of a size, which becomes a space.
pub(super) fn printable(data: &[u8]) -> String {
    let text = std::str::from_utf8(data).unwrap_or_default();
    let spaced = text.chars().map(|c| if c == '\u{10}' { ' ' } else { c });
    spaced.filter(|c| !c.is_control()).collect()
}

/// What a boot loader wrote: UTF-16 behind a prefix, else UTF-8 up to the first zero, else hex of all.
pub(super) fn of_loader(data: &[u8]) -> Result<String, DetailsError> {
    if let Some(rest) = data.strip_prefix(&UTF16_PREFIX) {
        if rest.is_empty() || !rest.len().is_multiple_of(2) {
            return Err(DetailsError::Malformed("it is not UTF-16"));
        }
        return Ok(utf16_lossy(rest.strip_suffix(&[0, 0]).unwrap_or(rest)));
    }
    let text = data.split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(std::str::from_utf8(text).map_or_else(|_| hex::encode(data), str::to_owned))
}

/// UTF-16, little-endian. A last odd byte does not count.
pub(super) fn utf16(bytes: &[u8]) -> Option<String> {
    String::from_utf16(&units(bytes)).ok()
}

/// The same with a replacement for what is no character.
pub(super) fn utf16_lossy(bytes: &[u8]) -> String {
    String::from_utf16_lossy(&units(bytes))
}

fn units(bytes: &[u8]) -> Vec<u16> {
    let (pairs, _) = bytes.as_chunks::<2>();
    pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect()
}
