//! The table of GUIDs at the end of an OVMF image (`OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm` in edk2): entries of
//! data, length and GUID, read from the end, where the table's own entry stands 32 bytes before the image ends.

use crate::bytes::{array, index_at, u16_at};

/// A GUID as it is written in memory: the first three fields are little-endian.
pub(crate) type Guid = [u8; 16];

/// The largest image that is read, in bytes.
const MAX_IMAGE: usize = 64 << 20;

/// Bytes after the table: the reset vector.
const AFTER_TABLE: usize = 32;

/// Length and GUID of an entry.
const ENTRY_HEADER: usize = 18;

const TABLE_FOOTER: Guid = guid(
    0x96b5_82de,
    0x1fb2,
    0x45f7,
    [0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d],
);

/// What is wrong with a firmware image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FirmwareError {
    /// Not a whole number of pages, nothing, or too large.
    #[error("the firmware has {0} bytes: it must be 4096 or a multiple of that, up to 64 MiB")]
    Size(usize),
    /// There is no table: it is no OVMF, or a part of one.
    #[error(
        "the firmware has no GUID table 32 bytes before its end: it is not an OVMF image with its reset vector"
    )]
    NoTable,
    /// The table cannot be read.
    #[error("the GUID table of the firmware is malformed")]
    Table,
    /// What is needed is not in the table.
    #[error("the firmware has no {0}: it is not built for this platform")]
    Missing(&'static str),
    /// An entry cannot be read.
    #[error("the {0} of the firmware is malformed")]
    Entry(&'static str),
}

/// An image whose table is read.
pub(crate) struct Firmware<'a> {
    pub(crate) image: &'a [u8],
    entries: Vec<(Guid, &'a [u8])>,
}

impl<'a> Firmware<'a> {
    pub(crate) fn read(image: &'a [u8]) -> Result<Self, FirmwareError> {
        if image.is_empty() || !image.len().is_multiple_of(4096) || image.len() > MAX_IMAGE {
            return Err(FirmwareError::Size(image.len()));
        }
        let end = image.len().saturating_sub(AFTER_TABLE);
        let (length, guid) = header_before(image, end).ok_or(FirmwareError::NoTable)?;
        if guid != TABLE_FOOTER {
            return Err(FirmwareError::NoTable);
        }
        // The length of the table has its own entry in it.
        let start = end.checked_sub(length).ok_or(FirmwareError::Table)?;
        let mut table = end
            .checked_sub(ENTRY_HEADER)
            .and_then(|end| image.get(start..end))
            .ok_or(FirmwareError::Table)?;
        let mut entries = Vec::new();
        while !table.is_empty() {
            let (length, guid) = header_before(table, table.len()).ok_or(FirmwareError::Table)?;
            let start = table.len().checked_sub(length).ok_or(FirmwareError::Table)?;
            let data = table
                .len()
                .checked_sub(ENTRY_HEADER)
                .and_then(|end| table.get(start..end))
                .ok_or(FirmwareError::Table)?;
            entries.push((guid, data));
            table = table.get(..start).unwrap_or_default();
        }
        Ok(Self { image, entries })
    }

    /// The data of an entry; the one nearest to the end if there are several.
    pub(crate) fn entry(&self, guid: Guid) -> Option<&'a [u8]> {
        self.entries
            .iter()
            .find(|(found, _)| *found == guid)
            .map(|(_, data)| *data)
    }

    /// What stands as far before the end of the image as the number in an entry says.
    pub(crate) fn pointed_at(&self, guid: Guid, what: &'static str) -> Result<&'a [u8], FirmwareError> {
        let entry = self.entry(guid).ok_or(FirmwareError::Missing(what))?;
        index_at(entry, 0)
            .and_then(|back| self.image.len().checked_sub(back))
            .and_then(|start| self.image.get(start..))
            .ok_or(FirmwareError::Entry(what))
    }
}

/// Length and GUID of the entry that ends at `end`.
fn header_before(bytes: &[u8], end: usize) -> Option<(usize, Guid)> {
    let start = end.checked_sub(ENTRY_HEADER)?;
    let length = usize::from(u16_at(bytes, start)?);
    Some((length, array(bytes, start + 2)?)).filter(|(length, _)| *length >= ENTRY_HEADER)
}

/// A GUID from its fields (RFC 9562 section 4, in the order of UEFI, appendix A).
pub(crate) const fn guid(first: u32, second: u16, third: u16, last: [u8; 8]) -> Guid {
    let [a, b, c, d] = first.to_le_bytes();
    let [e, f] = second.to_le_bytes();
    let [g, h] = third.to_le_bytes();
    let [i, j, k, l, m, n, o, p] = last;
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
}
