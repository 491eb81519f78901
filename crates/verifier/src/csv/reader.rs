//! Reading of fixed layouts, little-endian throughout.

use super::CsvError;

/// The bytes that were not read yet.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// `what` is named if the bytes end too soon.
    pub(super) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], CsvError> {
        let Some((next, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(CsvError::TooShort(self.what));
        };
        self.rest = rest;
        Ok(*next)
    }

    pub(super) fn u16(&mut self) -> Result<u16, CsvError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, CsvError> {
        Ok(u32::from_le_bytes(self.array()?))
    }
}
