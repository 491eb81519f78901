//! Reads fixed-size fields and little-endian numbers off a slice; never past its end.

use super::DcapError;

/// A place in a slice.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], DcapError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(DcapError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DcapError> {
        self.take(N)?.try_into().map_err(|_| DcapError::Truncated)
    }

    pub(super) fn u16(&mut self) -> Result<u16, DcapError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, DcapError> {
        self.array().map(u32::from_le_bytes)
    }

    /// A length of 32 bits, then as many bytes.
    pub(super) fn sized(&mut self) -> Result<&'a [u8], DcapError> {
        let length = usize::try_from(self.u32()?).map_err(|_| DcapError::Truncated)?;
        self.take(length)
    }

    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), DcapError> {
        self.0.is_empty().then_some(()).ok_or(DcapError::TrailingBytes)
    }
}
