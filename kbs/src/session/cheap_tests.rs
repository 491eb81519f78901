//! Sessions that cost nothing, and those of others.

use super::*;

fn are_there(store: &Store, ids: &[SessionId], now: i64) -> bool {
    ids.iter().all(|id| store.attested(id, now).is_some())
}

fn count_of_cheap(store: &Store) -> usize {
    store.lock().cheap.len()
}

#[test]
fn a_flood_of_cheap_sessions_takes_no_other_away_and_no_more_than_half_of_the_places() {
    let store = store(100);
    let guests: Vec<_> = (0..20).map(|_| attest(&store, 1, NOW).unwrap()).collect();
    for number in 0..5000 {
        let now = NOW + number / 50;
        let challenge = challenge(&store, 1, now);
        store.take_challenged(&challenge, now).unwrap();
        attest_cheaply(&store, 1, now).unwrap();
        assert!(count_of_cheap(&store) <= 50);
    }
    assert!(are_there(&store, &guests, NOW + 100));
    assert_eq!(store.counts(), (0, 70));
}

#[test]
fn a_flood_of_cheap_sessions_takes_no_more_than_half_of_the_bytes() {
    let store = store(1000);
    let guests: Vec<_> = (0..9).map(|_| attest(&store, 100, NOW).unwrap()).collect();
    let large = attest(&store, 2500, NOW).unwrap();
    for number in 0..500 {
        let now = NOW + number / 50;
        attest_cheaply(&store, 100, now).unwrap();
        // Too large among those that have not settled: refused.
        let _ = attest_cheaply(&store, 1000, now);
        let inner = store.lock();
        assert!(inner.cheap.common_bytes() + inner.cheap.large_bytes() <= 3500);
        assert!(inner.cheap.large_bytes() <= 2500);
    }
    assert!(are_there(&store, &guests, NOW + 10));
    assert!(are_there(&store, &[large], NOW + 10));
    assert_eq!(
        attest_cheaply(&store, 2501, NOW + 10).unwrap_err(),
        NoRoom::TooLarge
    );
}

#[test]
fn cheap_sessions_leave_first_when_others_need_their_places() {
    let store = store(10);
    let guests: Vec<_> = (0..5).map(|_| attest(&store, 1, NOW - 100).unwrap()).collect();
    let cheap: Vec<_> = (0..5).map(|_| attest_cheaply(&store, 1, NOW).unwrap()).collect();
    // However young they are.
    let newcomers: Vec<_> = (0..5).map(|_| attest(&store, 1, NOW).unwrap()).collect();
    assert!(are_there(&store, &guests, NOW) && are_there(&store, &newcomers, NOW));
    assert!(cheap.iter().all(|id| store.attested(id, NOW).is_none()));
}

#[test]
fn cheap_sessions_leave_first_when_others_need_their_bytes() {
    let store = store(1000);
    for _ in 0..5 {
        attest_cheaply(&store, 100, NOW - 100).unwrap();
    }
    let guests: Vec<_> = (0..10).map(|_| attest(&store, 100, NOW - 50).unwrap()).collect();
    assert_eq!(count_of_cheap(&store), 0);
    assert!(are_there(&store, &guests, NOW));

    attest_cheaply(&store, 2000, NOW).unwrap();
    let large: Vec<_> = (0..5).map(|_| attest(&store, 1000, NOW).unwrap()).collect();
    assert!(are_there(&store, &large, NOW) && are_there(&store, &guests, NOW));
}

#[test]
fn a_challenge_takes_the_place_of_a_cheap_session_before_that_of_another() {
    let store = store(4);
    let guests: Vec<_> = (0..3).map(|_| attest(&store, 1, NOW - 100).unwrap()).collect();
    for second in 0..20 {
        let challenge = challenge(&store, 1, NOW + second);
        store.take_challenged(&challenge, NOW + second).unwrap();
        attest_cheaply(&store, 1, NOW + second).unwrap();
    }
    assert!(are_there(&store, &guests, NOW + 20));
}

#[test]
fn where_others_fill_the_store_a_cheap_session_is_refused() {
    let store = store(3);
    let guests: Vec<_> = (0..3).map(|_| attest(&store, 1, NOW - 100).unwrap()).collect();
    assert_eq!(attest_cheaply(&store, 1, NOW).unwrap_err(), NoRoom::Full);
    assert!(are_there(&store, &guests, NOW));
    let store = super::store(1000);
    for _ in 0..5 {
        attest(&store, 1000, NOW - 100).unwrap();
    }
    for _ in 0..20 {
        attest(&store, 100, NOW - 100).unwrap();
    }
    assert_eq!(attest_cheaply(&store, 100, NOW).unwrap_err(), NoRoom::Full);
    assert_eq!(store.counts(), (0, 25));
}

#[test]
fn an_expired_cheap_session_is_absent_and_its_room_free() {
    let store = store(10);
    let id = attest_cheaply(&store, 100, NOW).unwrap();
    store.expire(NOW + LIFE);
    assert!(store.attested(&id, NOW + LIFE).is_none());
    assert_eq!(store.counts(), (0, 0));
    assert_eq!(store.lock().cheap.common_bytes(), 0);
}
