use ciborium::{Value, cbor};
use proptest::prelude::*;
use serde_json::json;

use super::{extract, values};

pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

fn tag(number: u64, value: Value) -> Value {
    Value::Tag(number, Box::new(value))
}

/// A CoMID with one reference triple.
fn comid(environment: Value, claims: Value) -> Value {
    cbor!({
        1 => {0 => "a tag", 1 => 0},
        4 => {0 => [[environment, claims]], 1 => []},
    })
    .unwrap()
}

fn corim(tags: Vec<Value>) -> Value {
    cbor!({0 => "a corim", 1 => tags}).unwrap()
}

fn embedded(comid: &Value) -> Value {
    tag(506, Value::Bytes(bytes(comid)))
}

fn example() -> Value {
    let class = cbor!({0 => {0 => tag(37, Value::Bytes(vec![7; 16])), 1 => "ACME", 2 => "RoadRunner"}, 1 => "ignored"});
    let uuid = tag(37, Value::Bytes((0x31..0x41).collect()));
    let (one, two) = (Value::Bytes(vec![0xab; 3]), Value::Bytes(vec![1; 2]));
    let raw = tag(560, Value::Bytes(vec![0xCA, 0xFE]));
    let claims = cbor!([
        {0 => uuid, 1 => {2 => [[1, one], ["sha-384", two]]}},
        {0 => 3, 1 => {4 => raw, 11 => "bl", 8 => "sn1"}},
        {0 => "key", 1 => {1 => tag(552, 4.into()), 2 => []}},
        {1 => {4 => tag(563, cbor!([1, 2]).unwrap())}},
        {0 => tag(111, Value::Bytes(vec![1])), 1 => {2 => [[7, Value::Bytes(vec![2])]]}},
    ]);
    comid(class.unwrap(), claims.unwrap())
}

#[test]
fn reference_triples_become_reference_values_by_their_paths() {
    let coswid = tag(505, Value::Bytes(vec![0xa0]));
    let manifest = corim(vec![coswid, embedded(&example())]);
    let expected = [
        (
            "ACME/RoadRunner/31323334-3536-3738-393a-3b3c3d3e3f40/digests".to_owned(),
            json!(["ababab", "0101"]),
        ),
        (
            "ACME/RoadRunner/claim3/bl/sn1/raw_bytes".to_owned(),
            json!("cafe"),
        ),
        ("ACME/RoadRunner/key/digests".to_owned(), json!([])),
        ("ACME/RoadRunner/digests".to_owned(), json!(["02"])),
    ];
    let plain = bytes(&manifest);
    let tagged = bytes(&tag(501, manifest));
    let twice = [
        &[0xd9, 0x01, 0xf4, 0xd9, 0x01, 0xf6, 0xd9, 0x01, 0xf4],
        &tagged[..],
    ]
    .concat();
    for payload in [plain, tagged, twice] {
        assert_eq!(values(extract("corim", payload).unwrap()), expected);
    }
}

#[test]
fn bytes_that_happen_to_be_a_comid_count_and_others_do_not() {
    let extension = tag(900, Value::Bytes(bytes(&example())));
    let bare = Value::Bytes(bytes(&example()));
    let other = tag(901, Value::Bytes(vec![0xff]));
    let tags = vec![extension, other, bare, tag(508, Value::Null)];
    assert_eq!(extract("corim", bytes(&corim(tags))).unwrap().values.len(), 8);
}

#[test]
fn the_validity_of_a_manifest_is_read() {
    let manifest =
        cbor!({0 => 1, 1 => [], 4 => {0 => tag(1, 100.into()), 1 => tag(0, "1970-01-01T00:03:20Z".into())}});
    let times = extract("corim", bytes(&manifest.unwrap())).unwrap().times;
    assert_eq!((times.not_before, times.expires_at), (Some(100), Some(201)));
    let unreadable = cbor!({0 => 1, 1 => [], 4 => {1 => "soon"}}).unwrap();
    assert!(
        extract("corim", bytes(&unreadable))
            .unwrap_err()
            .contains("not a time")
    );
}

#[test]
fn malformed_manifests_are_refused() {
    let no_triples = cbor!({1 => {0 => 1}}).unwrap();
    let short_triple = cbor!({1 => {0 => 1}, 4 => {0 => [[{}]]}}).unwrap();
    let no_values = comid(cbor!({}).unwrap(), cbor!([{0 => 1}]).unwrap());
    let digest = comid(cbor!({}).unwrap(), cbor!([{1 => {2 => [[1, "ab"]]}}]).unwrap());
    let vendor = comid(cbor!({0 => {1 => 5}}).unwrap(), cbor!([]).unwrap());
    let mut cases: Vec<Vec<u8>> = [no_triples, short_triple, no_values, digest, vendor]
        .iter()
        .map(|comid| bytes(&corim(vec![embedded(comid)])))
        .collect();
    cases.push(bytes(&corim(vec![tag(506, Value::Null)])));
    cases.push(bytes(&corim(vec![tag(506, Value::Bytes(vec![0xff]))])));
    cases.push(bytes(&cbor!({0 => 1}).unwrap()));
    cases.push(bytes(&cbor!([1]).unwrap()));
    cases.push([bytes(&corim(vec![])), vec![0]].concat());
    cases.push(vec![0x81; 100_000]);
    cases.push(vec![0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    cases.push(bytes(&Value::Bytes(vec![0; 2 << 20])));
    cases.push(Vec::new());
    for case in cases {
        let shown = hex::encode(case.get(..60).unwrap_or(&case));
        assert!(extract("corim", &case).is_err(), "{shown}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(noise in proptest::collection::vec(any::<u8>(), 0..100), at in 0_usize..400, with in any::<u8>()) {
        let _ = extract("corim", &noise);
        let mut payload = bytes(&corim(vec![embedded(&example())]));
        let at = at % payload.len();
        payload[at] = with;
        let _ = extract("corim", &payload);
        let _ = extract("corim", &payload[..at]);
    }
}
