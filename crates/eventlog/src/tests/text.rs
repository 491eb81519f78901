//! Texts are told as their plain definitions say, character by character, however they are come by.

use super::*;
use proptest::prelude::*;

/// Mostly what is plain, in long runs, with something odd here and there.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[ -~]{0,150}",
        1 => "[\\x00-\\x1f\\x7f]{0,3}",
        1 => "[\u{80}-\u{9f}\u{a0}é\u{10}€😀]{0,70}",
        1 => any::<String>(),
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn told(event_type: EventType, data: &[u8]) -> Option<String> {
    let details = details(event_type, data).ok()?;
    Some(details["string"].as_str().unwrap().to_owned())
}

fn plain_hex(data: &[u8]) -> String {
    data.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn plain_utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    String::from_utf16_lossy(&units)
}

fn little_endian(units: &[u16]) -> Vec<u8> {
    units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
}

proptest! {
    #[test]
    fn flags_are_the_characters_that_can_be_printed(text in texts()) {
        let plain: String = text
            .chars()
            .map(|c| if c == '\u{10}' { ' ' } else { c })
            .filter(|c| !c.is_control())
            .collect();
        prop_assert_eq!(told(EventType::EV_PLATFORM_CONFIG_FLAGS, text.as_bytes()), Some(plain));
    }

    #[test]
    fn flags_that_are_not_utf8_are_nothing(text in texts(), place in any::<prop::sample::Index>()) {
        let mut data = text.into_bytes();
        data.insert(place.index(data.len() + 1), 0xff);
        prop_assert_eq!(told(EventType::EV_PLATFORM_CONFIG_FLAGS, &data), Some(String::new()));
    }

    #[test]
    fn a_boot_loaders_bytes_are_text_up_to_zero_or_hex(
        text in texts(),
        odd in proptest::collection::vec(any::<u8>(), 0..4),
    ) {
        let data = [text.as_bytes(), &odd].concat();
        prop_assume!(!data.starts_with(&[0x2e, 0]));
        let first = data.split(|byte| *byte == 0).next().unwrap();
        let plain = std::str::from_utf8(first).map_or_else(|_| plain_hex(&data), str::to_owned);
        prop_assert_eq!(told(EventType::EV_IPL, &data), Some(plain));
    }

    #[test]
    fn a_boot_loaders_utf16_is_told_with_replacements(
        text in texts(),
        odd in proptest::collection::vec(any::<u16>(), 0..4),
    ) {
        let units: Vec<u16> = text.encode_utf16().chain(odd).chain([0x61]).collect();
        let bytes = little_endian(&units);
        let data = [&[0x2e, 0], &bytes[..], &[0, 0]].concat();
        prop_assert_eq!(told(EventType::EV_IPL, &data), Some(plain_utf16(&bytes)));
    }

    #[test]
    fn the_name_of_a_variable_is_utf16_or_the_log_is_malformed(
        text in texts(),
        odd in proptest::collection::vec(any::<u16>(), 0..2),
    ) {
        let units: Vec<u16> = text.encode_utf16().chain(odd).collect();
        let data = [&[7; 16][..], &(units.len() as u64).to_le_bytes(), &[0; 8], &little_endian(&units)].concat();
        let told = details(EventType::EV_EFI_VARIABLE_BOOT, &data).ok();
        let name = told.map(|details| details["unicode_name"].as_str().unwrap().to_owned());
        prop_assert_eq!(name, String::from_utf16(&units).ok());
    }

    #[test]
    fn digests_and_data_are_told_in_full(data in proptest::collection::vec(any::<u8>(), 0..300)) {
        let log = Log::sha384().event(1, EventType::EV_EFI_GPT_EVENT, &data).parse().unwrap();
        let claim = claims(&log)[0].clone();
        let digest = plain_hex(&Algorithm::Sha384.digest(&[&data]));
        prop_assert_eq!(&claim["digests"], &json!([{"alg": "SHA-384", "digest": digest}]));
        prop_assert_eq!(&claim["digest_matches_event"], &json!(true));
        prop_assert_eq!(&claim["details"], &json!({}));
    }
}

#[test]
fn a_log_that_is_given_away_is_read_like_one_that_is_lent() {
    let mut log = Log::sha384().event(1, EventType::EV_ACTION, b"one").0;
    let lent = claims(&EventLog::parse(&log).unwrap());
    log.extend([0xff; 64]);
    assert_eq!(claims(&EventLog::parse(log).unwrap()), lent);
}

proptest! {
    #[test]
    fn a_log_is_told_in_memory_of_its_size(texts in proptest::collection::vec(texts(), 0..9)) {
        // Whatever need not be put into other words.
        let types = [
            EventType::EV_EFI_ACTION,
            EventType::EV_IPL,
            EventType::EV_EFI_VARIABLE_BOOT,
            EventType::EV_EFI_GPT_EVENT,
        ];
        let variable = |data: &[u8]| {
            let length = u64::try_from(data.len()).unwrap().to_le_bytes();
            [&[0x11; 16][..], &[0; 8], &length, data].concat()
        };
        let mut log = Log::sha384();
        for (text, event_type) in texts.iter().zip(types.into_iter().cycle()) {
            let data = match event_type {
                EventType::EV_EFI_VARIABLE_BOOT => variable(text.as_bytes()),
                _ => text.clone().into_bytes(),
            };
            log = log.event(1, event_type, &data);
        }
        let told = log.parse().unwrap().text(None);
        prop_assert_eq!(told.capacity(), told.len());
    }
}

/// What is put into other words may take more than was thought, and is told all the same.
#[test]
fn a_log_that_takes_more_than_its_estimate_is_told_whole() {
    let quotes = little_endian(&[u16::from(b'"'); 500]);
    let data = [&[0x2e, 0][..], &quotes].concat();
    assert_eq!(told(EventType::EV_IPL, &data), Some("\"".repeat(500)));
    let paragraphs = "\u{2029}\"".repeat(500);
    assert_eq!(
        told(EventType::EV_PLATFORM_CONFIG_FLAGS, paragraphs.as_bytes()),
        Some(paragraphs)
    );
}
