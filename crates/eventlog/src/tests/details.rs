//! What is told of a record's data, type by type.

use super::*;

/// A device path of these nodes, with its end, as an image's data.
fn image(nodes: &[(u8, u8, &[u8])]) -> Vec<u8> {
    let end = (0x7f, 0xff, &[][..]);
    let path: Vec<u8> = nodes
        .iter()
        .chain([&end])
        .flat_map(|(kind, subtype, data)| {
            let length = u16::try_from(data.len() + 4).unwrap().to_le_bytes();
            [&[*kind, *subtype], &length[..], data].concat()
        })
        .collect();
    let length = u64::try_from(path.len()).unwrap().to_le_bytes();
    [&[0; 24][..], &length, &path].concat()
}

fn node(kind: u8, subtype: u8, data: &str) -> String {
    let data = image(&[(kind, subtype, &hex::decode(data).unwrap())]);
    let details = details(EventType::EV_EFI_BOOT_SERVICES_APPLICATION, &data).unwrap();
    details["device_paths"][0].as_str().unwrap().to_owned()
}

fn malformed(event_type: EventType, data: &[u8]) {
    let error = details(event_type, data).unwrap_err();
    assert!(matches!(error, EventLogError::Details { event_type: found, .. } if found == event_type));
}

fn aael(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap().to_le_bytes();
    [b"LEAA", &length, text.as_bytes()].concat()
}

#[test]
fn actions_are_utf8() {
    for event_type in [
        EventType::EV_POST_CODE,
        EventType::EV_ACTION,
        EventType::EV_COMPACT_HASH,
        EventType::EV_OMIT_BOOT_DEVICE_EVENTS,
        EventType::EV_EFI_ACTION,
    ] {
        assert_eq!(details(event_type, b"Exit").unwrap(), json!({"string": "Exit"}));
        malformed(event_type, &[0xff]);
    }
}

#[test]
fn the_printable_part_of_configuration_flags_is_told() {
    let flags = |data| details(EventType::EV_PLATFORM_CONFIG_FLAGS, data).unwrap();
    assert_eq!(flags(b"ACPI DATA\0"), json!({"string": "ACPI DATA"}));
    assert_eq!(
        flags(b"info\0\0\x10\0\0root=/dev/vda1"),
        json!({"string": "info root=/dev/vda1"})
    );
    assert_eq!(flags(&[0x80]), json!({"string": ""}));
}

#[test]
fn a_boot_loaders_text_is_utf16_behind_its_prefix_or_text_up_to_zero_or_hex() {
    let ipl = |data: &str| details(EventType::EV_IPL, &hex::decode(data).unwrap()).unwrap();
    assert_eq!(ipl("2e006c0069006e00750078000000"), json!({"string": "linux"}));
    assert_eq!(ipl("4d6f6b4c69737400"), json!({"string": "MokList"}));
    assert_eq!(ipl("ff00"), json!({"string": "ff00"}));
    assert_eq!(ipl(""), json!({"string": ""}));
    malformed(EventType::EV_IPL, &[0x2e, 0]);
    malformed(EventType::EV_IPL, &[0x2e, 0, 1]);
}

#[test]
fn counted_texts_are_no_longer_than_they_say() {
    for event_type in [
        EventType::EV_EFI_HANDOFF_TABLES2,
        EventType::EV_EFI_PLATFORM_FIRMWARE_BLOB2,
    ] {
        for data in [&b"\x08TdxTable\x01\0"[..], b"\x09TdxTable\0\x01\0"] {
            assert_eq!(details(event_type, data).unwrap(), json!({"string": "TdxTable"}));
        }
        malformed(event_type, b"");
        malformed(event_type, b"\x0fTdxTable");
        malformed(event_type, b"\x01\xff");
    }
}

#[test]
fn entries_of_the_attestation_agent_are_taken_apart() {
    let entry = |text| details(EventType::EV_EVENT_TAG, &aael(text));
    assert_eq!(
        entry("coco.com pull some content").unwrap(),
        json!({
            "string": "coco.com pull some content",
            "unicode_name": "AAEL",
            "data": {"domain": "coco.com", "operation": "pull", "content": "some content"},
        })
    );
    let content = entry(r#"coco.com pull {"a": [1]}"#).unwrap()["data"]["content"].clone();
    assert_eq!(content, json!({"a": [1]}));
    let deep = format!("{}0{}", "[".repeat(120), "]".repeat(120));
    let content = entry(&format!("coco.com pull {deep}")).unwrap();
    assert_eq!(content["data"]["content"].to_string(), deep);
    malformed(EventType::EV_EVENT_TAG, &aael("coco.com pull"));
}

#[test]
fn other_tagged_events_are_texts() {
    let tagged = |data: &[u8]| details(EventType::EV_EVENT_TAG, data);
    assert_eq!(
        tagged(b"\xed\x22\x3b\x8f\x05\0\0\0initr").unwrap(),
        json!({"string": "initr"})
    );
    malformed(EventType::EV_EVENT_TAG, b"\xed\x22\x3b\x8f\x05\0\0\0init");
    malformed(EventType::EV_EVENT_TAG, b"\xed\x22\x3b");
    malformed(EventType::EV_EVENT_TAG, b"\xed\x22\x3b\x8f\x01\0\0\0\xff");
}

#[test]
fn variables_are_no_longer_than_they_say() {
    let guid = hex::decode("61dfe48bca93d211aa0d00e098032b8c").unwrap();
    let variable = |name_length: u64, data_length: u64, rest: &[u8]| {
        [
            &guid[..],
            &name_length.to_le_bytes(),
            &data_length.to_le_bytes(),
            rest,
        ]
        .concat()
    };
    let event_type = EventType::EV_EFI_VARIABLE_BOOT2;
    assert_eq!(
        details(event_type, &variable(2, 1, b"P\0K\0\x01more")).unwrap(),
        json!({
            "unicode_name": "PK",
            "unicode_name_length": 2,
            "variable_data": "AQ==",
            "variable_data_length": 1,
            "variable_name": "61dfe48b-ca93-d211-aa0d-00e098032b8c",
        })
    );
    malformed(event_type, &variable(2, 2, b"P\0K\0\x01"));
    malformed(event_type, &variable(3, 0, b"P\0K\0"));
    malformed(event_type, &variable(u64::MAX, 0, b"P\0K\0"));
    malformed(event_type, &variable(u64::MAX / 2, u64::MAX, b"P\0K\0"));
    malformed(event_type, &variable(1, 0, b"\0\xd8"));
    malformed(event_type, &guid);
}

#[test]
fn device_paths_are_printed_as_uefi_does() {
    let hd = "0f000000002800000000000000500300000000005e27f1007553d5439eb5de2add4c99320202";
    let mbr = "01000000000800000000000000e02e0000000000431202a0000000000000000000000000010100";
    let mac = format!("001320f5fa70{}01", "00".repeat(26));
    let infiniband = format!("{}20", "11".repeat(32));
    for (kind, subtype, data, expected) in [
        (1, 1, "0001", "Pci(0,1)"),
        (2, 1, "d041030a02000000", "ACPI(PNP0A03,2)"),
        (3, 5, "0102", "USB(1,2)"),
        (3, 11, mac.as_str(), "Mac(001320F5FA70,0x01)"),
        (
            3,
            11,
            infiniband.as_str(),
            &format!("Mac({},0x20)", "11".repeat(32)),
        ),
        (
            3,
            12,
            "c0a80001c0a8006400000bb8060001000000000000000000",
            "IPv4(192.168.0.100,TCP,Static,192.168.0.1)",
        ),
        (
            3,
            21,
            "00010203040506070001020304050607",
            "FibreEx(0x0001020304050607,0x0001020304050607)",
        ),
        (3, 23, "0100", "Path(3,23,0100)"),
        (
            4,
            1,
            hd,
            "HD(15,GPT,00F1275E-5375-43D5-9EB5-DE2ADD4C9932,0x2800,0x35000)",
        ),
        (4, 1, mbr, "HD(1,MBR,0xa0021243,0x800,0x2ee000)"),
        (
            4,
            3,
            "72f728144ab61e44b8c39ebdd7f893c7ab",
            "VenMedia(1428F772-B64A-441E-B8C3-9EBDD7F893C7,ab)",
        ),
        (4, 4, "6b00650072006e0065006c000000", "File(kernel)"),
        (5, 1, "8000000041424300", "BBS(DEV,ABC,0)"),
        // Too short for what they say they are, or nothing that has a text.
        (1, 1, "00", "Path(1,1,00)"),
        (4, 1, "00", "Path(4,1,00)"),
        (4, 4, "6b", "Path(4,4,6b)"),
        (9, 9, "", "Path(9,9,)"),
    ] {
        assert_eq!(node(kind, subtype, data), expected);
    }
}

#[test]
fn a_device_path_ends_where_the_image_says() {
    let event_type = EventType::EV_EFI_BOOT_SERVICES_APPLICATION;
    assert_eq!(details(event_type, &[0; 32]).unwrap(), json!({}));
    let good = image(&[(1, 1, &[0, 1])]);
    assert!(details(event_type, &good).is_ok());
    malformed(event_type, &good[..good.len() - 1]);
    malformed(event_type, &[0; 31]);
    // An end in the middle, no end at all, a node shorter than its own head.
    malformed(event_type, &image(&[(0x7f, 0xff, &[])]));
    let mut endless = good.clone();
    endless[24] = 6;
    malformed(event_type, &endless);
    let mut short = good;
    short[34] = 3;
    malformed(event_type, &short);
}

#[test]
fn what_costs_more_than_its_length_is_bounded() {
    let nodes = image(&vec![(9, 9, &[][..]); 1000]);
    let log = |count: usize| {
        (0..count).fold(Log::sha384(), |log, _| {
            log.event(1, EventType::EV_EFI_BOOT_SERVICES_APPLICATION, &nodes)
        })
    };
    assert!(log(16).parse().is_ok());
    assert_eq!(log(17).error(), EventLogError::TooMany("nodes of device paths"));

    let log = |count: usize, content: &str| {
        let entry = aael(&format!("a b {content}"));
        (0..count).fold(Log::sha384(), |log, _| {
            log.event(4, EventType::EV_EVENT_TAG, &entry)
        })
    };
    let long = format!("\"{}\"", "x".repeat(400_000));
    assert!(log(2, &long).parse().is_ok());
    let bytes = "bytes in entries of the attestation agent";
    assert_eq!(log(3, &long).error(), EventLogError::TooMany(bytes));
}

#[test]
fn the_values_of_what_the_agent_wrote_are_bounded_however_they_are_written() {
    let values = EventLogError::TooMany("JSON values in entries of the attestation agent");
    let event =
        |content: &str| Log::sha384().event(4, EventType::EV_EVENT_TAG, &aael(&format!("a b {content}")));
    for (most, too_many) in [
        (
            format!("[{}0]", "0,".repeat(16_382)),
            format!("[{}0]", "0,".repeat(16_383)),
        ),
        (
            format!("[{}0]", "{\"a\":0},".repeat(8190)),
            format!("[{}0]", "{\"a\":0},".repeat(8192)),
        ),
        // No JSON at the end, but up to there.
        (
            format!("[{}x]", "[],".repeat(16_382)),
            format!("[{}x]", "[],".repeat(16_384)),
        ),
    ] {
        assert!(event(&most).parse().is_ok());
        assert_eq!(event(&too_many).error(), values);
    }
    let one = aael(&format!("a b {}1{}", "[".repeat(63), "]".repeat(63)));
    let log = |count: usize| {
        (0..count).fold(Log::sha384(), |log, _| {
            log.event(4, EventType::EV_EVENT_TAG, &one)
        })
    };
    assert!(log(256).parse().is_ok());
    assert_eq!(log(257).error(), values);
}
