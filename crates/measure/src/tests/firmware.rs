//! Firmware images in the form of OVMF, made here.

use crate::firmware::{Firmware, FirmwareError, Guid, guid};

const FOOTER: &str = "96b582de-1fb2-45f7-baea-a366c55a082d";

/// An image of `pages` pages with a table of these entries, and `metadata` so that `pointed_at` finds them: each entry
/// is a GUID and its data, or metadata that the data point at.
pub(super) struct Image {
    bytes: Vec<u8>,
    /// Where the next metadata end.
    end: usize,
    table: Vec<u8>,
}

impl Image {
    pub(super) fn new(pages: usize) -> Self {
        let bytes: Vec<u8> = (0..pages * 4096).map(|n| (n / 256 % 251) as u8).collect();
        let end = bytes.len() - 1024;
        Self {
            bytes,
            end,
            table: Vec::new(),
        }
    }

    pub(super) fn entry(mut self, id: &str, data: &[u8]) -> Self {
        self.table.extend_from_slice(data);
        self.table
            .extend_from_slice(&u16::try_from(data.len() + 18).unwrap().to_le_bytes());
        self.table.extend_from_slice(&parse(id));
        self
    }

    pub(super) fn metadata(mut self, id: &str, data: &[u8]) -> Self {
        let start = self.end - data.len();
        self.bytes[start..self.end].copy_from_slice(data);
        self.end = start;
        let back = u32::try_from(self.bytes.len() - start).unwrap();
        self.entry(id, &back.to_le_bytes())
    }

    pub(super) fn build(mut self) -> Vec<u8> {
        let length = u16::try_from(self.table.len() + 18).unwrap();
        self.table.extend_from_slice(&length.to_le_bytes());
        self.table.extend_from_slice(&parse(FOOTER));
        let end = self.bytes.len() - 32;
        let start = end - self.table.len();
        self.bytes[start..end].copy_from_slice(&self.table);
        self.bytes
    }
}

/// A GUID from its text.
fn parse(text: &str) -> Guid {
    let fields: Vec<u64> = text
        .split('-')
        .map(|part| u64::from_str_radix(part, 16).unwrap())
        .collect();
    let last = [fields[3] as u16].map(u16::to_be_bytes)[0];
    let node = &fields[4].to_be_bytes()[2..];
    let last: Vec<u8> = last.iter().chain(node).copied().collect();
    guid(
        fields[0] as u32,
        fields[1] as u16,
        fields[2] as u16,
        last.try_into().unwrap(),
    )
}

#[test]
fn entries_are_found_by_their_guid() {
    let (one, other) = (
        "00f771de-1a7e-4fcb-890e-68c77e2fb44e",
        "7255371f-3a3b-4b04-927b-1da6efa8d454",
    );
    let image = Image::new(1).entry(one, b"one").entry(other, b"").build();
    let firmware = Firmware::read(&image).unwrap();
    assert_eq!(firmware.entry(parse(one)), Some(&b"one"[..]));
    assert_eq!(firmware.entry(parse(other)), Some(&b""[..]));
    assert_eq!(firmware.entry(parse(FOOTER)), None);
    assert_eq!(
        firmware.pointed_at(parse(FOOTER), "it").err(),
        Some(FirmwareError::Missing("it"))
    );
    assert_eq!(
        firmware.pointed_at(parse(one), "it").err(),
        Some(FirmwareError::Entry("it")),
        "three bytes are no number"
    );
}

#[test]
fn what_is_no_ovmf_is_refused() {
    let good = Image::new(1)
        .entry("00f771de-1a7e-4fcb-890e-68c77e2fb44e", b"one")
        .build();
    for size in [0, 1, 4095, 4097] {
        assert_eq!(
            Firmware::read(&vec![0; size]).err(),
            Some(FirmwareError::Size(size))
        );
    }
    assert_eq!(Firmware::read(&[0; 4096]).err(), Some(FirmwareError::NoTable));
    let changed = |offset: usize, value: u8| {
        let mut bytes = good.clone();
        let at = bytes.len() - 32 - offset;
        bytes[at] = value;
        Firmware::read(&bytes).err()
    };
    assert_eq!(changed(1, 0), Some(FirmwareError::NoTable));
    // The length of the table: too short for itself, beyond the image, in the middle of an entry.
    assert_eq!(changed(18, 1), Some(FirmwareError::NoTable));
    assert_eq!(changed(17, 0xff), Some(FirmwareError::Table));
    assert_eq!(changed(18, 30), Some(FirmwareError::Table));
    // The length of the entry.
    assert_eq!(changed(36, 17), Some(FirmwareError::Table));
    assert_eq!(changed(36, 22), Some(FirmwareError::Table));
}
