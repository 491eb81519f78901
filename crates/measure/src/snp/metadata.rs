//! What OVMF's metadata for SEV ask the hypervisor to add (`OvmfPkg/ResetVector/X64/OvmfSevMetadata.asm` in edk2).

use super::SnpError;
use crate::{
    FirmwareError,
    bytes::{index_at, u32_at},
    firmware::{Firmware, Guid, guid},
};

const METADATA: Guid = guid(
    0xdc88_6566,
    0x984a,
    0x4798,
    [0xa7, 0x5e, 0x55, 0x85, 0xa7, 0xbf, 0x67, 0xcc],
);
const HASH_TABLE: Guid = guid(
    0x7255_371f,
    0x3a3b,
    0x4b04,
    [0x92, 0x7b, 0x1d, 0xa6, 0xef, 0xa8, 0xd4, 0x54],
);
const RESET_BLOCK: Guid = guid(
    0x00f7_71de,
    0x1a7e,
    0x4fcb,
    [0x89, 0x0e, 0x68, 0xc7, 0x7e, 0x2f, 0xb4, 0x4e],
);

/// Signature, length, version and number of sections.
const HEADER: usize = 16;
/// Address, size and type of a section.
const SECTION: usize = 12;
/// More sections than any firmware has.
const MAX_SECTIONS: usize = 256;

/// The metadata.
pub(super) struct Metadata {
    pub(super) sections: Vec<Section>,
}

/// An area in the guest's memory.
pub(super) struct Section {
    pub(super) address: u64,
    pub(super) size: u32,
    pub(super) kind: SectionKind,
}

/// What an area is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SectionKind {
    /// Memory before the guest has accepted any: zeros.
    Memory,
    /// Where the processor's firmware puts secrets.
    Secrets,
    /// Where the hypervisor puts CPUID values.
    Cpuid,
    /// The calling area of a service module: zeros.
    CallingArea,
    /// The hashes of kernel, initrd and command line, or zeros.
    KernelHashes,
}

impl Metadata {
    pub(super) fn read(firmware: &Firmware<'_>) -> Result<Self, SnpError> {
        const WHAT: &str = "SEV metadata";
        let bytes = firmware.pointed_at(METADATA, WHAT)?;
        let malformed = FirmwareError::Entry(WHAT);
        let count = index_at(bytes, 12).filter(|count| *count <= MAX_SECTIONS);
        let (Some(count), Some(1), true) = (count, u32_at(bytes, 8), bytes.starts_with(b"ASEV")) else {
            return Err(malformed.into());
        };
        let sections = bytes
            .get(HEADER..HEADER + count * SECTION)
            .ok_or(malformed)?
            .chunks_exact(SECTION)
            .map(|bytes| {
                let number = |offset| u32_at(bytes, offset).unwrap_or_default();
                Ok(Section {
                    address: number(0).into(),
                    size: number(4),
                    kind: match number(8) {
                        1 => SectionKind::Memory,
                        2 => SectionKind::Secrets,
                        3 => SectionKind::Cpuid,
                        4 => SectionKind::CallingArea,
                        0x10 => SectionKind::KernelHashes,
                        unknown => return Err(SnpError::UnknownSection(unknown)),
                    },
                })
            });
        Ok(Self {
            sections: sections.collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn has(&self, kind: SectionKind) -> bool {
        self.sections.iter().any(|section| section.kind == kind)
    }

    /// Where the guest looks for the hashes of the kernel.
    pub(super) fn hashes_address(&self, firmware: &Firmware<'_>) -> Result<u64, FirmwareError> {
        first_number(firmware, HASH_TABLE, "table of kernel hashes")
    }

    /// Where processors other than the first begin.
    pub(super) fn reset_address(&self, firmware: &Firmware<'_>) -> Result<u64, FirmwareError> {
        first_number(firmware, RESET_BLOCK, "SEV-ES reset block")
    }
}

fn first_number(firmware: &Firmware<'_>, guid: Guid, what: &'static str) -> Result<u64, FirmwareError> {
    let entry = firmware.entry(guid).ok_or(FirmwareError::Missing(what))?;
    u32_at(entry, 0).map(u64::from).ok_or(FirmwareError::Entry(what))
}
