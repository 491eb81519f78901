//! The chain: who may vouch for what, and what a certificate must say.

use super::*;
use crate::Fault;
use crate::snp::{HwId, SnpProduct, SnpRootError, SnpTcb};
use simulated_tee::snp::{SigningKey, VekSpec};

/// Turns DER into PEM.
fn pem(der: &[u8]) -> Vec<u8> {
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n").into_bytes()
}

/// Verifies Milan evidence whose VCEK says what `change` makes of it.
fn with_vcek(platform: &Platform, change: impl FnOnce(&mut VekSpec)) -> Result<VerifiedClaims, VerifyError> {
    let mut spec = platform.vcek_spec();
    change(&mut spec);
    verify(
        &report(platform),
        &[("VCEK", &platform.issue_vcek(&spec).unwrap())],
    )
}

fn vlek_report(platform: &Platform) -> AttestationReport {
    let builder = platform.report().signing_key(SigningKey::Vlek);
    builder
        .report_data(&REPORT_DATA)
        .host_data(&INIT_DATA)
        .sign()
        .unwrap()
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

#[test]
fn without_a_vcek_one_is_asked_for_and_used() {
    for platform in platforms() {
        let evidence = evidence(&report(platform), &[]).unwrap();
        let ids = endorsements_for(&evidence);
        let id = ids.iter().find(|id| !id.is_optional()).unwrap().clone();
        let mut attempt = Attempt::new(&evidence);
        assert_eq!(attempt.run(), Err(VerifyError::MissingEndorsement(id.clone())));
        attempt.endorsements.insert(id, platform.vcek_der().to_vec());
        assert!(attempt.run().is_ok());
    }
}

#[test]
fn what_is_asked_for_names_chip_tcb_and_product_line() {
    let ids = endorsements_for(&evidence(&report(&TURIN), &[]).unwrap());
    let tcb = SnpTcb {
        fmc: Some(1),
        bootloader: 9,
        tee: 0,
        snp: 23,
        microcode: 213,
    };
    let hwid = HwId::Short(TURIN.chip_id()[..8].try_into().unwrap());
    let crl = |product| EndorsementId::SnpCrl { product };
    let vcek = EndorsementId::SnpVcek {
        products: vec![SnpProduct::Turin],
        hwid,
        tcb,
    };
    assert_eq!(ids, [vcek, crl(SnpProduct::Turin)]);

    // Version 2 leaves the product line open, a certificate does not.
    let old = MILAN.report().version(2).sign().unwrap();
    let tcb = SnpTcb { fmc: None, ..tcb };
    let products = vec![SnpProduct::Milan, SnpProduct::Genoa];
    let vcek = EndorsementId::SnpVcek {
        products,
        hwid: HwId::Full(MILAN.chip_id()),
        tcb,
    };
    let ids = endorsements_for(&evidence(&old, &[]).unwrap());
    assert_eq!(ids, [vcek, crl(SnpProduct::Milan), crl(SnpProduct::Genoa)]);
    let ids = endorsements_for(&evidence(&old, &MILAN.vcek_chain()).unwrap());
    assert_eq!(ids, [crl(SnpProduct::Milan)]);
}

#[test]
fn a_wrong_certificate_from_the_source_is_the_sources_fault() {
    let other = Platform::new(Generation::Milan).unwrap();
    let evidence = evidence(&report(&MILAN), &[]).unwrap();
    let id = endorsements_for(&evidence).remove(0);
    for (bytes, reason) in [
        (other.vcek_der(), Some(SnpError::ChipIdMismatch)),
        (GENOA.vcek_der(), None),
        (&b"<html>too many requests</html>"[..], None),
    ] {
        let mut attempt = Attempt::new(&evidence);
        attempt.endorsements.insert(id.clone(), bytes.to_vec());
        let error = attempt.run().unwrap_err();
        assert_eq!(error.class(), Fault::Endorsement);
        match error {
            VerifyError::BadEndorsement { reason: found, .. } => {
                assert!(reason.is_none_or(|reason| *found == VerifyError::Snp(reason)));
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn the_signer_of_vleks_comes_with_the_evidence_the_configuration_or_on_request() {
    let with_root = |asvk: bool| {
        let root = SnpRoot {
            product: SnpProduct::Genoa,
            ark_der: GENOA.ark_der().to_vec(),
            ask_der: None,
            asvk_der: asvk.then(|| GENOA.asvk_der().to_vec()),
        };
        SnpVerifier::new(SnpOptions {
            extra_roots: vec![root],
        })
        .unwrap()
    };
    let asvk = EndorsementId::SnpAsvk {
        product: SnpProduct::Genoa,
    };
    let wanted = |verifier: &SnpVerifier, evidence: &Value| {
        let text = evidence.to_string();
        let ids = verifier
            .parse(UnverifiedEvidence::new(text.as_bytes()))
            .unwrap()
            .endorsements_for();
        ids.contains(&asvk)
    };
    let alone = evidence(&vlek_report(&GENOA), &[("VLEK", GENOA.vlek_der())]).unwrap();
    let whole = evidence(&vlek_report(&GENOA), &GENOA.vlek_chain()).unwrap();

    let verifier = with_root(false);
    assert!(!wanted(&verifier, &whole));
    assert!(wanted(&verifier, &alone));
    assert!(!wanted(&with_root(true), &alone));

    let attempt = Attempt {
        verifier: verifier.clone(),
        ..Attempt::new(&alone)
    };
    assert_eq!(attempt.run(), Err(VerifyError::MissingEndorsement(asvk.clone())));
    let mut attempt = Attempt {
        verifier: with_root(false),
        ..Attempt::new(&alone)
    };
    // As the KDS sends it: the signer, then the root.
    attempt
        .endorsements
        .insert(asvk, [pem(GENOA.asvk_der()), pem(GENOA.ark_der())].concat());
    assert!(attempt.run().is_ok());
    assert!(
        Attempt {
            verifier,
            ..Attempt::new(&whole)
        }
        .run()
        .is_ok()
    );
}

#[test]
fn extra_roots_are_checked_when_they_are_read() {
    let root = |ark: &[u8], ask: &[u8]| SnpRoot {
        product: SnpProduct::Milan,
        ark_der: ark.to_vec(),
        ask_der: Some(ask.to_vec()),
        asvk_der: None,
    };
    let new = |root| {
        SnpVerifier::new(SnpOptions {
            extra_roots: vec![root],
        })
        .map(|_| ())
    };
    assert_eq!(new(root(MILAN.ark_der(), MILAN.ask_der())), Ok(()));
    assert_eq!(
        new(root(MILAN.ask_der(), MILAN.ask_der())),
        Err(SnpRootError::NotARoot(SnpProduct::Milan))
    );
    assert_eq!(
        new(root(MILAN.ark_der(), GENOA.ask_der())),
        Err(SnpRootError::NotSigned(SnpProduct::Milan))
    );
    assert!(matches!(new(root(b"", b"")), Err(SnpRootError::Malformed(_))));

    let text = |parts: &[&[u8]]| parts.iter().flat_map(|der| pem(der)).collect::<Vec<u8>>();
    let read = |parts: &[&[u8]]| SnpRoot::from_pem(&text(parts));
    let both = read(&[
        MILAN.ask_der(),
        TURIN.ark_der(),
        MILAN.ark_der(),
        TURIN.asvk_der(),
    ])
    .unwrap();
    assert_eq!(both.len(), 2);
    assert_eq!(
        (both[0].product, both[0].ask_der.as_deref()),
        (SnpProduct::Milan, Some(MILAN.ask_der()))
    );
    assert_eq!(
        (both[1].product, both[1].asvk_der.as_deref()),
        (SnpProduct::Turin, Some(TURIN.asvk_der()))
    );
    assert_eq!(
        read(&[MILAN.ask_der()]),
        Err(SnpRootError::NoRoot(SnpProduct::Milan))
    );
    assert_eq!(
        read(&[MILAN.vcek_der()]),
        Err(SnpRootError::Name("SEV-VCEK".to_owned()))
    );
    assert!(matches!(
        SnpRoot::from_pem(b"nothing"),
        Err(SnpRootError::Malformed(_))
    ));
}
