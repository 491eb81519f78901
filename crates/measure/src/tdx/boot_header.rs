//! What QEMU writes into the header of a Linux kernel before it hands it over (`hw/i386/x86-common.c`,
//! `x86_load_linux`; the fields are those of the Linux boot protocol, `Documentation/arch/x86/boot.rst`).
//!
//! A firmware that takes the kernel unchanged (`etc/boot/kernel`, since QEMU 10 and edk2-stable202505) measures the file
//! as it is.

use super::TdxError;
use crate::bytes::{put, u16_at, u32_at};

const VERSION: usize = 0x206;
const LOADER_TYPE: usize = 0x210;
const LOAD_FLAGS: usize = 0x211;
const INITRD_ADDRESS: usize = 0x218;
const INITRD_SIZE: usize = 0x21c;
const HEAP_END: usize = 0x224;
const COMMAND_LINE: usize = 0x228;
const INITRD_MAX: usize = 0x22c;
const EXTENDED_FLAGS: usize = 0x236;

/// Where QEMU puts the real-mode part and the command line of a kernel that is loaded high.
const REAL_MODE_ADDRESS: u32 = 0x1_0000;
const COMMAND_LINE_ADDRESS: u32 = 0x2_0000;
/// Memory that QEMU keeps for ACPI tables (`acpi_data_size` of the machine types `pc` and `q35`).
const ACPI_SIZE: u32 = 0x2_8000;

/// The kernel as OVMF gets it in a guest of machine type `q35` with `memory` bytes and an initrd of this size, 0 for
/// none.
///
/// # Errors
/// It is no Linux kernel with a boot header, or the initrd is too large.
pub fn as_loaded_by_qemu(kernel: &[u8], initrd_size: usize, memory: u64) -> Result<Vec<u8>, TdxError> {
    let magic = kernel.get(0x202..0x206) == Some(b"HdrS");
    let version = u16_at(kernel, VERSION).filter(|version| magic && *version >= 0x202);
    let flags = kernel.get(LOAD_FLAGS).copied();
    let (Some(version), Some(flags)) = (version, flags) else {
        return Err(TdxError::NoBootHeader);
    };
    let mut loaded = kernel.to_vec();
    let heap_end = COMMAND_LINE_ADDRESS - REAL_MODE_ADDRESS - 0x200;
    let [low, high, ..] = heap_end.to_le_bytes();
    let mut complete = put(&mut loaded, LOADER_TYPE, &[0xb0]);
    complete &= put(&mut loaded, LOAD_FLAGS, &[flags | 0x80]);
    complete &= put(&mut loaded, HEAP_END, &[low, high]);
    complete &= put(&mut loaded, COMMAND_LINE, &COMMAND_LINE_ADDRESS.to_le_bytes());
    if initrd_size > 0 {
        let size = u32::try_from(initrd_size).map_err(|_| TdxError::InitrdTooLarge)?;
        let address = initrd_address(kernel, version, size, memory)?;
        complete &= put(&mut loaded, INITRD_ADDRESS, &address.to_le_bytes());
        complete &= put(&mut loaded, INITRD_SIZE, &size.to_le_bytes());
    }
    if complete {
        Ok(loaded)
    } else {
        Err(TdxError::NoBootHeader)
    }
}

/// As high as kernel and memory allow, at a page.
fn initrd_address(kernel: &[u8], version: u16, size: u32, memory: u64) -> Result<u32, TdxError> {
    let above_4g = u16_at(kernel, EXTENDED_FLAGS).is_some_and(|flags| flags & 2 != 0);
    let kernel_limit = match u32_at(kernel, INITRD_MAX) {
        _ if version >= 0x20c && above_4g => u32::MAX,
        Some(limit) if version >= 0x203 => limit,
        _ => 0x37ff_ffff,
    };
    // `q35` leaves a hole below 4 GiB that is larger if there is much memory.
    let low: u32 = if memory >= 0xb000_0000 {
        0x8000_0000
    } else {
        0xb000_0000
    };
    let low = u32::try_from(memory).unwrap_or(low).min(low);
    let room = low.checked_sub(ACPI_SIZE).ok_or(TdxError::InitrdTooLarge)?;
    let limit = if kernel_limit >= room {
        room.saturating_sub(1)
    } else {
        kernel_limit
    };
    match limit.checked_sub(size) {
        Some(address) if size < limit => Ok(address & !0xfff),
        _ => Err(TdxError::InitrdTooLarge),
    }
}
