//! Registers.

use super::*;

#[test]
fn registers_begin_with_zeros_and_extend() {
    let log = Log::sha384()
        .event(1, EventType::EV_SEPARATOR, &[0; 4])
        .event(3, EventType::EV_ACTION, b"one")
        .event(1, EventType::EV_ACTION, b"two")
        .parse()
        .unwrap();
    let hash = |parts: &[&[u8]]| Algorithm::Sha384.digest(parts);
    let first = hash(&[&[0; 48], &hash(&[&[0; 4]])]);
    let second = hash(&[&first, &hash(&[b"two"])]);
    let registers = log.replay(Algorithm::Sha384).unwrap();
    assert_eq!(registers.get(1), Some(&second[..]));
    assert!(registers.holds(1, &second) && !registers.holds(1, &first));
    assert_eq!(registers.numbers().collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn a_register_that_nothing_was_extended_into_holds_zeros() {
    let registers = Log::sha384().parse().unwrap().replay(Algorithm::Sha384).unwrap();
    assert!(registers.holds(2, &[0; 48]));
    assert!(!registers.holds(2, &[1; 48]));
    assert!(!registers.holds(2, &[0; 47]));
    assert!(!registers.holds(2, &[]));
}

#[test]
fn the_order_of_records_counts() {
    let log = |first: &[u8], second: &[u8]| {
        Log::sha384()
            .event(1, EventType::EV_ACTION, first)
            .event(1, EventType::EV_ACTION, second)
            .parse()
            .unwrap()
            .replay(Algorithm::Sha384)
            .unwrap()
    };
    assert_ne!(log(b"a", b"b"), log(b"b", b"a"));
}

#[test]
fn a_measured_record_without_the_replayed_algorithm_is_an_error() {
    let offset = Log::new(&Algorithm::ALL).0.len();
    let log = Log::new(&Algorithm::ALL).record(1, EventType::EV_ACTION, &[(Algorithm::Sm3, &[1; 32])], b"x");
    let log = log.parse().unwrap();
    assert!(log.replay(Algorithm::Sm3).is_ok());
    let algorithm = Algorithm::Sha384;
    assert_eq!(
        log.replay(algorithm),
        Err(EventLogError::MissingDigest { offset, algorithm })
    );
}

#[test]
fn records_of_no_action_are_not_extended() {
    let log = Log::sha384().record(1, EventType::EV_NO_ACTION, &[(Algorithm::Sha384, &[0; 48])], b"x");
    let registers = log.parse().unwrap().replay(Algorithm::Sha384).unwrap();
    assert_eq!(registers.numbers().count(), 0);
}

#[test]
fn pcrs_of_a_dynamic_launch_begin_with_ones_and_pcr_0_with_its_locality() {
    let log = Log::sha384()
        .record(
            0,
            EventType::EV_NO_ACTION,
            &[(Algorithm::Sha384, &[0; 48])],
            b"StartupLocality\0\x03",
        )
        .event(0, EventType::EV_SEPARATOR, &[0; 4])
        .event(17, EventType::EV_SEPARATOR, &[0; 4])
        .event(7, EventType::EV_SEPARATOR, &[0; 4])
        .parse()
        .unwrap();
    let separator = Algorithm::Sha384.digest(&[&[0; 4]]);
    let mut locality = [0; 48];
    locality[47] = 3;
    let registers = log.replay_pcrs(Algorithm::Sha384).unwrap();
    for (register, start) in [(0, locality), (17, [0xff; 48]), (7, [0; 48])] {
        let value = Algorithm::Sha384.digest(&[&start, &separator]);
        assert!(registers.holds(register, &value), "{register}");
    }
}
