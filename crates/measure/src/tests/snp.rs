use std::path::PathBuf;

use proptest::prelude::*;
use sev::measurement::{
    snp::{SnpMeasurementArgs, snp_calc_launch_digest},
    vcpu_types::CpuType,
    vmsa::{GuestFeatures, VMMType},
};

use super::firmware::Image;
use crate::{
    FirmwareError,
    snp::{DirectBoot, Hypervisor, Launch, PROCESSORS, SnpError, launch_digest, signature},
};

const METADATA: &str = "dc886566-984a-4798-a75e-5585a7bf67cc";
const HASH_TABLE: &str = "7255371f-3a3b-4b04-927b-1da6efa8d454";
const RESET_BLOCK: &str = "00f771de-1a7e-4fcb-890e-68c77e2fb44e";

const MILAN: u32 = signature(25, 1, 1);

/// Sections as OVMF has them: address, size, type.
const SECTIONS: [(u32, u32, u32); 6] = [
    (0x80_0000, 0x9000, 1),
    (0x80_a000, 0x3000, 1),
    (0x80_d000, 0x1000, 2),
    (0x80_e000, 0x1000, 3),
    (0x80_f000, 0x1000, 4),
    (0x81_0000, 0x1000, 0x10),
];

fn metadata(sections: &[(u32, u32, u32)]) -> Vec<u8> {
    let length = u32::try_from(16 + sections.len() * 12).unwrap();
    let header = [
        *b"ASEV",
        length.to_le_bytes(),
        1_u32.to_le_bytes(),
        (sections.len() as u32).to_le_bytes(),
    ];
    let numbers = sections
        .iter()
        .flat_map(|section| [section.0, section.1, section.2]);
    header
        .concat()
        .into_iter()
        .chain(numbers.flat_map(u32::to_le_bytes))
        .collect()
}

fn image(sections: &[(u32, u32, u32)], hashes_at: u32) -> Vec<u8> {
    Image::new(3)
        .entry(
            HASH_TABLE,
            &[hashes_at.to_le_bytes(), 0x400_u32.to_le_bytes()].concat(),
        )
        .entry(RESET_BLOCK, &0x0080_b004_u32.to_le_bytes())
        .metadata(METADATA, &metadata(sections))
        .build()
}

fn launch(firmware: &[u8]) -> Launch<'_> {
    Launch {
        firmware,
        boot: None,
        vcpus: 1,
        vcpu_signature: MILAN,
        guest_features: 1,
        hypervisor: Hypervisor::Qemu,
    }
}

/// The folder with the published vectors, in the source of the package `sev`; `None` where only its metadata is at hand.
fn vectors() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))?;
    let registries = std::fs::read_dir(home.join("registry/src")).ok()?;
    let folder = registries
        .flatten()
        .map(|registry| registry.path().join("sev-8.0.0/tests/measurement"))
        .find(|folder| folder.is_dir());
    if folder.is_none() {
        println!("skipped: the source of the package sev 8.0.0 is not in cargo's registry");
    }
    folder
}

#[test]
fn published_vectors_are_met() {
    let Some(folder) = vectors() else { return };
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let (amd_sev, ovmf_x64) = (read("ovmf_AmdSev_suffix.bin"), read("ovmf_OvmfX64_suffix.bin"));
    let boot = |command_line| {
        Some(DirectBoot {
            kernel: b"",
            initrd: b"",
            command_line,
        })
    };
    let some = boot("console=ttyS0 loglevel=7");
    // tests/measurement.rs of the package: the vectors whose firmware is whole.
    for (firmware, boot, vcpus, guest_features, expected) in [
        (
            &amd_sev,
            some,
            1,
            0x01,
            "6d287813eb5222d770f75005c664e34c204f385ce832cc2ce7d0d6f354454362f390ef83a92046c042e706363b4b08fa",
        ),
        (
            &amd_sev,
            some,
            1,
            0x21,
            "803f691094946e42068aaa3a8f9e26a5c89f36f7b73ecfb28c653360fe4b3aba7e534442e7e1e17895dfe778d0228977",
        ),
        (
            &amd_sev,
            None,
            1,
            0x01,
            "19358ba9a7615534a9a1e2f0dfc29384dcd4dcb7062ff9c6013b26869a5fc6ecabe033c48dd6f6db5d6d76e7c5df632d",
        ),
        (
            &amd_sev,
            None,
            1,
            0x21,
            "e1e1ca029dd7973ab9513295be68198472dcd4fc834bd9af9b63f6e8a1674dbf281a9278a4a2ebe0eed9f22adbcd0e2b",
        ),
        (
            &amd_sev,
            boot(""),
            4,
            0x01,
            "5061fffb019493a903613d56d54b94912a1a2f9e4502385f5c194616753720a92441310ba6c4933de877c36e23046ad5",
        ),
        (
            &amd_sev,
            boot(""),
            4,
            0x21,
            "4953b1fb416fa874980e8442b3706d345926d5f38879134e00813c5d7abcbe78eafe7b422907be0b4698e2414a631942",
        ),
        (
            &ovmf_x64,
            None,
            1,
            0x01,
            "da0296de8193586a5512078dcd719eccecbd87e2b825ad4148c44f665dc87df21e5b49e21523a9ad993afdb6a30b4005",
        ),
        (
            &ovmf_x64,
            None,
            1,
            0x21,
            "28797ae0afaba4005a81e629acebfb59e6687949d6be44007cd5506823b0dd66f146aaae26ff291eed7b493d8a64c385",
        ),
    ] {
        let launch = Launch {
            boot,
            vcpus,
            guest_features,
            vcpu_signature: signature(23, 1, 2),
            ..launch(firmware)
        };
        assert_eq!(hex::encode(launch_digest(&launch).unwrap()), expected);
    }
    let unmeasured = Launch {
        boot: some,
        ..launch(&ovmf_x64)
    };
    assert_eq!(
        launch_digest(&unmeasured).unwrap_err(),
        SnpError::KernelNotMeasured
    );
}

/// What the package `sev` computes.
fn oracle(launch: &Launch<'_>, vcpu_type: CpuType) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let arguments = SnpMeasurementArgs {
        vcpus: launch.vcpus,
        vcpu_type,
        ovmf_file: file("ovmf", launch.firmware),
        guest_features: GuestFeatures(launch.guest_features),
        kernel_file: launch.boot.map(|boot| file("kernel", boot.kernel)),
        initrd_file: launch.boot.map(|boot| file("initrd", boot.initrd)),
        append: launch.boot.map(|boot| boot.command_line),
        ovmf_hash_str: None,
        vmm_type: Some(match launch.hypervisor {
            Hypervisor::Qemu => VMMType::QEMU,
            Hypervisor::Ec2 => VMMType::EC2,
        }),
    };
    snp_calc_launch_digest(arguments).unwrap().get_hex_ld()
}

#[test]
fn another_implementation_computes_the_same() {
    let firmware = image(&SECTIONS, 0x81_0c00);
    let boot = DirectBoot {
        kernel: b"a kernel",
        initrd: b"an initrd",
        command_line: "root=/dev/vda1 quiet",
    };
    for hypervisor in [Hypervisor::Qemu, Hypervisor::Ec2] {
        for boot in [None, Some(boot)] {
            for (vcpus, guest_features) in [(1, 1), (2, 0x21), (64, 0)] {
                let launch = Launch {
                    boot,
                    vcpus,
                    guest_features,
                    hypervisor,
                    ..launch(&firmware)
                };
                assert_eq!(
                    hex::encode(launch_digest(&launch).unwrap()),
                    oracle(&launch, CpuType::EpycMilan),
                    "{hypervisor:?} {vcpus} {}",
                    boot.is_some()
                );
            }
        }
    }
}

#[test]
fn processors_have_the_signatures_that_another_implementation_knows() {
    for (name, known) in PROCESSORS {
        let theirs = CpuType::try_from(*name).unwrap().sig();
        assert_eq!(u32::try_from(theirs).unwrap(), *known, "{name}");
    }
}

#[test]
fn everything_that_is_measured_changes_the_digest() {
    let firmware = image(&SECTIONS, 0x81_0c00);
    let boot = DirectBoot {
        kernel: b"k",
        initrd: b"i",
        command_line: "c",
    };
    let base = Launch {
        boot: Some(boot),
        ..launch(&firmware)
    };
    let changed_firmware = {
        let mut bytes = firmware.clone();
        bytes[5] ^= 1;
        bytes
    };
    let with = |change: &dyn Fn(&mut DirectBoot<'static>)| {
        let mut changed = boot;
        change(&mut changed);
        Launch {
            boot: Some(changed),
            ..base.clone()
        }
    };
    let launches = [
        base.clone(),
        Launch {
            firmware: &changed_firmware,
            ..base.clone()
        },
        Launch {
            vcpus: 2,
            ..base.clone()
        },
        Launch {
            vcpu_signature: signature(25, 17, 0),
            ..base.clone()
        },
        Launch {
            guest_features: 0x21,
            ..base.clone()
        },
        Launch {
            hypervisor: Hypervisor::Ec2,
            ..base.clone()
        },
        Launch {
            boot: None,
            ..base.clone()
        },
        with(&|boot| boot.kernel = b"K"),
        with(&|boot| boot.initrd = b"I"),
        with(&|boot| boot.command_line = "c "),
    ];
    let digests: std::collections::BTreeSet<_> = launches
        .iter()
        .map(|launch| launch_digest(launch).unwrap())
        .collect();
    assert_eq!(digests.len(), launches.len());
}

#[test]
fn firmware_and_arguments_that_do_not_fit_are_refused() {
    let firmware = image(&SECTIONS, 0x81_0c00);
    for vcpus in [0, 4097, u32::MAX] {
        let launch = Launch {
            vcpus,
            ..launch(&firmware)
        };
        assert_eq!(launch_digest(&launch).unwrap_err(), SnpError::Processors(vcpus));
    }
    let boot = Some(DirectBoot {
        kernel: b"",
        initrd: b"",
        command_line: "",
    });
    // The table of hashes in another page, or over its end.
    for at in [0x80_f000, 0x81_0f60, 0x81_1000] {
        let firmware = image(&SECTIONS, at);
        let launch = Launch {
            boot,
            ..launch(&firmware)
        };
        assert_eq!(
            launch_digest(&launch).unwrap_err(),
            SnpError::HashesPlace,
            "{at:#x}"
        );
    }
    let refused = |sections: &[(u32, u32, u32)]| launch_digest(&launch(&image(sections, 0))).unwrap_err();
    assert_eq!(refused(&[(0, 4096, 9)]), SnpError::UnknownSection(9));
    assert_eq!(refused(&[(0, 4095, 1)]), SnpError::SectionSize);
    let bare = Image::new(1).build();
    assert_eq!(
        launch_digest(&launch(&bare)).unwrap_err(),
        SnpError::Firmware(FirmwareError::Missing("SEV metadata"))
    );
    for (offset, value) in [(0, b'X'), (8, 2), (12, 255), (14, 1)] {
        let mut malformed = metadata(&SECTIONS);
        malformed[offset] = value;
        let image = Image::new(1).metadata(METADATA, &malformed).build();
        assert_eq!(
            launch_digest(&launch(&image)).unwrap_err(),
            SnpError::Firmware(FirmwareError::Entry("SEV metadata")),
            "{offset}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_firmware_panics(at in 0_usize..1200, value in any::<u8>(), noise in proptest::collection::vec(any::<u8>(), 0..64)) {
        // Sections are small here, so that a changed size is not slow.
        let mut bytes = image(&SECTIONS[2..], 0x81_0c00);
        let index = bytes.len() - 1 - at;
        // The high bytes of a size would be slow, not wrong.
        bytes[index] = value & 0x3f;
        let boot = Some(DirectBoot { kernel: &noise, initrd: b"", command_line: "" });
        let _ = launch_digest(&Launch { boot, ..launch(&bytes) });
        let _ = launch_digest(&launch(&noise));
    }
}
