//! The report and the certificates that the package `csv-rs` 0.1.0 is tested with.
//!
//! They are not in this repository: they are looked for where cargo unpacks packages, because depending on that
//! one would bring OpenSSL. Where it is not, the tests say so and pass.

use super::*;
use crate::csv::certificate::{CEK, Certificate, HSK};
use crate::csv::chain::HskCek;
use crate::csv::roots::CsvRoot;
use crate::testing::published;
use simulated_tee::proof::{self, Proof};

fn file(name: &str) -> Option<Vec<u8>> {
    let Some(folder) = published("csv-rs-0.1.0") else {
        proof::note("csv", Proof::Absent, "csv-rs", 1).unwrap();
        return None;
    };
    Some(std::fs::read(folder.join(name)).unwrap())
}

/// The report with its PEK, as a guest of today sends them.
fn published_evidence() -> Option<Evidence> {
    let bytes = file("tests/test_data/report.cert")?;
    let mask = &bytes[188..192];
    let unmasked = |range: std::ops::Range<usize>| {
        let bytes = bytes[range].iter().zip(mask.iter().cycle());
        bytes.map(|(byte, mask)| byte ^ mask).collect::<Vec<u8>>()
    };
    Some(Evidence {
        version: Version::V1,
        report: bytes[..336].to_vec(),
        hsk_cek: Some((
            file("tests/test_data/hsk.cert")?,
            file("tests/test_data/cek.cert")?,
        )),
        pek: unmasked(336..2420),
        serial_number: unmasked(2420..2484),
        event_log: None,
    })
}

fn run(evidence: &Evidence) -> Result<VerifiedClaims, VerifyError> {
    let json = evidence.to_json();
    let attempt = Attempt {
        verifier: CsvVerifier::new(CsvOptions::default()).unwrap(),
        report_data: None,
        ..Attempt::new(&json)
    };
    attempt.run()
}

#[test]
fn the_built_in_root_is_that_of_hygons_certificate() {
    let Some(bytes) = file("src/certs/builtin/hrk.cert") else {
        return;
    };
    let published = CsvRoot::from_bytes(&bytes).unwrap();
    let hsk = file("tests/test_data/hsk.cert").unwrap();
    let hsk = Certificate::of_hygon(CsvCertificate::Hsk, &hsk.try_into().unwrap()).unwrap();
    for root in [published, CsvRoot::hygon().unwrap()] {
        assert!(hsk.verify(&root.0, super::super::certificate::HRK).is_ok());
    }
}

#[test]
fn the_published_chain_verifies_and_no_changed_one_does() {
    let Some(bytes) = file("tests/test_data/hsk_cek.cert") else {
        return;
    };
    let roots = [CsvRoot::hygon().unwrap()];
    let verify = |bytes: &[u8]| HskCek::from_bytes(bytes).and_then(|chain| chain.verify(&roots));
    assert!(verify(&bytes).is_ok());
    let mut count = 0;
    // The signed bytes and the signature of the HSK, then those of the CEK.
    for (range, step) in [(0..576, 7), (576..720, 3), (832..1876, 11), (1876..2028, 3)] {
        for at in range.step_by(step) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(verify(&changed).is_err(), "byte {at}");
            count += 1;
        }
    }
    let swapped = [&bytes[832..], &bytes[..832]].concat();
    assert!(verify(&swapped).is_err());
    proof::note("csv", Proof::Mutations, "csv-rs-chain", count).unwrap();
    assert_ne!((HSK, CEK), (0, 0));
}

#[test]
fn the_published_report_verifies_and_no_changed_one_does() {
    let Some(good) = published_evidence() else { return };
    let claims = run(&good).unwrap();
    let claims = claims.claims();
    assert_eq!(claims["version"], json!("1"));
    assert_eq!(claims["serial_number"], json!("NZA9T14052605"));
    assert_eq!(claims["policy"]["nodbg"], json!(1));
    assert_eq!(claims["sig_usage"], json!("02100000"));
    let mut count = 0;
    for at in (0..336).filter(|at| at % 3 == 0 || *at > 170) {
        let mut changed = good.clone();
        changed.report[at] ^= 1 << (at % 8);
        assert!(run(&changed).is_err(), "byte {at}");
        count += 1;
    }
    let mut changed = good.clone();
    changed.pek[100] ^= 1;
    assert!(run(&changed).is_err());
    let mut foreign = good;
    foreign.pek = MACHINE.pek_certificate();
    assert_eq!(
        run(&foreign),
        refused(CsvError::CertificateSignature(CsvCertificate::Pek))
    );
    proof::note("csv", Proof::Vectors, "csv-rs-report", 1).unwrap();
    proof::note("csv", Proof::Mutations, "csv-rs-report", count).unwrap();
}
