//! The table of certificates that a host may give to an SNP guest (AMD 56421: GHCB, SNP Extended Guest Request).
//!
//! Entries of 24 bytes - a GUID, an offset and a length, both little-endian and the offset from the table's begin -
//! up to one whose GUID is all zeros; the certificates lie behind. The host is not trusted: what is in the table is
//! for the server to verify, and what is not a table is an error.

use super::entry::TsmError;

/// Most entries that are looked at.
const MAX_ENTRIES: usize = 32;
const ENTRY: usize = 24;

/// The kinds that are passed on. GUIDs as they lie in memory: the first three groups little-endian.
const KINDS: [([u8; 16], &str); 5] = [
    // c0b406a4-a803-4952-9743-3fb6014cd0ae
    (
        *b"\xa4\x06\xb4\xc0\x03\xa8\x52\x49\x97\x43\x3f\xb6\x01\x4c\xd0\xae",
        "ARK",
    ),
    // 4ab7b379-bbac-4fe4-a02f-05aef327c782
    (
        *b"\x79\xb3\xb7\x4a\xac\xbb\xe4\x4f\xa0\x2f\x05\xae\xf3\x27\xc7\x82",
        "ASK",
    ),
    // 63da758d-e664-4564-adc5-f4b93be8accd
    (
        *b"\x8d\x75\xda\x63\x64\xe6\x64\x45\xad\xc5\xf4\xb9\x3b\xe8\xac\xcd",
        "VCEK",
    ),
    // a8074bc2-a25a-483e-aae6-39c045a0b8a1
    (
        *b"\xc2\x4b\x07\xa8\x5a\xa2\x3e\x48\xaa\xe6\x39\xc0\x45\xa0\xb8\xa1",
        "VLEK",
    ),
    // 92f81bc3-5811-4d3d-97ff-d19f88dc67ea
    (
        *b"\xc3\x1b\xf8\x92\x11\x58\x3d\x4d\x97\xff\xd1\x9f\x88\xdc\x67\xea",
        "CRL",
    ),
];

/// The certificates by kind, in the table's order. Kinds that the wire has no name for are passed over.
pub(super) fn of(table: &[u8]) -> Result<Vec<(&'static str, &[u8])>, TsmError> {
    let mut found = Vec::new();
    for entry in table.chunks_exact(ENTRY).take(MAX_ENTRIES) {
        let (Some(guid), Some(offset), Some(length)) =
            (entry.first_chunk::<16>(), number(entry, 16), number(entry, 20))
        else {
            break;
        };
        if *guid == [0; 16] {
            return Ok(found);
        }
        let data = table.get(offset..).and_then(|rest| rest.get(..length));
        let data = data.ok_or(TsmError::Certificates("an entry points outside"))?;
        if let Some((_, kind)) = KINDS.iter().find(|(known, _)| known == guid) {
            found.push((*kind, data));
        }
    }
    Err(TsmError::Certificates("it has no end"))
}

fn number(entry: &[u8], at: usize) -> Option<usize> {
    let bytes = entry.get(at..)?.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}
