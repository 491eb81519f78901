use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use ring::rand::SystemRandom;

use super::*;

const NOW: i64 = 1_000_000;
const LIFE: i64 = 300;

enum Kept {
    Cheap(usize),
    Dear(usize),
}

impl Footprint for Kept {
    fn footprint(&self) -> usize {
        match self {
            Self::Cheap(bytes) | Self::Dear(bytes) => *bytes,
        }
    }

    fn is_cheap(&self) -> bool {
        matches!(self, Self::Cheap(_))
    }
}

type Store = SessionStore<u32, Kept>;

fn store(max_sessions: usize) -> Store {
    Store::new(SessionLimits {
        max_sessions,
        large_size: 100,
        common_bytes: 1000,
        large_bytes: 5000,
        max_bytes: 7000,
        grace: 3,
    })
}

fn session<S>(state: S, now: i64) -> Session<S> {
    Session {
        id: SessionId::random(&SystemRandom::new()).unwrap(),
        expires_at: now + LIFE,
        state,
    }
}

fn challenge(store: &Store, number: u32, now: i64) -> SessionId {
    let session = session(number, now);
    let id = session.id;
    store.insert_challenged(session, now).unwrap();
    id
}

fn attest(store: &Store, bytes: usize, now: i64) -> Result<SessionId, NoRoom> {
    keep(store, Kept::Dear(bytes), now)
}

fn attest_cheaply(store: &Store, bytes: usize, now: i64) -> Result<SessionId, NoRoom> {
    keep(store, Kept::Cheap(bytes), now)
}

fn keep(store: &Store, state: Kept, now: i64) -> Result<SessionId, NoRoom> {
    let session = session(state, now);
    let id = session.id;
    store.insert_attested(session, now).map(|()| id)
}

#[path = "cheap_tests.rs"]
mod cheap;

#[test]
fn a_challenge_is_taken_once() {
    let store = store(10);
    let id = challenge(&store, 7, NOW);
    let taken = store.take_challenged(&id, NOW + 1).unwrap();
    assert_eq!((taken.state, taken.expires_at), (7, NOW + LIFE));
    assert!(store.take_challenged(&id, NOW + 1).is_none());
}

#[test]
fn of_many_parallel_takers_exactly_one_wins() {
    let store = store(100);
    for _ in 0..50 {
        let id = challenge(&store, 1, NOW);
        let wins = AtomicUsize::new(0);
        let start = Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    if store.take_challenged(&id, NOW).is_some() {
                        wins.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(wins.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn an_attested_session_is_no_challenge_and_the_reverse() {
    let store = store(10);
    let attested = attest(&store, 1, NOW).unwrap();
    assert!(store.take_challenged(&attested, NOW).is_none());
    assert!(store.attested(&attested, NOW).is_some());
    let challenged = challenge(&store, 1, NOW);
    assert!(store.attested(&challenged, NOW).is_none());
    assert!(store.take_challenged(&challenged, NOW).is_some());
}

#[test]
fn an_expired_session_is_absent() {
    let store = store(10);
    let challenged = challenge(&store, 1, NOW);
    let attested = attest(&store, 1, NOW).unwrap();
    assert!(store.attested(&attested, NOW + LIFE - 1).is_some());
    assert!(store.attested(&attested, NOW + LIFE).is_none());
    assert!(store.take_challenged(&challenged, NOW + LIFE).is_none());
    assert_eq!(store.counts(), (0, 0));
}

#[test]
fn expiry_frees_both_kinds_and_their_bytes() {
    let store = store(100);
    challenge(&store, 1, NOW);
    attest(&store, 4900, NOW).unwrap();
    for _ in 0..20 {
        attest(&store, 100, NOW).unwrap();
    }
    assert_eq!(attest(&store, 200, NOW).unwrap_err(), NoRoom::Full);
    challenge(&store, 2, NOW + 10);
    store.expire(NOW + LIFE);
    assert_eq!(store.counts(), (1, 0));
    attest(&store, 4900, NOW + LIFE).unwrap();
    attest(&store, 100, NOW + LIFE).unwrap();
    assert_eq!(store.counts(), (1, 2));
}

#[test]
fn a_million_challenges_hold_no_more_than_the_limit() {
    let store = store(1000);
    let mut last = None;
    let random = SystemRandom::new();
    for number in 0..1_000_000u32 {
        let mut session = session_with(&random, number);
        session.expires_at = NOW + LIFE;
        last = Some(session.id);
        store.insert_challenged(session, NOW).unwrap();
    }
    assert_eq!(store.counts(), (1000, 0));
    let inner = store.lock();
    assert_eq!(inner.entries.len(), 1000);
    assert!(inner.entries.capacity() < 4000);
    drop(inner);
    assert_eq!(store.take_challenged(&last.unwrap(), NOW).unwrap().state, 999_999);
}

fn session_with(random: &SystemRandom, number: u32) -> Session<u32> {
    Session {
        id: SessionId::random(random).unwrap(),
        expires_at: 0,
        state: number,
    }
}

#[test]
fn a_full_store_sheds_the_oldest_challenge_before_any_attested_session() {
    let store = store(3);
    let attested = attest(&store, 1, NOW - 100).unwrap();
    let oldest = challenge(&store, 1, NOW);
    let younger = challenge(&store, 2, NOW);
    let newest = challenge(&store, 3, NOW);
    assert!(store.take_challenged(&oldest, NOW).is_none());
    assert!(store.attested(&attested, NOW).is_some());
    assert!(store.take_challenged(&younger, NOW).is_some());
    assert!(store.take_challenged(&newest, NOW).is_some());
}

#[test]
fn a_store_full_of_fresh_results_refuses_and_recovers_after_the_grace() {
    let store = store(2);
    let first = attest(&store, 1, NOW).unwrap();
    let second = attest(&store, 1, NOW).unwrap();
    assert_eq!(attest(&store, 1, NOW + 2).unwrap_err(), NoRoom::Full);
    let refused = store.insert_challenged(session(1, NOW), NOW + 2);
    assert_eq!(refused.unwrap_err(), NoRoom::Full);
    challenge(&store, 1, NOW + 3);
    assert!(store.attested(&first, NOW + 3).is_none());
    assert!(store.attested(&second, NOW + 3).is_some());
}

#[test]
fn results_are_bounded_in_bytes_too() {
    let store = store(1000);
    for _ in 0..70 {
        attest(&store, 100, NOW).unwrap();
    }
    assert_eq!(attest(&store, 1, NOW).unwrap_err(), NoRoom::Full);
    attest(&store, 100, NOW + 3).unwrap();
    assert_eq!(store.counts(), (0, 10));
}

#[test]
fn large_results_push_out_none_that_are_smaller() {
    let store = store(1000);
    let common = attest(&store, 50, NOW).unwrap();
    let middling = attest(&store, 150, NOW).unwrap();
    for second in 10..100 {
        attest(&store, 1000, NOW + second).unwrap();
    }
    assert!(store.attested(&common, NOW + 100).is_some());
    assert!(store.attested(&middling, NOW + 100).is_some());
    assert_eq!(store.counts(), (0, 6));
}

#[test]
fn a_large_result_that_finds_room_only_among_smaller_ones_is_refused() {
    let store = store(1000);
    let smaller: Vec<_> = (0..25).map(|_| attest(&store, 200, NOW).unwrap()).collect();
    assert_eq!(attest(&store, 1000, NOW + 100).unwrap_err(), NoRoom::Full);
    assert!(smaller.iter().all(|id| store.attested(id, NOW + 100).is_some()));
    attest(&store, 200, NOW + 100).unwrap();
    assert!(store.attested(&smaller[0], NOW + 100).is_none());
}

#[test]
fn a_common_result_in_a_rush_finds_room_among_large_ones_that_are_not_fresh() {
    let store = store(1000);
    let large = attest(&store, 5000, NOW).unwrap();
    for _ in 0..20 {
        attest(&store, 100, NOW + 2).unwrap();
    }
    assert_eq!(attest(&store, 100, NOW + 2).unwrap_err(), NoRoom::Full);
    assert!(store.attested(&large, NOW + 2).is_some());
    attest(&store, 100, NOW + 3).unwrap();
    assert!(store.attested(&large, NOW + 3).is_none());
    assert_eq!(store.counts(), (0, 21));
}

#[test]
fn a_result_larger_than_all_large_ones_may_be_is_refused_for_good() {
    let store = store(10);
    assert_eq!(attest(&store, 5001, NOW).unwrap_err(), NoRoom::TooLarge);
    attest(&store, 5000, NOW).unwrap();
}

#[test]
fn a_store_full_in_number_sheds_the_oldest_result_of_any_size() {
    let store = store(3);
    let large = attest(&store, 1000, NOW).unwrap();
    let common = attest(&store, 1, NOW).unwrap();
    let last = attest(&store, 150, NOW).unwrap();
    attest(&store, 1, NOW + 3).unwrap();
    assert!(store.attested(&large, NOW + 3).is_none());
    attest(&store, 1, NOW + 3).unwrap();
    assert!(store.attested(&common, NOW + 3).is_none());
    assert!(store.attested(&last, NOW + 3).is_some());
}
