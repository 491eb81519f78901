//! The chain: who may vouch for what, and what a certificate must say.

use super::*;
use crate::snp::{SnpProduct, SnpRootError};
use crate::x509::Certificate;
use der::asn1::UtcTime;
use simulated_tee::snp::{Role, VekSpec};
use std::time::Duration;
use x509_cert::TbsCertificate;
use x509_cert::time::Time;

/// Verifies Milan evidence whose VCEK says what `change` makes of it.
fn with_vcek(platform: &Platform, change: impl FnOnce(&mut VekSpec)) -> Result<VerifiedClaims, VerifyError> {
    let mut spec = platform.vcek_spec();
    change(&mut spec);
    verify(
        &report(platform),
        &[("VCEK", &platform.issue_vcek(&spec).unwrap())],
    )
}

#[test]
fn a_vcek_alone_is_enough_and_pem_is_as_good_as_der() {
    for platform in platforms() {
        assert!(verify(&report(platform), &[("VCEK", platform.vcek_der())]).is_ok());
        assert!(verify(&report(platform), &[("VCEK", &pem(platform.vcek_der()))]).is_ok());
        assert!(verify(&vlek_report(platform), &[("VLEK", platform.vlek_der())]).is_ok());
    }
}

#[test]
fn a_simulated_platform_is_not_trusted_unless_its_root_is() {
    let evidence = evidence(&report(&MILAN), &MILAN.vcek_chain()).unwrap();
    let verifier = SnpVerifier::new(SnpOptions::default()).unwrap();
    let attempt = Attempt {
        verifier,
        ..Attempt::new(&evidence)
    };
    assert_eq!(attempt.run(), refused(SnpError::ChainSignature));
}

#[test]
fn the_same_names_over_another_key_are_refused() {
    for generation in Generation::ALL {
        let impostor = Platform::impostor(generation).unwrap();
        let outcome = verify(&report(&impostor), &impostor.vcek_chain());
        assert_eq!(outcome, refused(SnpError::ChainSignature));
    }
}

#[test]
fn a_vcek_where_a_vlek_is_needed_and_the_reverse_are_refused() {
    let (vcek, vlek) = (MILAN.vcek_der(), MILAN.vlek_der());
    let needs_vcek = refused(SnpError::OtherKeyKind { expected: "VCEK" });
    let needs_vlek = refused(SnpError::OtherKeyKind { expected: "VLEK" });
    assert_eq!(verify(&report(&MILAN), &[("VLEK", vlek)]), needs_vcek);
    assert_eq!(verify(&vlek_report(&MILAN), &[("VCEK", vcek)]), needs_vlek);
    // The label says one thing, the certificate another.
    assert_eq!(verify(&report(&MILAN), &[("VCEK", vlek)]), needs_vcek);
    assert_eq!(verify(&vlek_report(&MILAN), &[("VLEK", vcek)]), needs_vlek);
    assert_eq!(verify(&vlek_report(&MILAN), &[]), refused(SnpError::MissingVlek));
}

#[test]
fn a_vcek_that_the_vleks_signer_signed_is_refused() {
    let crossed = MILAN.issue_vlek(&MILAN.vcek_spec()).unwrap();
    assert_eq!(
        verify(&report(&MILAN), &[("VCEK", &crossed)]),
        refused(SnpError::UnknownIssuer)
    );
}

#[test]
fn another_generations_chain_is_refused() {
    let outcome = verify(&report(&GENOA), &MILAN.vcek_chain());
    let expected = SnpError::OtherProduct {
        report: SnpProduct::Genoa,
        certificate: SnpProduct::Milan,
    };
    assert_eq!(outcome, refused(expected));
}

#[test]
fn another_chips_vcek_is_refused() {
    for generation in Generation::ALL {
        let [one, other] = [(); 2].map(|()| Platform::new(generation).unwrap());
        let outcome = verify(&report(&one), &[("VCEK", other.vcek_der())]);
        assert_eq!(outcome, refused(SnpError::ChipIdMismatch));
    }
    // The right key, but a certificate that names another chip: every byte counts.
    for (platform, last) in [(&*MILAN, 63), (&*TURIN, 7)] {
        for byte in [0, last] {
            let outcome = with_vcek(platform, |spec| spec.hwid.as_mut().unwrap()[byte] ^= 1);
            assert_eq!(outcome, refused(SnpError::ChipIdMismatch));
        }
    }
}

#[test]
fn a_turin_chip_id_with_anything_behind_its_8_bytes_is_refused() {
    let report = TURIN
        .report()
        .with(|fields| fields.chip_id[8] = 1)
        .sign()
        .unwrap();
    assert_eq!(
        verify(&report, &TURIN.vcek_chain()),
        refused(SnpError::ChipIdMasked)
    );
}

#[test]
fn a_masked_chip_id_is_refused_with_a_vcek_and_accepted_with_a_vlek() {
    for version in [2, 3] {
        let masked = |key| {
            let builder = MILAN.report().version(version).signing_key(key);
            let builder = builder.report_data(&REPORT_DATA).host_data(&INIT_DATA);
            builder.with(|fields| fields.chip_id = [0; 64]).sign().unwrap()
        };
        let vcek = masked(SigningKey::Vcek);
        assert_eq!(
            verify(&vcek, &MILAN.vcek_chain()),
            refused(SnpError::ChipIdMasked)
        );
        assert_eq!(verify(&vcek, &[]), refused(SnpError::ChipIdMasked));
        assert!(verify(&masked(SigningKey::Vlek), &MILAN.vlek_chain()).is_ok());
    }
}

#[test]
fn a_chip_id_of_a_wrong_length_or_missing_is_refused() {
    let hwid = refused(SnpError::Extension("hwID"));
    assert_eq!(with_vcek(&MILAN, |spec| spec.hwid = None), hwid);
    assert_eq!(with_vcek(&MILAN, |spec| spec.hwid = Some(vec![7; 63])), hwid);
    assert_eq!(
        with_vcek(&MILAN, |spec| spec.hwid.as_mut().unwrap().truncate(8)),
        refused(SnpError::ChipIdMismatch)
    );
    for platform in platforms() {
        assert!(with_vcek(platform, |spec| spec.hwid_wrapped = true).is_ok());
    }
    let with_hwid = VekSpec {
        hwid: Some(MILAN.chip_id().to_vec()),
        ..MILAN.vlek_spec()
    };
    let vlek = MILAN.issue_vlek(&with_hwid).unwrap();
    assert_eq!(verify(&vlek_report(&MILAN), &[("VLEK", &vlek)]), hwid);
}

#[test]
fn missing_or_repeated_extensions_are_refused() {
    let cases = [
        ("3.1", "blSPL"),
        ("3.2", "teeSPL"),
        ("3.3", "snpSPL"),
        ("3.8", "ucodeSPL"),
        ("3.9", "fmcSPL"),
    ];
    for (id, name) in cases {
        let error = refused(SnpError::Extension(name));
        assert_eq!(with_vcek(&TURIN, |spec| spec.leave_out = Some(id)), error, "{id}");
        assert_eq!(with_vcek(&TURIN, |spec| spec.repeat = Some(id)), error, "{id}");
    }
    assert_eq!(
        with_vcek(&TURIN, |spec| spec.repeat = Some("4")),
        refused(SnpError::Extension("hwID"))
    );
}

#[test]
fn a_certificate_of_another_tcb_is_refused() {
    let changes: [fn(&mut VekSpec); 5] = [
        |spec| spec.tcb.bootloader += 1,
        |spec| spec.tcb.tee += 1,
        |spec| spec.tcb.snp -= 1,
        |spec| spec.tcb.microcode -= 1,
        |spec| spec.tcb.fmc = Some(0),
    ];
    for change in changes {
        let outcome = with_vcek(&TURIN, change);
        assert!(
            matches!(outcome, Err(VerifyError::Snp(SnpError::TcbMismatch { .. }))),
            "{outcome:?}"
        );
    }
}

#[test]
fn an_unknown_critical_extension_is_refused() {
    let outcome = with_vcek(&MILAN, |spec| spec.unknown_critical = true);
    assert!(
        matches!(outcome, Err(VerifyError::Snp(SnpError::Certificate { .. }))),
        "{outcome:?}"
    );
}

#[test]
fn an_expired_certificate_is_refused_also_after_it_was_good() {
    let expiring = |spec: &mut VekSpec| spec.not_after = NOW.unsigned_abs();
    let mut spec = MILAN.vcek_spec();
    expiring(&mut spec);
    let vcek = MILAN.issue_vcek(&spec).unwrap();
    let evidence = evidence(&report(&MILAN), &[("VCEK", &vcek)]).unwrap();
    let mut attempt = Attempt::new(&evidence);
    assert!(attempt.run().is_ok());
    attempt.now = NOW + 1;
    assert_eq!(attempt.run(), refused(SnpError::Validity));
    attempt.now = 0;
    assert_eq!(attempt.run(), refused(SnpError::Validity));
}

#[test]
fn trailing_bytes_and_broken_der_are_refused() {
    let mut trailing = MILAN.vcek_der().to_vec();
    trailing.push(0);
    let cut = &MILAN.vcek_der()[..MILAN.vcek_der().len() - 1];
    for vcek in [
        &trailing[..],
        cut,
        b"",
        b"-----BEGIN CERTIFICATE-----",
        &[0x30; 40],
    ] {
        let outcome = verify(&report(&MILAN), &[("VCEK", vcek)]);
        assert!(
            matches!(outcome, Err(VerifyError::Snp(SnpError::Certificate { .. }))),
            "{outcome:?}"
        );
    }
}

#[test]
fn a_malformed_or_foreign_authority_in_the_table_does_not_beat_the_one_we_hold() {
    let foreign = Platform::impostor(Generation::Milan).unwrap();
    let vcek = ("VCEK", MILAN.vcek_der());
    let tables: [&[TableEntry<'_>]; 4] = [
        &[("ARK", b"nonsense"), ("ASK", b""), vcek],
        &[("ASK", &[0x30; 2000]), ("ARK", &[0xff; 100]), vcek],
        &[("ARK", foreign.ark_der()), ("ASK", foreign.ask_der()), vcek],
        &[("ASK", GENOA.ask_der()), ("Empty", b""), ("CRL", b"x"), vcek],
    ];
    for table in tables {
        assert!(verify(&report(&MILAN), table).is_ok());
    }
}

#[test]
fn an_ask_from_the_table_counts_if_a_trusted_root_signed_it() {
    let root = |ask: bool| SnpRoot {
        product: SnpProduct::Milan,
        ark_der: MILAN.ark_der().to_vec(),
        ask_der: ask.then(|| MILAN.ask_der().to_vec()),
        asvk_der: None,
    };
    let run = |ask, table: &[TableEntry<'_>]| {
        let evidence = evidence(&report(&MILAN), table).unwrap();
        let verifier = SnpVerifier::new(SnpOptions {
            extra_roots: vec![root(ask)],
            ..SnpOptions::default()
        })
        .unwrap();
        Attempt {
            verifier,
            ..Attempt::new(&evidence)
        }
        .run()
    };
    let vcek = ("VCEK", MILAN.vcek_der());
    assert!(run(false, &[("ASK", MILAN.ask_der()), vcek]).is_ok());
    assert!(run(true, &[vcek]).is_ok());
    assert_eq!(run(false, &[vcek]), refused(SnpError::ChainSignature));
    // An endorsement key is no authority, whatever it is called.
    assert_eq!(
        run(false, &[("ASK", MILAN.vcek_der()), vcek]),
        refused(SnpError::ChainSignature)
    );
}

/// Trusts this root alone, which signs what the evidence brings.
fn trusting(ark_der: Vec<u8>) -> Result<SnpVerifier, SnpRootError> {
    trusting_for(SnpProduct::Milan, ark_der)
}

/// Trusts this root alone, for one product line.
fn trusting_for(product: SnpProduct, ark_der: Vec<u8>) -> Result<SnpVerifier, SnpRootError> {
    let root = SnpRoot {
        product,
        ark_der,
        ask_der: None,
        asvk_der: None,
    };
    SnpVerifier::new(SnpOptions {
        extra_roots: vec![root],
        ..SnpOptions::default()
    })
}

/// Verifies evidence of Milan under these certificates of its root and of its ASK.
fn under(ark: Vec<u8>, ask: &[u8]) -> Result<VerifiedClaims, VerifyError> {
    let evidence = evidence(&report(&MILAN), &[("VCEK", MILAN.vcek_der()), ("ASK", ask)]).unwrap();
    let attempt = Attempt {
        verifier: trusting(ark).unwrap(),
        ..Attempt::new(&evidence)
    };
    attempt.run()
}

fn ended(tbs: &mut TbsCertificate) {
    let second_before = Duration::from_secs(NOW.unsigned_abs() - 1);
    tbs.validity.not_after = Time::UtcTime(UtcTime::from_unix_duration(second_before).unwrap());
}

#[test]
fn an_ask_or_a_root_out_of_its_time_is_refused_though_the_vcek_is_in_its() {
    let (ark, ask) = (MILAN.ark_der().to_vec(), MILAN.ask_der());
    assert!(under(ark.clone(), ask).is_ok());
    let ended_ask = MILAN.reissue(Role::Ask, ended).unwrap();
    assert_eq!(under(ark, &ended_ask), refused(SnpError::Validity));
    let ended_ark = MILAN.reissue(Role::Ark, ended).unwrap();
    assert_eq!(under(ended_ark, ask), refused(SnpError::Validity));
}

#[test]
fn an_ask_that_may_not_sign_or_that_another_root_is_said_to_have_issued_vouches_for_nobody() {
    let asvk = Certificate::parse(MILAN.asvk_der()).unwrap();
    for ask in [
        MILAN.reissue(Role::Ask, |tbs| tbs.extensions = None),
        MILAN.reissue(Role::Ask, |tbs| tbs.issuer = asvk.subject().clone()),
    ] {
        let outcome = under(MILAN.ark_der().to_vec(), &ask.unwrap());
        assert_eq!(outcome, refused(SnpError::ChainSignature));
    }
}

#[test]
fn a_root_must_be_an_authority_that_issued_and_signed_itself() {
    let not_a_root = Some(SnpRootError::NotARoot(SnpProduct::Milan));
    let ask = Certificate::parse(MILAN.ask_der()).unwrap();
    let mut forged = MILAN.ark_der().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    for root in [
        MILAN.reissue(Role::Ark, |tbs| tbs.extensions = None).unwrap(),
        MILAN
            .reissue(Role::Ark, |tbs| tbs.issuer = ask.subject().clone())
            .unwrap(),
        forged,
    ] {
        assert_eq!(trusting(root).err(), not_a_root);
    }
    assert!(trusting(MILAN.ark_der().to_vec()).is_ok());
}

#[test]
fn a_root_vouches_only_for_the_product_line_it_is_trusted_for() {
    let table = [("VCEK", MILAN.vcek_der()), ("ASK", MILAN.ask_der())];
    let evidence = evidence(&report(&MILAN), &table).unwrap();
    let verified = |product| {
        let attempt = Attempt {
            verifier: trusting_for(product, MILAN.ark_der().to_vec()).unwrap(),
            ..Attempt::new(&evidence)
        };
        attempt.run()
    };
    assert!(verified(SnpProduct::Milan).is_ok());
    for other in [SnpProduct::Genoa, SnpProduct::Turin] {
        assert_eq!(verified(other), refused(SnpError::ChainSignature), "{other}");
    }
}
