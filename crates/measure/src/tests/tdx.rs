use std::path::Path;

use proptest::prelude::*;
use sha2::{Digest as _, Sha384};

use super::{authenticode::pe, firmware::Image};
use crate::{
    FirmwareError,
    tdx::{PageOrder, Separator, TdxError, as_loaded_by_qemu, mrtd, rtmr1, rtmr2},
};

const METADATA: &str = "e47a6535-984a-4798-865e-4685a7bf8ec2";

/// Offset and size in the image, address and size in memory, type, attributes.
type Section = (u32, u32, u64, u64, u32, u32);

/// As OVMF has them: code, measured; variables; the list of memory; stack and heap; memory that is added later.
const SECTIONS: [Section; 5] = [
    (0x1000, 0x1800, 0xffff_f000, 0x2000, 0, 1),
    (0, 0x1000, 0xfffe_0000, 0x1000, 1, 0),
    (0, 0, 0x80_9000, 0x2000, 2, 0),
    (0, 0, 0x81_0000, 0x1000, 3, 0),
    (0, 0, 0x90_0000, 0x4000, 4, 2),
];

fn metadata(sections: &[Section]) -> Vec<u8> {
    let mut bytes = b"TDVF".to_vec();
    let count = u32::try_from(sections.len()).unwrap();
    for number in [16 + 32 * count, 1, count] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    for (offset, length, address, size, kind, attributes) in sections {
        bytes.extend_from_slice(&offset.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&address.to_le_bytes());
        bytes.extend_from_slice(&size.to_le_bytes());
        bytes.extend_from_slice(&kind.to_le_bytes());
        bytes.extend_from_slice(&attributes.to_le_bytes());
    }
    bytes
}

fn image(sections: &[Section]) -> Vec<u8> {
    Image::new(3).metadata(METADATA, &metadata(sections)).build()
}

/// Computed for the same image by a script in another language, written from the specification.
#[test]
fn mrtd_is_what_an_independent_computation_gives() {
    let image = image(&SECTIONS);
    assert_eq!(
        hex::encode(Sha384::digest(&image)),
        IMAGE,
        "the image is the one that the script was given"
    );
    assert_eq!(
        hex::encode(mrtd(&image, PageOrder::PageByPage).unwrap()),
        PAGE_BY_PAGE
    );
    assert_eq!(
        hex::encode(mrtd(&image, PageOrder::SectionBySection).unwrap()),
        SECTION_BY_SECTION
    );
}

const IMAGE: &str =
    "42bfc69e9b580272c3400709cf25149a8c1cb955d37df46d825acf8608d7bcdb22bf36d03c7ebc0ca138714dabd1c814";
const PAGE_BY_PAGE: &str =
    "ed8233d8de3c80764d5711846e5c0ee24a3a94020dc2da8cb8cbe0abc9af3ab0c9ce5bc6ef881ba5cc94054584657f07";
const SECTION_BY_SECTION: &str =
    "771b48795fcaa8950b31609eccb5699d29e4a50803933f369b4c710b84686aa56c23586f93728b755dc75381cb478ddf";

#[test]
fn only_what_is_measured_changes_mrtd() {
    let base = image(&SECTIONS);
    let measured = mrtd(&base, PageOrder::PageByPage).unwrap();
    let flipped = |at: usize| {
        let mut image = base.clone();
        image[at] ^= 1;
        mrtd(&image, PageOrder::PageByPage).unwrap()
    };
    assert_ne!(flipped(0x1000), measured);
    assert_ne!(flipped(0x27ff), measured);
    assert_eq!(flipped(0x2800), measured, "after the measured content");
    assert_eq!(flipped(0), measured, "variables are not measured");
    let mut moved = SECTIONS;
    moved[3].2 += 0x1000;
    assert_ne!(
        mrtd(&image(&moved), PageOrder::PageByPage).unwrap(),
        measured,
        "addresses are"
    );
    let mut later = SECTIONS;
    later[4].3 += 0x1000;
    let later = image(&later);
    assert_eq!(
        mrtd(&later, PageOrder::PageByPage).unwrap(),
        measured,
        "not what is added later"
    );
}

#[test]
fn malformed_metadata_are_refused() {
    let refused = |section: Section| mrtd(&image(&[section]), PageOrder::PageByPage).unwrap_err();
    for section in [
        (0, 0, 1, 0x1000, 0, 0),
        (0, 0, 0, 0x1001, 0, 0),
        (0, 0x1001, 0, 0x1000, 0, 0),
        (0x3000, 1, 0, 0x1000, 0, 1),
        (u32::MAX, u32::MAX, 0, 1 << 33, 0, 1),
        (0, 0, u64::MAX - 0xfff, 0x1000, 0, 0),
        (0, 0, 0, 1 << 33, 0, 0),
    ] {
        assert_eq!(refused(section), TdxError::Section(0), "{section:?}");
    }
    assert_eq!(
        mrtd(&Image::new(1).build(), PageOrder::PageByPage).unwrap_err(),
        TdxError::Firmware(FirmwareError::Missing("TDX metadata"))
    );
    for (offset, value) in [(0, b'X'), (8, 2), (12, 200), (15, 1)] {
        let mut malformed = metadata(&SECTIONS);
        malformed[offset] = value;
        let image = Image::new(1).metadata(METADATA, &malformed).build();
        assert_eq!(
            mrtd(&image, PageOrder::PageByPage).unwrap_err(),
            TdxError::Firmware(FirmwareError::Entry("TDX metadata")),
            "{offset}"
        );
    }
}

fn extend(register: &mut [u8; 48], digest: &[u8]) {
    *register = Sha384::digest([&register[..], digest].concat()).into();
}

#[test]
fn the_registers_are_the_events_of_a_direct_boot_in_order() {
    let kernel = pe(b"kernel", b"");
    let mut expected = [0; 48];
    extend(&mut expected, &super::authenticode::hash(&kernel));
    for event in ACTIONS {
        extend(&mut expected, &Sha384::digest(event));
    }
    assert_eq!(rtmr1(&kernel, Separator::Rtmr0).unwrap(), expected);
    assert_ne!(rtmr1(&kernel, Separator::Rtmr1).unwrap(), expected);

    let text = "a b initrd=initrd\0";
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut expected = [0; 48];
    extend(&mut expected, &Sha384::digest(utf16));
    extend(&mut expected, &Sha384::digest(b"initrd"));
    assert_eq!(rtmr2("a b", b"initrd"), expected);
    let mut alone = [0; 48];
    extend(&mut alone, &Sha384::digest(b"a\0\0\0"));
    assert_eq!(rtmr2("a", b""), alone);
    assert_eq!(rtmr2("", b""), [0; 48]);
}

const ACTIONS: [&str; 3] = [
    "Calling EFI Application from Boot Option",
    "Exit Boot Services Invocation",
    "Exit Boot Services Returned with Success",
];

/// The event log of a guest on real hardware that OVMF started with a kernel from the hypervisor.
#[test]
fn a_real_direct_boot_measures_these_events_into_rtmr1() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/eventlog/ovmf.expected.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not there", path.display());
        return;
    };
    let log: serde_json::Value = serde_json::from_str(&text).unwrap();
    let events = log
        .as_array()
        .or_else(|| log["uefi_event_logs"].as_array())
        .unwrap();
    let digests: Vec<&str> = events
        .iter()
        .filter(|event| event["index"] == 2)
        .map(|event| event["digests"][0]["digest"].as_str().unwrap())
        .collect();
    let (kernel, actions) = digests.split_first().unwrap();
    assert_eq!(kernel.len(), 96);
    let expected: Vec<String> = ACTIONS
        .iter()
        .map(|action| hex::encode(Sha384::digest(action)))
        .collect();
    assert_eq!(actions, expected);
    let second: Vec<&serde_json::Value> = events.iter().filter(|event| event["index"] == 3).collect();
    assert_eq!(second.len(), 2);
    assert_eq!(second[0]["details"]["string"], "LOADED_IMAGE::LoadOptions");
    assert_eq!(second[1]["details"]["string"], "Linux initrd");
}

/// A kernel with a boot header.
fn kernel(version: u16, flags: u16, initrd_max: u32) -> Vec<u8> {
    let mut kernel = vec![0; 0x1000];
    kernel[0x202..0x206].copy_from_slice(b"HdrS");
    kernel[0x206..0x208].copy_from_slice(&version.to_le_bytes());
    kernel[0x211] = 1;
    kernel[0x22c..0x230].copy_from_slice(&initrd_max.to_le_bytes());
    kernel[0x236..0x238].copy_from_slice(&flags.to_le_bytes());
    kernel
}

#[test]
fn qemu_writes_its_fields_into_the_boot_header() {
    const GIB: u64 = 1 << 30;
    let address = |kernel: &[u8]| u32::from_le_bytes(kernel[0x218..0x21c].try_into().unwrap());
    let original = kernel(0x20f, 2, 0x7fff_ffff);
    let loaded = as_loaded_by_qemu(&original, 0x12_3456, 4 * GIB).unwrap();
    assert_eq!(
        address(&loaded),
        (0x8000_0000 - 0x2_8000 - 1 - 0x12_3456) & !0xfff
    );
    let different: Vec<usize> = (0..original.len())
        .filter(|at| original[*at] != loaded[*at])
        .collect();
    let fields = [0x210..0x212, 0x218..0x220, 0x224..0x226, 0x228..0x22c];
    assert!(
        different
            .iter()
            .all(|at| fields.iter().any(|field| field.contains(at))),
        "{different:x?}"
    );
    assert_eq!((loaded[0x210], loaded[0x211]), (0xb0, 0x81));
    assert_eq!(loaded[0x224..0x226], 0xfe00_u16.to_le_bytes());
    assert_eq!(loaded[0x228..0x22c], 0x2_0000_u32.to_le_bytes());
    assert_eq!(loaded[0x21c..0x220], 0x12_3456_u32.to_le_bytes());

    // Less memory, and what the kernel allows.
    let small = as_loaded_by_qemu(&original, 0x1000, GIB).unwrap();
    assert_eq!(address(&small), 0x4000_0000 - 0x2_8000 - 0x2000);
    let between = as_loaded_by_qemu(&original, 0x1000, 0xafff_f000).unwrap();
    assert_eq!(address(&between), 0xafff_f000 - 0x2_8000 - 0x2000);
    let limited = as_loaded_by_qemu(&kernel(0x20f, 0, 0x37ff_ffff), 0x1000, 4 * GIB).unwrap();
    assert_eq!(address(&limited), 0x37ff_e000);
    let none = as_loaded_by_qemu(&original, 0, GIB).unwrap();
    assert_eq!(address(&none), 0);
}

#[test]
fn what_has_no_boot_header_or_no_room_is_refused() {
    for bad in [
        vec![],
        vec![0; 0x1000],
        kernel(0x201, 0, 0),
        kernel(0x20f, 0, 0)[..0x210].to_vec(),
    ] {
        assert_eq!(
            as_loaded_by_qemu(&bad, 0, 1 << 30).unwrap_err(),
            TdxError::NoBootHeader
        );
    }
    let good = kernel(0x20f, 2, 0);
    for (size, memory) in [(1 << 30, 1 << 30), (usize::MAX, 1 << 34), (1, 0x2_8000), (1, 0)] {
        assert_eq!(
            as_loaded_by_qemu(&good, size, memory).unwrap_err(),
            TdxError::InitrdTooLarge,
            "{size:#x} {memory:#x}"
        );
    }
}

proptest! {
    #[test]
    fn no_firmware_and_no_kernel_panics(at in 0_usize..1200, value in 0_u8..0x3f, noise in proptest::collection::vec(any::<u8>(), 0..600), memory in any::<u64>()) {
        let mut bytes = image(&SECTIONS);
        let index = bytes.len() - 1 - at;
        bytes[index] = value;
        let _ = mrtd(&bytes, PageOrder::PageByPage);
        let _ = mrtd(&noise, PageOrder::SectionBySection);
        let _ = rtmr1(&noise, Separator::Rtmr1);
        let _ = as_loaded_by_qemu(&noise, noise.len(), memory);
    }
}
