//! The measurement registers of an Intel TDX guest.
//!
//! MRTD is what the host has put into memory before the guest ran: the firmware. The firmware and the kernel then extend
//! the run-time registers: RTMR0 by the configuration of the virtual machine, RTMR1 by the kernel, RTMR2 by its command
//! line and initrd. RTMR0 depends on what the hypervisor tells of the machine (its ACPI tables, the memory map, boot
//! variables) and is not computed here.

mod authenticode;
mod boot_header;
mod mrtd;
mod registers;

pub use self::{
    boot_header::as_loaded_by_qemu,
    mrtd::{PageOrder, mrtd},
    registers::{Separator, command_line_event, kernel_event, rtmr1, rtmr2},
};
use crate::FirmwareError;

/// Why a register cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TdxError {
    /// The firmware cannot be used.
    #[error(transparent)]
    Firmware(#[from] FirmwareError),
    /// A section of the metadata is not whole pages, is too large, or its content is not in the image.
    #[error("section {0} of the firmware's TDX metadata is malformed")]
    Section(usize),
    /// Not an image that a UEFI firmware starts.
    #[error("the kernel is not a PE image: {0}")]
    NotPe(&'static str),
    /// Not a kernel with a header for boot loaders.
    #[error("the kernel has no Linux boot header of version 2.02 or later")]
    NoBootHeader,
    /// It does not fit below the end of the machine's low memory.
    #[error("the initrd does not fit into the guest's memory")]
    InitrdTooLarge,
}
