//! The launch digest of an SEV-SNP guest.
//!
//! The firmware of the processor extends the digest by each page that the hypervisor adds (SEV-SNP firmware ABI, AMD
//! publication 56860, `SNP_LAUNCH_UPDATE`, table "PAGE_INFO"). Which pages those are is the hypervisor's choice: the
//! image of OVMF below 4 GiB, the areas that OVMF's metadata ask for, and the first state of each processor.

mod hashes;
mod metadata;
mod processor;
mod save_area;

use sha2::{Digest as _, Sha384};

pub use self::processor::{PROCESSORS, signature};
use self::{
    hashes::KernelHashes,
    metadata::{Metadata, SectionKind},
    save_area::save_area,
};
use crate::{Digest, FirmwareError, firmware::Firmware};

/// The most processors that a hypervisor gives to a guest.
pub const MAX_VCPUS: u32 = 4096;

const PAGE: usize = 4096;
const FOUR_GIB: u64 = 1 << 32;

/// Where the digest says that the state of a processor is: all bits of a page's address but those above 51.
const SAVE_AREA_ADDRESS: u64 = 0xffff_ffff_f000;

/// What a guest is started with.
#[derive(Debug, Clone)]
pub struct Launch<'a> {
    /// The image of OVMF.
    pub firmware: &'a [u8],
    /// The kernel and what belongs to it, if the hypervisor hands them to the firmware (`kernel-hashes=on`).
    pub boot: Option<DirectBoot<'a>>,
    /// How many processors the guest has.
    pub vcpus: u32,
    /// Family, model and stepping of the processors, see [`signature`]. Not looked at for [`Hypervisor::Ec2`].
    pub vcpu_signature: u32,
    /// `SEV_FEATURES` in the state of the processors: 1 is SNP alone, 0x21 is with debug swap, as newer Linux has it.
    pub guest_features: u64,
    /// Who starts it.
    pub hypervisor: Hypervisor,
}

/// A kernel that the hypervisor hands over.
#[derive(Debug, Clone, Copy)]
pub struct DirectBoot<'a> {
    /// The kernel's file.
    pub kernel: &'a [u8],
    /// The initrd's file; empty if there is none.
    pub initrd: &'a [u8],
    /// The command line, without the zero at its end.
    pub command_line: &'a str,
}

/// Who starts a guest: hypervisors differ in the first state of a processor and in the order of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hypervisor {
    /// QEMU.
    Qemu,
    /// That of Amazon EC2.
    Ec2,
}

/// Why there is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnpError {
    /// The firmware cannot be used.
    #[error(transparent)]
    Firmware(#[from] FirmwareError),
    /// None, or more than there can be.
    #[error("a guest has 1 to {MAX_VCPUS} processors, not {0}")]
    Processors(u32),
    /// A kernel is handed over, and the firmware does not look at its hash: it could be any.
    #[error(
        "the firmware does not measure a kernel that is handed over: it has no section for kernel hashes"
    )]
    KernelNotMeasured,
    /// The place for the hashes is not within one page.
    #[error("the firmware's table of kernel hashes does not fit into its page")]
    HashesPlace,
    /// A section of the metadata is of no known type: what it adds is not known.
    #[error("the firmware's metadata has a section of the unknown type {0:#x}")]
    UnknownSection(u32),
    /// A section is not whole pages.
    #[error("a section of the firmware's metadata is not whole pages")]
    SectionSize,
}

/// The launch digest: `measurement` of the attestation report.
///
/// # Errors
/// The firmware is not OVMF for SEV-SNP, or what it is started with does not fit together.
pub fn launch_digest(launch: &Launch<'_>) -> Result<Digest, SnpError> {
    if !(1..=MAX_VCPUS).contains(&launch.vcpus) {
        return Err(SnpError::Processors(launch.vcpus));
    }
    let firmware = Firmware::read(launch.firmware)?;
    let metadata = Metadata::read(&firmware)?;
    let mut digest = LaunchDigest([0; 48]);
    // The image ends at 4 GiB.
    let start = FOUR_GIB.saturating_sub(launch.firmware.len() as u64);
    digest.add_pages(start, launch.firmware);

    let hashes = launch.boot.as_ref().map(KernelHashes::of);
    if hashes.is_some() && !metadata.has(SectionKind::KernelHashes) {
        return Err(SnpError::KernelNotMeasured);
    }
    // EC2 adds the page of CPUID values last.
    let (late, early): (Vec<_>, Vec<_>) = metadata
        .sections
        .iter()
        .partition(|section| launch.hypervisor == Hypervisor::Ec2 && section.kind == SectionKind::Cpuid);
    for section in early.into_iter().chain(late) {
        match (section.kind, &hashes) {
            (SectionKind::Memory | SectionKind::CallingArea, _) | (SectionKind::KernelHashes, None) => {
                digest.add_zero_pages(section.address, section.size)?;
            }
            (SectionKind::Secrets, _) => digest.extend(PageType::Secrets, section.address, &[0; 48]),
            (SectionKind::Cpuid, _) => digest.extend(PageType::Cpuid, section.address, &[0; 48]),
            (SectionKind::KernelHashes, Some(hashes)) => {
                let page = hashes.page(metadata.hashes_address(&firmware)?, section)?;
                digest.add_pages(section.address, &page);
            }
        }
    }

    let first = save_area(launch, save_area::RESET_VECTOR);
    let others = save_area(launch, metadata.reset_address(&firmware)?);
    for number in 0..launch.vcpus {
        let page = if number == 0 { &first } else { &others };
        digest.extend(
            PageType::SaveArea,
            SAVE_AREA_ADDRESS,
            &Sha384::digest(page).into(),
        );
    }
    Ok(digest.0)
}

/// `PAGE_TYPE` of `SNP_LAUNCH_UPDATE`.
#[derive(Clone, Copy)]
enum PageType {
    Normal = 1,
    SaveArea = 2,
    Zero = 3,
    Secrets = 5,
    Cpuid = 6,
}

struct LaunchDigest(Digest);

impl LaunchDigest {
    /// Hashes the structure "PAGE_INFO": the digest so far, the page's content, the length of this structure, the type,
    /// whether it is for a migration, what three privilege levels may do with it (all nothing), and the address.
    fn extend(&mut self, page_type: PageType, address: u64, content: &Digest) {
        let mut hash = Sha384::new();
        hash.update(self.0);
        hash.update(content);
        hash.update(0x70_u16.to_le_bytes());
        hash.update([page_type as u8, 0, 0, 0, 0, 0]);
        hash.update(address.to_le_bytes());
        self.0 = hash.finalize().into();
    }

    /// `bytes` are whole pages.
    fn add_pages(&mut self, mut address: u64, bytes: &[u8]) {
        for page in bytes.chunks(PAGE) {
            self.extend(PageType::Normal, address, &Sha384::digest(page).into());
            address = address.wrapping_add(PAGE as u64);
        }
    }

    fn add_zero_pages(&mut self, address: u64, size: u32) -> Result<(), SnpError> {
        let size = u64::from(size);
        if !size.is_multiple_of(PAGE as u64) {
            return Err(SnpError::SectionSize);
        }
        for offset in (0..size).step_by(PAGE) {
            self.extend(PageType::Zero, address.wrapping_add(offset), &[0; 48]);
        }
        Ok(())
    }
}
