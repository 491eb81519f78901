//! The first state of a processor: the save area (AMD64 Architecture Programmer's Manual, volume 2, table B-4), with the
//! values that hypervisors put there. What is not set is zero.

use super::{Hypervisor, Launch};
use crate::bytes::put;

/// Where the first processor begins: 16 bytes below 4 GiB.
pub(super) const RESET_VECTOR: u64 = 0xffff_fff0;

/// The page of a processor that begins at `address`.
pub(super) fn save_area(launch: &Launch<'_>, address: u64) -> Vec<u8> {
    let hypervisor = match launch.hypervisor {
        Hypervisor::Qemu => Values {
            code: 0x9b,
            stack: 0x93,
            task: 0x8b,
            rdx: launch.vcpu_signature.into(),
            mxcsr: 0x1f80,
            x87_control: 0x37f,
        },
        Hypervisor::Ec2 => Values {
            code: if address == RESET_VECTOR { 0x9a } else { 0x9b },
            stack: 0x92,
            task: 0x83,
            rdx: 0,
            mxcsr: 0,
            x87_control: 0,
        },
    };
    let mut page = vec![0; 4096];
    let mut complete = true;
    let mut set = |offset: usize, bytes: &[u8]| complete &= put(&mut page, offset, bytes);
    let data = segment(0, 0x93, 0);
    for (offset, segment) in [
        (0x000, data),
        (0x010, segment(0xf000, hypervisor.code, address & 0xffff_0000)),
        (0x020, segment(0, hypervisor.stack, 0)),
        (0x030, data),
        (0x040, data),
        (0x050, data),
        // GDTR, LDTR, IDTR, TR.
        (0x060, segment(0, 0, 0)),
        (0x070, segment(0, 0x82, 0)),
        (0x080, segment(0, 0, 0)),
        (0x090, segment(0, hypervisor.task, 0)),
    ] {
        set(offset, &segment);
    }
    for (offset, value) in [
        (EFER, 0x1000),
        (CR4, 0x40),
        (CR0, 0x10),
        (DR7, 0x400),
        (DR6, 0xffff_0ff0),
        (RFLAGS, 2),
        (RIP, address & 0xffff),
        (G_PAT, 0x0007_0406_0007_0406),
        (RDX, hypervisor.rdx),
        (SEV_FEATURES, launch.guest_features),
        (XCR0, 1),
    ] {
        set(offset, &u64::to_le_bytes(value));
    }
    set(MXCSR, &hypervisor.mxcsr.to_le_bytes());
    set(X87_FCW, &hypervisor.x87_control.to_le_bytes());
    debug_assert!(complete, "every offset is within the page");
    page
}

/// What hypervisors set differently.
struct Values {
    code: u16,
    stack: u16,
    task: u16,
    rdx: u64,
    mxcsr: u32,
    x87_control: u16,
}

/// Selector, attributes, limit (always 64 KiB) and base.
fn segment(selector: u16, attributes: u16, base: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    let mut complete = put(&mut bytes, 0, &selector.to_le_bytes());
    complete &= put(&mut bytes, 2, &attributes.to_le_bytes());
    complete &= put(&mut bytes, 4, &0xffff_u32.to_le_bytes());
    complete &= put(&mut bytes, 8, &base.to_le_bytes());
    debug_assert!(complete, "every offset is within the segment");
    bytes
}

const EFER: usize = 0x0d0;
const CR4: usize = 0x148;
const CR0: usize = 0x158;
const DR7: usize = 0x160;
const DR6: usize = 0x168;
const RFLAGS: usize = 0x170;
const RIP: usize = 0x178;
const G_PAT: usize = 0x268;
const RDX: usize = 0x310;
const SEV_FEATURES: usize = 0x3b0;
const XCR0: usize = 0x3e8;
const MXCSR: usize = 0x408;
const X87_FCW: usize = 0x410;
