//! RTMR1 and RTMR2 of a guest whose kernel the hypervisor hands to OVMF: the events that OVMF and the kernel's EFI stub
//! measure (TCG PC Client Platform Firmware Profile, section 3.3.4; UEFI 2.10, section 38.4.1 for the mapping).

use sha2::{Digest as _, Sha384};

use super::{TdxError, authenticode};
use crate::Digest;

/// Which register the separator goes into that OVMF measures before it starts the kernel: this depends on its version,
/// and the event log of a guest shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Separator {
    /// RTMR0.
    #[default]
    Rtmr0,
    /// RTMR1.
    Rtmr1,
}

/// The digest of the event in which OVMF measures the kernel: `EV_EFI_BOOT_SERVICES_APPLICATION` of `File(kernel)` in the
/// event log. `kernel` is the image as OVMF gets it, see [`super::as_loaded_by_qemu`].
///
/// # Errors
/// The kernel is not a PE image.
pub fn kernel_event(kernel: &[u8]) -> Result<Digest, TdxError> {
    authenticode::sha384(kernel)
}

/// The digest of the event in which the kernel measures its command line: `EV_EVENT_TAG` of `LOADED_IMAGE::LoadOptions`
/// in the event log. `None`: an empty command line is not measured.
pub fn command_line_event(command_line: &str, has_initrd: bool) -> Option<Digest> {
    // OVMF tells the kernel where the initrd is in this way (`QemuLoadImageLib`).
    let suffix = if has_initrd { " initrd=initrd" } else { "" };
    let options = format!("{command_line}{suffix}");
    let units = options.encode_utf16().chain([0]);
    let bytes: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
    (!options.is_empty()).then(|| Sha384::digest(bytes).into())
}

/// RTMR1: `rtmr_1` of the quote's body. `kernel` is the image as OVMF gets it, see [`super::as_loaded_by_qemu`].
///
/// # Errors
/// The kernel is not a PE image.
pub fn rtmr1(kernel: &[u8], separator: Separator) -> Result<Digest, TdxError> {
    let mut register = Register::default();
    register.extend(kernel_event(kernel)?);
    register.measure(b"Calling EFI Application from Boot Option");
    if separator == Separator::Rtmr1 {
        register.measure(&[0; 4]);
    }
    register.measure(b"Exit Boot Services Invocation");
    register.measure(b"Exit Boot Services Returned with Success");
    Ok(register.0)
}

/// RTMR2: `rtmr_2` of the quote's body. An empty `initrd` is none; an empty command line is not measured.
pub fn rtmr2(command_line: &str, initrd: &[u8]) -> Digest {
    let mut register = Register::default();
    if let Some(digest) = command_line_event(command_line, !initrd.is_empty()) {
        register.extend(digest);
    }
    if !initrd.is_empty() {
        register.measure(initrd);
    }
    register.0
}

/// A run-time register: zeros, and then the hash of what it was and of what is added.
struct Register(Digest);

impl Default for Register {
    fn default() -> Self {
        Self([0; 48])
    }
}

impl Register {
    fn measure(&mut self, event: &[u8]) {
        self.extend(Sha384::digest(event).into());
    }

    fn extend(&mut self, digest: Digest) {
        let mut hash = Sha384::new();
        hash.update(self.0);
        hash.update(digest);
        self.0 = hash.finalize().into();
    }
}
