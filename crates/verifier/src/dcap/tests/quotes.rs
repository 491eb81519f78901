//! Quotes: their form, their signatures, and what they are bound to.

use super::*;
use crate::DcapTee;
use simulated_tee::intel::{Body, CertificationData, Fault, TdKind};

fn td_error(change: impl FnOnce(&mut QuoteSpec)) -> DcapError {
    let mut spec = MACHINE.td_quote(td());
    change(&mut spec);
    error(&attempt(&MACHINE, Tee::Tdx, &spec))
}

fn enclave_error(change: impl FnOnce(&mut QuoteSpec)) -> DcapError {
    let mut spec = SMALL.enclave_quote(enclave());
    change(&mut spec);
    error(&attempt(&SMALL, Tee::Sgx, &spec))
}

fn error(attempt: &Attempt) -> DcapError {
    match attempt.run() {
        Err(VerifyError::Dcap(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn quotes_of_every_version_and_body_verify() {
    assert!(enclave_attempt().run().is_ok());
    assert!(td_attempt().run().is_ok());
    for kind in [TdKind::Td10, TdKind::Td15, TdKind::Td15Ex] {
        let mut spec = MACHINE.td_quote(TdBody { kind, ..td() });
        spec.version = 5;
        let claims = attempt(&MACHINE, Tee::Tdx, &spec).run().unwrap();
        assert_eq!(
            claims.claims()["quote"]["type"],
            json!(hex::encode(kind.number().to_le_bytes()))
        );
    }
    // Of a machine with one package, too.
    assert!(attempt(&SMALL, Tee::Tdx, &SMALL.td_quote(td())).run().is_ok());
}

#[test]
fn zeros_behind_a_quote_are_padding_and_anything_else_is_not() {
    let mut spec = MACHINE.td_quote(td());
    spec.trailing = vec![0; 4000];
    assert!(attempt(&MACHINE, Tee::Tdx, &spec).run().is_ok());
    assert_eq!(
        td_error(|spec| spec.trailing = vec![0, 1]),
        DcapError::TrailingBytes
    );
    assert_eq!(
        td_error(|spec| spec.trailing = vec![0; 65536]),
        DcapError::TooLong
    );
}

#[test]
fn an_sgx_quote_is_refused_as_tdx_and_the_reverse() {
    let as_tdx = Attempt {
        tee: Tee::Tdx,
        ..enclave_attempt()
    };
    let expected = DcapTee::Tdx;
    assert_eq!(as_tdx.run(), refused(DcapError::OtherTee { expected }));
    let as_sgx = Attempt {
        tee: Tee::Sgx,
        ..td_attempt()
    };
    let expected = DcapTee::Sgx;
    assert_eq!(as_sgx.run(), refused(DcapError::OtherTee { expected }));
}

#[test]
fn a_quote_that_says_it_is_of_the_other_tee_is_refused() {
    // The type is signed: a lie about it fails at the body's length, or at the signature.
    let lie = td_error(|spec| spec.tee_type = 0x82);
    assert_eq!(lie, DcapError::UnknownTee(0x82));
    let Body::Td(body) = MACHINE.td_quote(td()).body else {
        panic!()
    };
    let as_enclave = enclave_error(|spec| spec.body = Body::Td(body));
    assert!(matches!(
        as_enclave,
        DcapError::Truncated | DcapError::TrailingBytes
    ));
}

#[test]
fn versions_have_their_tee() {
    for version in [0, 1, 2, 3, 6] {
        let tee = DcapTee::Tdx;
        assert_eq!(
            td_error(|spec| spec.version = version),
            DcapError::Version { tee, version }
        );
    }
    for version in [2, 4, 5] {
        let tee = DcapTee::Sgx;
        assert_eq!(
            enclave_error(|spec| spec.version = version),
            DcapError::Version { tee, version }
        );
    }
}

#[test]
fn what_says_how_to_verify_must_be_what_we_can_verify() {
    assert_eq!(
        td_error(|spec| spec.attestation_key_type = 3),
        DcapError::AttestationKeyType(3)
    );
    assert_eq!(td_error(|spec| spec.vendor_id = [7; 16]), DcapError::QeVendor);
    let body_of = |body_type: u16| {
        td_error(|spec| {
            spec.version = 5;
            spec.body_type = Some(body_type);
        })
    };
    assert_eq!(body_of(1), DcapError::BodyType(1));
    assert_eq!(body_of(5), DcapError::BodyType(5));
    assert_eq!(
        body_of(3),
        DcapError::BodySize {
            body_type: 3,
            size: 584
        }
    );
}

#[test]
fn certification_data_other_than_a_chain_is_refused_by_its_type() {
    for kind in [1, 2, 3, 4, 6, 7, 8] {
        let other = |spec: &mut QuoteSpec| spec.certification.kind = kind;
        assert_eq!(td_error(other), DcapError::CertificationData { kind });
        assert_eq!(enclave_error(other), DcapError::CertificationData { kind });
    }
    for kind in [1, 2, 3, 4, 5, 7] {
        let outer = td_error(|spec| spec.outer_certification_type = kind);
        assert_eq!(outer, DcapError::CertificationData { kind });
    }
    let names: Vec<String> = (1..=8)
        .map(|kind| DcapError::CertificationData { kind }.to_string())
        .collect();
    assert!(
        names
            .iter()
            .all(|name| name.contains("certification data of type"))
    );
    assert!(names[6].contains("platform manifest"));
}

#[test]
fn the_authentication_data_of_the_quoting_enclave_has_32_bytes() {
    for length in [0, 31, 33] {
        let error = td_error(|spec| spec.qe_authentication_data = vec![1; length]);
        assert_eq!(error, DcapError::QeAuthenticationData(length));
    }
}

#[test]
fn every_signature_and_the_hash_between_them_must_be_right() {
    for (fault, expected) in [
        (Fault::QeReportSignature, DcapError::QeReportSignature),
        (Fault::QeReportData, DcapError::QeReportData),
        (Fault::QuoteSignature, DcapError::QuoteSignature),
    ] {
        assert_eq!(td_error(|spec| spec.faults = vec![fault]), expected);
        assert_eq!(enclave_error(|spec| spec.faults = vec![fault]), expected);
    }
}

#[test]
fn another_machines_chain_does_not_vouch_for_a_quote() {
    let other = Platform::new(Arc::clone(&INTEL), PckCa::Platform).unwrap();
    let error = td_error(|spec| {
        spec.certification = CertificationData {
            kind: 5,
            data: other.pck_chain().into_bytes(),
        };
    });
    assert_eq!(error, DcapError::QeReportSignature);
}

#[test]
fn the_quoting_enclave_must_be_the_one_of_intels_identity() {
    let qe = |change: fn(&mut EnclaveBody)| td_error(|spec| change(&mut spec.qe));
    assert!(matches!(qe(|qe| qe.mr_signer[0] ^= 1), DcapError::QeIdentity(_)));
    assert!(matches!(qe(|qe| qe.isv_prod_id = 1), DcapError::QeIdentity(_)));
    assert!(matches!(qe(|qe| qe.misc_select[0] = 1), DcapError::QeIdentity(_)));
    assert!(matches!(
        qe(|qe| qe.attributes[0] |= 0x20),
        DcapError::QeIdentity(_)
    ));
    // Debug mode, whatever the identity's mask says of it.
    assert!(matches!(qe(|qe| qe.attributes[0] |= 2), DcapError::QeIdentity(_)));
    assert_eq!(qe(|qe| qe.isv_svn = 7), DcapError::QeTcbLevel);
    // What the mask leaves out does not count.
    let mut spec = MACHINE.td_quote(td());
    spec.qe.attributes[8] = 0xff;
    assert!(attempt(&MACHINE, Tee::Tdx, &spec).run().is_ok());
}

#[test]
fn attributes_that_nothing_makes_good_are_refused_and_debugging_is_a_claim() {
    let with = |attributes: u64| {
        let body = TdBody {
            td_attributes: attributes,
            ..td()
        };
        attempt(&MACHINE, Tee::Tdx, &MACHINE.td_quote(body))
    };
    let plain = 1 << 28;
    assert_eq!(with(plain).claim("td_attributes")["debug"], json!(false));
    assert_eq!(with(plain | 1).claim("td_attributes")["debug"], json!(true));
    assert_eq!(
        with(plain | 1 << 63).claim("td_attributes")["perfmon"],
        json!(true)
    );
    // Profiling, reserved, migratable, SEPT_VE_DISABLE.
    for attributes in [
        plain | 1 << 4,
        plain | 1 << 5,
        plain | 1 << 6,
        plain | 1 << 1,
        plain | 1 << 40,
        plain | 1 << 29,
        0,
    ] {
        assert!(
            matches!(error(&with(attributes)), DcapError::TdAttributes(_)),
            "{attributes:#x}"
        );
    }
    let mut spec = MACHINE.td_quote(TdBody {
        kind: TdKind::Td15,
        mr_servicetd: [1; 48],
        ..td()
    });
    spec.version = 5;
    assert!(matches!(
        error(&attempt(&MACHINE, Tee::Tdx, &spec)),
        DcapError::TdAttributes(_)
    ));

    let mut body = enclave();
    assert_eq!(
        attempt(&SMALL, Tee::Sgx, &SMALL.enclave_quote(body.clone())).claim("debug"),
        json!(false)
    );
    body.attributes[0] |= 2;
    assert_eq!(
        attempt(&SMALL, Tee::Sgx, &SMALL.enclave_quote(body)).claim("debug"),
        json!(true)
    );
}

#[test]
fn a_service_td_is_refused_in_every_body_that_can_name_one() {
    let bound = DcapError::TdAttributes("a service TD is bound to it");
    let of_kind = |kind: TdKind, change: fn(&mut TdBody)| {
        let mut body = TdBody { kind, ..td() };
        change(&mut body);
        let mut spec = MACHINE.td_quote(body);
        spec.version = 5;
        error(&attempt(&MACHINE, Tee::Tdx, &spec))
    };
    for kind in [TdKind::Td15, TdKind::Td15Ex] {
        assert_eq!(of_kind(kind, |body| body.mr_servicetd[47] = 1), bound, "{kind:?}");
    }
    // SERVTD_EXT, bit 17 of the attributes: the members of the extended body name the service TDs then.
    for kind in [TdKind::Td10, TdKind::Td15, TdKind::Td15Ex] {
        assert_eq!(
            of_kind(kind, |body| body.td_attributes |= 1 << 17),
            bound,
            "{kind:?}"
        );
    }
    let at_the_end = |body: &mut TdBody| {
        body.td_attributes |= 1 << 17;
        body.extended.fill(1);
    };
    assert_eq!(of_kind(TdKind::Td15Ex, at_the_end), bound);
    let mut quote_of_version_4 = MACHINE.td_quote(td());
    if let Body::Td(body) = &mut quote_of_version_4.body {
        body.td_attributes |= 1 << 17;
    }
    assert_eq!(error(&attempt(&MACHINE, Tee::Tdx, &quote_of_version_4)), bound);
}

#[test]
fn one_flipped_bit_in_report_data_or_init_data_is_a_mismatch() {
    for bit in [0, 7, 383, 384, 511] {
        let mut body = td();
        body.report_data[bit / 8] ^= 1 << (bit % 8);
        let attempt = attempt(&MACHINE, Tee::Tdx, &MACHINE.td_quote(body));
        assert_eq!(attempt.run(), Err(VerifyError::ReportDataMismatch), "{bit}");
    }
    for bit in [0, 200, 383] {
        let mut body = td();
        body.mr_config_id[bit / 8] ^= 1 << (bit % 8);
        let attempt = attempt(&MACHINE, Tee::Tdx, &MACHINE.td_quote(body));
        assert_eq!(attempt.run(), Err(VerifyError::InitDataMismatch), "{bit}");
    }
    for bit in [0, 383, 384, 511] {
        let mut body = enclave();
        body.config_id[bit / 8] ^= 1 << (bit % 8);
        let attempt = attempt(&SMALL, Tee::Sgx, &SMALL.enclave_quote(body));
        assert_eq!(attempt.run(), Err(VerifyError::InitDataMismatch), "{bit}");
    }
}

#[test]
fn without_expectations_nothing_is_compared_and_both_values_are_told() {
    let mut attempt = td_attempt();
    attempt.expected = ExpectedBinding::default();
    let claims = attempt.run().unwrap();
    assert_eq!(claims.report_data(), Some(hex::encode(td().report_data).as_str()));
    assert_eq!(claims.init_data(), Some(hex::encode(INIT_DATA).as_str()));
}
