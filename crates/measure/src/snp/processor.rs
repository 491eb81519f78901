//! The processors that QEMU knows, by the names that it gives them.

/// Names, and what CPUID says of them. Versions of one model (`EPYC-Milan-v2`) have one signature.
pub const PROCESSORS: &[(&str, u32)] = &[
    ("EPYC", signature(23, 1, 2)),
    ("EPYC-v1", signature(23, 1, 2)),
    ("EPYC-v2", signature(23, 1, 2)),
    ("EPYC-IBPB", signature(23, 1, 2)),
    ("EPYC-v3", signature(23, 1, 2)),
    ("EPYC-v4", signature(23, 1, 2)),
    ("EPYC-Rome", signature(23, 49, 0)),
    ("EPYC-Rome-v1", signature(23, 49, 0)),
    ("EPYC-Rome-v2", signature(23, 49, 0)),
    ("EPYC-Rome-v3", signature(23, 49, 0)),
    ("EPYC-Milan", signature(25, 1, 1)),
    ("EPYC-Milan-v1", signature(25, 1, 1)),
    ("EPYC-Milan-v2", signature(25, 1, 1)),
    ("EPYC-Genoa", signature(25, 17, 0)),
    ("EPYC-Genoa-v1", signature(25, 17, 0)),
    ("EPYC-Turin", signature(26, 0, 0)),
    ("EPYC-Turin-v1", signature(26, 0, 0)),
];

/// `CPUID Fn0000_0001_EAX` of a processor of this family, model and stepping (AMD publication 25481).
pub const fn signature(family: u32, model: u32, stepping: u32) -> u32 {
    let (base, extended) = if family > 15 {
        (15, family - 15)
    } else {
        (family, 0)
    };
    ((extended & 0xff) << 20)
        | (((model >> 4) & 0xf) << 16)
        | (base << 8)
        | ((model & 0xf) << 4)
        | (stepping & 0xf)
}
