//! The page with the hashes of kernel, initrd and command line, as QEMU makes it (`target/i386/sev.c`,
//! `build_kernel_loader_hashes`).

use sha2::{Digest, Sha256};

use super::{DirectBoot, SnpError, metadata::Section};
use crate::{
    bytes::put,
    firmware::{Guid, guid},
};

const PAGE: u64 = 4096;

const TABLE: Guid = guid(
    0x9438_d606,
    0x4f22,
    0x4cc9,
    [0xb4, 0x79, 0xa7, 0x93, 0xd4, 0x11, 0xfd, 0x21],
);
const COMMAND_LINE: Guid = guid(
    0x97d0_2dd8,
    0xbd20,
    0x4c94,
    [0xaa, 0x78, 0xe7, 0x71, 0x4d, 0x36, 0xab, 0x2a],
);
const INITRD: Guid = guid(
    0x44ba_f731,
    0x3a2f,
    0x4bd7,
    [0x9a, 0xf1, 0x41, 0xe2, 0x91, 0x69, 0x78, 0x1d],
);
const KERNEL: Guid = guid(
    0x4de7_9437,
    0xabd2,
    0x427f,
    [0xb8, 0x35, 0xd5, 0xb1, 0x72, 0xd2, 0x04, 0x5b],
);

/// GUID, length and SHA-256.
const ENTRY: u16 = 50;
/// GUID, length and three entries.
const LENGTH: u16 = 18 + 3 * ENTRY;

/// The hashes.
pub(super) struct KernelHashes {
    kernel: [u8; 32],
    initrd: [u8; 32],
    command_line: [u8; 32],
}

impl KernelHashes {
    pub(super) fn of(boot: &DirectBoot<'_>) -> Self {
        let mut command_line = Sha256::new();
        command_line.update(boot.command_line);
        command_line.update([0]);
        Self {
            kernel: Sha256::digest(boot.kernel).into(),
            initrd: Sha256::digest(boot.initrd).into(),
            command_line: command_line.finalize().into(),
        }
    }

    /// The page of `section`, with the table where the firmware looks for it.
    pub(super) fn page(&self, address: u64, section: &Section) -> Result<Vec<u8>, SnpError> {
        let mut table = Vec::with_capacity(LENGTH.into());
        table.extend_from_slice(&TABLE);
        table.extend_from_slice(&LENGTH.to_le_bytes());
        for (guid, hash) in [
            (COMMAND_LINE, self.command_line),
            (INITRD, self.initrd),
            (KERNEL, self.kernel),
        ] {
            table.extend_from_slice(&guid);
            table.extend_from_slice(&ENTRY.to_le_bytes());
            table.extend_from_slice(&hash);
        }
        let mut page = vec![0; 4096];
        let offset = usize::try_from(address % PAGE).unwrap_or_default();
        let same_page = address / PAGE == section.address / PAGE && u64::from(section.size) == PAGE;
        if same_page && section.address.is_multiple_of(PAGE) && put(&mut page, offset, &table) {
            Ok(page)
        } else {
            Err(SnpError::HashesPlace)
        }
    }
}
