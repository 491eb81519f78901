//! MRTD: SHA-384 over what the host does to build the guest (Intel TDX Module Base Architecture Specification,
//! "Measurement of the TD's initial memory": `TDH.MEM.PAGE.ADD`, `TDH.MR.EXTEND`), following the sections of the
//! firmware's metadata (Intel TDX Virtual Firmware Design Guide, "TDVF metadata").

use sha2::{Digest as _, Sha384};

use super::TdxError;
use crate::{
    Digest, FirmwareError,
    bytes::{index_at, u32_at, u64_at},
    firmware::{Firmware, Guid, guid},
};

const METADATA: Guid = guid(
    0xe47a_6535,
    0x984a,
    0x4798,
    [0x86, 0x5e, 0x46, 0x85, 0xa7, 0xbf, 0x8e, 0xc2],
);

/// Signature, length, version and number of sections.
const HEADER: usize = 16;
const SECTION: usize = 32;
/// More sections than any firmware has.
const MAX_SECTIONS: usize = 256;
/// More memory than any firmware has added: 4 GiB.
const MAX_PAGES: u64 = 1 << 20;

const PAGE: usize = 4096;
/// What `TDH.MR.EXTEND` measures at a time.
const CHUNK: usize = 256;

/// Attributes of a section: its content is measured; its pages are not added before the guest runs.
const EXTEND: u32 = 1;
const ADDED_LATER: u32 = 2;

/// In which order the host adds the pages of a section and measures their content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PageOrder {
    /// Each page is added and then measured: KVM as it is in Linux since 6.16, and the patches for QEMU 8.
    #[default]
    PageByPage,
    /// All pages of a section are added, then all are measured: KVM of some vendors in between.
    SectionBySection,
}

/// MRTD of a guest with this firmware: `mr_td` of the quote's body.
///
/// # Errors
/// The firmware is not OVMF for TDX (TDVF).
pub fn mrtd(image: &[u8], order: PageOrder) -> Result<Digest, TdxError> {
    let firmware = Firmware::read(image)?;
    let sections = sections(&firmware)?;
    let mut hash = Sha384::new();
    for section in &sections {
        match order {
            PageOrder::PageByPage => {
                for page in 0..section.pages {
                    section.add(page, &mut hash);
                    section.extend(page, &mut hash);
                }
            }
            PageOrder::SectionBySection => {
                (0..section.pages).for_each(|page| section.add(page, &mut hash));
                (0..section.pages).for_each(|page| section.extend(page, &mut hash));
            }
        }
    }
    Ok(hash.finalize().into())
}

struct Section<'a> {
    address: u64,
    pages: u64,
    attributes: u32,
    /// What is measured; zeros follow up to the end of the last page.
    content: &'a [u8],
}

fn sections<'a>(firmware: &Firmware<'a>) -> Result<Vec<Section<'a>>, TdxError> {
    const WHAT: &str = "TDX metadata";
    let bytes = firmware.pointed_at(METADATA, WHAT)?;
    let malformed = FirmwareError::Entry(WHAT);
    let count = index_at(bytes, 12).filter(|count| *count <= MAX_SECTIONS);
    let (Some(count), Some(1), true) = (count, u32_at(bytes, 8), bytes.starts_with(b"TDVF")) else {
        return Err(malformed.into());
    };
    let mut total = 0_u64;
    bytes
        .get(HEADER..HEADER + count * SECTION)
        .ok_or(malformed)?
        .chunks_exact(SECTION)
        .enumerate()
        .map(|(number, bytes)| {
            let section = section(firmware.image, bytes).ok_or(TdxError::Section(number))?;
            total = total.saturating_add(section.pages);
            if total > MAX_PAGES {
                return Err(TdxError::Section(number));
            }
            Ok(section)
        })
        .collect()
}

/// Offset and size in the image, address and size in memory, type, attributes.
fn section<'a>(image: &'a [u8], bytes: &[u8]) -> Option<Section<'a>> {
    let (offset, length) = (index_at(bytes, 0)?, index_at(bytes, 4)?);
    let (address, size) = (u64_at(bytes, 8)?, u64_at(bytes, 16)?);
    let attributes = u32_at(bytes, 28)?;
    let aligned = address.is_multiple_of(PAGE as u64) && size.is_multiple_of(PAGE as u64);
    let fits = address.checked_add(size).is_some() && length as u64 <= size;
    let content = image.get(offset..offset.checked_add(length)?)?;
    (aligned && fits).then_some(Section {
        address,
        pages: size / PAGE as u64,
        attributes,
        content,
    })
}

impl Section<'_> {
    fn add(&self, page: u64, hash: &mut Sha384) {
        if self.attributes & ADDED_LATER == 0 {
            hash.update(operation(b"MEM.PAGE.ADD", self.address_of(page, 0)));
        }
    }

    fn extend(&self, page: u64, hash: &mut Sha384) {
        if self.attributes & EXTEND == 0 {
            return;
        }
        for offset in (0..PAGE).step_by(CHUNK) {
            hash.update(operation(b"MR.EXTEND", self.address_of(page, offset)));
            hash.update(self.chunk(page, offset));
        }
    }

    fn address_of(&self, page: u64, offset: usize) -> u64 {
        // The end of the section is an address, so this is one.
        self.address
            .wrapping_add(page.wrapping_mul(PAGE as u64))
            .wrapping_add(offset as u64)
    }

    fn chunk(&self, page: u64, offset: usize) -> [u8; CHUNK] {
        let start = usize::try_from(page)
            .unwrap_or(usize::MAX)
            .saturating_mul(PAGE)
            .saturating_add(offset);
        let mut chunk = [0; CHUNK];
        let content = self.content.get(start..).unwrap_or_default();
        for (target, byte) in chunk.iter_mut().zip(content) {
            *target = *byte;
        }
        chunk
    }
}

/// The 128 bytes that stand for an operation: its name, and the address from the 16th byte on.
fn operation(name: &[u8], address: u64) -> [u8; 128] {
    let mut bytes = [0; 128];
    let complete =
        crate::bytes::put(&mut bytes, 0, name) && crate::bytes::put(&mut bytes, 16, &address.to_le_bytes());
    debug_assert!(complete, "a name has less than 16 bytes");
    bytes
}
