use proptest::prelude::*;

use super::*;

fn ids() -> impl Strategy<Value = EndorsementId> {
    let product = || proptest::sample::select(SnpProduct::ALL.to_vec());
    let tee = || proptest::sample::select(vec![DcapTee::Sgx, DcapTee::Tdx]);
    let hwid = prop_oneof![
        proptest::collection::vec(any::<u8>(), 64).prop_map(|bytes| HwId::Full(bytes.try_into().unwrap())),
        any::<[u8; 8]>().prop_map(HwId::Short),
    ];
    let tcb = (proptest::option::of(any::<u8>()), any::<[u8; 4]>()).prop_map(
        |(fmc, [bootloader, tee, snp, microcode])| SnpTcb {
            fmc,
            bootloader,
            tee,
            snp,
            microcode,
        },
    );
    let ca = proptest::sample::select(vec![PckCa::Processor, PckCa::Platform]);
    prop_oneof![
        (proptest::collection::vec(product(), 1..3), hwid, tcb)
            .prop_map(|(products, hwid, tcb)| EndorsementId::SnpVcek { products, hwid, tcb }),
        product().prop_map(|product| EndorsementId::SnpAsvk { product }),
        product().prop_map(|product| EndorsementId::SnpCrl { product }),
        product().prop_map(|product| EndorsementId::SnpVlekCrl { product }),
        (tee(), any::<[u8; 6]>()).prop_map(|(tee, fmspc)| EndorsementId::DcapTcbInfo {
            tee,
            fmspc: Fmspc(fmspc)
        }),
        tee().prop_map(|tee| EndorsementId::DcapQeIdentity { tee }),
        ca.prop_map(|ca| EndorsementId::DcapPckCrl { ca }),
        Just(EndorsementId::DcapRootCrl),
        "[A-Za-z0-9]{1,64}".prop_map(|chip| EndorsementId::CsvHskCek {
            chip: CsvChipId::new(&chip).unwrap()
        }),
        Just(EndorsementId::NrasKeys),
    ]
}

proptest! {
    #[test]
    fn a_name_names_one_thing_and_any_storage_takes_it(id in ids()) {
        let text = name(&id).unwrap();
        prop_assert!(text.len() < 200);
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)));
        prop_assert!(text.starts_with(kind(&id)));
        prop_assert_eq!(parse(&text), Some(id));
    }

    #[test]
    fn any_text_is_read_without_panic(text in "[a-z0-9.-]{0,80}|.{0,40}") {
        let _ = parse(&text);
    }
}

#[test]
fn another_spelling_is_no_name() {
    for text in [
        "",
        "snp-crl",
        "snp-crl.milan",
        "snp-vlek-crl",
        "snp-vlek.crl.Milan",
        "snp-crl.Milan.",
        "snp-vcek.Milan.00.03-00-22-213",
        "snp-vcek..0000000000000000.03-00-22-213",
        "snp-vcek.Turin.0000000000000000.3-0-22-213",
        "snp-vcek.Turin.0000000000000000.03-00-22-256",
        "dcap-tcb-info.tdx.b0c06f000000",
        "dcap-tcb-info.tdx.B0C06F0000",
        "dcap-root-crl.",
        "../dcap-root-crl",
        "csv-hsk-cek",
        "csv-hsk-cek.",
        "csv-hsk-cek.a.b",
        "csv-hsk-cek.a/b",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
    assert!(parse("dcap-tcb-info.tdx.B0C06F000000").is_some());
    assert!(parse("snp-vcek.Turin.0000000000000000.f01-03-00-22-213").is_some());
}
