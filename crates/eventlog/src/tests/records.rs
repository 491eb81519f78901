//! The form of the log.

use super::*;

#[test]
fn a_log_ends_with_its_bytes_or_where_a_record_would_begin_with_zeros_or_ones() {
    let log = Log::sha384().event(1, EventType::EV_SEPARATOR, &[0; 4]);
    for end in [&[][..], &[0; 8], &[0xff; 8], &[0xff; 65536]] {
        let bytes = [&log.0[..], end].concat();
        assert_eq!(EventLog::parse(&bytes).unwrap().events().count(), 1);
    }
    // What is behind the end is not read.
    let bytes = [&log.0[..], &[0xff; 8], b"anything"].concat();
    assert_eq!(EventLog::parse(&bytes).unwrap().events().count(), 1);
}

#[test]
fn a_log_cut_anywhere_inside_a_record_is_refused() {
    let log = Log::sha384().event(1, EventType::EV_SEPARATOR, &[0; 4]);
    let header = Log::sha384().0.len();
    for length in (0..log.0.len()).filter(|length| *length != header) {
        let cut = EventLog::parse(&log.0[..length]).map(|_| ()).unwrap_err();
        let place = if length < header { 0 } else { header };
        assert_eq!(cut, EventLogError::Truncated(place), "{length}");
    }
}

#[test]
fn a_header_without_records_is_an_empty_log() {
    let log = Log::sha384().parse().unwrap();
    assert_eq!(log.events().count(), 0);
    assert_eq!(claims(&log), json!([]));
}

#[test]
fn the_header_must_be_that_of_a_crypto_agile_log() {
    let sha384 = &[(0x000c, 48)][..];
    let header = |signature: &[u8], sizes, vendor: &[u8]| Log::with_header(signature, sizes, vendor);
    assert!(header(b"Spec ID Event03\0", sha384, b"td-shim").parse().is_ok());
    assert_eq!(
        header(b"Spec ID Event02\0", sha384, b"").error(),
        EventLogError::Header
    );
    assert_eq!(
        header(b"Spec ID Event03\0", &[(0x000c, 32)], b"").error(),
        EventLogError::DigestSize(Algorithm::Sha384)
    );
    assert_eq!(
        header(b"Spec ID Event03\0", &[(0x0027, 32)], b"").error(),
        EventLogError::UnknownAlgorithm(0x0027)
    );
    assert_eq!(
        header(b"Spec ID Event03\0", &[(0x000c, 48), (0x000c, 48)], b"").error(),
        EventLogError::Header
    );
    // A first record of another type; bytes behind the vendor's.
    let mut other = Log::sha384();
    other.0[4] = 4;
    assert_eq!(other.error(), EventLogError::Header);
    let mut longer = Log::sha384();
    longer.0[28] += 1;
    longer.0.push(0);
    assert_eq!(longer.error(), EventLogError::Header);
}

#[test]
fn every_algorithm_can_be_announced_and_used() {
    for algorithm in Algorithm::ALL {
        let digest = algorithm.digest(&[b"data"]);
        let log = Log::new(&[algorithm]).record(2, EventType::EV_SEPARATOR, &[(algorithm, &digest)], b"data");
        let claims = claims(&log.parse().unwrap());
        assert_eq!(
            claims[0]["digests"],
            json!([{"alg": algorithm.as_str(), "digest": hex::encode(&digest)}])
        );
        assert_eq!(claims[0]["digest_matches_event"], json!(true));
        assert_eq!(Algorithm::from_id(algorithm.id()), Some(algorithm));
    }
}

#[test]
fn digests_are_of_announced_algorithms_and_one_of_each() {
    let offset = Log::sha384().0.len();
    let sha256 = [1; 32];
    let unannounced = Log::sha384().record(1, EventType::EV_SEPARATOR, &[(Algorithm::Sha256, &sha256)], b"");
    let algorithm = Algorithm::Sha256;
    assert_eq!(
        unannounced.error(),
        EventLogError::UnannouncedAlgorithm { offset, algorithm }
    );
    let algorithm = Algorithm::Sha384;
    let digest = [1; 48];
    let twice = [(algorithm, &digest[..]), (algorithm, &digest[..])];
    let duplicate = Log::sha384().record(1, EventType::EV_SEPARATOR, &twice, b"");
    assert_eq!(
        duplicate.error(),
        EventLogError::DuplicateDigest { offset, algorithm }
    );
}

#[test]
fn digest_matches_event_is_true_only_if_every_digest_is_that_of_the_data() {
    let algorithms = [Algorithm::Sha256, Algorithm::Sha384];
    let (sha256, sha384) = (algorithms[0].digest(&[b"data"]), algorithms[1].digest(&[b"data"]));
    let claim = |sha256: &[u8], sha384: &[u8]| {
        let digests = [(algorithms[0], sha256), (algorithms[1], sha384)];
        let log = Log::new(&algorithms)
            .record(1, EventType::EV_SEPARATOR, &digests, b"data")
            .parse()
            .unwrap();
        let matches = |claims: Value| claims[0]["digest_matches_event"].as_bool().unwrap();
        (matches(claims(&log)), matches(claims_of(&log, Algorithm::Sha384)))
    };
    assert_eq!(claim(&sha256, &sha384), (true, true));
    assert_eq!(claim(&[0; 32], &sha384), (false, true));
    assert_eq!(claim(&sha256, &[0; 48]), (false, false));
    // Without a digest nothing matches.
    let log = Log::sha384().record(1, EventType::EV_SEPARATOR, &[], b"data");
    assert_eq!(
        claims(&log.parse().unwrap())[0]["digest_matches_event"],
        json!(false)
    );
}

#[test]
fn claims_of_one_algorithm_leave_out_the_digests_of_others() {
    let algorithms = [Algorithm::Sm3, Algorithm::Sha384];
    let digests = [(algorithms[0], &[1; 32][..]), (algorithms[1], &[2; 48][..])];
    let log = Log::new(&algorithms)
        .record(1, EventType::EV_SEPARATOR, &digests, b"")
        .parse()
        .unwrap();
    assert_eq!(claims(&log)[0]["digests"].as_array().unwrap().len(), 2);
    assert_eq!(
        claims_of(&log, Algorithm::Sm3)[0]["digests"],
        json!([{"alg": "SM3", "digest": hex::encode([1; 32])}])
    );
}

#[test]
fn a_type_without_a_name_is_called_by_its_number() {
    let log = Log::sha384()
        .event(1, EventType(0x0800_0001), b"data")
        .parse()
        .unwrap();
    let claims = claims(&log);
    assert_eq!(claims[0]["type_name"], json!("EV_0x08000001"));
    assert_eq!(claims[0]["details"], json!({}));
}

#[test]
fn a_record_of_no_action_has_no_digest_but_zeros() {
    let offset = Log::sha384().0.len();
    let no_action = |digest: [u8; 48]| {
        Log::sha384().record(
            1,
            EventType::EV_NO_ACTION,
            &[(Algorithm::Sha384, &digest)],
            b"StartupLocality\0\x03",
        )
    };
    assert!(no_action([0; 48]).parse().is_ok());
    let mut forged = [0; 48];
    forged[47] = 1;
    assert_eq!(no_action(forged).error(), EventLogError::DigestOfNoAction(offset));
}
