//! The host's table of certificates.

use proptest::prelude::*;

use super::super::certificates;
use super::super::entry::TsmError;

/// GUIDs as they are written (RFC 9562), which is not as they lie in memory.
const GUIDS: [(&str, &str); 5] = [
    ("ARK", "c0b406a4-a803-4952-9743-3fb6014cd0ae"),
    ("ASK", "4ab7b379-bbac-4fe4-a02f-05aef327c782"),
    ("VCEK", "63da758d-e664-4564-adc5-f4b93be8accd"),
    ("VLEK", "a8074bc2-a25a-483e-aae6-39c045a0b8a1"),
    ("CRL", "92f81bc3-5811-4d3d-97ff-d19f88dc67ea"),
];

/// A table of certificates of these kinds, in this order.
pub(super) fn of(certificates: &[(&str, &[u8])]) -> Vec<u8> {
    let mut table = Vec::new();
    let mut at = (certificates.len() + 1) * 24;
    for (kind, data) in certificates {
        table.extend(guid(kind));
        table.extend(u32::try_from(at).unwrap().to_le_bytes());
        table.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        at += data.len();
    }
    table.extend([0; 24]);
    certificates.iter().for_each(|(_, data)| table.extend(*data));
    table
}

fn guid(kind: &str) -> Vec<u8> {
    let Some((_, text)) = GUIDS.iter().find(|(known, _)| *known == kind) else {
        return vec![0xab; 16];
    };
    let mut bytes = hex::decode(text.replace('-', "")).unwrap();
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    bytes
}

#[test]
fn every_kind_is_known_by_its_guid() {
    let all = GUIDS.map(|(kind, _)| (kind, kind.as_bytes()));
    assert_eq!(certificates::of(&of(&all)).unwrap(), all);
}

#[test]
fn other_kinds_are_passed_over_and_what_is_behind_the_end_is_not_read() {
    let mut table = of(&[("another", b"x"), ("VLEK", b"vlek")]);
    table.extend([0xff; 100]);
    assert_eq!(certificates::of(&table).unwrap(), [("VLEK", &b"vlek"[..])]);
    assert!(certificates::of(&[0; 24]).unwrap().is_empty());
}

#[test]
fn a_table_without_an_end_or_with_an_entry_that_points_outside_is_refused() {
    let whole = of(&[("VCEK", b"vcek")]);
    for table in [
        vec![],
        vec![0; 23],
        whole[..24].to_vec(),
        whole[..whole.len() - 1].to_vec(),
        guid("VCEK").into_iter().chain([0xff; 8]).chain([0; 24]).collect(),
        guid("VCEK").repeat(24 * 40),
    ] {
        let error = certificates::of(&table).unwrap_err();
        assert!(matches!(error, TsmError::Certificates(_)), "{table:?}");
    }
}

proptest! {
    #[test]
    fn no_table_makes_it_panic(table in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = certificates::of(&table);
    }

    #[test]
    fn no_change_of_a_table_makes_it_panic(at in 0_usize..76, byte in any::<u8>()) {
        let mut table = of(&[("VCEK", b"vcek"), ("ASK", b"")]);
        if let Some(found) = table.get_mut(at) {
            *found = byte;
        }
        let _ = certificates::of(&table);
    }
}
