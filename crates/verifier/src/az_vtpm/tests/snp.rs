//! The processor's part: every check of bare SEV-SNP is made, and its claims are there.

use super::*;
use crate::{EndorsementId, SnpProduct, Tee, TeeClass};
use serde_json::json;
use simulated_tee::snp::{AttestationReport, CrlSpec, GuestPolicy, Issuer, Platform, Revoked, SigningKey};

#[test]
fn every_generation_report_version_and_wire_form_is_accepted() {
    for generation in Generation::ALL {
        let vm = machine(generation);
        let quote = quote(&vm.tpm);
        for report_version in 2..=5 {
            let runtime_data = RuntimeData::new(&vm.tpm, &REPORT_DATA).unwrap();
            let report = vm.report(&runtime_data).version(report_version).sign().unwrap();
            let hcl_report = vm.hcl_report(&report, &runtime_data).unwrap();
            for version in Version::ALL {
                let evidence = SnpVm::wire(version, &quote, &hcl_report, vm.platform.vcek_der()).unwrap();
                let outcome = Attempt::new(&evidence).run();
                assert!(
                    outcome.is_ok(),
                    "{generation:?} {report_version} {version:?}: {outcome:?}"
                );
            }
        }
    }
}

#[test]
fn claims_are_the_texts_that_policies_read_with_typed_ones_beside_them() {
    let verified = verify(&quote(&MILAN.tpm), &good_hcl_report()).unwrap();
    assert_eq!(
        (verified.tee(), verified.class()),
        (Tee::AzSnpVtpm, TeeClass::Cpu)
    );
    assert_eq!(verified.report_data(), Some("a7".repeat(48).as_str()));
    let pcr8 = hex::encode(MILAN.tpm.pcrs[8]);
    assert_eq!(verified.init_data(), Some(pcr8.as_str()));

    let mut claims = Value::from(verified.claims().clone());
    let typed = claims.as_object_mut().unwrap().remove("snp").unwrap();
    let pcrs = MILAN.tpm.pcrs.iter().enumerate();
    let pcrs: Value = pcrs
        .map(|(number, value)| (format!("pcr{number:02}"), json!(hex::encode(value))))
        .collect::<serde_json::Map<_, _>>()
        .into();
    assert_eq!(
        claims,
        json!({
            "measurement": "WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpa",
            "platform_smt_enabled": "true",
            "platform_tsme_enabled": "false",
            "policy_abi_major": "0",
            "policy_abi_minor": "0",
            "policy_debug_allowed": "false",
            "policy_migrate_ma": "false",
            "policy_single_socket": "false",
            "policy_smt_allowed": "true",
            "reported_tcb_bootloader": "9",
            "reported_tcb_microcode": "213",
            "reported_tcb_snp": "23",
            "reported_tcb_tee": "0",
            "tpm": pcrs,
            "tpm_quote": {
                "clock": 123_456, "firmware_version": 0x2020_0312_0012_0003_u64, "reset_count": 2,
                "restart_count": 0, "safe": true, "qualified_signer": format!("000b{}", "77".repeat(32)),
            },
            "vm_configuration": {
                "console-enabled": false, "secure-boot": true, "tpm-enabled": true,
                "vmUniqueId": "00000000-0000-4000-8000-000000000000",
            },
        })
    );
    assert_eq!(typed["measurement"], json!("5a".repeat(48)));
    assert_eq!(typed["policy_debug_allowed"], json!(false));
    assert_eq!(typed["reported_tcb_snp"], json!(23));
    assert_eq!(typed["chip_family"], json!("Milan"));
    assert_eq!(typed["platform_alias_check_complete"], json!(true));
    assert_eq!(typed["committed_tcb_microcode"], json!(213));
    let report_data = hex::encode(good_hcl_report().runtime_data.report_data());
    assert_eq!(typed["report_data"], json!(report_data));
    assert_eq!(typed["host_data"], json!("00".repeat(32)));
}

/// The processor makes this report of the machine's runtime data.
fn reported(change: impl FnOnce(&mut AttestationReport)) -> Result<VerifiedClaims, VerifyError> {
    let runtime_data = RuntimeData::new(&MILAN.tpm, &REPORT_DATA).unwrap();
    let report = MILAN.report(&runtime_data).with(change).sign().unwrap();
    verify(
        &quote(&MILAN.tpm),
        &MILAN.hcl_report(&report, &runtime_data).unwrap(),
    )
}

#[test]
fn debug_migration_and_unknown_policy_bits_are_visible_and_not_refused() {
    let debugged = reported(|report| report.policy.set_debug_allowed(true)).unwrap();
    assert_eq!(
        debugged.claims().get("policy_debug_allowed"),
        Some(&json!("true"))
    );
    assert_eq!(debugged.claims()["snp"]["policy_debug_allowed"], json!(true));
    let migrated = reported(|report| report.policy.set_migrate_ma_allowed(true)).unwrap();
    assert_eq!(migrated.claims().get("policy_migrate_ma"), Some(&json!("true")));
    let unknown = reported(|report| report.policy = GuestPolicy::from(u64::from(report.policy) | 1 << 40));
    assert!(unknown.is_ok(), "{unknown:?}");
}

#[test]
fn reports_of_other_privilege_levels_and_versions_are_refused() {
    for vmpl in [1, 2, 3, u32::MAX] {
        assert_eq!(
            reported(|report| report.vmpl = vmpl),
            refused_by_snp(SnpError::Vmpl(vmpl))
        );
    }
    for version in [0, 1, 6, u32::MAX] {
        let mut hcl_report = good_hcl_report();
        hcl_report.report[..4].copy_from_slice(&version.to_le_bytes());
        assert_eq!(
            verify(&quote(&MILAN.tpm), &hcl_report),
            refused_by_snp(SnpError::ReportVersion(version))
        );
    }
    // A processor that the parser knows and nobody has roots for, and one that nobody knows.
    for (family, model) in [(0x1a, 0x50), (0x19, 0x20), (0x17, 0x01)] {
        let mut hcl_report = good_hcl_report();
        hcl_report.report[0x188..0x18a].copy_from_slice(&[family, model]);
        assert_eq!(
            verify(&quote(&MILAN.tpm), &hcl_report),
            refused_by_snp(SnpError::UnknownProcessor { family, model })
        );
    }
}

#[test]
fn reserved_bytes_of_the_report_must_be_zero_even_if_they_are_signed() {
    for at in [0x04c, 0x18b, 0x19f, 0x1eb, 0x1ef, 0x208, 0x29f, 0x330, 0x49f] {
        let mut hcl_report = good_hcl_report();
        hcl_report.report[at] = 1;
        assert_eq!(
            verify(&quote(&MILAN.tpm), &hcl_report),
            refused_by_snp(SnpError::Reserved),
            "{at:#x}"
        );
    }
}

#[test]
fn another_chips_another_generations_and_a_self_made_certificate_are_refused() {
    let with = |vcek: &[u8]| {
        let evidence = SnpVm::wire(Version::V2, &quote(&MILAN.tpm), &good_hcl_report(), vcek).unwrap();
        Attempt::new(&evidence).run()
    };
    let neighbour = Platform::new(Generation::Milan).unwrap();
    assert_eq!(
        with(neighbour.vcek_der()),
        refused_by_snp(SnpError::ChipIdMismatch)
    );
    assert_eq!(
        with(Platform::new(Generation::Genoa).unwrap().vcek_der()),
        refused_by_snp(SnpError::OtherProduct {
            report: SnpProduct::Milan,
            certificate: SnpProduct::Genoa
        })
    );
    assert_eq!(
        with(Platform::impostor(Generation::Milan).unwrap().vcek_der()),
        refused_by_snp(SnpError::ChainSignature)
    );
    assert_eq!(
        with(MILAN.platform.vlek_der()),
        refused_by_snp(SnpError::OtherKeyKind { expected: "VCEK" })
    );
    let trailing = [MILAN.platform.vcek_der(), &[0]].concat();
    let malformed = with(&trailing);
    assert!(
        matches!(malformed, Err(VerifyError::Snp(SnpError::Certificate { .. }))),
        "{malformed:?}"
    );
    let too_long = with(&vec![0x30; 8193]);
    assert!(matches!(
        too_long,
        Err(VerifyError::Snp(SnpError::Certificate { .. }))
    ));
    let mut spec = MILAN.platform.vcek_spec();
    spec.tcb.microcode += 1;
    let other_tcb = with(&MILAN.platform.issue_vcek(&spec).unwrap());
    assert!(matches!(
        other_tcb,
        Err(VerifyError::Snp(SnpError::TcbMismatch { .. }))
    ));
    let repeated = simulated_tee::snp::VekSpec {
        repeat: Some("3.3"),
        ..MILAN.platform.vcek_spec()
    };
    assert_eq!(
        with(&MILAN.platform.issue_vcek(&repeated).unwrap()),
        refused_by_snp(SnpError::Extension("snpSPL"))
    );
}

#[test]
fn a_report_by_a_vlek_or_of_a_masked_chip_is_refused() {
    let runtime_data = RuntimeData::new(&MILAN.tpm, &REPORT_DATA).unwrap();
    let by_vlek = MILAN
        .report(&runtime_data)
        .signing_key(SigningKey::Vlek)
        .sign()
        .unwrap();
    let hcl_report = MILAN.hcl_report(&by_vlek, &runtime_data).unwrap();
    assert_eq!(
        verify(&quote(&MILAN.tpm), &hcl_report),
        refused_by_snp(SnpError::OtherKeyKind { expected: "VLEK" })
    );
    for version in [2, 3] {
        let report = MILAN.report(&runtime_data).version(version).sign().unwrap();
        let mut hcl_report = MILAN.hcl_report(&report, &runtime_data).unwrap();
        hcl_report.report[0x1a0..0x1e0].fill(0);
        assert_eq!(
            verify(&quote(&MILAN.tpm), &hcl_report),
            refused_by_snp(SnpError::ChipIdMasked)
        );
    }
}

#[test]
fn a_certificate_is_good_in_its_time_only() {
    let evidence = wire(&quote(&MILAN.tpm), &good_hcl_report());
    for now in [0, 1_704_067_199, 2_335_219_201] {
        let attempt = Attempt {
            now,
            ..Attempt::new(&evidence)
        };
        assert_eq!(attempt.run(), refused_by_snp(SnpError::Validity), "{now}");
    }
}

#[test]
fn a_revocation_list_is_asked_for_and_obeyed() {
    let evidence = wire(&quote(&MILAN.tpm), &good_hcl_report());
    let text = evidence.to_string();
    let parsed = verifier()
        .parse(UnverifiedEvidence::new(text.as_bytes()))
        .unwrap();
    let id = EndorsementId::SnpCrl {
        product: SnpProduct::Milan,
    };
    assert_eq!(parsed.endorsements_for(), std::slice::from_ref(&id));

    let list = |revoked: Vec<Revoked>| {
        let spec = CrlSpec {
            this_update: 1_795_000_000,
            next_update: Some(1_796_000_000),
            revoked,
            issuer: Issuer::Ark,
        };
        MILAN.platform.revocation_list(&spec).unwrap()
    };
    let mut attempt = Attempt::new(&evidence);
    attempt.endorsements.insert(id.clone(), list(Vec::new()));
    assert!(attempt.run().is_ok());
    attempt
        .endorsements
        .insert(id, list(vec![Revoked::Vcek(vec![0])]));
    assert_eq!(attempt.run(), refused_by_snp(SnpError::Revoked("VCEK or VLEK")));
}
