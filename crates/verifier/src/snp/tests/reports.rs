//! The report: versions, fields, signature, binding, claims.

use super::*;
use crate::snp::report::Report;
use serde_json::json;
use sev::parser::ByteParser;
use simulated_tee::snp::{KeyInfo, PlatformInfo, TcbVersion};

#[test]
fn every_generation_version_and_key_is_accepted_and_its_claims_tell_them_apart() {
    for platform in platforms() {
        for version in 2..=5 {
            for key in [SigningKey::Vcek, SigningKey::Vlek] {
                let builder = platform.report().version(version).signing_key(key);
                let report = builder
                    .report_data(&REPORT_DATA)
                    .host_data(&INIT_DATA)
                    .sign()
                    .unwrap();
                let (table, name) = match key {
                    SigningKey::Vcek => (platform.vcek_chain(), "vcek"),
                    SigningKey::Vlek => (platform.vlek_chain(), "vlek"),
                };
                let claims = verify(&report, &table).unwrap();
                let claim = |name: &str| claims.claims().get(name).cloned().unwrap_or_default();
                assert_eq!(claim("report_version"), version);
                assert_eq!(claim("signing_key"), name);
                assert_eq!(claim("chip_family"), platform.generation().as_str());
                assert_eq!(claim("cpuid_family").is_null(), version == 2);
                assert_eq!(claim("launch_mit_vector").is_null(), version < 5);
                assert_eq!(claim("csp_id").is_null(), key == SigningKey::Vcek);
                assert_eq!(
                    claim("reported_tcb_fmc").is_null(),
                    platform.generation() != Generation::Turin
                );
            }
        }
    }
}

#[test]
fn our_signed_bytes_are_those_of_the_vendors_library() {
    for platform in platforms() {
        for version in 2..=5 {
            let report = platform.report().version(version).sign().unwrap();
            let theirs = report.to_bytes().unwrap();
            assert_eq!(Report::new(report).unwrap().signed, theirs[..0x2a0]);
        }
    }
}

#[test]
fn claims_that_policies_already_read_keep_their_names_and_types() {
    let claims = verify(&report(&MILAN), &MILAN.vcek_chain()).unwrap();
    let known = json!({
        "policy_abi_major": 0,
        "policy_abi_minor": 0,
        "policy_smt_allowed": true,
        "policy_migrate_ma": false,
        "policy_debug_allowed": false,
        "policy_single_socket": false,
        "reported_tcb_bootloader": 9,
        "reported_tcb_tee": 0,
        "reported_tcb_snp": 23,
        "reported_tcb_microcode": 213,
        "platform_tsme_enabled": false,
        "platform_smt_enabled": true,
        "measurement": "5a".repeat(48),
        "chip_id": hex::encode(MILAN.chip_id()),
    });
    for (name, value) in known.as_object().unwrap() {
        assert_eq!(claims.claims().get(name), Some(value), "{name}");
    }
    assert_eq!(
        claims.report_data(),
        Some(format!("{}{}", "a7".repeat(48), "00".repeat(16)).as_str())
    );
    assert_eq!(claims.init_data(), Some("1d".repeat(32).as_str()));
    assert_eq!(claims.claims().get("report_data"), None);
}

#[test]
fn a_policy_can_require_every_other_property_of_guest_and_platform() {
    let builder = TURIN
        .report()
        .version(5)
        .report_data(&REPORT_DATA)
        .host_data(&INIT_DATA);
    let report = builder.with(|fields| {
        fields.guest_svn = 7;
        fields.family_id = [1; 16];
        fields.image_id = [2; 16];
        fields.id_key_digest = [3; 48];
        fields.author_key_digest = [4; 48];
        fields.key_info = KeyInfo::from(1);
        fields.plat_info = PlatformInfo::from(0b1011_1111);
        fields.policy = (0x1ff_0000_u64 | 1 << 17 | 1 << 25 | 0x1234).into();
        fields.committed_tcb.snp = 20;
        fields.launch_tcb.microcode = 200;
        fields.current_tcb.fmc = Some(2);
    });
    let claims = verify(&report.sign().unwrap(), &TURIN.vcek_chain()).unwrap();
    let wanted = json!({
        "vmpl": 0,
        "guest_svn": 7,
        "family_id": "01".repeat(16),
        "image_id": "02".repeat(16),
        "id_key_digest": "03".repeat(48),
        "author_key_digest": "04".repeat(48),
        "author_key_en": true,
        "report_id": "11".repeat(32),
        "report_id_ma": "ff".repeat(32),
        "mask_chip_key": false,
        "policy_abi_major": 0x12,
        "policy_abi_minor": 0x34,
        "policy_cxl_allowed": true,
        "policy_mem_aes_256_xts": true,
        "policy_rapl_disabled": true,
        "policy_ciphertext_hiding": true,
        "policy_page_swap_disabled": true,
        "platform_ecc_enabled": true,
        "platform_rapl_disabled": true,
        "platform_ciphertext_hiding_enabled": true,
        "platform_alias_check_complete": true,
        "platform_tio_enabled": true,
        "reported_tcb_fmc": 1,
        "current_tcb_fmc": 2,
        "current_tcb_bootloader": 9,
        "committed_tcb_snp": 20,
        "launch_tcb_microcode": 200,
        "current_version_major": 1,
        "current_version_minor": 55,
        "current_version_build": 21,
        "committed_version_build": 21,
        "launch_mit_vector": 1,
        "current_mit_vector": 3,
        "cpuid_family": 0x1a,
        "cpuid_model": 2,
        "cpuid_stepping": 1,
        "product_name": "Turin-B0",
    });
    for (name, value) in wanted.as_object().unwrap() {
        assert_eq!(claims.claims().get(name), Some(value), "{name}");
    }
}

#[test]
fn debugging_and_migration_are_for_the_policy_to_see() {
    let builder = MILAN.report().report_data(&REPORT_DATA).host_data(&INIT_DATA);
    let report = builder.with(|fields| {
        fields.policy.set_debug_allowed(true);
        fields.policy.set_migrate_ma_allowed(true);
    });
    let claims = verify(&report.sign().unwrap(), &MILAN.vcek_chain()).unwrap();
    assert_eq!(claims.claims().get("policy_debug_allowed"), Some(&json!(true)));
    assert_eq!(claims.claims().get("policy_migrate_ma"), Some(&json!(true)));
}

#[test]
fn unknown_policy_and_platform_bits_parse() {
    let builder = MILAN.report().report_data(&REPORT_DATA).host_data(&INIT_DATA);
    let report = builder.with(|fields| {
        fields.policy = u64::MAX.into();
        fields.plat_info = PlatformInfo::from(u64::MAX);
    });
    assert!(verify(&report.sign().unwrap(), &MILAN.vcek_chain()).is_ok());
}

#[test]
fn vmpl_1_to_3_is_refused() {
    for vmpl in [1, 2, 3, u32::MAX] {
        let report = MILAN.report().with(|fields| fields.vmpl = vmpl).sign().unwrap();
        assert_eq!(
            verify(&report, &MILAN.vcek_chain()),
            refused(SnpError::Vmpl(vmpl))
        );
    }
}

#[test]
fn versions_below_2_and_above_5_are_refused() {
    for version in [0, 1, 6, u32::MAX] {
        let report = MILAN
            .report()
            .with(|fields| fields.version = version)
            .sign()
            .unwrap();
        assert_eq!(
            verify(&report, &MILAN.vcek_chain()),
            refused(SnpError::ReportVersion(version))
        );
    }
}

#[test]
fn fields_that_a_version_does_not_have_are_refused_and_so_are_missing_ones() {
    let mut with_cpuid = MILAN.report().version(2).sign().unwrap();
    with_cpuid.cpuid_step = Some(0);
    let mut without_cpuid = report(&MILAN);
    without_cpuid.cpuid_mod_id = None;
    let mut with_vector = report(&MILAN);
    with_vector.current_mit_vector = Some(0);
    for report in [with_cpuid, without_cpuid, with_vector] {
        let outcome = verify(&report, &MILAN.vcek_chain());
        assert!(
            matches!(
                outcome,
                Err(VerifyError::Snp(SnpError::FieldOfOtherVersion { .. }))
            ),
            "{outcome:?}"
        );
    }
}

#[test]
fn a_processor_without_known_roots_is_refused() {
    for (family, model) in [(0x1a, 0x50), (0x19, 0x30), (0x17, 0), (0, 0)] {
        let mut report = report(&MILAN);
        (report.cpuid_fam_id, report.cpuid_mod_id) = (Some(family), Some(model));
        let outcome = verify(&report, &MILAN.vcek_chain());
        assert_eq!(outcome, refused(SnpError::UnknownProcessor { family, model }));
    }
}

#[test]
fn tcb_versions_of_two_layouts_or_of_another_processors_layout_are_refused() {
    let mut mixed = report(&TURIN);
    mixed.launch_tcb.fmc = None;
    assert_eq!(verify(&mixed, &TURIN.vcek_chain()), refused(SnpError::TcbLayout));

    let fmc = |tcb: TcbVersion| TcbVersion { fmc: Some(0), ..tcb };
    let mut foreign = report(&MILAN);
    for tcb in [
        &mut foreign.current_tcb,
        &mut foreign.reported_tcb,
        &mut foreign.committed_tcb,
        &mut foreign.launch_tcb,
    ] {
        *tcb = fmc(*tcb);
    }
    assert_eq!(
        verify(&foreign, &MILAN.vcek_chain()),
        refused(SnpError::TcbLayout)
    );
    // Version 2 does not name the processor: the certificate does.
    (foreign.version, foreign.cpuid_fam_id) = (2, None);
    (foreign.cpuid_mod_id, foreign.cpuid_step) = (None, None);
    assert_eq!(
        verify(&foreign, &MILAN.vcek_chain()),
        refused(SnpError::TcbLayout)
    );
}

#[test]
fn report_data_and_host_data_are_compared_with_what_is_expected() {
    let good = evidence(&report(&GENOA), &GENOA.vcek_chain()).unwrap();
    for bit in [0, 7, 100, 383] {
        let mut attempt = Attempt::new(&good);
        attempt.expected.report_data.as_mut().unwrap()[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(attempt.run(), Err(VerifyError::ReportDataMismatch), "{bit}");
    }
    for bit in [0, 7, 100, 255] {
        let mut attempt = Attempt::new(&good);
        attempt.expected.init_data.as_mut().unwrap()[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(attempt.run(), Err(VerifyError::InitDataMismatch), "{bit}");
    }
    let longer = REPORT_DATA.iter().copied().chain([0; 17]).collect();
    let mut attempt = Attempt::new(&good);
    attempt.expected.report_data = Some(longer);
    assert_eq!(
        attempt.run(),
        Err(VerifyError::BindingLength {
            field: "report data",
            length: 65
        })
    );
}

#[test]
fn padding_behind_the_report_data_must_be_zero() {
    let report = GENOA.report().report_data(&REPORT_DATA).host_data(&INIT_DATA);
    let report = report.with(|fields| fields.report_data[63] = 1).sign().unwrap();
    assert_eq!(
        verify(&report, &GENOA.vcek_chain()),
        Err(VerifyError::ReportDataMismatch)
    );
}

#[test]
fn without_an_expectation_nothing_is_compared() {
    let good = evidence(&report(&GENOA), &GENOA.vcek_chain()).unwrap();
    let attempt = Attempt {
        expected: ExpectedBinding::default(),
        ..Attempt::new(&good)
    };
    assert!(attempt.run().is_ok());
}

#[test]
fn signature_numbers_out_of_range_are_refused() {
    // The order of P-384, little-endian (FIPS 186-5 by way of SP 800-186, 3.2.1.4).
    let order =
        "7329c5cc6a19ecec7aa7b048b20d1a58df2d37f4814d63c7ffffffffffffffffffffffffffffffffffffffffffffffff";
    let mut order: Vec<u8> = hex::decode(order).unwrap();
    order.resize(72, 0);
    let order: [u8; 72] = order.try_into().unwrap();
    let good = report(&MILAN);
    let (r, s) = (*good.signature.r(), *good.signature.s());
    for (r, s) in [
        ([0; 72], s),
        (r, [0; 72]),
        ([0; 72], [0; 72]),
        (order, s),
        (r, order),
        (s, r),
    ] {
        let report = AttestationReport {
            signature: sev::certs::snp::ecdsa::Signature::new(r, s),
            ..good
        };
        assert_eq!(
            verify(&report, &MILAN.vcek_chain()),
            refused(SnpError::ReportSignature)
        );
    }
}

#[test]
fn one_flipped_bit_in_the_signatures_padding_is_refused() {
    let good = report(&MILAN);
    for bit in 48 * 8..72 * 8 {
        let (mut r, mut s) = (*good.signature.r(), *good.signature.s());
        if bit % 2 == 0 {
            r[bit / 8] ^= 1 << (bit % 8)
        } else {
            s[bit / 8] ^= 1 << (bit % 8)
        }
        let report = AttestationReport {
            signature: sev::certs::snp::ecdsa::Signature::new(r, s),
            ..good
        };
        let parsed = Report::new(report).unwrap();
        let outcome = crate::snp::signature::verify(&[4; 97], &parsed.signed, &report.signature);
        assert_eq!(outcome, Err(SnpError::SignaturePadding), "{bit}");
    }
}

#[test]
fn a_wrong_algorithm_or_signing_key_field_is_refused() {
    for algorithm in [0, 2, u32::MAX] {
        let report = MILAN
            .report()
            .with(|fields| fields.sig_algo = algorithm)
            .sign()
            .unwrap();
        assert_eq!(
            verify(&report, &MILAN.vcek_chain()),
            refused(SnpError::SignatureAlgorithm(algorithm))
        );
    }
    for key in 2..8 {
        let report = MILAN
            .report()
            .with(|fields| fields.key_info = KeyInfo::from(key << 2))
            .sign()
            .unwrap();
        assert_eq!(
            verify(&report, &MILAN.vcek_chain()),
            refused(SnpError::SigningKey(key))
        );
    }
}
