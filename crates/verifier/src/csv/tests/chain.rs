//! Who vouches for the key that signs reports.

use super::*;
use crate::csv::CsvRootError;
use simulated_tee::csv::{CaSpec, SigningKey, Usage};

#[test]
fn without_the_option_only_hygon_is_trusted() {
    let evidence = good(Version::V1).to_json();
    let attempt = Attempt {
        verifier: CsvVerifier::new(CsvOptions::default()).unwrap(),
        ..Attempt::new(&evidence)
    };
    let untrusted = refused(CsvError::CertificateSignature(CsvCertificate::Hsk));
    assert_eq!(attempt.run(), untrusted);
}

#[test]
fn a_chain_under_another_root_of_the_same_name_is_refused() {
    let impostor = Platform::impostor().unwrap();
    let evidence = impostor.evidence(&impostor.report(Version::V2).report_data(&REPORT_DATA));
    let untrusted = refused(CsvError::CertificateSignature(CsvCertificate::Hsk));
    assert_eq!(verify(&evidence), untrusted);
}

#[test]
fn each_link_of_the_chain_is_checked() {
    let other = Platform::impostor().unwrap();
    for (certificate, change) in [
        (CsvCertificate::Hsk, 0),
        (CsvCertificate::Cek, 1),
        (CsvCertificate::Pek, 2),
    ] {
        let mut evidence = good(Version::V1);
        let (hsk, cek) = evidence.hsk_cek.as_mut().unwrap();
        match change {
            0 => *hsk = other.hsk_certificate(),
            1 => *cek = other.cek_certificate(),
            _ => evidence.pek = other.pek_certificate(),
        }
        assert_eq!(
            verify(&evidence),
            refused(CsvError::CertificateSignature(certificate))
        );
    }
}

#[test]
fn a_key_for_another_use_is_refused() {
    let mut evidence = good(Version::V1);
    evidence.pek = MACHINE.cek_certificate();
    assert_eq!(verify(&evidence), refused(CsvError::KeyUse(CsvCertificate::Pek)));
    let mut evidence = good(Version::V1);
    evidence.hsk_cek.as_mut().unwrap().1 = MACHINE.pek_certificate();
    assert_eq!(verify(&evidence), refused(CsvError::KeyUse(CsvCertificate::Cek)));
    let mut evidence = good(Version::V1);
    evidence.hsk_cek.as_mut().unwrap().0 = MACHINE.hrk_certificate();
    assert_eq!(verify(&evidence), refused(CsvError::KeyUse(CsvCertificate::Hsk)));
    let mut spec = MACHINE.pek_spec();
    spec.algorithm = 5;
    let mut evidence = good(Version::V1);
    evidence.pek = spec.issue();
    assert_eq!(verify(&evidence), refused(CsvError::KeyUse(CsvCertificate::Pek)));
}

#[test]
fn the_issuers_signature_may_be_beside_that_of_the_owner() {
    let owner = SigningKey::generate("HYGON-SSD-OCA").unwrap();
    let issuers = |list| {
        let mut evidence = good(Version::V2);
        let mut spec = MACHINE.pek_spec();
        spec.issuers = list;
        evidence.pek = spec.issue();
        verify(&evidence)
    };
    let cek = (Usage::Cek, 4, &MACHINE.cek);
    assert!(issuers(vec![cek, (Usage::Oca, 4, &owner)]).is_ok());
    assert!(issuers(vec![(Usage::Oca, 4, &owner), cek]).is_ok());
    let unsigned = refused(CsvError::CertificateSignature(CsvCertificate::Pek));
    for list in [
        vec![],
        vec![(Usage::Oca, 4, &owner)],
        vec![(Usage::Oca, 4, &MACHINE.cek)],
        vec![(Usage::Cek, 5, &MACHINE.cek)],
        vec![(Usage::Cek, 4, &owner)],
    ] {
        assert_eq!(issuers(list), unsigned);
    }
}

#[test]
fn a_signature_under_another_user_id_is_not_valid() {
    // The same scalar as a key of another owner: the id goes into what is signed.
    let mut evidence = good(Version::V1);
    let start = 4 + 4 + 8 + 4 + 144;
    evidence.pek[start] = 12;
    assert_eq!(
        verify(&evidence),
        refused(CsvError::CertificateSignature(CsvCertificate::Pek))
    );
}

#[test]
fn a_public_key_is_a_point_of_the_curve_with_a_text_for_user_id() {
    let key = 20;
    let length = key + 144;
    for (at, bytes, what) in [
        (key - 4, &[2][..], "curve"),
        (key, &[0xff; 32], "x"),
        (key + 32, &[1], "padding of x"),
        (key + 72, &[0xff; 32], "y"),
        (key + 143, &[1], "padding of y"),
        (length, &[0xff, 0], "length"),
        (length + 2, &[0xff], "text"),
    ] {
        let mut evidence = good(Version::V1);
        evidence.pek[at..at + bytes.len()].copy_from_slice(bytes);
        assert_eq!(
            verify(&evidence),
            refused(CsvError::PublicKey(CsvCertificate::Pek)),
            "{what}"
        );
    }
}

#[test]
fn certificates_that_the_evidence_lacks_are_asked_for_by_serial_number() {
    let mut evidence = good(Version::V1);
    evidence.hsk_cek = None;
    let json = evidence.to_json();
    let mut attempt = Attempt::new(&json);
    let wanted = attempt.wanted();
    let [id @ EndorsementId::CsvHskCek { chip }] = wanted.as_slice() else {
        panic!("{wanted:?}")
    };
    assert_eq!(chip.as_str(), Platform::SERIAL_NUMBER);
    assert_eq!(id.to_string(), "HSK and CEK of chip SIM0000000001");
    assert_eq!(attempt.run(), Err(VerifyError::MissingEndorsement(id.clone())));
    attempt.endorsements.insert(id.clone(), MACHINE.hsk_cek());
    assert!(attempt.run().is_ok());
    let other = Platform::impostor().unwrap();
    for (bytes, reason) in [
        (vec![], CsvError::TooShort("HSK and CEK")),
        (MACHINE.hsk_certificate(), CsvError::TooShort("HSK and CEK")),
        (
            [MACHINE.hsk_cek(), vec![0]].concat(),
            CsvError::TooShort("HSK and CEK"),
        ),
        (
            other.hsk_cek(),
            CsvError::CertificateSignature(CsvCertificate::Hsk),
        ),
    ] {
        attempt.endorsements.insert(id.clone(), bytes);
        let reason = Box::new(VerifyError::Csv(reason));
        assert_eq!(
            attempt.run(),
            Err(VerifyError::BadEndorsement {
                id: id.clone(),
                reason
            })
        );
    }
    // Good certificates of another chip: the attester's lie.
    let stranger = Platform::new().unwrap();
    attempt.endorsements.insert(id.clone(), stranger.hsk_cek());
    let foreign = refused(CsvError::CertificateSignature(CsvCertificate::Pek));
    assert_eq!(attempt.run(), foreign);
    assert!(Attempt::new(&good(Version::V1).to_json()).wanted().is_empty());
}

#[test]
fn a_serial_number_cannot_be_anything_but_a_name() {
    for wrong in [
        &b""[..],
        b"\0",
        b"..",
        b"a/b",
        b"a?b",
        b"a b",
        b"\xff",
        &[b'a'; 65],
        b"a\0b",
    ] {
        let mut evidence = good(Version::V1);
        evidence.serial_number = wrong.to_vec();
        assert_eq!(verify(&evidence), refused(CsvError::SerialNumber), "{wrong:?}");
    }
}

#[test]
fn a_root_is_signed_by_itself() {
    let root = MACHINE.hrk_certificate();
    assert!(CsvRoot::from_bytes(&root).is_ok());
    assert_eq!(
        CsvRoot::from_bytes(&root[1..]).unwrap_err(),
        CsvRootError::Length(831)
    );
    let mut changed = root.clone();
    changed[575] ^= 1;
    let unsigned = CsvRootError::Certificate(CsvError::CertificateSignature(CsvCertificate::Hrk));
    assert_eq!(CsvRoot::from_bytes(&changed).unwrap_err(), unsigned);
    let hsk = CsvRootError::Certificate(CsvError::KeyUse(CsvCertificate::Hrk));
    assert_eq!(CsvRoot::from_bytes(&MACHINE.hsk_certificate()).unwrap_err(), hsk);
    let other = SigningKey::generate("HYGON-SSD-HRK").unwrap();
    let cross = CaSpec {
        usage: Usage::Hrk,
        key: &other,
        issuer: &MACHINE.hrk,
    };
    assert_eq!(CsvRoot::from_bytes(&cross.issue()).unwrap_err(), unsigned);
}
