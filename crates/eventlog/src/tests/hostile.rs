//! Input that nobody well-meaning sends: it is refused or parsed, and nothing panics.

use super::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// Everything that can be done with a log.
fn exercise(bytes: &[u8]) {
    let Ok(log) = EventLog::parse(bytes) else { return };
    for algorithm in Algorithm::ALL {
        let _ = log.replay(algorithm);
        let _ = log.replay_pcrs(algorithm);
        let _ = claims_of(&log, algorithm);
    }
    assert_eq!(claims(&log).as_array().unwrap().len(), log.events().count());
}

fn any_type() -> impl Strategy<Value = EventType> {
    prop_oneof![
        (0_u32..0x20).prop_map(EventType),
        (0x8000_0000_u32..0x8000_0010).prop_map(EventType),
        Just(EventType::EV_EFI_VARIABLE_AUTHORITY),
    ]
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        exercise(&bytes);
        exercise(&[&Log::sha384().0[..], &bytes].concat());
    }

    #[test]
    fn arbitrary_data_of_every_type_does_not_panic(
        event_type in any_type(),
        data in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        exercise(&Log::sha384().event(1, event_type, &data).0);
    }

    #[test]
    fn changed_logs_do_not_panic(place in any::<prop::sample::Index>(), value in any::<u8>()) {
        let mut log = Log::new(&Algorithm::ALL)
            .record(1, EventType::EV_IPL, &[(Algorithm::Sha1, &[1; 20]), (Algorithm::Sm3, &[2; 32])], b"grub")
            .record(2, EventType::EV_EFI_BOOT_SERVICES_APPLICATION, &[(Algorithm::Sha384, &[1; 48])], &[0; 32])
            .0;
        let place = place.index(log.len());
        log[place] = value;
        exercise(&log);
    }
}

#[test]
fn the_number_of_records_is_bounded() {
    let record = Log(Vec::new()).event(1, EventType::EV_SEPARATOR, &[0; 4]).0;
    let log = |count: usize| Log([Log::sha384().0, record.repeat(count)].concat());
    assert_eq!(log(4096).parse().unwrap().events().count(), 4096);
    assert_eq!(log(4097).error(), EventLogError::TooMany("records"));
}

/// Four megabytes each, in the forms that cost most. The bound is wide: this is no measurement, it catches work
/// that grows faster than the log.
#[test]
fn a_log_of_four_megabytes_takes_time_in_proportion() {
    let size = 4 << 20;
    let one = |event_type, data: &[u8]| Log::sha384().event(1, event_type, data);
    let many = |event_type, data: &[u8]| {
        let record = Log(Vec::new()).event(1, event_type, data).0;
        Log([Log::sha384().0, record.repeat(4096)].concat())
    };
    let utf16 = [&[0x2e, 0], &b"a\0".repeat(size / 2)[..]].concat();
    let logs = [
        one(EventType::EV_EFI_GPT_EVENT, &vec![7; size]),
        one(EventType::EV_PLATFORM_CONFIG_FLAGS, &vec![0x10; size]),
        one(EventType::EV_IPL, &vec![0xff; size]),
        one(EventType::EV_IPL, &utf16),
        many(EventType::EV_EFI_ACTION, &[b'a'; 950]),
        many(EventType::EV_PLATFORM_CONFIG_FLAGS, &[0xc3, 0xa9].repeat(470)),
        many(EventType::EV_EFI_ACTION, &[]),
        many(EventType::EV_EVENT_TAG, b"LEAA\x0b\0\0\0a b [0,[],0]"),
    ];
    for log in logs {
        let start = Instant::now();
        let parsed = log.parse().unwrap();
        let registers = parsed.replay(Algorithm::Sha384).unwrap();
        let claims = parsed.claims_of(Algorithm::Sha384);
        let elapsed = start.elapsed();
        assert!(registers.get(1).is_some() && claims.get().starts_with('['));
        println!(
            "{} bytes, {} records: {elapsed:?}",
            log.0.len(),
            parsed.events().count()
        );
        assert!(elapsed < Duration::from_secs(2), "{elapsed:?}");
    }
}
