use proptest::prelude::*;
use simulated_tee::snp::{CrlSpec, Generation, Issuer, Platform};

use super::*;
use crate::dcap::PckCa;
use crate::snp::{HwId, SnpProduct, SnpTcb};

const MILAN: SnpProduct = SnpProduct::Milan;

const TDX: EndorsementId = EndorsementId::DcapTcbInfo {
    tee: DcapTee::Tdx,
    fmspc: Fmspc([0xb0, 0xc0, 0x6f, 0, 0, 0]),
};

fn vcek() -> EndorsementId {
    let tcb = SnpTcb {
        fmc: None,
        bootloader: 9,
        tee: 0,
        snp: 23,
        microcode: 213,
    };
    EndorsementId::SnpVcek {
        products: vec![MILAN],
        hwid: HwId::Full([1; 64]),
        tcb,
    }
}

fn every_kind() -> Vec<EndorsementId> {
    vec![
        vcek(),
        EndorsementId::SnpAsvk { product: MILAN },
        EndorsementId::SnpCrl { product: MILAN },
        EndorsementId::SnpVlekCrl { product: MILAN },
        TDX,
        EndorsementId::DcapQeIdentity { tee: DcapTee::Sgx },
        EndorsementId::DcapPckCrl { ca: PckCa::Platform },
        EndorsementId::DcapRootCrl,
        EndorsementId::NrasKeys,
    ]
}

fn tcb_info(id: &str, fmspc: &str, next_update: &str) -> String {
    format!(
        r#"{{"tcbInfo":{{"id":"{id}","version":3,"issueDate":"2025-06-19T10:16:03Z","nextUpdate":"{next_update}","fmspc":"{fmspc}"}},"signature":"00"}}"#
    )
}

#[test]
fn a_certificate_says_when_it_ends_in_der_and_in_pem() {
    let platform = Platform::new(Generation::Milan).unwrap();
    let der = vcek().validity_of(platform.vcek_der()).unwrap();
    assert!(der.from < der.until);
    let id = EndorsementId::SnpAsvk { product: MILAN };
    let pem = id.validity_of(platform.roots_pem().as_bytes()).unwrap();
    assert_eq!(pem.until, Some(2_392_243_200));
}

#[test]
fn a_revocation_list_says_when_the_next_one_comes_if_it_does() {
    let platform = Platform::new(Generation::Milan).unwrap();
    for next_update in [Some(1_800_000_000), None] {
        let list = platform.revocation_list(&CrlSpec {
            this_update: 1_700_000_000,
            next_update,
            revoked: Vec::new(),
            issuer: Issuer::Ark,
        });
        let validity = EndorsementId::DcapRootCrl.validity_of(&list.unwrap()).unwrap();
        assert_eq!(validity.from, Some(1_700_000_000));
        assert_eq!(validity.until, next_update.map(|_| 1_800_000_000));
    }
}

#[test]
fn intels_documents_say_until_when_they_are_good() {
    let text = tcb_info("TDX", "b0c06f000000", "2025-07-19T10:16:03Z");
    let validity = TDX.validity_of(text.as_bytes()).unwrap();
    assert_eq!(
        (validity.from, validity.until),
        (Some(1_750_328_163), Some(1_752_920_163))
    );
    let text = r#"{"enclaveIdentity":{"id":"QE","issueDate":"1970-01-01T00:00:01Z","nextUpdate":"1970-01-01T00:01:00Z"},"signature":""}"#;
    let id = EndorsementId::DcapQeIdentity { tee: DcapTee::Sgx };
    let validity = id.validity_of(text.as_bytes()).unwrap();
    assert_eq!((validity.from, validity.until), (Some(1), Some(60)));
}

#[test]
fn an_answer_about_something_else_is_told_from_the_right_one() {
    let later = "2025-07-19T10:16:03Z";
    for text in [
        tcb_info("SGX", "B0C06F000000", later),
        tcb_info("TDX", "00A067110000", later),
    ] {
        let error = TDX.validity_of(text.as_bytes()).unwrap_err();
        assert!(matches!(error, FormError::OtherSubject { .. }), "{error}");
    }
    let text = r#"{"enclaveIdentity":{"id":"QVE","issueDate":"1970-01-01T00:00:01Z","nextUpdate":"1970-01-01T00:01:00Z"}}"#;
    let id = EndorsementId::DcapQeIdentity { tee: DcapTee::Sgx };
    let error = id.validity_of(text.as_bytes()).unwrap_err();
    assert!(matches!(error, FormError::OtherSubject { .. }), "{error}");
}

#[test]
fn what_has_no_date_is_not_such_a_document() {
    for next_update in [
        "",
        "tomorrow",
        "2025-07-19",
        "2025-13-19T10:16:03Z",
        "2025-07-19T10:16:03+02:00",
    ] {
        let text = tcb_info("TDX", "B0C06F000000", next_update);
        let error = TDX.validity_of(text.as_bytes()).unwrap_err();
        assert!(matches!(error, FormError::Document(_)), "{next_update}: {error}");
    }
}

#[test]
fn an_error_page_is_no_endorsement_of_any_kind() {
    for id in every_kind() {
        for page in [
            &b""[..],
            b"<html>busy</html>",
            b"{}",
            b"null",
            b"-----BEGIN CERTIFICATE-----",
            b"[0]",
        ] {
            assert!(id.validity_of(page).is_err(), "{id}: {page:?}");
        }
    }
}

#[test]
fn a_key_set_without_keys_is_none() {
    assert!(EndorsementId::NrasKeys.validity_of(br#"{"keys":[]}"#).is_err());
    let validity = EndorsementId::NrasKeys.validity_of(br#"{"keys":[{}]}"#);
    assert_eq!(validity, Ok(Validity::default()));
}

proptest! {
    #[test]
    fn any_bytes_are_judged_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for id in every_kind() {
            let _ = id.validity_of(&bytes);
        }
    }

    #[test]
    fn any_bytes_where_der_begins_are_judged_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let der = [&[0x30, 0x82, 1, 0][..], &bytes].concat();
        for id in every_kind() {
            let _ = id.validity_of(&der);
        }
    }
}
