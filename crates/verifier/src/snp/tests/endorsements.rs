//! What is asked for beyond the evidence, what is made of it, and the roots that the operator adds.

use super::*;
use crate::Fault;
use crate::snp::{HwId, SnpProduct, SnpRootError, SnpTcb};

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
            ..SnpOptions::default()
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
            ..SnpOptions::default()
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
