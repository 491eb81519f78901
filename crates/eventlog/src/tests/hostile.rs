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
        let _ = log.claims_of(algorithm);
    }
    assert_eq!(log.claims().as_array().unwrap().len(), log.events().count());
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
    let one = Log::sha384().event(1, EventType::EV_EFI_GPT_EVENT, &vec![7; size]);
    let many = Log([
        Log::sha384().0,
        Log(Vec::new())
            .event(1, EventType::EV_EFI_ACTION, &[b'a'; 950])
            .0
            .repeat(4096),
    ]
    .concat());
    for log in [one, many] {
        let start = Instant::now();
        let parsed = log.parse().unwrap();
        let registers = parsed.replay(Algorithm::Sha384).unwrap();
        let claims = parsed.claims_of(Algorithm::Sha384);
        let elapsed = start.elapsed();
        assert!(registers.get(1).is_some() && claims.is_array());
        println!(
            "{} bytes, {} records: {elapsed:?}",
            log.0.len(),
            parsed.events().count()
        );
        assert!(elapsed < Duration::from_secs(2), "{elapsed:?}");
    }
}
